"""A site through the real service: what is found of it, and syncs that are killed."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from api.service import Service
from api.sources import NewSource
from memory.domain import OWNER
from tests.api.test_killed_syncs import reached
from tests.commands import kill_sync
from tests.connectors.apache import PAGES, Apache, apache
from tests.memories import counts, service, sync

NUMBER, KILLS = 40, 5


@pytest.fixture(scope="module")
def server() -> Iterator[Apache]:
    with apache(PAGES) as started:
        yield started


def add(asked: Service, server: Apache) -> None:
    location = f"http://127.0.0.1:{server.port}/index.html"
    asked.add_source(
        NewSource(
            kind="site", location=location, name="web", grant=["public"], options={"networks": "127.0.0.1"}
        )
    )


def write(server: Apache, name: str, text: str, *links: str, head: str = "") -> None:
    shown = "".join(f'<a href="{link}">{link}</a>' for link in links)
    (server.files / name).write_text(f"<html><head>{head}</head><body><p>{text}</p>{shown}</body></html>")


def state(asked: Service) -> dict[str, Any]:
    """What is known, without ids, which differ from run to run."""
    assert asked.doctor(repair=False, rebuild=False)["well"]
    catalogue, held = asked.memory.catalogue, {}
    for row in catalogue.ledger.of_source("web"):
        assert row.document
        passages = [each.text for each in catalogue.passages.of_document(row.document)]
        held[row.ref.key] = (catalogue.documents.get(row.document, OWNER).title, row.stage, passages)
    hits = asked.search("notice supplier", OWNER, limit=100)["results"]
    return held | {"found": sorted(each["ref"] for each in hits)}


def test_what_a_page_says_and_who_wrote_it_is_found(server: Apache, tmp_path: Path) -> None:
    author = '<title>Leave</title><meta name="author" content="Jane Doe">'
    write(server, "index.html", "Welcome", "leave.html", "old.html")
    write(server, "leave.html", "Thirty days of leave for everybody in the office.", head=author)
    write(server, "old.html", "Canteen closed")
    with service(tmp_path / "home") as asked:
        add(asked, server)
        assert counts(sync(asked)) == {"known": 3, "indexed": 3}
        [first, *_] = asked.search("days of leave", OWNER)["results"]
        assert first["url"] == f"http://127.0.0.1:{server.port}/leave.html"
        assert [each["name"] for each in first["people"]] == ["Jane Doe"]
        (server.files / "old.html").unlink()
        assert counts(sync(asked, accept_removals=True)) == {"known": 3, "unchanged": 2, "removed": 1}


def test_what_may_be_read_no_more_is_gone_and_all_of_it_at_once_is_held(
    server: Apache, tmp_path: Path
) -> None:
    names = [f"{number}.html" for number in range(9)]
    write(server, "index.html", "Welcome", *names)
    for name in names:
        write(server, name, f"The walnut budget, part {name}.")
    rule = server.files / ".htaccess"
    with service(tmp_path / "home") as asked:
        add(asked, server)
        assert counts(sync(asked)) == {"known": 10, "indexed": 10}
        rule.write_text('<Files "3.html">\nRequire all denied\n</Files>\n')
        assert counts(sync(asked)) == {"known": 10, "unchanged": 9, "removed": 1}
        found = [each["ref"] for each in asked.search("walnut budget", OWNER)["results"]]
        assert len(found) == 8
        assert "site:web/3.html" not in found
        rule.write_text('<FilesMatch "[0-9].html">\nRequire all denied\n</FilesMatch>\n')
        assert counts(sync(asked)) == {"known": 9, "unchanged": 1, "held": 8}
        assert asked.search("walnut budget", OWNER)["total"] == 8
        rule.unlink()
        back = sync(asked)
        assert (counts(back)["indexed"], back["embedded"]) == (1, 0), "its vectors are kept"
        assert asked.search("walnut budget", OWNER)["total"] == 9


@pytest.mark.slow
def test_killed_syncs_end_like_one_that_was_not(server: Apache, tmp_path: Path) -> None:
    choose = random.Random(11)
    words = ["contract", "notice", "supplier", "invoice", "Kündigung", "delivery", "clause", "board"]
    write(server, "index.html", "Start", *(f"{number}.html" for number in range(NUMBER)))
    for number in range(NUMBER):
        write(server, f"{number}.html", " ".join(choose.choices(words, k=60)))
    for name in ("whole", "killed"):
        with service(tmp_path / name) as asked:
            add(asked, server)
    with service(tmp_path / "whole") as asked:
        sync(asked)
        whole = state(asked)
    assert len(whole) == NUMBER + 2
    home, killed = tmp_path / "killed", []
    for number in range(KILLS):
        # The goals rise: some kills fall into the walk, some into writing, some into embedding.
        goal = choose.randint(0, 9) + number * 2 * NUMBER // KILLS
        killed.append(kill_sync(home, tmp_path / "said", partial(reached, home, goal)))
    assert killed.count(-9) >= KILLS - 1, (killed, (tmp_path / "said").read_text())
    with service(home) as asked:
        sync(asked)
        assert state(asked) == whole
