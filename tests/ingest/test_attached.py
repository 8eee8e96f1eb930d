"""Files inside files are documents: found by themselves, seen, moved and removed with what they are attached to."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.service import Service
from api.sources import NewSource
from connectors.base import SourceConfig
from connectors.folder import Folder
from ingest.components import PassageEmbedder
from ingest.parsers import attached
from ingest.parsers.base import Attachment
from ingest.parsers.workers import ParserPool
from ingest.pipelines import load
from ingest.sync import Sync
from memory import registry
from memory.domain import OWNER, Access, Asker, SourceRef, Stage
from memory.errors import NotFound
from tests.attachments import pdf, word, workbook
from tests.memories import service

PUBLIC = Access(frozenset({"public"}))
LEGAL = Access(frozenset({"group:legal"}))
PRICES = workbook("Price list for hazelnut spread")
RENT = workbook("Rent of the warehouse in Bristol")
_names = count(1)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with workers that stay: starting them takes longer than all these tests."""
    with service(tmp_path_factory.mktemp("attached") / "home") as opened, ParserPool(workers=2) as pool:
        memory = opened.memory
        memory.writer()
        registry.provide("default", ParserPool, pool)
        registry.provide("default", PassageEmbedder, memory.passage_embedder)  # type: ignore[type-abstract]
        yield opened


class Share:
    """One folder of files as a source of its own."""

    def __init__(self, asked: Service, folder: Path) -> None:
        self.asked, self.folder, self.name = asked, folder, f"files{next(_names)}"
        self.reading = Sync(load("words"), load("vectors"))
        asked.add_source(NewSource(kind="folder", location=str(folder), name=self.name, grant=["public"]))

    def sync(self, access: Access = PUBLIC, *, accept: bool = False) -> dict[str, int]:
        """Sync once; gives the counts that are not zero, after checking that all is well."""
        connector = Folder(SourceConfig(self.name, str(self.folder), access))
        summary = self.reading.read(self.name, connector, accept_removals=accept)
        told = self.asked.doctor(repair=False, rebuild=False)
        assert told["well"], told
        assert told["found"]["pending"] == 0
        assert self.asked.memory.catalogue.passages.stale() == []
        return {name: n for name, n in summary.to_json().items() if isinstance(n, int) and n}

    def rows(self) -> dict[str, tuple[Stage, str]]:
        """Stage and reason of every ledger row, by the name at the end of its key."""
        found = self.asked.memory.catalogue.ledger.of_source(self.name)
        return {row.ref.key.rpartition("/")[2]: (row.stage, row.reason) for row in found}

    def find(self, query: str) -> list[dict[str, Any]]:
        """What a query finds in this share."""
        found: list[dict[str, Any]] = self.asked.search(f"source:{self.name} {query}", OWNER)["results"]
        return found

    def one(self, query: str) -> str:
        """The id of the only document that a query finds."""
        [found] = self.find(query)
        return str(found["document"])


@pytest.fixture
def share(asked: Service, tmp_path: Path) -> Share:
    return Share(asked, tmp_path)


def test_attached_files_are_documents_of_their_own(share: Share) -> None:
    (share.folder / "offer.docx").write_bytes(word("The offer to the board", PRICES))
    (share.folder / "pack.pdf").write_bytes(
        pdf("The whole pack", rent__xlsx=RENT, picture__png=b"\x89PNG\r\n\x1a\n0")
    )
    assert share.sync() == {"known": 5, "indexed": 4, "skipped": 1}
    offer, prices = share.one('"the offer"'), share.one("hazelnut")
    told = share.asked.document(prices, OWNER)
    assert told["parent"] == {"document": offer, "title": "offer", "type": "docx"} | {
        "title": told["parent"]["title"]
    }
    assert told["ref"].startswith(f"folder:{share.name}/offer.docx//")
    pack = share.asked.document(share.one('"whole pack"'), OWNER)
    assert {file["document"] is None: file["reason"] for file in pack["attached"]} == {
        False: "",
        True: "no text layer, needs OCR",
    }
    assert share.find("warehouse")[0]["document"] != pack["id"], "its text is not the parent's too"


def test_an_unchanged_document_keeps_its_attachments(share: Share) -> None:
    (share.folder / "offer.docx").write_bytes(word("The offer", PRICES, RENT))
    assert share.sync() == {"known": 3, "indexed": 3}
    assert share.sync() == {"known": 3, "unchanged": 3}
    (share.folder / "offer.docx").touch()
    assert share.sync() == {"known": 3, "unchanged": 3}


def test_attachments_are_known_again_in_any_order_and_by_their_names(share: Share) -> None:
    path = share.folder / "offer.docx"
    path.write_bytes(word("The offer", PRICES, RENT))
    share.sync()
    prices, rent = share.one("hazelnut"), share.one("warehouse")
    path.write_bytes(word("The offer, changed", RENT, PRICES, workbook("Zeppelins, new")))
    share.sync()
    assert (share.one("hazelnut"), share.one("warehouse")) == (prices, rent)
    path.write_bytes(pdf("A pack", sheet__xlsx=PRICES))
    before = (share.sync(), share.one("hazelnut"))[1]
    path.write_bytes(pdf("A pack", sheet__xlsx=workbook("Walnuts instead")))
    assert share.sync() == {"known": 2, "indexed": 2}
    assert share.one("walnuts") == before
    path.write_bytes(pdf("A pack of nothing"))
    assert share.sync() == {"known": 2, "indexed": 1, "removed": 1}
    assert not share.find("walnuts")


def test_what_its_changed_document_still_holds_is_not_read_again(share: Share) -> None:
    path = share.folder / "pack.pdf"
    path.write_bytes(pdf("A pack", inner__pdf=pdf("Inside", sheet__xlsx=PRICES)))
    assert share.sync() == {"known": 3, "indexed": 3}
    path.write_bytes(pdf("Another pack", inner__pdf=pdf("Inside", sheet__xlsx=PRICES)))
    assert share.sync() == {"known": 3, "indexed": 1, "unchanged": 2}


def test_access_is_that_of_the_document_from_the_same_moment(share: Share) -> None:
    (share.folder / "offer.docx").write_bytes(word("The offer", PRICES))
    share.sync()
    prices, anyone = share.one("hazelnut"), Asker()
    catalogue = share.asked.memory.catalogue
    assert catalogue.documents.get(prices, anyone)
    assert share.sync(LEGAL) == {"known": 2, "unchanged": 2}
    with pytest.raises(NotFound):
        catalogue.documents.get(prices, anyone)
    assert not catalogue.cards.of_documents([prices])[prices].access.allows(anyone)
    (share.folder / "offer.docx").write_bytes(b"PK\x03\x04 broken" + b"\0" * 200)
    assert share.sync(Access(frozenset({"group:board"})))["failed"] == 1
    assert catalogue.cards.of_documents([prices])[prices].access.grant == frozenset(), (
        "old text, new rights: both"
    )


def test_attachments_move_and_go_with_their_document(share: Share) -> None:
    for number in range(10):
        (share.folder / f"{number}.txt").write_text(f"Note {number} about gardens.", encoding="utf-8")
    (share.folder / "offer.docx").write_bytes(word("The offer", *(workbook(f"Sheet {n}") for n in range(12))))
    assert share.sync() == {"known": 23, "indexed": 23}
    sheet = share.one('"sheet 7"')
    (share.folder / "old").mkdir()
    (share.folder / "offer.docx").rename(share.folder / "old" / "offer.docx")
    assert share.sync() == {"known": 23, "moved": 13, "unchanged": 10}
    assert share.one('"sheet 7"') == sheet
    assert "/old/offer.docx//" in share.asked.document(sheet, OWNER)["ref"]
    (share.folder / "old" / "offer.docx").write_bytes(word("The offer without sheets"))
    assert share.sync() == {"known": 23, "indexed": 1, "unchanged": 10, "removed": 12}
    (share.folder / "old" / "offer.docx").unlink()
    assert share.sync() == {"known": 11, "unchanged": 10, "removed": 1}


def test_an_emptied_share_holds_attachments_too(share: Share) -> None:
    (share.folder / "offer.docx").write_bytes(word("The offer", PRICES, RENT))
    share.sync()
    (share.folder / "offer.docx").unlink()
    assert share.sync() == {"known": 3, "held": 3}
    assert share.find("hazelnut")
    assert share.sync(accept=True) == {"known": 3, "removed": 3}
    assert not share.find("hazelnut")


def test_the_same_file_in_ten_documents_is_embedded_once(share: Share) -> None:
    for number in range(10):
        (share.folder / f"{number}.docx").write_bytes(
            word(f"Letter {number}", workbook("Walnut cake recipe"))
        )
    assert share.sync() == {"known": 20, "indexed": 20}
    before = share.asked.memory.catalogue.vectors.count()
    assert share.reading.embed() >= 20
    letters, recipe = 10, 1
    texts = {row.digest for row in share.asked.memory.catalogue.passages.after(0, 10_000) if row.embedded}
    assert len(share.find("walnut")) == 10
    assert share.asked.memory.catalogue.vectors.count() - before <= len(texts)
    digests = [
        row.digest
        for row in share.asked.memory.catalogue.passages.after(0, 10_000)
        if "Walnut cake" in row.passage.text
    ]
    assert (len(digests), len(set(digests))) == (letters, recipe)


def test_limits_cost_a_ledger_row_that_says_so(share: Share) -> None:
    deep = pdf("The bottom")
    for level in range(6, 0, -1):
        deep = pdf(f"Level {level}", **{f"level{level + 1}__pdf": deep})
    (share.folder / "deep.pdf").write_bytes(deep)
    many = word("Many", *(workbook(f"Sheet {number}") for number in range(3)), b"not a workbook")
    (share.folder / "many.docx").write_bytes(many)
    share.sync()
    rows = share.rows()
    assert rows["level7.pdf"] == (Stage.SKIPPED, "attached more than 5 levels deep")
    assert rows["level6.pdf"][0] is Stage.INDEXED
    bounded = list(attached.bounded(Attachment(f"{n}.txt", b"text") for n in range(attached.MAX_FILES + 7)))
    assert bounded[-1].problem == "7 further files are attached: more than 200"
    large = Attachment("large.bin", b"x" * (attached.MAX_BYTES + 1))
    assert next(attached.bounded([large])).problem == attached.TOO_LARGE


def test_an_attached_original_is_handed_out_safely(share: Share) -> None:
    inner = pdf("Inside", sheet__xlsx=PRICES)
    (share.folder / "pack.pdf").write_bytes(pdf("A pack", inner__pdf=inner))
    share.sync()
    app = create_app(lambda: share.asked)
    app.state.service = share.asked  # without the lifespan, which would close what the other tests use
    client = TestClient(app, base_url="http://127.0.0.1:8377")
    shown = client.get(f"/api/documents/{share.one('inside')}/original")
    assert shown.content == inner
    assert shown.headers["content-type"] == "application/pdf"
    sheet = share.one("hazelnut")
    given = client.get(f"/api/documents/{sheet}/original")
    assert given.content == PRICES
    assert given.headers["content-disposition"].startswith("attachment")
    assert given.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in given.headers["content-security-policy"]
    page = client.get(f"/documents/{share.one('inside')}").text
    assert f"/documents/{sheet}" in page
    assert f"/documents/{share.one('pack')}" in page
    (share.folder / "pack.pdf").write_bytes(pdf("Another pack"))
    assert client.get(f"/api/documents/{sheet}/original").status_code == 404


_SHEETS = st.lists(st.integers(0, 3), max_size=3)
_CHANGES = st.lists(st.tuples(st.integers(0, 2), st.one_of(st.none(), _SHEETS)), min_size=1, max_size=3)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_CHANGES, min_size=1, max_size=3))
def test_syncs_end_at_what_the_files_hold(
    asked: Service, rounds: list[list[tuple[int, list[int] | None]]]
) -> None:
    """Whatever was written, changed, removed or renamed: the memory holds what the files hold now."""
    folder = Path(tempfile.mkdtemp())
    try:
        share, model = Share(asked, folder), dict[int, list[int]]()
        for changes in rounds:
            for number, sheets in changes:
                path = folder / f"{number}.docx"
                if sheets is None:
                    path.unlink(missing_ok=True)
                    model.pop(number, None)
                else:
                    path.write_bytes(
                        word(f"Letter {number}", *(workbook(f"Sheet {each}") for each in sheets))
                    )
                    model[number] = sheets
            share.sync(accept=True)
            held = [
                SourceRef.parse(str(row.ref)) for row in asked.memory.catalogue.ledger.of_source(share.name)
            ]
            found: dict[int, int] = {}
            for ref in held:
                number = int(ref.key.partition(".")[0])
                found[number] = found.get(number, -1) + 1
            assert found == {number: len(sheets) for number, sheets in model.items()}
            assert share.sync() == ({"known": len(held), "unchanged": len(held)} if held else {})
    finally:
        shutil.rmtree(folder)
