"""A Confluence through the whole service: what a change and a revoked right cost, and that nothing is gone because a search lost it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.service import Service
from api.sources import NewSource
from memory.domain import OWNER, Asker
from tests.connectors.confluence import TOKEN, FakeConfluence, confluence
from tests.memories import counts, service, sync

PAGES = 12
BOARD = Asker("jane", frozenset({"group:board"}))
STAFF = Asker("bob", frozenset({"group:staff"}))


@pytest.fixture
def wiki() -> Iterator[FakeConfluence]:
    with confluence() as made:
        made.groups["board"] = ["u1"]
        made.spaces["DOC"] = ["group:staff", "group:board"]
        for number in range(PAGES):
            made.add(f"Page {number}", f"<p>The beech of hall {number}.</p>")
        yield made


def add(asked: Service, wiki: FakeConfluence) -> None:
    secrets = {"token": TOKEN}
    asked.add_source(NewSource(kind="confluence", location=wiki.location, name="wiki", secrets=secrets))


def found(asked: Service, query: str, asker: Asker = OWNER) -> list[str]:
    return sorted(hit["title"] for hit in asked.search(query, asker, limit=50)["results"])


def fetched(wiki: FakeConfluence) -> int:
    """How many bodies of pages were asked for."""
    return sum("body.storage" in each and "id+%3D+" in each for each in wiki.requests)


def test_a_change_costs_one_fetch_and_a_permission_no_parsing(wiki: FakeConfluence, tmp_path: Path) -> None:
    pages = list(wiki.items.values())
    with service(tmp_path) as asked:
        add(asked, wiki)
        assert counts(sync(asked))["indexed"] == PAGES
        assert fetched(wiki) == PAGES
        assert "indexed" not in counts(sync(asked))
        assert fetched(wiki) == PAGES
        wiki.write(pages[1], "<p>The oak of another hall.</p>", "u2")
        pages[2].title = "Page of the hall"
        pages[2].version += 1
        pages[3].trashed = True
        sync(asked)
        assert fetched(wiki) == PAGES + 2
        assert found(asked, "oak") == ["Page 1"]
        assert "Page of the hall" in found(asked, "beech")
        assert {"Page 2", "Page 3"}.isdisjoint(found(asked, "beech"))
        assert "Page 4" in found(asked, "beech", STAFF)
        pages[4].groups.append("board")
        revoked = counts(sync(asked))
        assert "indexed" not in revoked
        assert "Page 4" not in found(asked, "beech", STAFF)
        assert "Page 4" in found(asked, "beech", BOARD)
        # The wiki's search is being rebuilt: nothing it does not list is taken for gone.
        before = found(asked, "beech OR oak")
        for page in pages[6:]:
            page.unlisted = True
        assert counts(sync(asked))["failed"] == PAGES - 6
        assert found(asked, "beech OR oak") == before
        assert asked.doctor(repair=False, rebuild=False)["well"]
