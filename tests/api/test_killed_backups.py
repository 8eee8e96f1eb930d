"""Backups and restores may be killed at any moment: nobody takes a half for a whole, and the same command ends it."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.test_backup import answers, told, write_notes
from tests.api.test_faults import Home
from tests.commands import kill
from tests.memories import add_folder, service, sync

PARTIAL = ".mneme-partial"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A memory of some notes, not to be changed."""
    place = tmp_path_factory.mktemp("killed")
    write_notes(place / "files", 0, 12)
    with service(place / "home") as asked:
        add_folder(asked, place / "files", "notes")
        assert sync(asked)["state"] == "done"
    return Home(place / "home")


@pytest.fixture(scope="module")
def before(filled: Home) -> list[object]:
    """What it answers."""
    return answers(filled)


def lies(folder: Path, *names: str) -> Callable[[], bool]:
    """Whether one of these is there."""
    return lambda: any((folder / name).exists() for name in names)


def test_a_backup_that_is_killed_is_none(filled: Home, before: list[object], tmp_path: Path) -> None:
    """Each under another name, as by date: the next one removes what the killed have left."""
    dice, place, killed = random.Random(5), tmp_path / "backups", []
    place.mkdir()
    steps = ["", "/index", "/catalogue.db", "/manifest.json", ".tar"]
    for number, step in enumerate(steps):
        target = place / f"{number}.tar"
        when = lies(place, f".{target.name}{PARTIAL}{step}", target.name)
        ended = kill(
            when, filled.folder, tmp_path / "said", "backup", str(target), later=dice.random() * 0.01
        )
        if not target.exists():
            killed.append(ended)
            home = Home(tmp_path / f"of{number}")
            home.mneme("restore", str(target)).refuses(64, "no backup")
            for half in place.glob(f".{target.name}{PARTIAL}*"):
                if (said := home.mneme("restore", str(half))).code == 0:
                    assert answers(home) == before, "it was not whole"
                    break
                said.refuses(65, "backup")
    assert killed.count(-9) >= 3, killed
    assert told(filled, "backup", str(place / "last"))["documents"] == 12
    assert not [path.name for path in place.iterdir() if PARTIAL in path.name]
    other = Home(tmp_path / "other")
    assert told(other, "restore", str(place / "last"))["well"]
    assert answers(other) == before


def test_a_restore_that_is_killed_is_begun_again(filled: Home, before: list[object], tmp_path: Path) -> None:
    dice, killed = random.Random(5), 0
    for number, form in enumerate(("folder", "file.tar")):
        assert told(filled, "backup", str(tmp_path / form))["documents"] == 12
        home = Home(tmp_path / f"home{number}")
        for step in ("restoring", "restoring/index", "restoring/manifest.json", "restored", "index"):
            when = lies(home.folder, step, "catalogue.db")
            kill(
                when,
                home.folder,
                tmp_path / "said",
                "restore",
                str(tmp_path / form),
                later=dice.random() * 0.01,
            )
            if (home.folder / "catalogue.db").exists():
                break  # with it, the memory is there
            killed += 1
            if lies(home.folder, "restoring", "restored")():
                home.mneme("search", "notice").refuses(74, "restore", "interrupted", "again")
        if not (home.folder / "catalogue.db").exists():
            assert told(home, "restore", str(tmp_path / form))["well"]
        assert told(home, "doctor")["well"]
        assert not lies(home.folder, "restoring", "restored")()
        assert answers(home) == before
    assert killed >= 4, killed
