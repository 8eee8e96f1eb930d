"""One small document in every format that is read, built with the libraries that write them."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

TITLE = "Warranty terms for pumps"
AUTHOR = "Jane Doe"
EDITOR = "Søren Kjær"
CREATED = datetime(2024, 3, 5, 9, 30, tzinfo=UTC)
MODIFIED = datetime(2024, 4, 16, 15, 0, tzinfo=UTC)
SECTIONS = (
    (
        "1. Scope of the warranty",
        "The supplier warrants every pump that was sold in Zürich or Århus for twenty-four months after it has been "
        "delivered to the customer, and repairs it without asking for money.",
    ),
    (
        "2. What is excluded",
        "Damage caused by frost, by water that was not filtered or by people who opened the housing is not covered, "
        "whatever the naïve reader of a leaflet may have hoped for.",
    ),
    (
        "3. How to give notice",
        "Whoever finds a defect tells the supplier within ten days in writing and keeps the pump as it was found, "
        "so that an engineer can look at it before anything is changed.",
    ),
)
"""Headings and paragraphs in the order in which they must come out again."""

ASTRAL = "The engineer 𠮷田 marked it with 🔧 and ✅."
"""Characters outside the basic plane, which some programs cut in two."""

ROWS = (("Part", "Stock", "Store"), ("Impeller", "12", "Zürich"), ("Gasket", "140", "Århus"))


@dataclass(frozen=True)
class Sample:
    """A file as bytes, and what its format can hold of the document.

    :param places: where the three sections stand: ``page``, ``sheet``, ``slide`` or nowhere.
    :param levels: whether it marks headings at all.
    """

    name: str
    media_type: str
    data: bytes
    places: str = ""
    headings: bool = True
    author: bool = True
    dates: bool = True
    astral: bool = True


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def pdf() -> Sample:
    """One page for each section; the standard fonts know Western Europe's letters alone."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.utils import simpleSplit
    from reportlab.pdfgen.canvas import Canvas

    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4)
    canvas.setTitle(TITLE)
    canvas.setAuthor(AUTHOR)
    for heading, text in SECTIONS:
        canvas.setFont("Helvetica-Bold", 14)
        canvas.drawString(72, 760, heading)
        canvas.setFont("Helvetica", 11)
        for number, line in enumerate(simpleSplit(text, "Helvetica", 11, 450)):
            canvas.drawString(72, 730 - 14 * number, line)
        canvas.showPage()
    canvas.save()
    return Sample("terms.pdf", "application/pdf", target.getvalue(), "page", astral=False)


def docx() -> Sample:
    from docx import Document

    document = Document()
    for heading, text in SECTIONS:
        document.add_heading(heading, 1)
        document.add_paragraph(text)
    document.add_paragraph(ASTRAL)
    properties = document.core_properties
    properties.title, properties.author, properties.last_modified_by = TITLE, AUTHOR, EDITOR
    properties.created, properties.modified = _naive(CREATED), _naive(MODIFIED)
    target = io.BytesIO()
    document.save(target)
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return Sample("terms.docx", kind, target.getvalue())


def pptx() -> Sample:
    from pptx import Presentation

    slides = Presentation()
    for place, (heading, text) in enumerate(SECTIONS):
        slide = slides.slides.add_slide(slides.slide_layouts[1])
        slide.shapes.title.text = heading
        slide.placeholders[1].text = text if place < 2 else f"{text}\n{ASTRAL}"
    properties = slides.core_properties
    properties.title, properties.author, properties.last_modified_by = TITLE, AUTHOR, EDITOR
    properties.created, properties.modified = _naive(CREATED), _naive(MODIFIED)
    target = io.BytesIO()
    slides.save(target)
    kind = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    return Sample("terms.pptx", kind, target.getvalue(), "slide")


def xlsx() -> Sample:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for place, (heading, text) in enumerate(SECTIONS):
        sheet = book.create_sheet(heading)
        for row in ROWS:
            sheet.append(row)
        sheet.append([text])
        if place == 2:
            sheet.append([ASTRAL])
    properties = book.properties
    properties.title, properties.creator, properties.lastModifiedBy = TITLE, AUTHOR, EDITOR
    properties.created, properties.modified = _naive(CREATED), _naive(MODIFIED)
    target = io.BytesIO()
    book.save(target)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Sample("terms.xlsx", kind, target.getvalue(), "sheet")


def _opendocument(document: object) -> bytes:
    from odf import dc, meta

    for element in (
        dc.Title(text=TITLE),
        meta.InitialCreator(text=AUTHOR),
        dc.Creator(text=EDITOR),
        meta.CreationDate(text=_naive(CREATED).isoformat()),
        dc.Date(text=_naive(MODIFIED).isoformat()),
    ):
        document.meta.addElement(element)  # type: ignore[attr-defined]
    target = io.BytesIO()
    document.write(target)  # type: ignore[attr-defined]
    return target.getvalue()


def odt() -> Sample:
    from odf.opendocument import OpenDocumentText
    from odf.text import H, P

    document = OpenDocumentText()
    for heading, text in SECTIONS:
        document.text.addElement(H(outlinelevel=1, text=heading))
        document.text.addElement(P(text=text))
    document.text.addElement(P(text=ASTRAL))
    return Sample("terms.odt", "application/vnd.oasis.opendocument.text", _opendocument(document))


def ods() -> Sample:
    from odf.opendocument import OpenDocumentSpreadsheet
    from odf.table import Table, TableCell, TableRow
    from odf.text import P

    document = OpenDocumentSpreadsheet()
    for place, (heading, text) in enumerate(SECTIONS):
        sheet = Table(name=heading)
        for cells in (*ROWS, (text,), *([(ASTRAL,)] if place == 2 else [])):
            row = TableRow()
            for cell in cells:
                held = TableCell(valuetype="string")
                held.addElement(P(text=cell))
                row.addElement(held)
            sheet.addElement(row)
        document.spreadsheet.addElement(sheet)
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return Sample("terms.ods", kind, _opendocument(document), "sheet")


def odp() -> Sample:
    from odf.draw import Frame, Page, TextBox
    from odf.opendocument import OpenDocumentPresentation
    from odf.style import MasterPage, PageLayout
    from odf.text import P

    document = OpenDocumentPresentation()
    layout = PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = MasterPage(name="master", pagelayoutname=layout)
    document.masterstyles.addElement(master)
    for place, (heading, text) in enumerate(SECTIONS):
        slide = Page(masterpagename=master, name=f"slide {place}")
        for said in (heading, text, *([ASTRAL] if place == 2 else [])):
            frame = Frame(width="20cm", height="4cm")
            box = TextBox()
            box.addElement(P(text=said))
            frame.addElement(box)
            slide.addElement(frame)
        document.presentation.addElement(slide)
    kind = "application/vnd.oasis.opendocument.presentation"
    return Sample("terms.odp", kind, _opendocument(document), "slide")


def _rtf_text(text: str) -> str:
    units = text.encode("utf-16-le")
    numbers = [int.from_bytes(units[at : at + 2], "little", signed=True) for at in range(0, len(units), 2)]
    return "".join(
        chr(number) if 31 < number < 127 and chr(number) not in "\\{}" else f"\\u{number}?"
        for number in numbers
    )


def rtf() -> Sample:
    date = rf"\yr{CREATED.year}\mo{CREATED.month}\dy{CREATED.day}\hr{CREATED.hour}\min{CREATED.minute}"
    info = rf"{{\info{{\title {TITLE}}}{{\author {AUTHOR}}}{{\creatim{date}}}}}"
    said = [line for section in SECTIONS for line in section]
    body = "".join(rf"\pard {_rtf_text(line)}\par " for line in [*said, ASTRAL])
    data = rf"{{\rtf1\ansi\deff0{{\fonttbl{{\f0 Arial;}}}}{info}{body}}}"
    return Sample("terms.rtf", "application/rtf", data.encode("ascii"))


def html() -> Sample:
    body = "".join(f"<h2>{heading}</h2>\n<p>{text}</p>\n" for heading, text in SECTIONS)
    page = f"""<!DOCTYPE html><html lang="en"><head><title>{TITLE}</title><meta charset="utf-8">
    <meta name="author" content="{AUTHOR}"><meta property="article:published_time" content="{CREATED.isoformat()}">
    <script>var hidden = "never shown";</script></head>
    <body><nav><a href="/">Back to the start</a></nav><main>{body}<p>{ASTRAL}</p></main></body></html>"""
    return Sample("terms.html", "text/html", page.encode())


def _marked(before: str, under: Callable[[str], str]) -> str:
    return (
        before + "\n\n".join(f"{under(heading)}\n\n{text}" for heading, text in SECTIONS) + f"\n\n{ASTRAL}\n"
    )


def markdown() -> Sample:
    front = f"---\ntitle: {TITLE}\nauthor: {AUTHOR}\ndate: {CREATED.date()}\n---\n\n"
    return Sample("terms.md", "text/markdown", _marked(front, lambda heading: f"## {heading}").encode())


def rst() -> Sample:
    front = f"{'=' * 30}\n{TITLE}\n{'=' * 30}\n\n:Author: {AUTHOR}\n:Date: {CREATED.date()}\n\n"
    text = _marked(front, lambda heading: f"{heading}\n{'-' * len(heading)}")
    return Sample("terms.rst", "text/x-rst", text.encode())


def txt() -> Sample:
    front = f"{TITLE}\n\nWritten by {AUTHOR}\n\n"
    return Sample("terms.txt", "text/plain", _marked(front, str).encode(), dates=False)


def csv() -> Sample:
    """Has neither headings nor authors: rows of values."""
    rows = [*ROWS, *((heading, "1", text) for heading, text in SECTIONS), ("Note", "2", ASTRAL)]
    text = "\n".join(";".join(f'"{cell}"' for cell in row) for row in rows)
    return Sample("terms.csv", "text/csv", text.encode(), headings=False, author=False, dates=False)


def epub() -> Sample:
    body = "".join(f"<h2>{heading}</h2><p>{text}</p>" for heading, text in SECTIONS)
    chapter = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{TITLE}</title></head><body>{body}<p>{ASTRAL}</p></body></html>'
    package = f"""<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="2.0" unique-identifier="id">
    <metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{TITLE}</dc:title><dc:creator>{AUTHOR}</dc:creator>
    <dc:identifier id="id">urn:uuid:1</dc:identifier><dc:language>en</dc:language></metadata>
    <manifest><item id="one" href="one.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="one"/></spine></package>"""
    container = """<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
    <rootfiles><rootfile full-path="package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("package.opf", package)
        archive.writestr("one.xhtml", chapter)
    return Sample("terms.epub", "application/epub+zip", target.getvalue(), dates=False)


def json_lines() -> Sample:
    """Kept as it stands: what a field means only its reader knows."""
    text = json.dumps(
        [*({"heading": h, "text": t} for h, t in SECTIONS), {"text": ASTRAL}], ensure_ascii=False, indent=1
    )
    return Sample("terms.json", "application/json", text.encode(), headings=False, author=False, dates=False)


Maker = Callable[[], Sample]

MAKERS: tuple[Maker, ...] = (
    pdf,
    docx,
    pptx,
    xlsx,
    odt,
    ods,
    odp,
    rtf,
    html,
    markdown,
    rst,
    txt,
    csv,
    epub,
    json_lines,
)


def tall_zip(name: str, size: int) -> bytes:
    """A zip whose one part unpacks to `size` zero bytes: a bomb."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as part,
    ):
        block = b"\0" * (1 << 20)
        for _ in range(size >> 20):
            part.write(block)
    return target.getvalue()
