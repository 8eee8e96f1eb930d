"""PDF documents: A4, running header, page numbers, title and author as properties."""

import io
import re
from datetime import datetime
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    ListFlowable,
    ListItem,
    PageTemplate,
    Preformatted,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import Table as Grid

from api.demo.archive import naive
from api.demo.source import Block, Break, Code, Heading, Listing, Paragraph, Source, Table, runs
from api.demo.words import COMPANY, labelled, page_of

_NAVY, _GREY, _LINE, _PALE = (HexColor(code) for code in ("#12355b", "#5a6b7b", "#c5d0da", "#eef3f7"))
_MARGIN = 25 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_DATE = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}\+00'00'\)")
_NUMBER = re.compile(r"[€£]?\s?-?\d[\d.,\s]*")

_BODY = ParagraphStyle("Body", fontName="Helvetica", fontSize=10, leading=14.2, spaceAfter=6)
_STYLES = {
    "title": ParagraphStyle(
        "Title", fontName="Helvetica-Bold", fontSize=20, leading=25, textColor=_NAVY, spaceAfter=8
    ),
    "by": ParagraphStyle("By", parent=_BODY, fontSize=9, leading=12.5, textColor=_GREY, spaceAfter=0),
    "quote": ParagraphStyle(
        "Quote", parent=_BODY, fontName="Helvetica-Oblique", leftIndent=8 * mm, rightIndent=8 * mm
    ),
    "item": ParagraphStyle("Item", parent=_BODY, spaceAfter=3),
    "code": ParagraphStyle(
        "Code", fontName="Courier", fontSize=8.5, leading=11, backColor=_PALE, spaceAfter=6
    ),
}
_CELL = ParagraphStyle("Cell", parent=_BODY, fontSize=9, leading=12, spaceAfter=0)
_HEAD = ParagraphStyle("Head", parent=_CELL, fontName="Helvetica-Bold", textColor=_NAVY)
# A column of numbers stands to the right, its heading too.
_STYLES |= {"cell0": _CELL, "cell1": ParagraphStyle("Number", parent=_CELL, alignment=TA_RIGHT)}
_STYLES |= {"head0": _HEAD, "head1": ParagraphStyle("NumberHead", parent=_HEAD, alignment=TA_RIGHT)}
_HEADINGS = {
    level: ParagraphStyle(
        f"Heading{level}",
        fontName="Helvetica-Bold",
        fontSize=size,
        leading=size * 1.3,
        textColor=_NAVY,
        spaceBefore=9,
        spaceAfter=4,
        keepWithNext=1,
    )
    for level, size in ((2, 13), (3, 11), (4, 10))
}
_TAGS = {"bold": ("<b>", "</b>"), "italic": ("<i>", "</i>"), "code": ('<font face="Courier">', "</font>")}


def _marked(text: str) -> str:
    """A line in reportlab's own small markup."""
    parts: list[str] = []
    for run in runs(text):
        inner = (
            run.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br/>")
        )
        if run.style == "link":
            parts.append(f'<a href="{run.href}" color="#1f8a8a">{inner}</a>')
        else:
            before, after = _TAGS.get(run.style, ("", ""))
            parts.append(before + inner + after)
    return "".join(parts)


def _widths(table: Table) -> list[float]:
    """Columns as wide as their longest text asks for, within reason."""
    longest = [
        min(max(*(len(row[column]) for row in table.rows), 9), 46) for column in range(len(table.rows[0]))
    ]
    return [_WIDTH * length / sum(longest) for length in longest]


def _table(table: Table) -> list[Flowable]:
    head, *rows = table.rows
    numeric = [all(_NUMBER.fullmatch(row[column]) for row in rows) for column in range(len(head))]
    cells = [
        [Text(_marked(text), _STYLES[f"head{number:d}"]) for text, number in zip(head, numeric, strict=True)]
    ]
    cells += [
        [Text(_marked(text), _STYLES[f"cell{number:d}"]) for text, number in zip(row, numeric, strict=True)]
        for row in rows
    ]
    grid = Grid(cells, colWidths=_widths(table), repeatRows=1, hAlign="LEFT")
    grid.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), _PALE),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 3.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
            ]
        )
    )
    return [Spacer(0, 2 * mm), grid, Spacer(0, 4 * mm)]


def _block(block: Block) -> list[Flowable]:
    match block:
        case Heading(level, text):
            return [Text(_marked(text), _HEADINGS[level])]
        case Paragraph(text, quote):
            return [Text(_marked(text), _STYLES["quote"] if quote else _BODY)]
        case Listing(items, ordered):
            lines = [ListItem(Text(_marked(item), _STYLES["item"])) for item in items]
            kind: dict[str, str] = (
                {"bulletType": "1", "bulletFormat": "%s."}
                if ordered
                else {"bulletType": "bullet", "start": "•"}
            )
            return [ListFlowable(lines, leftIndent=6 * mm, bulletFontSize=10, **kind), Spacer(0, 2 * mm)]
        case Table():
            return _table(block)
        case Code(text):
            return [Preformatted(text, _STYLES["code"])]
        case Break():
            return [Spacer(0, 4 * mm)]


def _story(source: Source) -> list[Flowable]:
    story: list[Flowable] = [Text(_marked(source.title), _STYLES["title"])]
    story += [Text(_marked(line), _STYLES["by"]) for line in labelled(source)]
    story.append(Spacer(0, 5 * mm))
    for block in source.blocks():
        story += _block(block)
    return story


def _typeset(source: Source, total: int) -> tuple[bytes, int]:
    """The pages, and how many there are; `total` is printed as their number."""

    def frame(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFillColor(_GREY)
        canvas.setStrokeColor(_LINE)
        canvas.setFont("Helvetica", 8.5)
        right, top, bottom = A4[0] - _MARGIN, A4[1] - 15 * mm, 13 * mm
        canvas.drawString(_MARGIN, top, COMPANY)
        if document.page > 1:
            canvas.drawRightString(right, top, source.title)
        canvas.line(_MARGIN, top - 2.5 * mm, right, top - 2.5 * mm)
        canvas.drawString(_MARGIN, bottom, source.reference)
        canvas.drawRightString(right, bottom, page_of(source.language, document.page, total))
        canvas.restoreState()

    target = io.BytesIO()
    document = BaseDocTemplate(
        target,
        pagesize=A4,
        title=source.title,
        author="; ".join(writer.name for writer in source.authors),
        subject=source.subject,
        keywords=", ".join(source.keywords),
        creator=COMPANY,
        lang=source.language,
        invariant=1,
    )
    area = Frame(
        _MARGIN,
        22 * mm,
        _WIDTH,
        A4[1] - 46 * mm,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    document.addPageTemplates(PageTemplate("page", [area], onPage=frame))
    document.build(_story(source))
    return target.getvalue(), int(document.page)


def _stamp(moment: datetime) -> bytes:
    return naive(moment).strftime("D:%Y%m%d%H%M%S+00'00'").encode()


def pdf(source: Source) -> bytes:
    """The source as a PDF document.

    :raises UnicodeEncodeError: where a character is not in the built-in fonts.
    """
    source.body.encode("cp1252")
    _, total = _typeset(source, 0)
    content, _ = _typeset(source, total)
    times = {b"CreationDate": _stamp(source.created), b"ModDate": _stamp(source.modified)}
    # reportlab writes one time for both; the stamps are equally long, so no offset moves.
    return _DATE.sub(lambda match: b"/%s (%s)" % (match[1], times[match[1]]), content)
