"""What Tika leaves out of OpenDocument files: the sheets' names, where slides begin, who wrote and who edited.

Tika joins all slides to one text, prints sheets without their names, and gives the last editor
(`dc:creator` in OpenDocument) as one more author.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SPREADSHEET = "application/vnd.oasis.opendocument.spreadsheet"
PRESENTATION = "application/vnd.oasis.opendocument.presentation"
FAMILY = "application/vnd.oasis.opendocument."

_MAX_PART = 64 * 1024 * 1024  # a larger part is left to Tika, which streams it
_NAMESPACES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "presentation": "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0",
    "meta": "urn:oasis:names:tc:opendocument:xmlns:meta:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
}


def _name(prefixed: str) -> str:
    prefix, _, local = prefixed.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


_PARAGRAPHS = (_name("text:p"), _name("text:h"))
_BLANKS = {_name("text:s"): " ", _name("text:tab"): "\t", _name("text:line-break"): "\n"}
_REPEATED = _name("text:c")


def people(data: bytes) -> Mapping[str, Sequence[str]]:
    """Author and last editor under Tika's names for them; nothing where the file does not tell them apart."""
    root = _part(data, "meta.xml")
    if root is None:
        return {}
    written = [node.text for node in root.iter(_name("meta:initial-creator")) if node.text]
    edited = [node.text for node in root.iter(_name("dc:creator")) if node.text]
    return {"dc:creator": written, "meta:last-author": edited} if written else {}


def name_sheets(data: bytes, body: Any) -> None:
    """Put every sheet's table into a `div.sheet` under its name, as Tika does for Excel; in place."""
    from lxml import etree

    root = _part(data, "content.xml")
    sheets = root.findall(".//office:spreadsheet/table:table", _NAMESPACES) if root is not None else []
    tables = [node for node in body if node.tag == "table"]
    if len(sheets) != len(tables):
        return  # a name at the wrong sheet is worse than none
    for sheet, table in zip(sheets, tables, strict=True):
        place = body.index(table)
        holder = etree.SubElement(body, "div")
        holder.set("class", "sheet")
        etree.SubElement(holder, "h1").text = sheet.get(_name("table:name")) or ""
        holder.append(table)
        body.insert(place, holder)


def slides(data: bytes) -> str:
    """The slides as XHTML like that which Tika gives for PowerPoint, ``""`` where they cannot be told."""
    from lxml import etree

    root = _part(data, "content.xml")
    pages = root.findall(".//office:presentation/draw:page", _NAMESPACES) if root is not None else []
    if not pages:
        return ""
    body = etree.Element("body")
    for page in pages:
        notes = page.findall("presentation:notes", _NAMESPACES)
        for note in notes:
            page.remove(note)
        _write(etree.SubElement(body, "div", {"class": "slide-content"}), [page])
        _write(etree.SubElement(body, "div", {"class": "slide-notes"}), notes)
    return str(etree.tostring(body, encoding="unicode"))


def _write(target: Any, sources: Sequence[Any]) -> None:
    from lxml import etree

    for source in sources:
        for text in _blocks(source):
            etree.SubElement(target, "p").text = text


def _blocks(source: Any) -> Iterator[str]:
    """Paragraphs in reading order, a table's row as one."""
    for node in source:
        if node.tag == _name("table:table-row"):
            cells = (" ".join(_blocks(cell)) for cell in node)
            yield " | ".join(cell for cell in cells if cell)
        elif node.tag in _PARAGRAPHS:
            yield _text(node).strip()
        elif isinstance(node.tag, str):
            yield from _blocks(node)


def _text(node: Any) -> str:
    parts = [node.text or ""]
    for child in node:
        blank = _BLANKS.get(child.tag)
        parts.append(blank * min(int(child.get(_REPEATED) or 1), 100) if blank else _text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _part(data: bytes, name: str) -> Any:
    """A part's root element, or None where it is missing, broken or too large: Tika then has the last word."""
    from lxml import etree

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(name) as part:
            text = part.read(_MAX_PART + 1)
        return (
            etree.fromstring(text, etree.XMLParser(resolve_entities=False))
            if len(text) <= _MAX_PART
            else None
        )
    except (
        KeyError,
        zipfile.BadZipFile,
        etree.XMLSyntaxError,
        RuntimeError,
        NotImplementedError,
        OSError,
        EOFError,
    ):
        return None
