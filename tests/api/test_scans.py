"""Pages that are pictures: recognised by Tesseract, found by their words, opened where these stand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from api.app import create_app
from api.service import Service
from ingest import recognition
from ingest.parsers.tesseract import find
from ingest.parsers.workers import ParserPool
from memory.catalogue.audit import Wanted
from memory.catalogue.ledger import LedgerRow
from memory.domain import OWNER, Asker, Stage
from memory.errors import InvalidSettings, NotFound
from tests.attachments import word
from tests.mailboxes import BO, JANE, as_files, message
from tests.memories import add_folder, service, sync
from tests.scans import LINE, MARGIN, needs_tesseract, pdf, picture, saved

TYPED = "The lease begins on the first of May.\nBoth parties have signed it in the presence of a notary in Bristol."
SCANNED = picture("The tenant pays for the repair of the", "wooden staircase and the chimney.")
BO_ONLY = Asker(tokens=frozenset({"person:bo@x.example"}))

pytestmark = needs_tesseract


@pytest.fixture(scope="module")
def pool() -> Iterator[ParserPool]:
    with ParserPool(2, ocr=find("tesseract", ())) as opened:
        yield opened


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, pool: ParserPool) -> Iterator[Service]:
    """A service over scans of every kind, once they are recognised."""
    base = tmp_path_factory.mktemp("scans")
    files = base / "files"
    files.mkdir()
    (files / "lease.pdf").write_bytes(
        pdf(TYPED, SCANNED, "The annex is a page of text again, and it is long enough.")
    )
    (files / "stamped.pdf").write_bytes(
        pdf(picture("Notice of termination", "to the slater"), ["Docket 17-A"])
    )
    (files / "order.png").write_bytes(saved(picture("Bestellung über vierzig Tische")))
    (files / "fax.tif").write_bytes(
        saved(picture("La livraison est retardée"), "TIFF", picture("Kontrakten ophører til nytår"))
    )
    (files / "sky.jpg").write_bytes(saved(Image.new("L", (640, 480), 140), "JPEG"))
    (files / "torn.png").write_bytes(saved(SCANNED)[:2000])
    letter = message(
        "a@x.example",
        JANE,
        BO,
        "The gate",
        "See the drawing.",
        files={"gate.pdf": pdf(picture("Wrought iron gate"))},
    )
    as_files(files / "mail", [letter])
    with service(base / "home", audit={"keep_days": 30}) as opened:
        opened.memory.lent = pool
        add_folder(opened, files, grant=["person:jane@x.example"])
        job = sync(opened)
        assert job["state"] == "done", job
        assert (
            job["recognised"] == {"documents": 5, "pages": 7, "failed": 1, "waiting": 0} | job["recognised"]
        )
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: asked), base_url="http://localhost") as opened:
        yield opened


def row(asked: Service, name: str) -> LedgerRow:
    return next(
        each for each in asked.memory.catalogue.ledger.of_source("files") if each.ref.key.endswith(name)
    )


def found(asked: Service, query: str) -> dict[str, Any]:
    [result] = asked.search(query, OWNER)["results"][:1]
    return dict(result)


@pytest.mark.slow
def test_scans_are_found_by_their_words_at_their_pages(asked: Service) -> None:
    for query, name, page in (
        ("staircase chimney", "lease.pdf", 2),
        ("notice termination slater", "stamped.pdf", 1),
        ("Bestellung vierzig Tische", "order.png", 1),
        ("livraison retardée", "fax.tif", 1),
        ("kontrakten ophører", "fax.tif", 2),
    ):
        result = found(asked, query)
        location = result["passages"][0]["location"]
        assert result["ref"].endswith(name), query
        assert (location["page"], location["scanned"]) == (page, True), query
    typed = found(asked, "notary Bristol")["passages"][0]
    assert "scanned" not in typed["location"], "a page with a text layer is not recognised"
    assert "Docket 17-A" in asked.memory.catalogue.documents.text(
        found(asked, "slater termination")["document"]
    )


def test_what_is_attached_is_recognised_too(asked: Service) -> None:
    result = found(asked, "wrought iron")
    assert asked.document(result["document"], OWNER)["parent"]["title"] == "The gate"


def test_what_has_no_text_says_so_and_is_not_tried_again(asked: Service) -> None:
    assert (row(asked, "sky.jpg").stage, row(asked, "sky.jpg").reason) == (
        Stage.SKIPPED,
        "no text was recognised on it (OCR)",
    )
    assert row(asked, "torn.png").reason.startswith(
        "1 of its pages could not be recognised, first page 1: broken"
    )
    assert sync(asked)["recognised"]["pages"] == 0


def test_a_hit_opens_the_page_with_its_words_marked(asked: Service, client: TestClient) -> None:
    page = client.get("/", params={"q": "staircase"}).text
    document = found(asked, "staircase")["document"]
    link = f"/documents/{document}/pages/2?passage="
    assert link in page
    told = client.get(f"/api/documents/{document}/pages/2", params={"q": "staircase", "passage": 1}).json()
    marked = [each for each in told["words"] if each["found"]]
    assert [each["text"] for each in marked] == ["staircase"]
    assert told["pages"] == [2]
    # The word stands where it was drawn: in the second line, right of "wooden", on a page drawn at 200 dpi of 150.
    left, top, width, height = marked[0]["box"]
    assert abs(top * 150 / 200 - (MARGIN + LINE)) < 15
    assert MARGIN * 200 / 150 < left < left + width < told["width"] / 2
    assert height < LINE * 200 / 150
    assert 80 < told["confidence"] <= 100
    shown = client.get(f"/documents/{document}/pages/2", params={"q": "staircase"}).text
    assert "<mark>staircase</mark>" in shown
    assert shown.count('class="found" id="found"') == 1


def test_the_picture_is_drawn_for_whoever_may_see_it_and_noted(asked: Service, client: TestClient) -> None:
    document = found(asked, "staircase")["document"]
    address = f"/api/documents/{document}/pages/2/picture"
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.content.startswith(b"\xff\xd8\xff")
    entry = asked.memory.catalogue.audit.entries(Wanted(), limit=1)[0]
    assert (entry.request, entry.about["documents"]) == (f"GET {address}", [document])
    for path in (
        address,
        address.removesuffix("/picture"),
        address.removeprefix("/api").removesuffix("/picture"),
    ):
        assert client.get(path, params={"as": "bo@x.example"}).status_code == 404
    for page in (1, 7):
        assert client.get(f"/api/documents/{document}/pages/{page}").status_code == 404
    attached = found(asked, "wrought iron")["document"]
    assert client.get(f"/api/documents/{attached}/pages/1/picture").content.startswith(b"\xff\xd8\xff")


def test_a_page_that_changed_since_is_not_shown_with_old_marks(asked: Service) -> None:
    document = found(asked, "Bestellung vierzig")["document"]
    path = Path(asked.memory.catalogue.sources.get("files").location) / "order.png"
    path.write_bytes(saved(picture("Bestellung über fünfzig Stühle")))
    with pytest.raises(NotFound, match="another version"):
        asked.scans.picture(document, 1, OWNER)
    with pytest.raises(NotFound):
        asked.scans.picture(document, 1, BO_ONLY)
    sync(asked)
    assert found(asked, "fünfzig Stühle")["document"] == document
    assert asked.scans.picture(document, 1, OWNER)


def test_documents_from_before_tesseract_are_recognised_once_it_is_there(
    tmp_path: Path, pool: ParserPool
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "lease.pdf").write_bytes(pdf(TYPED, SCANNED))
    (files / "scan.pdf").write_bytes(pdf(picture("Three slaters and a ladder")))
    (files / "pack.docx").write_bytes(word("The pack", saved(picture("A plan of the attic"))))
    with service(tmp_path / "home") as opened, ParserPool(1, warm_up=False) as without:
        opened.memory.lent = without
        add_folder(opened, files)
        assert sync(opened)["recognised"]["pages"] == 0
        assert (row(opened, "scan.pdf").stage, row(opened, "scan.pdf").reason) == (
            Stage.SKIPPED,
            "no text layer, needs OCR",
        )
        assert row(opened, "lease.pdf").reason == "1 of its pages have no text layer, needs OCR"
        [told] = opened.why.explain("lease.pdf", OWNER)["found"]
        assert (told["cause"], "Tesseract" in told["hint"]) == ("partly", True)
        assert sync(opened)["summaries"][0]["indexed"] == 0
    with service(tmp_path / "home") as opened:
        opened.memory.lent = pool
        job = sync(opened)
        assert (job["summaries"][0]["indexed"], job["recognised"]["pages"]) == (0, 3)
        for query, name in (("ladder", "scan.pdf"), ("chimney", "lease.pdf"), ("attic", "Worksheet1.xlsx")):
            assert found(opened, query)["ref"].endswith(name)
        assert row(opened, "lease.pdf").reason == ""


def test_a_long_scan_goes_on_where_its_time_was_up(
    tmp_path: Path, pool: ParserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition, "PAGES_TOGETHER", 1)
    files = tmp_path / "files"
    files.mkdir()
    numbers = ("one", "two", "three", "four", "five")
    (files / "long.pdf").write_bytes(pdf(*(picture(f"This is page {number}") for number in numbers)))
    seen = []
    with service(tmp_path / "home", ocr={"minutes": 0.0001}) as opened:
        opened.memory.lent = pool
        add_folder(opened, files)
        while not seen or seen[-1]["waiting"]:
            assert len(seen) < len(numbers)
            seen.append(sync(opened)["recognised"])
            if seen[-1]["waiting"]:
                assert "has yet to come" in row(opened, "long.pdf").reason
        assert len(seen) > 1, "it was done at once, so the limit was not tried"
        assert sum(each["pages"] for each in seen) == len(numbers), "a page was recognised twice"
        assert found(opened, '"page five"')["passages"][0]["location"]["page"] == 5


def test_a_language_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidSettings, match="no language xyz"):
        find("tesseract", ("eng", "xyz"))
    assert find("no-such-program", ()) is None
