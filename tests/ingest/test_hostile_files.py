"""A broken, encrypted or hostile file costs one error that says why; its neighbours and the workers live on."""

import io
import zipfile
from pathlib import Path

import pytest

from ingest.parsers.workers import ParserPool
from memory.errors import ParseError
from tests.ingest import samples


def said(pool: ParserPool, name: str, data: bytes) -> str:
    """Why a file is not indexed: the error's message, or the reason of a file that holds no text."""
    try:
        parsed = pool.parse(data, name=name)
    except ParseError as error:
        return error.message
    assert not parsed.elements, parsed.elements[:3]
    return parsed.empty_reason


def text_or_reason(pool: ParserPool, name: str, data: bytes) -> str:
    """The text of a file that may be read, else why it is not."""
    try:
        parsed = pool.parse(data, name=name)
    except ParseError as error:
        return error.message
    return "\n".join(element.text for element in parsed.elements) or parsed.empty_reason


def encrypted_pdf() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    target = io.BytesIO()
    canvas = Canvas(target, encrypt="secret")
    canvas.drawString(72, 700, "Nobody reads this.")
    canvas.save()
    return target.getvalue()


def pictured_pdf() -> bytes:
    """A scan: a page that holds a picture and no text."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    target = io.BytesIO()
    canvas = Canvas(target)
    canvas.drawImage(ImageReader(Image.new("RGB", (40, 40), "white")), 100, 100)
    canvas.bookmarkPage("first")
    canvas.addOutlineEntry("Scanned page", "first")
    canvas.save()
    return target.getvalue()


def blank_docx() -> bytes:
    from docx import Document

    target = io.BytesIO()
    Document().save(target)
    return target.getvalue()


def swapped(data: bytes, part: str, content: bytes) -> bytes:
    """An Office file with another main part."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return target.getvalue()


LAUGHS = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + level, b"&%c;" % (97 + level) * 12) for level in range(9)
)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("scan.pdf", pictured_pdf(), "no text layer, needs OCR"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(60), "no text layer, needs OCR"),
        ("blank.docx", blank_docx(), "no text in it"),
        ("blank.txt", b" \n\t \n", "no text in it"),
        ("blank.html", b"<html><body><script>var a</script></body></html>", "no text in it"),
        ("nothing.pdf", b"", "empty file"),
        ("locked.pdf", encrypted_pdf(), "encrypted: needs a password"),
        ("song.mp3", b"ID3" + bytes(200), "no parser for audio/mpeg"),
        ("tool.exe", b"MZ" + bytes(200), "no parser for application/x-executable"),
    ],
)
def test_a_file_without_text_says_why(pool: ParserPool, name: str, data: bytes, reason: str) -> None:
    assert said(pool, name, data) == reason


@pytest.mark.parametrize(
    "make", [samples.pdf, samples.docx, samples.pptx, samples.xlsx, samples.odt, samples.epub]
)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_broken(pool: ParserPool, make: samples.Maker, kept: float) -> None:
    sample = make()
    assert (
        said(pool, sample.name, sample.data[: int(len(sample.data) * kept)])
        == "broken file: it ends too early"
    )


def test_a_truncated_linearized_pdf_is_broken(pool: ParserPool) -> None:
    # Its first lines state its length, and it has an end mark near its beginning.
    whole = samples.pdf().data
    stated = b"%%PDF-1.4\n1 0 obj <</Linearized 1 /L %d>> endobj\n%%%%EOF\n" % (len(whole) + 60)
    assert said(pool, "web.pdf", stated + whole[: len(whole) // 2]) == "broken file: it ends too early"


def test_noise_is_broken_or_empty(pool: ParserPool) -> None:
    noise = bytes((number * 7919) % 251 for number in range(4000))
    for name, head in (("a.pdf", b"%PDF-1.7\n"), ("a.docx", b"PK\x03\x04"), ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
                       ("a.rtf", b"{\\rtf1 "), ("a.odt", b"PK\x03\x04\x14\0\0\0\0\0")):  # fmt: skip
        assert said(pool, name, head + noise), name


def test_an_entity_bomb_does_not_go_off(pool: ParserPool) -> None:
    laughing = LAUGHS + b"]><d>&j;</d>"
    for name, data in (
        ("bomb.xml", laughing),
        ("bomb.docx", swapped(samples.docx().data, "word/document.xml", laughing)),
        ("bomb.odt", swapped(samples.odt().data, "content.xml", laughing)),
        ("bomb.odp", swapped(samples.odp().data, "content.xml", laughing)),
        ("bomb.html", laughing),
    ):
        assert len(text_or_reason(pool, name, data)) < 100_000, name


def test_nothing_outside_the_file_is_read(pool: ParserPool, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("swordfish", encoding="utf-8")
    entity = (
        f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY s SYSTEM "file://{secret}">]><d>&s; word</d>'.encode()
    )
    include = f".. include:: {secret}\n\nword\n".encode()
    for name, data in (("a.xml", entity), ("a.html", entity), ("a.rst", include), ("a.md", include),
                       ("a.odt", swapped(samples.odt().data, "content.xml", entity)),
                       ("a.docx", swapped(samples.docx().data, "word/document.xml", entity))):  # fmt: skip
        assert "swordfish" not in text_or_reason(pool, name, data), name


def test_deep_nesting_is_an_error_or_text(pool: ParserPool) -> None:
    deep = 50_000
    for name, data in (
        ("deep.html", b"<html><body>" + b"<div>" * deep + b"word" + b"</div>" * deep),
        ("deep.xml", b"<?xml version='1.0'?>" + b"<a>" * deep + b"word" + b"</a>" * deep),
        ("deep.rtf", b"{\\rtf1 " + b"{" * deep + b"word" + b"}" * deep + b"}"),
        ("deep.md", b"> " * 5000 + b"word"),
        ("deep.json", b"[" * deep + b"1" + b"]" * deep),
        ("deep.csv", b'"' * deep),
    ):
        assert text_or_reason(pool, name, data), name
    assert pool.parse(b"still here", name="a.txt").elements


WORD = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def word_bomb(paragraphs: int) -> bytes:
    """A Word file of some kilobytes that unpacks to 47 bytes for each paragraph, and to far more in memory."""
    text = b"<w:p><w:r><w:t>word word word</w:t></w:r></w:p>" * paragraphs
    body = b'<?xml version="1.0"?><w:document ' + WORD + b"><w:body>" + text + b"</w:body></w:document>"
    return swapped(samples.docx().data, "word/document.xml", body)


def test_a_zip_bomb_is_not_unpacked(pool: ParserPool) -> None:
    beside = io.BytesIO(samples.docx().data)
    with zipfile.ZipFile(beside, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/a.xml", b" " * (50 << 20))
    assert samples.SECTIONS[0][1] in text_or_reason(pool, "one.docx", beside.getvalue())
    tall = swapped(samples.odt().data, "content.xml", bytes(80 << 20))
    assert said(pool, "three.odt", tall).startswith("broken file")
