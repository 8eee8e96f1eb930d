"""Outlook's archives through the whole service: found, in their conversation, and whole after syncs that were killed."""

import random
from functools import partial
from pathlib import Path

import pytest

from api.service import Service
from memory.domain import OWNER
from tests.api.test_killed_syncs import reached
from tests.commands import kill_sync
from tests.connectors.outlook import Archive, Properties
from tests.memories import add_folder, service, sync

HEADERS, TEXT = 0x007D, 0x1000
KILLS, ARCHIVES, EACH = 5, 16, 5


def mail(archive: int, number: int, text: str) -> Properties:
    """A message that answers the first one in its archive."""
    answers = f"References: <{archive}-0@x.example>\r\n" if number else ""
    head = (
        f"From: Jane <jane@x.example>\r\nSubject: Pallet {archive}\r\nDate: Mon, {number + 1} Mar 2024 09:00:00 +0000\r\n"
        f"Message-ID: <{archive}-{number}@x.example>\r\n{answers}"
    )
    return {HEADERS: head, TEXT: text}


def state(asked: Service) -> dict[tuple[str, int], tuple[object, ...]]:
    """What is known of each message and its passages, without ids, which differ from run to run."""
    assert asked.doctor(repair=False, rebuild=False)["well"]
    held: dict[tuple[str, int], tuple[object, ...]] = {}
    for row in asked.memory.catalogue.ledger.of_source("old"):
        assert row.document
        known = asked.memory.catalogue.documents.get(row.document, OWNER)
        held[row.ref.key, -1] = (known.title, known.thread, known.contributions)
        for passage in asked.memory.catalogue.passages.of_document(row.document):
            held[row.ref.key, passage.ordinal] = (row.stage, passage.text)
    return held


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_syncs_end_like_one_that_was_not(tmp_path: Path) -> None:
    choose = random.Random(4)
    words = ["contract", "notice", "supplier", "invoice", "Kündigung", "delivery", "clause", "board"]
    for archive in range(ARCHIVES):
        mails = [("Inbox", mail(archive, n, " ".join(choose.choices(words, k=12)))) for n in range(EACH)]
        Archive([*mails]).write(tmp_path / "archives" / f"{archive}.pst")
    for name in ("whole", "killed"):
        with service(tmp_path / name) as asked:
            add_folder(asked, tmp_path / "archives", "old", "pst")
    with service(tmp_path / "whole") as asked:
        sync(asked)
        whole = state(asked)
        assert asked.search("Kündigung", OWNER)["results"]
    assert len([key for key in whole if key[1] == -1]) == ARCHIVES * EACH
    assert len({known[1] for key, known in whole.items() if key[1] == -1}) == ARCHIVES, (
        "one conversation each"
    )
    home, killed = tmp_path / "killed", []
    for number in range(KILLS):
        goal = choose.randint(0, 9) + number * 2 * ARCHIVES * EACH // KILLS
        killed.append(kill_sync(home, tmp_path / "said", partial(reached, home, goal)))
    assert killed.count(-9) >= KILLS - 1, (killed, (tmp_path / "said").read_text())
    with service(home) as asked:
        sync(asked)
        assert state(asked) == whole
