"""Word documents with real styles, tables and properties."""

import io

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph as WordParagraph

from api.demo.archive import naive, pinned
from api.demo.source import Block, Break, Code, Heading, Listing, Paragraph, Source, Table, runs
from api.demo.words import COMPANY, labelled

_NAVY, _GREY = RGBColor(0x12, 0x35, 0x5B), RGBColor(0x5A, 0x6B, 0x7B)
_TAGS = {"en": "en-GB", "de": "de-DE", "fr": "fr-FR", "da": "da-DK"}


def _write(paragraph: WordParagraph, text: str) -> WordParagraph:
    for run in runs(text):
        part = paragraph.add_run(run.text)
        part.bold = run.style == "bold" or None
        part.italic = run.style == "italic" or None
        if run.style == "code":
            part.font.name = "Consolas"
    return paragraph


def _table(document: WordDocument, table: Table) -> None:
    grid = document.add_table(rows=0, cols=len(table.rows[0]), style="Light Grid Accent 1")
    for row in table.rows:
        for cell, text in zip(grid.add_row().cells, row, strict=True):
            _write(cell.paragraphs[0], text).paragraph_format.space_after = Pt(2)
    document.add_paragraph()


def _block(document: WordDocument, block: Block) -> None:
    match block:
        case Heading(level, text):
            document.add_heading(text, level - 1)
        case Paragraph(text, quote):
            _write(document.add_paragraph(style="Intense Quote" if quote else None), text)
        case Listing(items, True):
            for number, item in enumerate(items, start=1):
                line = _write(document.add_paragraph(style="List Paragraph"), f"{number}.\t{item}")
                line.paragraph_format.first_line_indent = Cm(-0.75)
                line.paragraph_format.tab_stops.add_tab_stop(Cm(1.27))
        case Listing(items):
            for item in items:
                _write(document.add_paragraph(style="List Bullet"), item)
        case Table():
            _table(document, block)
        case Code(text):
            _write(document.add_paragraph(), f"`{text}`")
        case Break():
            document.add_page_break()


def _field(paragraph: WordParagraph, instruction: str) -> None:
    """A field such as the page number, which Word fills in."""
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), instruction)
    paragraph._p.append(field)


def _frame(document: WordDocument, source: Source) -> None:
    """Fonts, language, running header and footer."""
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(10.5)
    normal.paragraph_format.space_after = Pt(7)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), _TAGS[source.language])
    normal.element.get_or_add_rPr().append(language)
    for name in ("Title", "Heading 1", "Heading 2"):
        document.styles[name].font.color.rgb = _NAVY
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.5)
    head = section.header.paragraphs[0]
    head.add_run(f"{COMPANY}\t\t{source.reference}").font.color.rgb = _GREY
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    _field(foot, "PAGE")
    foot.add_run(" / ")
    _field(foot, "NUMPAGES")


def docx(source: Source) -> bytes:
    """The source as a Word document."""
    document = Document()
    _frame(document, source)
    document.add_heading(source.title, 0)
    for line in labelled(source):
        by = document.add_paragraph()
        by.paragraph_format.space_after = Pt(0)
        by.add_run(line).font.color.rgb = _GREY
    for block in source.blocks():
        _block(document, block)
    properties = document.core_properties
    properties.author = "; ".join(writer.name for writer in source.authors)
    properties.last_modified_by = source.last_editor.name
    properties.title, properties.subject = source.title, source.subject
    properties.keywords, properties.comments = ", ".join(source.keywords), ""
    properties.language, properties.identifier = source.language, source.reference
    properties.created, properties.modified = naive(source.created), naive(source.modified)
    target = io.BytesIO()
    document.save(target)
    return pinned(target.getvalue(), source.modified)
