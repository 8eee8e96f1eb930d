"""Every family of files says the same of the same document, through the real worker processes."""

import io

import pytest

from ingest.parsers.base import Element, ElementKind, Parsed
from ingest.parsers.registry import FAMILIES, family
from ingest.parsers.workers import ParserPool
from memory.domain import Role
from tests.ingest import samples
from tests.ingest.samples import SECTIONS, Sample

Read = tuple[Sample, Parsed]


@pytest.fixture(scope="module", params=samples.MAKERS, ids=lambda maker: maker.__name__)
def read(request: pytest.FixtureRequest, pool: ParserPool) -> Read:
    sample = request.param()
    return sample, pool.parse(sample.data, name=sample.name)


def element_with(parsed: Parsed, text: str) -> Element:
    (found,) = (element for element in parsed.elements if text in element.text)
    return found


def test_every_family_has_a_sample() -> None:
    """Aside from those that the samples' text cannot be written in as it is: each has tests of its own."""
    own = {"mail", "thread", "confluence", "pictures", "dokuwiki", "wikitext"}
    assert {family(maker().media_type) for maker in samples.MAKERS} == set(FAMILIES) - own


def test_the_bytes_tell_the_type(read: Read) -> None:
    sample, parsed = read
    assert parsed.media_type == sample.media_type


def test_all_text_comes_out_in_order_and_once(read: Read) -> None:
    _, parsed = read
    text = "\n".join(element.text for element in parsed.elements)
    said = [line for section in SECTIONS for line in section]
    places = [text.index(line) for line in said]
    assert places == sorted(places)
    assert [text.count(line) for line in said] == [1] * len(said)
    assert "�" not in text
    assert parsed.empty_reason == ""


def test_no_element_is_empty_or_padded(read: Read) -> None:
    _, parsed = read
    for element in parsed.elements:
        assert element.text == element.text.strip() != ""
        assert (element.level > 0) == (element.kind is ElementKind.HEADING)


def test_headings_are_headings(read: Read) -> None:
    sample, parsed = read
    found = [element.text for element in parsed.elements if element.kind is ElementKind.HEADING]
    wanted = [heading for heading, _ in SECTIONS] if sample.headings else []
    assert [heading for heading in found if heading != samples.TITLE] == wanted


def test_each_section_knows_its_place(read: Read) -> None:
    sample, parsed = read
    for number, (heading, text) in enumerate(SECTIONS, start=1):
        found = element_with(parsed, text)
        assert found.page == (number if sample.places == "page" else None)
        assert found.slide == (number if sample.places == "slide" else None)
        assert found.sheet == (heading if sample.places == "sheet" else None)


def test_characters_beyond_the_basic_plane_survive(read: Read) -> None:
    sample, parsed = read
    if sample.astral:
        assert element_with(parsed, samples.ASTRAL)


def test_the_title_is_the_documents_own(read: Read) -> None:
    sample, parsed = read
    assert parsed.title == (samples.TITLE if sample.author else "terms")


def test_the_author_is_named_with_evidence(read: Read) -> None:
    sample, parsed = read
    authors = [part for part in parsed.contributions if part.role is Role.AUTHOR]
    assert [part.person.name for part in authors] == ([samples.AUTHOR] if sample.author else [])
    assert all(part.evidence for part in parsed.contributions)


@pytest.mark.parametrize(
    "make", [samples.docx, samples.pptx, samples.xlsx, samples.odt, samples.ods, samples.odp]
)
def test_who_edited_last_is_the_editor_and_no_author(pool: ParserPool, make: samples.Maker) -> None:
    sample = make()
    parsed = pool.parse(sample.data, name=sample.name)
    editors = [part.person.name for part in parsed.contributions if part.role is Role.EDITOR]
    assert editors == [samples.EDITOR]


def test_the_date_is_the_documents_own(read: Read) -> None:
    sample, parsed = read
    if sample.name == "terms.pdf":
        assert parsed.created is not None  # its writer dates it itself
    else:
        assert (parsed.created is not None) == sample.dates
        assert parsed.created is None or parsed.created.date() == samples.CREATED.date()


def test_the_language_is_told(read: Read) -> None:
    _, parsed = read
    assert parsed.language == "en"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("utf16.txt", "Ærø og Łódź står på kortet".encode("utf-16"), "Ærø og Łódź står på kortet"),
        ("nomark.txt", "Ærø og Fanø står på kortet".encode("utf-16-le"), "Ærø og Fanø står på kortet"),
        ("utf32.txt", "Ærø og Łódź".encode("utf-32"), "Ærø og Łódź"),
        ("mark.txt", b"\xef\xbb\xbfSigns \xc3\xa6", "Signs æ"),
        ("latin.txt", "Straße nach Süden".encode("cp1252"), "Straße nach Süden"),
        ("ends.txt", b"one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("data.xml", '<?xml version="1.0" encoding="UTF-8"?><a><b>Pump</b></a>'.encode("utf-16"), "Pump"),
        ("page.html", '<meta charset="iso-8859-1"><p>Fähre'.encode("latin-1"), "Fähre"),
        (
            "list.csv",
            "Ort;Land\nÅrhus;DK\nKøbenhavn;DK".encode("utf-16"),
            "Ort | Land\nOrt: Århus; Land: DK\nOrt: København; Land: DK",
        ),
    ],
)
def test_any_encoding_is_read(pool: ParserPool, name: str, data: bytes, expected: str) -> None:
    parsed = pool.parse(data, name=name)
    assert "\n".join(element.text for element in parsed.elements) == expected


def test_what_a_wrong_ending_says_does_not_count(pool: ParserPool) -> None:
    sample = samples.docx()
    assert pool.parse(sample.data, name="terms.pdf").media_type == sample.media_type
    assert pool.parse(samples.pdf().data, name="terms").media_type == "application/pdf"
    assert pool.parse(b"Just a text.", name="terms.docx").media_type == "text/plain"


def test_style_names_are_no_text(pool: ParserPool) -> None:
    latent = b"{\r\n\\*\\latentstyles\\lsdlockeddef0{\\lsdlockedexcept\\lsdqformat1 heading 1;\\lsdqformat1 caption;}}"
    parsed = pool.parse(b"{\\rtf1\\ansi" + latent + b"\\pard Pumps.\\par}", name="a.rtf")
    assert [element.text for element in parsed.elements] == ["Pumps."]


def test_an_org_file_shows_no_keywords(pool: ParserPool) -> None:
    text = b'#+INCLUDE: "other.org"\n\n* Pumps\n\nAll about pumps.\n\n#+BEGIN_SRC\nrun\n#+END_SRC\n'
    parsed = pool.parse(text, name="a.org")
    assert [element.text for element in parsed.elements] == ["Pumps", "All about pumps.", "run"]
    assert parsed.title == "Pumps"


@pytest.mark.parametrize("first", ["May 5, 2023", "12.03.2024", "200.01 1 400.01 3"])
def test_a_date_or_a_figure_is_no_title(pool: ParserPool, first: str) -> None:
    assert pool.parse(f"{first}\n\nThe pump runs.".encode(), name="memo.txt").title == "memo"


def test_a_caption_is_no_author(pool: ParserPool) -> None:
    page = b"<h1>Largest companies</h1><p>BY NET PROFIT</p><p>by Jane Doe</p>"
    (author,) = pool.parse(page, name="a.html").contributions
    assert author.person.name == "Jane Doe"


def test_the_name_of_a_picture_is_no_text(pool: ParserPool) -> None:
    from docx import Document
    from PIL import Image

    picture, target = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG")
    document = Document()
    document.add_picture(picture)
    document.save(target)
    parsed = pool.parse(target.getvalue(), name="photo.docx")
    assert (parsed.elements, parsed.title, parsed.empty_reason) == ((), "photo", "no text in it")
