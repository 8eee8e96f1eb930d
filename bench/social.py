"""A Slack export of many threads: listing, what it holds in memory, and a second listing after one reply.

    python -m bench.social [THREADS]

Texts are made of a few words: what is measured is the connector, which reads none.
"""

import json
import random
import resource
import sys
import tempfile
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from connectors.base import SourceConfig, Upserted
from connectors.social.slack import Slack
from memory.domain import SourceRef

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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export.zip")
        write(path, wanted)
        print(f"{wanted:,} threads of {REPLIES} replies, {path.stat().st_size / 1e6:,.0f} MB")
        source = Slack(SourceConfig("acme", str(path)))
        empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        before, took = _listed(source)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"listing: {len(before):,} in {took:.1f} s, {len(before) / took:,.0f}/s, {peak - empty:,.0f} MB more"
        )
        refs = random.Random(1).sample(list(before), 1_000)
        began = time.perf_counter()
        for ref in refs:
            source.access(ref)
            source.fetch(ref)
        print(f"fetching: {len(refs) / (time.perf_counter() - began):,.0f}/s")
        write(path, wanted, more=True)
        after, took = _listed(source)
        changed = [ref for ref, version in after.items() if before.get(ref) != version]
        print(
            f"one reply more: {took:.1f} s, {len(changed)} to fetch, {len(before.keys() - after.keys())} gone"
        )
        source.close()


def write(path: Path, wanted: int, *, more: bool = False) -> None:
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


def _listed(source: Slack) -> tuple[dict[SourceRef, str], float]:
    began = time.perf_counter()
    found = {each.ref: each.version for each in source.changes(None) if isinstance(each, Upserted)}
    return found, time.perf_counter() - began


if __name__ == "__main__":
    main()
