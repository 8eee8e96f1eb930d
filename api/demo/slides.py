"""Presentations: ``---`` parts the slides, ``Notes:`` starts what the speaker says."""

import io

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_SHAPE
from pptx.oxml.ns import qn
from pptx.presentation import Presentation as Deck
from pptx.slide import Slide
from pptx.text.text import TextFrame
from pptx.util import Inches, Pt

from api.demo.archive import naive, pinned
from api.demo.source import Block, Break, Heading, Listing, Paragraph, Source, Table, plain, runs
from api.demo.words import labelled

_NAVY, _TEAL, _GREY = RGBColor(0x12, 0x35, 0x5B), RGBColor(0x1F, 0x8A, 0x8A), RGBColor(0x5A, 0x6B, 0x7B)
_NOTES = ("Notes:", "Notes\u00a0:")


def _text(frame: TextFrame, lines: list[str], size: int, numbered: bool = False) -> None:
    frame.word_wrap = True
    for number, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.space_after = Pt(8)
        if numbered:
            look = paragraph._p.get_or_add_pPr()
            look.append(look.makeelement(qn("a:buAutoNum"), {"type": "arabicPeriod"}))
        for run in runs(line):
            part = paragraph.add_run()
            part.text = run.text
            part.font.size = Pt(size)
            part.font.bold = run.style == "bold" or None


def _bar(slide: Slide, height: float) -> None:
    bar = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, Inches(0), Inches(0), Inches(0.22), Inches(height))
    bar.fill.solid()
    bar.fill.fore_color.rgb = _TEAL
    bar.line.fill.background()


def _title(slide: Slide, text: str, top: float, size: int) -> None:
    title = slide.shapes.title
    if title is None:
        return
    title.left, title.top, title.width, title.height = Inches(0.7), Inches(top), Inches(11.9), Inches(1.1)
    title.text_frame.text = text
    paragraph = title.text_frame.paragraphs[0]
    paragraph.font.size, paragraph.font.bold = Pt(size), True
    paragraph.font.color.rgb = _NAVY


def _table(slide: Slide, table: Table, top: float) -> None:
    rows, columns = len(table.rows), len(table.rows[0])
    shape = slide.shapes.add_table(rows, columns, Inches(0.8), Inches(top), Inches(11.7), Inches(0.42 * rows))
    for number, row in enumerate(table.rows):
        for column, text in enumerate(row):
            cell = shape.table.cell(number, column)
            cell.text = plain(text)
            cell.text_frame.paragraphs[0].font.size = Pt(15)
            if number == 0:
                cell.fill.solid()
                cell.fill.fore_color.rgb = _NAVY


def _slide(deck: Deck, blocks: list[Block], source: Source, first: bool) -> None:
    heading = next((block.text for block in blocks if isinstance(block, Heading)), source.title)
    notes = [plain(b.text) for b in blocks if isinstance(b, Paragraph) and b.text.startswith(_NOTES)]
    lines = [b.text for b in blocks if isinstance(b, Paragraph) and not b.text.startswith(_NOTES)]
    lines += [item for block in blocks if isinstance(block, Listing) for item in block.items]
    numbered = any(isinstance(block, Listing) and block.ordered for block in blocks)
    tables = [block for block in blocks if isinstance(block, Table)]
    slide = deck.slides.add_slide(deck.slide_layouts[0 if first else 1 if lines else 5])
    _bar(slide, 7.5)
    _title(slide, heading, 2.0 if first else 0.4, 40 if first else 30)
    if lines or first:
        body = slide.placeholders[1]
        body.left, body.top, body.width = Inches(0.7), Inches(3.2 if first else 1.6), Inches(11.9)
        body.height = Inches(1.9 if tables else 3.6 if first else 5.2)
        _text(body.text_frame, [*lines, *labelled(source)] if first else lines, 20, numbered)
    for table in tables:
        _table(slide, table, 4.1 if len(lines) > 2 else 2.9 if lines else 1.7)
    if notes and (frame := slide.notes_slide.notes_text_frame):
        frame.text = "\n".join(note.split(":", 1)[1].strip() for note in notes)
    foot = slide.shapes.add_textbox(Inches(0.7), Inches(6.95), Inches(11.9), Inches(0.4))
    _text(foot.text_frame, [f"{source.reference} · {len(deck.slides)}"], 11)
    foot.text_frame.paragraphs[0].runs[0].font.color.rgb = _GREY


def pptx(source: Source) -> bytes:
    """The source as a PowerPoint presentation with its document properties."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    pages: list[list[Block]] = [[]]
    for block in source.blocks():
        if isinstance(block, Break):
            pages.append([])
        else:
            pages[-1].append(block)
    for number, blocks in enumerate(pages):
        _slide(deck, blocks, source, number == 0)
    properties = deck.core_properties
    properties.author = "; ".join(writer.name for writer in source.authors)
    properties.last_modified_by = source.last_editor.name
    properties.title, properties.subject = source.title, source.subject
    properties.keywords = ", ".join(source.keywords)
    properties.language, properties.identifier = source.language, source.reference
    properties.created, properties.modified = naive(source.created), naive(source.modified)
    target = io.BytesIO()
    deck.save(target)
    return pinned(target.getvalue(), source.modified)
