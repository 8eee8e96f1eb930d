"""Syncs over real folders: what changed is read, what moved is moved, what is gone waits for a word."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.service import Service
from memory.domain import OWNER, Access, SourceRef, Stage
from memory.errors import IndexUnavailable, InvalidInput, NotFound
from memory.index.base import Facts
from tests.memories import add_folder, counts, service, sync

TEXT = "The quarterly budget was approved. Jane Doe will present the figures to the board in {place}."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    for place in ("Aarhus", "Hamburg", "Lyon", "Bristol", "Porto", "Turin"):
        (made / f"{place}.txt").write_text(TEXT.format(place=place), encoding="utf-8")
    return made


@pytest.fixture
def asked(tmp_path: Path, folder: Path) -> Iterator[Service]:
    with service(tmp_path / "home") as opened:
        add_folder(opened, folder)
        yield opened


def document_at(asked: Service, key: str) -> str | None:
    return asked.memory.catalogue.documents.by_ref(SourceRef("folder", "files", key))


def agree(asked: Service) -> None:
    """Catalogue and index hold the same passages, nothing is left over, and the numbers add up."""
    told = asked.doctor(repair=False, rebuild=False)
    assert told["well"], told
    assert told["found"]["pending"] == 0
    assert asked.memory.catalogue.passages.stale() == []


def test_everything_is_found_after_the_first_sync(asked: Service) -> None:
    job = sync(asked)
    assert job["state"] == "done", job
    assert counts(job) == {"known": 6, "indexed": 6}
    assert job["embedded"] == 6
    answer = asked.search("budget Hamburg", OWNER)
    assert answer["results"][0]["ref"] == "folder:files/Hamburg.txt"
    assert {row.stage for row in asked.memory.catalogue.ledger.of_source("files")} == {Stage.EMBEDDED}
    agree(asked)


def test_nothing_is_read_twice(asked: Service) -> None:
    sync(asked)
    vectors = asked.memory.catalogue.vectors.count()
    job = sync(asked)
    assert counts(job) == {"known": 6, "unchanged": 6}
    assert job["embedded"] == 0
    assert asked.memory.catalogue.vectors.count() == vectors


def test_the_same_text_is_embedded_once(asked: Service, folder: Path) -> None:
    sync(asked)
    vectors = asked.memory.catalogue.vectors.count()
    (folder / "copies").mkdir()
    shutil.copy(folder / "Lyon.txt", folder / "copies" / "Lyon.txt")
    assert counts(sync(asked)) == {"known": 7, "indexed": 1, "unchanged": 6}
    assert asked.memory.catalogue.vectors.count() == vectors
    agree(asked)


def test_a_change_replaces_what_was_found(asked: Service, folder: Path) -> None:
    sync(asked)
    before = document_at(asked, "Lyon.txt")
    (folder / "Lyon.txt").write_text("Everything about zeppelins.", encoding="utf-8")
    assert counts(sync(asked)) == {"known": 6, "indexed": 1, "unchanged": 5}
    assert document_at(asked, "Lyon.txt") == before
    assert asked.search("zeppelins", OWNER)["results"][0]["ref"] == "folder:files/Lyon.txt"
    assert [r["ref"] for r in asked.search('"board in Lyon"', OWNER)["results"]] == []
    agree(asked)


def test_a_file_of_the_same_size_and_date_is_noticed(asked: Service, folder: Path) -> None:
    path = folder / "Lyon.txt"
    path.write_text("aaaa zeppelin", encoding="utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    sync(asked)
    path.write_text("aaaa airplane", encoding="utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert counts(sync(asked))["indexed"] == 1
    assert asked.search("airplane", OWNER)["results"][0]["ref"] == "folder:files/Lyon.txt"


def test_a_touched_file_is_not_parsed_again(asked: Service, folder: Path) -> None:
    sync(asked)
    os.utime(folder / "Lyon.txt")
    assert counts(sync(asked)) == {"known": 6, "unchanged": 6}
    assert counts(sync(asked)) == {"known": 6, "unchanged": 6}


def test_a_move_keeps_the_document(asked: Service, folder: Path) -> None:
    sync(asked)
    before = document_at(asked, "Lyon.txt")
    (folder / "France").mkdir()
    (folder / "Lyon.txt").rename(folder / "France" / "Lyon 2.txt")
    assert counts(sync(asked)) == {"known": 6, "moved": 1, "unchanged": 5}
    assert document_at(asked, "France/Lyon 2.txt") == before
    assert document_at(asked, "Lyon.txt") is None
    result = asked.search('"board in Lyon"', OWNER)["results"][0]
    assert result["ref"] == "folder:files/France/Lyon 2.txt"
    assert result["url"].endswith("/France/Lyon%202.txt")
    agree(asked)


def test_one_removal_is_a_removal(asked: Service, folder: Path) -> None:
    sync(asked)
    document = document_at(asked, "Lyon.txt")
    (folder / "Lyon.txt").unlink()
    assert counts(sync(asked)) == {"known": 6, "removed": 1, "unchanged": 5}
    assert document
    with pytest.raises(NotFound):
        asked.memory.catalogue.documents.get(document, OWNER)
    assert all(result["document"] != document for result in asked.search("budget board", OWNER)["results"])
    agree(asked)


def test_an_emptied_share_does_not_empty_the_memory(asked: Service, folder: Path) -> None:
    sync(asked)
    for path in folder.iterdir():
        path.unlink()
    assert counts(sync(asked)) == {"known": 6, "held": 6}
    assert asked.search("budget", OWNER)["total"] == 6
    assert asked.upkeep.sources()[0]["state"] == "held"
    assert counts(sync(asked, accept_removals=True)) == {"known": 6, "removed": 6}
    assert asked.search("budget", OWNER)["total"] == 0
    agree(asked)


def test_a_share_that_is_not_there_is_an_error_and_no_removal(asked: Service, folder: Path) -> None:
    sync(asked)
    folder.rename(folder.with_name("elsewhere"))
    job = sync(asked, accept_removals=True)
    assert job["state"] == "failed"
    assert "files" in job["errors"][0]["message"]
    assert asked.search("budget", OWNER)["total"] == 6


def test_broken_and_empty_files_cost_one_ledger_row_each(asked: Service, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is not a PDF" + b"\0" * 100)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 50)
    job = sync(asked)
    done = counts(job)
    assert done["known"] == 9
    assert done["indexed"] == 6
    assert done.get("skipped", 0) + done.get("failed", 0) == 3
    rows = {row.ref.key: row for row in asked.memory.catalogue.ledger.of_source("files")}
    assert rows["empty.txt"].stage is Stage.SKIPPED
    assert rows["picture.png"].reason
    assert rows["broken.pdf"].reason
    again = counts(sync(asked))
    assert again == {k: v for k, v in done.items() if k != "indexed"} | {"unchanged": 6}
    agree(asked)


def test_a_changed_rule_changes_who_sees_without_reading(
    asked: Service, folder: Path, tmp_path: Path
) -> None:
    asked.people.import_directory(
        "name,address,groups\nJane Doe,jane@x.example,group:france\nBob Roe,bob@x.example,group:all\n"
    )
    add_folder(asked, folder, "ruled", grant=["group:all"], rules=["Lyon*=group:france,!group:all"])
    sync(asked, "ruled")
    people = asked.memory.catalogue.people
    jane = {r["ref"] for r in asked.search("budget", people.asker("jane@x.example"))["results"]}
    bob = {r["ref"] for r in asked.search("budget", people.asker("bob@x.example"))["results"]}
    assert jane == {"folder:ruled/Lyon.txt"}
    assert len(bob) == 5
    assert "folder:ruled/Lyon.txt" not in bob
    assert asked.search("budget", people.asker("bob@x.example"))["total"] == 5


def test_an_unreadable_file_is_tried_again(asked: Service, folder: Path) -> None:
    (folder / "huge.txt").write_bytes(b"word " * 300_000)
    small = asked.memory.settings.sync.model_copy(update={"max_file_mb": 1})
    asked.memory.settings = asked.memory.settings.model_copy(update={"sync": small})
    assert counts(sync(asked)) == {"known": 7, "indexed": 6, "skipped": 1}
    assert asked.why.explain(str(folder / "huge.txt"), OWNER)["found"][0]["reason"] == "larger than 1 MB"


def test_removing_a_source_removes_what_came_from_it(asked: Service, folder: Path) -> None:
    sync(asked)
    assert asked.remove_source("files") == {"name": "files", "removed": 6, "held": 0}
    assert asked.upkeep.sources() == []
    assert asked.memory.catalogue.documents.count() == 0
    assert list(asked.memory.index.ids()) == []
    add_folder(asked, folder)
    assert counts(sync(asked)) == {"known": 6, "indexed": 6}


def test_a_removal_that_is_interrupted_is_finished(asked: Service, folder: Path, tmp_path: Path) -> None:
    """Its end between catalogue and index leaves nothing that looks like a healthy source without documents."""
    sync(asked)
    asked.memory.index.close()
    with pytest.raises(IndexUnavailable):
        asked.remove_source("files")
    asked.close()
    home, empty = tmp_path / "home", tmp_path / "empty"
    empty.mkdir()
    finishing: dict[str, Callable[[Service], object]] = {
        "again": lambda opened: opened.remove_source("files"),
        "doctor": lambda opened: opened.doctor(repair=True, rebuild=False),
        "start": lambda opened: opened.memory.finish_interrupted(),
        "sync": lambda opened: (add_folder(opened, empty, "other"), sync(opened)),
    }
    for name, finish in finishing.items():
        shutil.copytree(home, tmp_path / name)
        with service(tmp_path / name) as left:
            assert [source["state"] for source in left.upkeep.sources()] == ["removing"]
            assert left.doctor(repair=False, rebuild=False)["found"]["removing"] == ["files"]
            for refused in (lambda: sync(left, "files"), lambda: add_folder(left, folder)):
                with pytest.raises(InvalidInput, match="being removed"):
                    refused()
            finish(left)
            assert "files" not in {source["name"] for source in left.upkeep.sources()}
            agree(left)


def test_the_doctor_mends_what_is_lost_from_the_catalogue_and_wrong_in_the_index(asked: Service) -> None:
    """Rows of documents that are not there, as an earlier version could leave them, are no healthy ones."""
    sync(asked)
    lost = document_at(asked, "Lyon.txt")
    assert lost
    with asked.memory.catalogue.transaction() as connection:
        asked.memory.catalogue.documents.remove(connection, lost)
    kept = document_at(asked, "Turin.txt")
    assert kept
    asked.memory.index.set_facts(Facts(kept, Access()))
    told = asked.doctor(repair=False, rebuild=False)
    assert (told["well"], told["found"]["lost"], told["found"]["outdated"]) == (False, 1, 1)
    assert asked.doctor(repair=True, rebuild=False)["well"]
    assert counts(sync(asked)) == {"known": 6, "indexed": 1, "unchanged": 5}
    assert asked.search("budget Lyon", OWNER)["results"][0]["ref"] == "folder:files/Lyon.txt"
    agree(asked)


def test_a_file_that_gets_two_new_names_moves_to_one_and_is_copied_to_the_other(
    asked: Service, folder: Path
) -> None:
    sync(asked)
    before = document_at(asked, "Lyon.txt")
    os.link(folder / "Lyon.txt", folder / "One.txt")
    (folder / "Lyon.txt").rename(folder / "Two.txt")
    assert counts(sync(asked)) == {"known": 7, "moved": 1, "indexed": 1, "unchanged": 5}
    rows = {row.ref.key: row for row in asked.memory.catalogue.ledger.of_source("files")}
    assert {"One.txt", "Two.txt"} <= set(rows)
    assert [rows["One.txt"].document, rows["Two.txt"].document].count(before) == 1
    agree(asked)


def test_a_folder_that_is_listed_again_was_never_a_document(asked: Service, tmp_path: Path) -> None:
    share, linked = tmp_path / "share", tmp_path / "linked"
    share.mkdir()
    linked.mkdir()
    (share / "Nice.txt").write_text(TEXT.format(place="Nice"), encoding="utf-8")
    (linked / "share").symlink_to(share)
    add_folder(asked, linked, "linked", options={"symlinks": "follow"})
    assert counts(sync(asked, "linked")) == {"known": 1, "indexed": 1}
    share.rename(tmp_path / "away")
    # The link, the folder behind it, and the document that cannot be seen: nothing is removed.
    assert counts(sync(asked, "linked")) == {"known": 3, "failed": 3}
    assert asked.search('"board in Nice"', OWNER)["total"] == 1
    (tmp_path / "away").rename(share)
    assert counts(sync(asked, "linked")) == {"known": 2, "unchanged": 1, "removed": 1}
    agree(asked)


def test_a_sync_can_be_stopped_before_it_has_begun(asked: Service) -> None:
    job = asked.jobs.start([], accept_removals=False, meaning=True)
    asked.jobs.stop()
    assert job.state in ("stopped", "done")
    assert counts(sync(asked)) == {"known": 6, "indexed": 6} or job.summaries
    agree(asked)
