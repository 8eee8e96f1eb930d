"""Pages of the catalogue's file are damaged: indexes are mended, and of tables what can be read goes on, with what is lost told."""

import random
import shutil
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from api.salvage import salvage
from api.settings import load
from memory.catalogue.audit import Wanted
from memory.catalogue.holds import HoldKind
from memory.domain import OWNER, Asker
from memory.errors import CatalogueError, InvalidInput
from tests.memories import add_folder, service, sync

FILES, PAGE = 60, 4096
JANE = Asker("jane", frozenset({"public"}))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory of some notes with a hold on three, an audit of 300 entries and a saved search."""
    base, choose = tmp_path_factory.mktemp("salvage"), random.Random(3)
    (base / "files").mkdir()
    for number in range(FILES):
        text = " ".join(choose.choices(["beech", "oak", "board", "invoice", "notice"], k=200))
        front = f"---\nauthor: Person{number} Roe{number}\n---\n"
        (base / "files" / f"{number}.md").write_text(f"{front}# Note {number}\n\n{text}\n", encoding="utf-8")
    with service(base / "home", audit={"keep_days": 30}) as opened:
        add_folder(opened, base / "files")
        sync(opened)
        catalogue = opened.memory.catalogue
        hold = catalogue.holds.place("case", "why", HoldKind.DOCUMENTS, target="", said="", by="owner")
        catalogue.holds.cover(hold, [each["document"] for each in found(opened)[:3]])
        catalogue.saved.add("jane", "notices", "notice", [])
        for number in range(300):
            catalogue.audit.note("owner", "", f"GET /{number}", {})
    return base / "home"


@pytest.fixture(scope="module")
def whole(home: Path) -> list[Any]:
    """What a memory answers of which nothing was damaged."""
    with service(home) as opened:
        return answers(opened)


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home, tmp_path / "home"))


def found(opened: Any, asker: Asker = OWNER) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = opened.search("beech notice", asker, limit=100)["results"]
    return results


def answers(opened: Any) -> list[tuple[Any, ...]]:
    """What the owner and somebody else find, with the documents' lasting ids; without scores, which old passages weigh on until the index drops them."""
    return sorted(
        (
            each["document"],
            each["ref"],
            *(sha256(part["text"].encode()).hexdigest() for part in each["passages"]),
        )
        for asker in (OWNER, JANE)
        for each in found(opened, asker)
    )


def pages(file: Path, name: str) -> list[int]:
    """The pages of a table's or an index's tree, the root first."""
    with closing(sqlite3.connect(file)) as database:
        [(root,)] = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchall()
    whole, known = file.read_bytes(), [root]
    for page in known:
        start = (page - 1) * PAGE
        if whole[start] in {2, 5}:  # inner pages of an index, of a table
            cells = int.from_bytes(whole[start + 3 : start + 5])
            known.append(int.from_bytes(whole[start + 8 : start + 12]))
            for cell in range(cells):
                place = start + int.from_bytes(whole[start + 12 + 2 * cell : start + 14 + 2 * cell])
                known.append(int.from_bytes(whole[place : place + 4]))
    return known


def damage(file: Path, *numbers: int, seed: int = 1) -> None:
    dice = random.Random(seed)
    with file.open("r+b") as whole:
        for number in numbers:
            whole.seek((number - 1) * PAGE)
            whole.write(dice.randbytes(PAGE))


def salvaged(home: Path) -> dict[str, Any]:
    return salvage(load(home=home, embedding={"model": "hash"}))


def test_an_index_that_lacks_rows_is_made_anew_by_the_doctor(whole: list[Any], copy: Path) -> None:
    for step in (
        "DELETE FROM sqlite_master WHERE name = 'ix_ledger_content'",
        "UPDATE ledger SET content = 'x'",
        "",
    ):
        with closing(sqlite3.connect(copy / "catalogue.db")) as database, database:
            database.execute("PRAGMA writable_schema = ON")
            if step.startswith("DELETE"):
                [row] = database.execute(
                    "SELECT * FROM sqlite_master WHERE name = 'ix_ledger_content'"
                ).fetchall()
            database.execute(step or "INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", () if step else row)
    with service(copy) as opened:
        told = opened.doctor(repair=False, rebuild=False)
        assert "missing from index ix_ledger_content" in told["found"]["catalogue"][0]
        assert not told["well"]
        told = opened.doctor(repair=True, rebuild=False)
        assert (told["well"], told["done"]) == (
            True,
            ["Indexes of the catalogue were made anew; no row was touched."],
        )
        assert answers(opened) == whole


@pytest.mark.parametrize(
    "name", ["ix_ledger_content", "sqlite_autoindex_access_1", "ix_contributions_person"]
)
def test_of_damaged_indexes_nothing_is_lost(whole: list[Any], copy: Path, name: str) -> None:
    file = copy / "catalogue.db"
    damage(file, *pages(file, name))
    before = file.read_bytes()
    told = salvaged(copy)
    assert (told["well"], told["lost"]) == (True, [])
    assert Path(told["damaged"]).read_bytes() == before
    with service(copy) as opened:
        assert answers(opened) == whole
        assert sync(opened)["summaries"][0]["unchanged"] == FILES
        assert opened.memory.catalogue.audit.verify().broken is None


@pytest.mark.parametrize(
    "name", ["documents", "ledger", "texts", "passages", "contributions", "persons", "identities"]
)
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_lost_of_documents_is_read_again_under_the_same_ids(
    whole: list[Any], copy: Path, name: str, which: int
) -> None:
    file = copy / "catalogue.db"
    tree = pages(file, name)
    damage(file, tree[min(which, len(tree) - 1)])
    told = salvaged(copy)
    assert told["well"], told
    assert name in {each["table"] for each in told["lost"]}
    with service(copy) as opened:
        job = sync(opened)
        assert (job["state"], job["errors"]) == ("done", [])
        assert answers(opened) == whole
        assert opened.doctor(repair=False, rebuild=False)["well"]
        assert [
            len(opened.memory.catalogue.holds.documents(each)) for each in opened.memory.catalogue.holds.all()
        ] == [3]
        assert sync(opened)["summaries"][0]["unchanged"] == FILES


def test_where_it_is_lost_who_may_see_what_nobody_sees_it_before_the_next_sync(
    whole: list[Any], copy: Path
) -> None:
    damage(copy / "catalogue.db", pages(copy / "catalogue.db", "access")[-1])
    assert "Nobody but the owner" in salvaged(copy)["done"][0]
    with service(copy) as opened:
        assert found(opened, JANE) == []
        assert len(found(opened)) == FILES
        sync(opened)
        assert answers(opened) == whole


@pytest.mark.parametrize("name", ["holds", "held"])
def test_where_holds_are_lost_one_keeps_everything(copy: Path, name: str) -> None:
    damage(copy / "catalogue.db", pages(copy / "catalogue.db", name)[0])
    assert any("Holds may be lost" in each for each in salvaged(copy)["done"])
    with service(copy) as opened:
        [hold] = [each for each in opened.memory.catalogue.holds.active() if each.name == "salvaged"]
        assert len(opened.memory.catalogue.holds.documents(hold)) == FILES
        assert opened.doctor(repair=False, rebuild=False)["well"]


@pytest.mark.parametrize("which", [1, 2, -1])
def test_where_entries_of_the_audit_are_lost_its_chain_is_broken_for_good(copy: Path, which: int) -> None:
    damage(copy / "catalogue.db", pages(copy / "catalogue.db", "audit")[which])
    told = salvaged(copy)
    assert any("audit verify" in each for each in told["done"])
    with service(copy, audit={"keep_days": 30}) as opened:
        catalogue = opened.memory.catalogue
        assert catalogue.audit.verify().broken
        assert catalogue.audit.entries(Wanted(), limit=1)[0].request == "mneme salvage"
        assert len(found(opened)) == FILES, "nothing else is touched"
        assert sync(opened)["summaries"][0]["unchanged"] == FILES


@pytest.mark.parametrize("name", ["sources", "sqlite_master"])
def test_where_too_little_is_left_nothing_changes(copy: Path, name: str) -> None:
    file = copy / "catalogue.db"
    damage(file, 1 if name == "sqlite_master" else pages(file, name)[0])
    before = file.read_bytes()
    with pytest.raises(CatalogueError, match=r"lost|nothing can be salvaged") as told:
        salvaged(copy)
    assert "backup" in told.value.hint
    assert file.read_bytes() == before
    assert {path.name for path in copy.iterdir() if "damaged" in path.name or "salvag" in path.name} == set()


def test_a_catalogue_that_is_well_is_left_alone(copy: Path) -> None:
    with pytest.raises(InvalidInput, match="Nothing is wrong"):
        salvaged(copy)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_pages_are_damaged_the_memory_goes_on_or_says_that_it_cannot(
    whole: list[Any], copy: Path, seed: int
) -> None:
    dice, file = random.Random(seed), copy / "catalogue.db"
    damage(file, *(dice.randrange(2, file.stat().st_size // PAGE) for _ in range(3)), seed=seed)
    try:
        told = salvaged(copy)
    except (CatalogueError, InvalidInput) as error:
        if "backup" not in error.hint and "Nothing is wrong" not in error.message:  # of free pages only
            raise
        return
    assert told["well"], told
    with service(copy) as opened:
        assert sync(opened)["state"] == "done"
        assert answers(opened) == whole
        assert opened.doctor(repair=False, rebuild=False)["well"]
