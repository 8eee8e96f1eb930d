"""Social sources through a whole sync: who wrote the reply that was found, who may see it, and nothing lost."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from api.service import Service
from memory.domain import OWNER, Asker, Role
from tests.api.test_killed_syncs import reached
from tests.commands import kill_sync
from tests.memories import add_folder, counts, service, sync
from tests.social import BO, EVE, JANE, SlackExport, post, thread, ts

KILLS, THREADS = 5, 100


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


def state(asked: Service) -> dict[str, Any]:
    """What is known, without ids, which differ from run to run."""
    assert asked.doctor(repair=False, rebuild=False)["well"]
    catalogue, held = asked.memory.catalogue, {}
    for row in catalogue.ledger.of_source("acme"):
        assert row.document
        known = catalogue.documents.get(row.document, OWNER)
        passages = [each.text for each in catalogue.passages.of_document(row.document)]
        held[row.ref.key] = (known.title, known.access, known.contributions, row.stage, passages)
    hits = asked.search("notice supplier", OWNER, limit=100)["results"]
    return held | {"found": sorted(each["ref"] for each in hits)}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_syncs_end_like_one_that_was_not(tmp_path: Path) -> None:
    export, choose = SlackExport(tmp_path / "export.zip"), random.Random(3)
    words = ["contract", "notice", "supplier", "invoice", "Kündigung", "delivery", "clause", "board"]
    for number in range(THREADS):
        said = (" ".join(choose.choices(words, k=12)) for _ in range(3))
        posts = [
            post(text, by, day=1 + number % 28, minute=minute)
            for minute, (text, by) in enumerate(zip(said, (JANE, BO, EVE), strict=True))
        ]
        export.channel(
            f"c{number}",
            *thread(posts[0], *posts[1:]),
            kind="groups" if number % 2 else "channels",
            members=[JANE],
        )
    for name in ("whole", "killed"):
        with service(tmp_path / name) as asked:
            add_folder(asked, export.write(), "acme", "slack")
    with service(tmp_path / "whole") as asked:
        sync(asked)
        whole = state(asked)
    assert len(whole["found"]) == THREADS
    home, killed = tmp_path / "killed", []
    for number in range(KILLS):
        # The goals rise: some kills fall into the walk, some into writing, some into embedding.
        goal = choose.randint(0, 9) + number * 4 * THREADS // KILLS
        killed.append(kill_sync(home, tmp_path / "said", partial(reached, home, goal)))
    assert killed.count(-9) >= KILLS - 1, (killed, (tmp_path / "said").read_text())
    with service(home) as asked:
        sync(asked)
        assert state(asked) == whole
