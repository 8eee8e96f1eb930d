"""Exports of many threads: listing, what it holds in memory, and a second listing after one reply.

    python -m bench.social [THREADS] [slack | teams | yammer | mattermost]

Texts are made of a few words: what is measured is the connector, which reads none. It runs in a limited process, as in the service, and
then once more in this one, which says what the process costs.
"""

import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.base import Connector, SourceConfig, Upserted
from connectors.registry import made_for
from connectors.social.mattermost import Mattermost
from connectors.social.slack import Slack
from connectors.social.teams import Teams
from connectors.social.threads import ThreadSource
from connectors.social.yammer import Yammer
from memory.domain import SourceRef
from tests.connectors import test_mattermost, test_teams, test_yammer

CHANNELS, REPLIES, A_DAY = 20, 3, 25
WORDS = [
    "contract",
    "notice",
    "supplier",
    "invoice",
    "delivery",
    "clause",
    "board",
    "budget",
    "warranty",
    "meeting",
    "offer",
    "price",
]


def main() -> None:
    """Write the export in a temporary folder, list it twice, and print the figures."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    kind = sys.argv[2] if len(sys.argv) > 2 else "slack"
    made, write, ending = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"export{ending}")
        _apart(write, path, wanted, more=False)
        size = sum(each.stat().st_size for each in (path, *path.rglob("*")) if each.is_file())
        print(f"{kind}: {wanted:,} threads of {REPLIES} replies, {size / 1e6:,.0f} MB")
        config = SourceConfig("acme", str(path))
        for where, source in (("limited process", made_for(made, config)), ("this process", made(config))):
            assert isinstance(source, Connector)
            _measure(where, source, lambda more: _apart(write, path, wanted, more=more))
            source.close()  # type: ignore[attr-defined]


def _measure(where: str, source: Connector, write: Callable[[bool], None]) -> None:
    """List it, fetch some, and list it again after one reply more."""
    write(False)
    source.check()
    empty = _peak_mb()
    before, took = _listed(source)
    more = ", ".join(f"{now - then:,.0f}" for now, then in zip(_peak_mb(), empty, strict=True))
    print(f"{where}: listing {len(before):,} in {took:.1f} s, {len(before) / took:,.0f}/s, {more} MB more")
    refs = random.Random(1).sample(list(before), 1_000)
    began = time.perf_counter()
    for ref in refs:
        source.access(ref)
        source.fetch(ref)
    fetched = len(refs) / (time.perf_counter() - began)
    write(True)
    after, took = _listed(source)
    changed = [ref for ref, version in after.items() if before.get(ref) != version]
    gone = len(before.keys() - after.keys())
    print(f"  fetching {fetched:,.0f}/s; one reply more: {took:.1f} s, {len(changed)} to fetch, {gone} gone")


def _peak_mb() -> list[float]:
    """The most that this process and each it has started have held."""
    own = Path("/proc/self")
    started = (own / "task" / str(os.getpid()) / "children").read_text().split()
    found = (Path("/proc", each, "status").read_text() for each in ("self", *started))
    return [int(each.partition("VmHWM:")[2].split()[0]) / 1024 for each in found]


def write_slack(path: Path, wanted: int, *, more: bool) -> None:
    """An export of so many threads; with one reply more in the last of them."""
    choose = random.Random(7)
    people = [
        {"id": f"U{n}", "profile": {"real_name": f"Person {n}", "email": f"p{n}@x.example"}}
        for n in range(500)
    ]
    channels = [
        {"id": f"C{n}", "name": f"channel-{n}", "members": [f"U{m}" for m in range(n, 500, 7)]}
        for n in range(CHANNELS)
    ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("users.json", json.dumps(people))
        packed.writestr("channels.json", json.dumps(channels[: CHANNELS // 2]))
        packed.writestr("groups.json", json.dumps(channels[CHANNELS // 2 :]))
        each = wanted // CHANNELS
        for channel in channels:
            for first in range(0, each, A_DAY):
                at = datetime(2022, 1, 1, 8, tzinfo=UTC).timestamp() + 86_400 * (first // A_DAY)
                said = [
                    message
                    for number in range(first, min(each, first + A_DAY))
                    for message in _thread(choose, at + 60 * (number - first), REPLIES)
                ]
                if more and channel is channels[-1] and first + A_DAY >= each:
                    said.append(said[-1] | {"ts": f"{at + 40_000:.6f}"})
                day = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
                packed.writestr(f"{channel['name']}/{day}.json", json.dumps(said))


def _thread(choose: random.Random, at: float, replies: int) -> list[dict[str, object]]:
    began = f"{at:.6f}"
    return [
        {
            "type": "message",
            "user": f"U{choose.randrange(500)}",
            "text": " ".join(choose.choices(WORDS, k=30)),
            "ts": f"{at + number:.6f}",
            "thread_ts": began,
        }
        | ({} if number else {"reply_count": replies})
        for number in range(replies + 1)
    ]


def threads(wanted: int, *, more: bool) -> Iterator[tuple[int, int, list[tuple[int, str]]]]:
    """The number of each thread and of its channel, and who says what in it; with one reply more in the last."""
    choose = random.Random(7)
    for number in range(wanted):
        said = [(choose.randrange(500), " ".join(choose.choices(WORDS, k=30))) for _ in range(REPLIES + 1)]
        if more and number == wanted - 1:
            said.append((1, "So be it."))
        yield number, number % CHANNELS, said


def write_teams(path: Path, wanted: int, *, more: bool) -> None:
    """The same as Microsoft Graph answers it, a file."""
    told: list[Any] = [test_teams.TEAM, *(test_teams.channel(f"c{n}") for n in range(CHANNELS))]
    told += [test_teams.person(f"u{n}", f"Person {n}", f"p{n}@x.example") for n in range(500)]
    for number, channel, said in threads(wanted, more=more):
        for at, (by, text) in enumerate(said):
            answer = {"replyToId": str(10 * number)} if at else {}
            told.append(test_teams.message(10 * number + at, text, f"u{by}", f"c{channel}", **answer))
    path.mkdir(exist_ok=True)
    (path / "all.json").write_text(json.dumps(told))


def write_yammer(path: Path, wanted: int, *, more: bool) -> None:
    """The same as a network exports it."""
    said = [
        test_yammer.message(f"{number}{at}", f"{number}0", text, str(by), group_name=f"c{channel}")
        for number, channel, posts in threads(wanted, more=more)
        for at, (by, text) in enumerate(posts)
    ]
    test_yammer.write(path, test_yammer.files(*said))


def write_mattermost(path: Path, wanted: int, *, more: bool) -> None:
    """The same as a server's bulk export."""
    told = [{"type": "team", "team": {"name": "sales", "display_name": "Sales", "type": "O"}}]
    told += [test_mattermost.channel(f"c{n}") for n in range(CHANNELS)]
    told += [test_mattermost.user(f"u{n}") for n in range(500)]
    for number, channel, said in threads(wanted, more=more):
        (by, first), *others = said
        replies = [
            test_mattermost.reply(text, f"u{who}", 60_000 * number + at)
            for at, (who, text) in enumerate(others, 1)
        ]
        told.append(test_mattermost.post(first, f"u{by}", 60_000 * number, f"c{channel}", replies=replies))
    test_mattermost.write(path, *told)


KINDS: dict[str, tuple[type[ThreadSource], Callable[..., None], str]] = {
    "slack": (Slack, write_slack, ".zip"),
    "teams": (Teams, write_teams, ""),
    "yammer": (Yammer, write_yammer, ".zip"),
    "mattermost": (Mattermost, write_mattermost, ".jsonl"),
}
"""Of each product the connector, what writes an export, and the ending of its name."""


def _apart(write: Callable[..., None], path: Path, wanted: int, *, more: bool) -> None:
    """Write in a process of its own, whose memory is not counted."""
    writing = multiprocessing.get_context("spawn").Process(
        target=write, args=(path, wanted), kwargs={"more": more}
    )
    writing.start()
    writing.join()


def _listed(source: Connector) -> tuple[dict[SourceRef, str], float]:
    began = time.perf_counter()
    found = {each.ref: each.version for each in source.changes(None) if isinstance(each, Upserted)}
    return found, time.perf_counter() - began


if __name__ == "__main__":
    main()
