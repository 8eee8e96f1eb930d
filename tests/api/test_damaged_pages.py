"""A page of the catalogue's file is damaged: what cannot be read is said to be so, and nothing else is answered, removed or written over."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memory.domain import OWNER
from memory.errors import CatalogueError
from tests.memories import add_folder, service, sync

FILES, PAGE = 30, 4096


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base, choose = tmp_path_factory.mktemp("damaged"), random.Random(2)
    (base / "files").mkdir()
    for number in range(FILES):
        text = " ".join(choose.choices(["beech", "oak", "board", "invoice", "notice"], k=200))
        (base / "files" / f"{number}.md").write_text(f"# Note {number}\n\n{text}\n", encoding="utf-8")
    with service(base / "home") as opened:
        add_folder(opened, base / "files")
        sync(opened)
    return base / "home"


def told(call: Callable[[], Any]) -> Any:
    """What a call gives; the error where the catalogue cannot be used."""
    try:
        return call()
    except CatalogueError as error:
        if "damaged" not in error.message or "backup" not in error.hint:
            raise
        return error


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_page_is_told(home: Path, tmp_path: Path, seed: int) -> None:
    with service(home) as opened:
        whole = [each["ref"] for each in opened.search("beech notice", OWNER, limit=100)["results"]]
    assert len(whole) == FILES
    copy = tmp_path / "home"
    shutil.copytree(home, copy)
    dice, file = random.Random(seed), copy / "catalogue.db"
    number = dice.randrange(1, file.stat().st_size // PAGE) if seed else 0
    with file.open("r+b") as pages:
        pages.seek(number * PAGE)
        pages.write(dice.randbytes(PAGE))

    def opened() -> None:
        with service(copy) as damaged:
            found = told(lambda: damaged.search("beech notice", OWNER, limit=100)["results"])
            assert isinstance(found, CatalogueError) or [each["ref"] for each in found] == whole
            report = told(lambda: damaged.doctor(repair=True, rebuild=False))
            assert isinstance(report, CatalogueError) or not report["well"], f"page {number}"
            job = told(lambda: sync(damaged))
            if not isinstance(job, CatalogueError) and job["state"] == "done":
                assert job["summaries"][0]["removed"] == 0

    told(opened)
