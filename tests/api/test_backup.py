"""Backups: whole or not there, taken while the memory is used, and as good as the memory they were taken of."""

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.app import create_app
from api.backup_manifest import sum_of
from memory.domain import OWNER
from memory.errors import InvalidSettings
from memory.index.copying import copy_folder
from tests.api.test_faults import Home
from tests.memories import add_folder, counts, service, sync
from tests.small_disk import mounted, resize

HERE = "http://localhost"
QUESTIONS = ("notice period", "clause 7 supplier", "invoice", "type:txt", "warranty delivery", "board of 12")
WORDS = ("notice period", "supplier invoice", "warranty", "delivery", "board", "clause", "budget")


def write_notes(folder: Path, first: int, last: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(first, last):
        said = " ".join(f"{WORDS[(number * place) % 7]} {number * place % 31}" for place in range(1, 150))
        (folder / f"{number:03}.txt").write_text(f"Clause {number}\n\n{said}\n")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A memory of some notes, not to be changed."""
    place = tmp_path_factory.mktemp("backup")
    write_notes(place / "files", 0, 12)
    with service(place / "home") as asked:
        add_folder(asked, place / "files", "notes")
        assert sync(asked)["state"] == "done"
    return Home(place / "home")


@pytest.fixture(scope="module")
def backup(filled: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it as a folder, made by a running service, to be copied."""
    place = tmp_path_factory.mktemp("backups")
    with served(filled.folder), pytest.MonkeyPatch.context() as where:
        where.chdir(place)
        assert told(filled, "backup", "notes")["path"] == str(place / "notes")
    return place / "notes"


def answers(home: Home) -> list[Any]:
    """What a memory answers, with ids, since a backup keeps them."""
    with service(home.folder) as asked:
        return [
            [(hit["document"], hit["ref"], hit["score"], hit["passages"]) for hit in found["results"]]
            for query in QUESTIONS
            if (found := asked.search(query, OWNER, limit=50, wait=True))
        ]


def told(home: Home, *arguments: str) -> dict[str, Any]:
    said = home.mneme(*arguments, "--json")
    assert said.code == 0, said
    answer: dict[str, Any] = json.loads(said.out)
    return answer


@contextmanager
def served(home: Path) -> Iterator[str]:
    """`mneme serve` in a process of its own; gives its address."""
    environment = {**os.environ, "MNEME_HOME": str(home), "MNEME_EMBEDDING__MODEL": "hash"}  # noqa: TID251
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()


def test_a_backup_of_a_service_that_syncs_and_answers_is_whole(tmp_path: Path) -> None:
    """Taken in the midst of a sync, while searches run: no search fails, the copy agrees, and a sync completes it."""
    home, other = Home(tmp_path / "home"), Home(tmp_path / "elsewhere")
    write_notes(tmp_path / "files", 0, 10)
    found: list[int] = []
    done = threading.Event()
    with service(home.folder) as asked, TestClient(create_app(lambda: asked), base_url=HERE) as client:
        add_folder(asked, tmp_path / "files", "notes")
        assert sync(asked)["state"] == "done"
        write_notes(tmp_path / "files", 5, 150)  # half of what is there changes, and more comes
        for number in range(3):
            (tmp_path / "files" / f"{number:03}.txt").unlink()

        def ask() -> None:
            while not done.is_set():
                found.append(client.get("/api/search", params={"q": "notice period"}).status_code)
                done.wait(0.02)

        asking = threading.Thread(target=ask)
        assert client.post("/api/sync", json={}).status_code == 202
        asking.start()
        try:
            while (state := client.get("/api/sync").json())["state"] == "running" and state["done"] < 15:
                time.sleep(0.02)
            answer = client.post("/api/backup", json={"path": str(tmp_path / "now.tar")})
        finally:
            done.set()
            asking.join()
        asked.jobs.wait()
    assert answer.status_code == 201, answer.text
    assert state["state"] == "running", "the sync was too quick to tell"
    assert len(found) > 3
    assert set(found) == {200}
    made = answer.json()
    assert stat.S_IMODE(Path(made["path"]).stat().st_mode) == 0o600
    # At the end are 147; those that went are removed last, so there may be 150 before.
    assert 8 < made["documents"] <= 150

    restored = told(other, "restore", str(tmp_path / "now.tar"))
    assert restored["well"], restored
    with service(other.folder) as asked:
        completed = sync(asked)
    assert completed["state"] == "done"
    left = counts(completed)
    assert left.get("indexed", 0) + left.get("removed", 0), "the backup was of a sync that had ended"
    assert [[hit[1:3] for hit in one] for one in answers(other)] == [
        [hit[1:3] for hit in one] for one in answers(home)
    ]


@pytest.mark.slow
def test_what_is_restored_answers_as_before(filled: Home, backup: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    other = Home(tmp_path / "home")
    restored = told(other, "restore", str(backup))
    assert (restored["well"], restored["documents"], restored["kept"]) == (True, 12, [])
    assert answers(other) == answers(filled)
    assert not (other.folder / "restoring").exists()


def test_a_backup_goes_where_there_is_nothing(filled: Home, tmp_path: Path) -> None:
    (tmp_path / "old.tar").write_text("precious")
    filled.mneme("backup", str(tmp_path / "old.tar")).refuses(64, "something at", "old.tar")
    assert (tmp_path / "old.tar").read_text() == "precious"
    filled.mneme("backup", str(tmp_path / "no" / "b")).refuses(64, "no folder", "Make it first")
    assert [path.name for path in tmp_path.iterdir()] == ["old.tar"]


def test_a_home_with_something_in_it_is_left_alone(filled: Home, backup: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in filled.folder.rglob("*") if path.name != "owner.lock"}
    filled.mneme("restore", str(backup)).refuses(64, "not empty", "catalogue.db", "MNEME_HOME")
    assert before == {
        path: path.stat().st_mtime_ns for path in filled.folder.rglob("*") if path.name != "owner.lock"
    }


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_damaged_backup_is_refused_before_anything_changes(backup: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    damages = {
        "catalogue.db has changed since": lambda copy: flip(copy / "catalogue.db"),
        "is missing": lambda copy: next(copy.glob("index/*/**/*.json")).unlink(),
        "extra.txt, which was not put there": lambda copy: (copy / "extra.txt").write_text(""),
        "../../etc, which was not put there": lambda copy: rename_in_manifest(copy, "../../etc"),
        "holds a link": lambda copy: (copy / "index" / "link").symlink_to("/etc/passwd"),
        "no backup": lambda copy: (copy / "manifest.json").write_text("{}"),
        "newer Mneme": lambda copy: rewrite_manifest(copy, schema="9999"),
    }
    for number, (said, damage) in enumerate(damages.items()):
        copy = tmp_path / f"copy{number}"
        copy_folder(backup, copy)
        damage(copy)
        home.mneme("restore", str(copy)).refuses(65, said)
        assert [path.name for path in home.folder.iterdir()] == ["owner.lock"]
    home.mneme("restore", str(tmp_path / "nothing")).refuses(64, "no backup")
    (tmp_path / "cut.tar").write_bytes(b"\0" * 100)
    home.mneme("restore", str(tmp_path / "cut.tar")).refuses(65, "no backup")
    assert told(home, "restore", str(backup))["well"]


def rename_in_manifest(copy: Path, name: str) -> None:
    known = json.loads((copy / "manifest.json").read_text())
    known["files"][name] = known["files"].pop("catalogue.db")
    (copy / "manifest.json").write_text(json.dumps(known))


def rewrite_manifest(copy: Path, **values: str) -> None:
    known = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(known | values))


def test_a_restore_that_was_killed_is_begun_again(backup: Path, tmp_path: Path) -> None:
    """Killed after it had moved the index: nothing opens the half, and the same command makes it whole."""
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    copy_folder(backup, home.folder / "restoring")
    (home.folder / "restoring" / "index").rename(home.folder / "index")
    home.mneme("search", "notice").refuses(74, "restore", "interrupted", "again")
    assert told(home, "restore", str(backup))["well"]
    assert home.finds("notice period")


def test_a_restore_that_ends_early_lets_nobody_in_again(tmp_path: Path) -> None:
    """What came back is opened only after the settings are mended that came along: by then all are logged out."""
    hour = timedelta(hours=1)
    with service(tmp_path / "first") as asked:
        session = asked.memory.catalogue.sessions.begin("jane@x.example", method="password", lasts=hour)
        asked.backups.make(tmp_path / "made", keys=False)
    (tmp_path / "made" / "settings.toml").write_text("[search]\nweight = 'of another version'\n")
    known = json.loads((tmp_path / "made" / "manifest.json").read_text())
    known["files"]["settings.toml"] = sum_of(tmp_path / "made" / "settings.toml")
    (tmp_path / "made" / "manifest.json").write_text(json.dumps(known))
    home = Home(tmp_path / "home")
    said = home.mneme("restore", str(tmp_path / "made"), "--json")
    assert said.code == 1, said
    assert "weight" in json.loads(said.out)["trouble"]
    (home.folder / "settings.toml").unlink()
    with service(home.folder) as asked:
        assert asked.memory.catalogue.sessions.known(session, hour) is None


def test_what_lets_somebody_in_is_left_out_unless_it_is_asked_for(filled: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    copy_folder(filled.folder, home.folder)
    with service(home.folder) as asked:
        sealed = asked.memory.keyring.seal("notes", "password", SecretStr("correct horse"))
        asked.memory.catalogue.sources.keep_secret("notes", "password", sealed)
        hour = timedelta(hours=1)
        session = asked.memory.catalogue.sessions.begin("jane@x.example", method="password", lasts=hour)
    said = home.mneme("backup", str(tmp_path / "without"))
    assert "Not in it: the key that opens password of notes" in said.out
    assert not (tmp_path / "without" / "keys").exists()
    said = home.mneme("backup", "--with-keys", str(tmp_path / "with"))
    assert "keep it locked away" in said.out
    for name, readable in (("without", False), ("with", True)):
        other = Home(tmp_path / f"home-{name}")
        said = other.mneme("restore", str(tmp_path / name))
        assert ("Not in the backup: the key" in said.out) is not readable
        with service(other.folder) as asked:
            assert asked.memory.catalogue.sessions.known(session, hour) is None, "whoever was logged in"
            kept = asked.memory.catalogue.sources.get("notes").secrets["password"]
            if readable:
                assert (
                    asked.memory.keyring.open("notes", "password", kept).get_secret_value() == "correct horse"
                )
        assert (other.folder / "keys" / "secrets.keys").exists() is readable


def test_settings_go_along_without_secrets_and_places(filled: Home, tmp_path: Path) -> None:
    with service(
        filled.folder, search={"weight": 0.7}, serve={"port": 9999}, index={"api_key": "very secret"}
    ) as asked:
        asked.backups.make(tmp_path / "made", keys=False)
    text = (tmp_path / "made" / "settings.toml").read_text()
    assert text == '[embedding]\nmodel = "hash"\n\n[search]\nweight = 0.7\n'
    other = Home(tmp_path / "home")
    other.folder.mkdir()
    (other.folder / "settings.toml").write_text("log = 'error'\n")
    assert told(other, "restore", str(tmp_path / "made"))["kept"] == ["settings.toml"]
    assert (other.folder / "settings.toml").read_text() == "log = 'error'\n"


@pytest.mark.parametrize(
    ("elsewhere", "means"),
    [({"index": {"url": "http://127.0.0.1:1"}}, "snapshot of the Qdrant server"), ({}, "pg_dump")],
    ids=["Qdrant", "another database"],
)
def test_what_servers_keep_is_not_copied(tmp_path: Path, elsewhere: dict[str, Any], means: str) -> None:
    given = elsewhere or {"catalogue": {"url": f"sqlite:///{tmp_path}/shared.db"}}
    with service(tmp_path / "home", **given) as asked, pytest.raises(InvalidSettings) as refused:
        asked.backups.make(tmp_path / "made", keys=False)
    assert means in refused.value.hint
    assert not (tmp_path / "made").exists()


def test_a_full_disk_leaves_no_half_of_a_backup(filled: Home, backup: Path) -> None:
    with mounted(100) as disk:
        filled.mneme("backup", str(disk / "made")).refuses(
            74, "MB left", "the backup needs more", "Free some space"
        )
        assert list(disk.iterdir()) == []
        home = Home(disk / "home")
        home.mneme("restore", str(backup)).refuses(74, "MB left", "the backup needs more")
        assert [path.name for path in home.folder.iterdir()] == ["owner.lock"]
        resize(disk, 600)
        assert told(home, "restore", str(backup))["well"]
