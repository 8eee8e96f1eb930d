"""OpenDocument texts with real styles, lists, tables and metadata."""

import io

from lxml import etree
from odf import dc, meta
from odf.element import Element
from odf.opendocument import OpenDocument, OpenDocumentText
from odf.style import (
    ListLevelProperties,
    ParagraphProperties,
    Style,
    TableCellProperties,
    TextProperties,
)
from odf.table import Table as Grid
from odf.table import TableCell, TableColumn, TableHeaderRows, TableRow
from odf.text import (
    A,
    H,
    LineBreak,
    List,
    ListItem,
    ListLevelStyleBullet,
    ListLevelStyleNumber,
    ListStyle,
    P,
    Span,
)

from api.demo.archive import naive, pinned
from api.demo.source import Block, Break, Code, Heading, Listing, Paragraph, Source, Table, runs
from api.demo.words import labelled

_COUNTRY = {"en": "GB", "de": "DE", "fr": "FR", "da": "DK"}


def _style(document: OpenDocument, name: str, below: str, above: str, **text: str) -> None:
    """A named paragraph style: the space below and above it and how its text looks."""
    style = Style(name=name, family="paragraph")
    style.addElement(ParagraphProperties(marginbottom=below, margintop=above))
    style.addElement(TextProperties(**text))
    document.styles.addElement(style)


def _styles(document: OpenDocument, language: str) -> None:
    base = {"fontfamily": "Liberation Sans", "language": language, "country": _COUNTRY[language]}
    _style(document, "Standard", "0.2cm", "0cm", fontsize="10.5pt", **base)
    _style(document, "Title", "0.3cm", "0cm", fontsize="20pt", fontweight="bold", color="#12355b", **base)
    _style(document, "Byline", "0cm", "0cm", fontsize="9.5pt", color="#5a6b7b", **base)
    _style(document, "Quotations", "0.3cm", "0.2cm", fontsize="10.5pt", fontstyle="italic", **base)
    for level, size in ((1, "14pt"), (2, "12pt"), (3, "11pt")):
        _style(
            document,
            f"Heading_20_{level}",
            "0.2cm",
            "0.5cm",
            fontsize=size,
            fontweight="bold",
            color="#12355b",
            **base,
        )
    for name, look in (
        ("bold", {"fontweight": "bold"}),
        ("italic", {"fontstyle": "italic"}),
        ("code", {"fontfamily": "Liberation Mono"}),
    ):
        span = Style(name=name, family="text")
        span.addElement(TextProperties(**look))
        document.styles.addElement(span)
    for name, fill in (("Cell", "transparent"), ("HeaderCell", "#eef3f7")):
        cell = Style(name=name, family="table-cell")
        cell.addElement(
            TableCellProperties(padding="0.12cm", border="0.5pt solid #c5d0da", backgroundcolor=fill)
        )
        document.automaticstyles.addElement(cell)
    for name, level in (
        ("Bullets", ListLevelStyleBullet(level="1", bulletchar="•")),
        ("Numbers", ListLevelStyleNumber(level="1", numformat="1", numsuffix=".")),
    ):
        level.addElement(ListLevelProperties(spacebefore="0.4cm", minlabelwidth="0.6cm"))
        listing = ListStyle(name=name)
        listing.addElement(level)
        document.styles.addElement(listing)


def _write(element: Element, text: str) -> Element:
    for run in runs(text):
        for number, line in enumerate(run.text.split("\n")):
            if number:
                element.addElement(LineBreak())
            if run.style == "link":
                element.addElement(A(href=run.href, text=line))
            elif run.style:
                element.addElement(Span(stylename=run.style, text=line))
            else:
                element.addText(line)
    return element


def _row(cells: tuple[str, ...], style: str) -> Element:
    row = TableRow()
    for text in cells:
        cell = TableCell(stylename=style)
        cell.addElement(_write(P(stylename="Standard"), text))
        row.addElement(cell)
    return row


def _table(table: Table, name: str) -> Element:
    grid = Grid(name=name)
    grid.addElement(TableColumn(numbercolumnsrepeated=str(len(table.rows[0]))))
    head = TableHeaderRows()
    head.addElement(_row(table.rows[0], "HeaderCell"))
    grid.addElement(head)
    for row in table.rows[1:]:
        grid.addElement(_row(row, "Cell"))
    return grid


def _listing(block: Listing) -> Element:
    listing = List(stylename="Numbers" if block.ordered else "Bullets")
    for text in block.items:
        item = ListItem()
        item.addElement(_write(P(stylename="Standard"), text))
        listing.addElement(item)
    return listing


def _block(document: OpenDocument, block: Block, number: int) -> None:
    match block:
        case Heading(level, text):
            document.text.addElement(
                _write(H(outlinelevel=str(level - 1), stylename=f"Heading_20_{level - 1}"), text)
            )
        case Paragraph(text, quote):
            document.text.addElement(_write(P(stylename="Quotations" if quote else "Standard"), text))
        case Listing():
            document.text.addElement(_listing(block))
        case Table():
            document.text.addElement(_table(block, f"Table{number}"))
            document.text.addElement(P(stylename="Standard"))
        case Code(text):
            document.text.addElement(_write(P(stylename="Standard"), f"`{text}`"))
        case Break():
            pass


def _metadata(document: OpenDocument, source: Source) -> None:
    created, modified = naive(source.created).isoformat(), naive(source.modified).isoformat()
    for element in (
        dc.Title(text=source.title),
        dc.Subject(text=source.subject),
        dc.Language(text=f"{source.language}-{_COUNTRY[source.language]}"),
        meta.InitialCreator(text="; ".join(writer.name for writer in source.authors)),
        dc.Creator(text=source.last_editor.name),
        meta.CreationDate(text=created + "Z"),
        dc.Date(text=modified + "Z"),
        *(meta.Keyword(text=keyword) for keyword in source.keywords),
        meta.UserDefined(name="Reference", valuetype="string", text=source.reference),
    ):
        document.meta.addElement(element)


def _canonical(xml: bytes) -> bytes:
    """The same XML with only the namespaces it uses, in one order.

    odfpy declares every namespace that any document of the process has used so far.
    """
    root = etree.fromstring(xml)
    etree.cleanup_namespaces(root)
    body: bytes = etree.tostring(root, method="c14n")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body


def odt(source: Source) -> bytes:
    """The source as an OpenDocument text."""
    document = OpenDocumentText()
    _styles(document, source.language)
    _metadata(document, source)
    document.text.addElement(P(stylename="Title", text=source.title))
    for line in (*labelled(source), source.reference):
        document.text.addElement(P(stylename="Byline", text=line))
    for number, block in enumerate(source.blocks()):
        _block(document, block, number)
    target = io.BytesIO()
    document.write(target)
    return pinned(target.getvalue(), source.modified, _canonical)
