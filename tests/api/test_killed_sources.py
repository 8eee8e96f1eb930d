"""Syncs of wikis and of conversations are killed at seeded points: the memory ends as if nobody had killed any."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from api.service import Service
from connectors.push import Pushed, PushStore
from memory.domain import OWNER
from tests.api.test_killed_syncs import reached
from tests.commands import kill_sync
from tests.connectors import confluence_export, test_mattermost, test_teams, test_yammer
from tests.connectors.confluence import FakeConfluence, confluence
from tests.connectors.dokuwiki import Wiki, make, save
from tests.connectors.dovecot import PASSWORD, dovecot
from tests.connectors.mattermost_server import TOKEN, FakeMattermost, mattermost
from tests.connectors.repositories import BO, JANE, Repo, Server, served
from tests.connectors.test_mediawiki_dump import write as write_dump
from tests.connectors.wiki_dumps import Paged
from tests.memories import add_folder, service, sync
from tests.social import BO as SLACK_BO
from tests.social import EVE, SlackExport, post, thread
from tests.social import JANE as SLACK_JANE

PAGES, KILLS = 30, 5
WORDS = ["contract", "notice", "supplier", "invoice", "Kündigung", "delivery", "clause", "board"]


def texts() -> list[str]:
    """What the pages say: each has words that all have, so that one search finds them all."""
    choose = random.Random(4)
    return [f"notice supplier {' '.join(choose.choices(WORDS, k=60))}" for _ in range(PAGES)]


def repository(place: Path) -> Path:
    """Documents in Git, by two people, one of them moved since."""
    repo = Repo(place / "handbook")
    for number, text in enumerate(texts()):
        repo.put(f"part{number % 3}/{number}.md", f"# Page {number}\n\n{text}\n")
        if number % 5 == 4:
            repo.commit(f"To page {number}", JANE if number % 2 else BO)
    (repo.path / "part0" / "0.md").rename(repo.path / "part1" / "moved.md")
    repo.commit("Moved", BO)
    return repo.path


def wiki(place: Path) -> Path:
    """Pages that DokuWiki itself has saved, for its members only in part."""
    made = Wiki(place / "wiki", "* @ALL 1\npart1:* @ALL 0\npart1:* @staff 1\n")
    said = texts()
    made.do(
        make("jane", "Jane Doe", "staff"),
        *(save(f"part{n % 3}:page{n}", f"====== Page {n} ======\n{said[n]}", "jane") for n in range(PAGES)),
    )
    return made.place


def state(asked: Service) -> dict[str, Any]:
    """What is known, without ids, which differ from run to run."""
    assert asked.doctor(repair=False, rebuild=False)["well"]
    catalogue, held = asked.memory.catalogue, {}
    for row in catalogue.ledger.of_source("wiki"):
        assert row.document
        known = catalogue.documents.get(row.document, OWNER)
        passages = [each.text for each in catalogue.passages.of_document(row.document)]
        held[row.ref.key] = (known.title, known.access, known.contributions, row.stage, passages)
    hits = asked.search("notice supplier", OWNER, limit=100)["results"]
    return held | {"found": sorted(each["ref"] for each in hits)}


@pytest.fixture
def wiki_served() -> Iterator[FakeConfluence]:
    """A Confluence that everybody may ask."""
    with confluence(token="", most=9) as made:
        made.groups["board"] = ["u1"]
        for number, text in enumerate(texts()):
            made.add(f"Page {number}", f"<p>{text}</p>", groups=["board"] if number % 3 == 1 else [])
        yield made


@pytest.fixture
def chat() -> Iterator[FakeMattermost]:
    """A Mattermost with a thread of each text."""
    with mattermost() as made:
        team = made.team("sales")
        channels = [made.channel(team, name, kind=kind) for name, kind in (("offers", "O"), ("secret", "P"))]
        for number, text in enumerate(texts()):
            channel = channels[number % 3 == 1]
            made.post(channel, "Agreed.", root=made.post(channel, text))
        yield made


@pytest.mark.slow
def test_killed_syncs_of_a_mattermost_end_like_one_that_was_not(chat: FakeMattermost, tmp_path: Path) -> None:
    check(chat.location, "mattermost_api", tmp_path, secrets={"token": TOKEN})


@pytest.mark.slow
def test_killed_syncs_of_mail_on_a_server_end_like_one_that_was_not(tmp_path: Path) -> None:
    with dovecot() as server:
        with server.client("jane") as box:
            box.folder.create("Legal")
            for number, text in enumerate(texts()):
                head = f"Message-ID: <{number}@x.example>\r\nFrom: jane@x.example\r\nSubject: Page {number}"
                box.append(f"{head}\r\n\r\n{text}\r\n".encode(), "Legal" if number % 3 else "INBOX")
        told = {"options": {"user": "jane"}, "secrets": {"password": PASSWORD}}
        check(f"imap://127.0.0.1:{server.port}", "imap", tmp_path, **told)


@pytest.mark.slow
def test_syncs_that_are_killed_while_they_clone_end_like_one_that_was_not(tmp_path: Path) -> None:
    """Git is asking the server when the sync is killed, so that half a clone is left behind, and no git that goes on."""
    path, choose = repository(tmp_path), random.Random(9)
    with served(tmp_path) as server:
        address = server.url(f"{path.name}/.git")
        for name in ("whole", "killed"):
            with service(tmp_path / name) as asked:
                add_folder(asked, address, "wiki", "gitwiki")
        with service(tmp_path / "whole") as asked:
            sync(asked)
            whole = state(asked)
        home, killed, server.late_s = tmp_path / "killed", [], 0.3
        for _ in range(KILLS):
            server.seen.clear()
            requests = choose.randint(1, 4)
            enough = partial(asks, server, requests)
            killed.append(kill_sync(home, tmp_path / "said", enough, choose.random() * 0.3))
            deadline = time.monotonic() + 5
            while running(address) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert running(address) == []
        assert killed == [-9] * KILLS, (tmp_path / "said").read_text()
        server.late_s = 0.0
        with service(home) as asked:
            sync(asked)
            assert state(asked) == whole


def asks(server: Server, requests: int) -> bool:
    """Whether so many requests have come."""
    return len(server.seen) >= requests


def running(word: str) -> list[str]:
    """Commands of processes that have a word among theirs."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(each.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return [each for each in found if word in each]


@pytest.mark.slow
def test_killed_syncs_of_a_confluence_end_like_one_that_was_not(
    wiki_served: FakeConfluence, tmp_path: Path
) -> None:
    check(wiki_served.location, "confluence", tmp_path)


def exported(place: Path) -> Path:
    """The same pages as an export."""
    made = FakeConfluence()
    made.spaces["DOC"] = ["anonymous"]
    for number, text in enumerate(texts()):
        made.add(f"Page {number}", f"<p>{text}</p>", users=["u1"] if number % 3 == 1 else [])
    return confluence_export.write(made, place / "export.zip")


def graph(place: Path) -> Path:
    """Threads with an answer each, as Microsoft Graph tells them."""
    told: list[Any] = [test_teams.TEAM, *test_teams.PEOPLE]
    for number, text in enumerate(texts()):
        told.append(test_teams.channel(f"c{number}"))
        told.append(test_teams.message(2 * number, text, where=f"c{number}"))
        answer = {"replyToId": str(2 * number)}
        told.append(test_teams.message(2 * number + 1, "Agreed.", test_teams.BO, f"c{number}", **answer))
    place.mkdir(exist_ok=True)
    (place / "graph").mkdir()
    (place / "graph" / "all.json").write_text(json.dumps(told))
    return place / "graph"


def network(place: Path) -> Path:
    """Threads with an answer each, as Viva Engage exports them."""
    said = []
    for number, text in enumerate(texts()):
        said.append(test_yammer.message(f"{number}0", f"{number}0", text))
        said.append(
            test_yammer.message(f"{number}1", f"{number}0", "Agreed.", "2", replied_to_id=f"{number}0")
        )
    return test_yammer.write(place / "network.zip", test_yammer.files(*said))


def bulk(place: Path) -> Path:
    """Threads with an answer each, as Mattermost exports them."""
    said = [
        test_mattermost.post(text, at=number, replies=[test_mattermost.reply("Agreed.", at=number + 1)])
        for number, text in enumerate(texts())
    ]
    team = {"type": "team", "team": {"name": "sales", "display_name": "Sales", "type": "O"}}
    people = [test_mattermost.user(name, ["offers"]) for name in ("jane", "bo")]
    return test_mattermost.write(
        place / "bulk.jsonl", team, test_mattermost.channel("offers"), *people, *said
    )


def pushed(place: Path) -> Path:
    """The same pages as a program puts them here."""
    store = PushStore(place / "pushed")
    store.create()
    for number, text in enumerate(texts()):
        told = {"title": f"Page {number}", "grant": ["group:board"] if number % 3 == 1 else ["public"]}
        store.put(Pushed(f"{number}.txt", text.encode(), told))
    return place / "pushed"


def dumped(place: Path) -> Path:
    """The same pages as a dump of a MediaWiki, each in two versions by two people."""
    pages = [
        Paged(number, f"Page {number}", (("Jane Doe", "A draft."), ("Bo Chan", text)), 2 * number)
        for number, text in enumerate(texts(), 1)
    ]
    write_dump(place / "wiki.xml", pages)
    return place / "wiki.xml"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "build"),
    [
        ("gitwiki", repository),
        ("dokuwiki", wiki),
        ("confluence_export", exported),
        ("teams", graph),
        ("yammer", network),
        ("mattermost", bulk),
        ("mediawiki_dump", dumped),
        ("push", pushed),
    ],
)
def test_killed_syncs_end_like_one_that_was_not(
    kind: str, build: Callable[[Path], Path], tmp_path: Path
) -> None:
    check(str(build(tmp_path)), kind, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_syncs_of_many_threads_end_like_one_that_was_not(tmp_path: Path) -> None:
    """A hundred threads, half of them in channels of one's own."""
    export, choose, threads = SlackExport(tmp_path / "export.zip"), random.Random(3), 100
    for number in range(threads):
        said = (" ".join(choose.choices(WORDS, k=12)) for _ in range(3))
        posts = [
            post(text, by, day=1 + number % 28, minute=minute)
            for minute, (text, by) in enumerate(zip(said, (SLACK_JANE, SLACK_BO, EVE), strict=True))
        ]
        kind = "groups" if number % 2 else "channels"
        export.channel(f"c{number}", *thread(posts[0], *posts[1:]), kind=kind, members=[SLACK_JANE])
    check(str(export.write()), "slack", tmp_path, documents=threads, steps=4)


def check(
    location: str, kind: str, tmp_path: Path, *, documents: int = PAGES, steps: int = 2, **more: Any
) -> None:
    """Sync it once in peace and once with kills, and compare.

    :param steps: how many of a sync's steps there are to each document until the last kill.
    """
    choose = random.Random(6)
    for name in ("whole", "killed"):
        with service(tmp_path / name) as asked:
            add_folder(asked, location, "wiki", kind, **more)
    with service(tmp_path / "whole") as asked:
        sync(asked)
        whole = state(asked)
    assert len(whole["found"]) == documents
    home, killed = tmp_path / "killed", []
    for number in range(KILLS):
        # The goals rise: some kills fall into the walk, some into writing, some into embedding.
        goal = choose.randint(0, 9) + number * steps * documents // KILLS
        killed.append(kill_sync(home, tmp_path / "said", partial(reached, home, goal)))
    assert killed.count(-9) >= KILLS - 1, (killed, (tmp_path / "said").read_text())
    with service(home) as asked:
        sync(asked)
        assert state(asked) == whole
