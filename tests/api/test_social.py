"""Social sources through a whole sync: who wrote the reply that was found, who may see it, and nothing lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.service import Service
from memory.domain import OWNER, Asker, Role
from tests.memories import add_folder, counts, service, sync
from tests.social import BO, EVE, JANE, SlackExport, post, thread, ts


@pytest.fixture
def export(tmp_path: Path) -> SlackExport:
    made = SlackExport(tmp_path / "export.zip")
    made.files = {"__uploads/F1/terms.txt": b"Delivery within thirty days of the order"}
    made.channel(
        "legal",
        *thread(
            post("When does the Nordwind contract end?", JANE),
            post(f"<@{EVE}> signed it: on 31 March, with six months' notice", BO, minute=3),
            post("Terms attached", EVE, minute=4, files=[{"id": "F1", "name": "terms.txt"}]),
        ),
        post("The kitchen is closed today", JANE, minute=9),
    )
    made.channel(
        "board",
        *thread(post("Merger with Seabright", JANE), post("Not before autumn", BO, minute=1)),
        kind="groups",
        members=[JANE, BO],
    )
    return made


@pytest.fixture
def asked(tmp_path: Path, export: SlackExport) -> Iterator[Service]:
    with service(tmp_path / "home") as opened:
        add_folder(opened, export.write(), "acme", "slack")
        sync(opened)
        yield opened


def found(asked: Service, query: str, asker: Asker = OWNER) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = asked.search(query, asker)["results"]
    return results


def of(asked: Service, address: str) -> Asker:
    return asked.memory.catalogue.people.asker_at(address)


def test_the_replier_comes_first_beside_a_reply(asked: Service) -> None:
    [reply] = found(asked, "six months' notice")
    assert reply["title"] == "When does the Nordwind contract end?"
    assert (reply["type"], reply["formality"]) == ("thread", "post")
    assert [each["name"] for each in reply["passages"][0]["people"]] == ["Bo Chan"]
    assert [(each["name"], each["role"]) for each in reply["people"]] == [
        ("Bo Chan", "commenter"),
        ("Jane Doe", "author"),
        ("Eve Stone", "mentioned"),
        ("Eve Stone", "commenter"),
    ]
    assert found(asked, "Nordwind")[0]["people"][0]["name"] == "Jane Doe"
    page = asked.document(reply["document"], OWNER)
    assert [each["byline"] for each in page["passages"]] == [
        "Jane Doe · 2024-03-01 09:00 UTC",
        "Bo Chan · 2024-03-01 09:03 UTC",
        "Eve Stone · 2024-03-01 09:04 UTC",
    ]


def test_replies_count_for_whoever_wrote_them(asked: Service) -> None:
    [bo] = asked.memory.catalogue.people.find("bo@x.example")
    pages = asked.memory.catalogue.person_pages
    assert [work.role for work in pages.works(bo, OWNER)] == [Role.COMMENTER, Role.COMMENTER]
    assert pages.answered(bo, OWNER) == 2
    assert pages.answered(bo, of(asked, "eve@x.example")) == 1
    assert {each["ref"] for each in found(asked, "author:bo@x.example")} == {
        f"slack:acme/CLEGAL/{ts(1)}",
        f"slack:acme/CBOARD/{ts(1)}",
    }


def test_a_file_on_a_post_is_a_document_sent_by_whoever_posted_it(asked: Service) -> None:
    [file] = found(asked, "thirty days of the order")
    assert [(each["name"], each["role"]) for each in file["people"]] == [("Eve Stone", "sender")]


def test_an_account_and_an_address_are_one_person(asked: Service) -> None:
    people = asked.memory.catalogue.people
    assert people.find(f"acme:{JANE}") == people.find("jane@x.example")


def test_a_private_channel_is_seen_by_its_members_only(asked: Service) -> None:
    assert len(found(asked, "Seabright", of(asked, "bo@x.example"))) == 1
    for asker in (of(asked, "eve@x.example"), Asker()):
        assert found(asked, "Seabright", asker) == []
        assert len(found(asked, "kitchen", asker)) == 1


def test_who_leaves_a_channel_finds_nothing_of_it_after_the_same_sync(
    asked: Service, export: SlackExport
) -> None:
    passages = asked.memory.catalogue.passages.ids()
    said = export.messages["board"]
    export.channel("board", *said, kind="groups", members=[JANE])
    export.write()
    done = counts(sync(asked))
    assert done == {"known": 4, "unchanged": 4}
    assert found(asked, "Seabright", of(asked, "bo@x.example")) == []
    assert len(found(asked, "Seabright", of(asked, "jane@x.example"))) == 1
    assert asked.memory.catalogue.passages.ids() == passages


def test_only_what_changed_is_read_again_and_what_was_deleted_is_gone(
    asked: Service, export: SlackExport
) -> None:
    assert counts(sync(asked)) == {"known": 4, "unchanged": 4}
    said = export.messages["legal"]
    said[1] = said[1] | {"text": "Forget it", "edited": {"user": BO, "ts": ts(2)}}
    said[3] = said[3] | {"subtype": "tombstone"}
    export.write()
    done = counts(sync(asked, accept_removals=True))
    assert done == {"known": 4, "indexed": 1, "unchanged": 2, "removed": 1}
    assert found(asked, "six months' notice") == found(asked, "kitchen") == []
    assert found(asked, "Forget it")[0]["people"][0]["name"] == "Bo Chan"
