"""A sync may be killed at any moment: the next one ends where an uninterrupted one would have."""

import random
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from memory.domain import OWNER
from tests.commands import kill_sync, start
from tests.mailboxes import BO, JANE, as_mbox, message
from tests.memories import add_folder, service

FILES, MAILS, KILLS = 30, 15, 20
DOCUMENTS = FILES + 2 * MAILS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    words = [
        "budget",
        "contract",
        "supplier",
        "invoice",
        "delivery",
        "warranty",
        "notice",
        "clause",
        "board",
        "meeting",
        "Kündigung",
        "résumé",
    ]
    choose = random.Random(1)
    for number in range(FILES):
        paragraphs = [" ".join(choose.choices(words, k=120)) + "." for _ in range(choose.randint(1, 8))]
        (made / f"{number:03}.txt").write_text(
            f"Note {number}\n\n" + "\n\n".join(paragraphs), encoding="utf-8"
        )
    return made


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conversations of five, each mail with a file attached that no other has."""
    mails = [
        message(
            f"{n:02}@x.example",
            JANE,
            BO,
            f"Delivery {n}",
            f"Pallet {n} is on its way to the supplier.",
            day=n,
            answers=[f"{n - n % 5:02}@x.example"] if n % 5 else [],
            files={f"list{n}.txt": b"Beech and oak, %d boards" % n},
        )
        for n in range(MAILS)
    ]
    return as_mbox(tmp_path_factory.mktemp("mail") / "all.mbox", mails)


def finish(home: Path) -> None:
    process = start(home, home / "said", "sync")
    process.join(120)
    assert process.exitcode == 0, (home / "said").read_text()


def progress(home: Path) -> tuple[int, int]:
    """Documents read and passages embedded so far, seen from outside."""
    try:
        with closing(
            sqlite3.connect(f"file:{home / 'catalogue.db'}?mode=ro", uri=True, timeout=1)
        ) as database:
            read = database.execute("SELECT count(*) FROM documents").fetchone()[0]
            embedded = database.execute("SELECT count(*) FROM passages WHERE embedded").fetchone()[0]
    except sqlite3.Error:
        return 0, 0
    return read, embedded


def reached(home: Path, goal: int) -> bool:
    """Whether so many documents and passages are there."""
    return sum(progress(home)) >= goal


def state(home: Path) -> dict[tuple[str, int], tuple[object, ...]]:
    """Everything that is known and indexed, without ids, which differ from run to run."""
    with service(home) as asked:
        assert asked.doctor(repair=False, rebuild=False)["well"]
        catalogue, index = asked.memory.catalogue, asked.memory.index
        held = {}
        for row in [*catalogue.ledger.of_source("files"), *catalogue.ledger.of_source("mail")]:
            assert row.document
            known = catalogue.documents.get(row.document, OWNER)
            above = catalogue.documents.get(known.parent, OWNER).title if known.parent else ""
            held[row.ref.key, -1] = (known.title, known.thread, above, known.contributions)
            for passage in catalogue.passages.of_document(row.document):
                vector = index.vectors([passage.id])[passage.id]
                held[row.ref.key, passage.ordinal] = (row.stage, passage.text, np.round(vector, 6).tobytes())
        return held


def scores(home: Path) -> dict[str, float]:
    """Each document that a search finds, with its score."""
    with service(home) as asked:
        hits = asked.search("supplier warranty Kündigung", OWNER, limit=100)["results"]
        return {hit["ref"]: hit["score"] for hit in hits}


def parted(home: Path) -> list[tuple[str, int]]:
    """Mails without the file attached to them or with several, and attached files without their mail."""
    query = (
        "SELECT mail.title, count(file.id) FROM documents AS mail LEFT JOIN documents AS file ON file.parent = mail.id"
        " WHERE mail.parent IS NULL AND mail.source = 'mail' GROUP BY mail.id HAVING count(file.id) != 1"
        " OR mail.media_type != 'message/rfc822'"
    )
    try:
        with closing(
            sqlite3.connect(f"file:{home / 'catalogue.db'}?mode=ro", uri=True, timeout=5)
        ) as database:
            return database.execute(query).fetchall()
    except sqlite3.Error as error:
        return [(str(error), 0)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_syncs_end_like_one_that_was_not(folder: Path, mailbox: Path, tmp_path: Path) -> None:
    for home in (tmp_path / "whole", tmp_path / "killed"):
        with service(home) as asked:
            add_folder(asked, folder)
            add_folder(asked, mailbox, "mail", "mailbox")
    finish(tmp_path / "whole")
    whole = state(tmp_path / "whole")
    home, choose, killed = tmp_path / "killed", random.Random(7), []
    passages = len(whole) - DOCUMENTS
    for number in range(KILLS):
        # The goals rise with every round: some kills fall into the walk, some into writing, some into embedding.
        goal = choose.randint(0, 3) + number * (DOCUMENTS + passages) // KILLS
        later = choose.random() * 0.02
        if kill_sync(home, home / "said", partial(reached, home, goal), later) == -9:
            killed.append(progress(home))
        assert parted(home) == []
    assert len(killed) >= KILLS // 2, killed
    finish(home)
    assert state(home) == whole
    # Words are weighed by an average length that is renewed once it has drifted: when, is not the same.
    assert scores(home) == pytest.approx(scores(tmp_path / "whole"), abs=0.02)
