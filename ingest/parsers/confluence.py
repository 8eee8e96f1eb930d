"""Pages of Confluence in its storage format, with what people said about them: what the connectors for Confluence hand over.

The form is JSON (`memory.media_types.CONFLUENCE`); everything but ``storage`` may be missing::

    {"storage": "<p>See <ac:link><ri:user ri:userkey=\\"8a\\"/></ac:link></p>", "names": {"8a": "Jane Doe"},
     "comments": [{"id": "77", "by": "Bo Roe", "at": "2024-03-01T09:00:00+00:00", "about": "30 days",
                   "storage": "<p>Is that still so?</p>"}]}

The storage format is XHTML with elements of its own (https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html). Macros
that draw something in from elsewhere have nothing in them to read.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ingest.parsers.base import Aside, Element, ElementKind, Parsed
from ingest.parsers.dates import moment
from ingest.parsers.plain import NO_TEXT
from ingest.parsers.thread import clock
from ingest.parsers.typed import body_of, clean, elements_of
from memory.errors import ParseError

_AC, _RI = "{ac}", "{ri}"
_NAMESPACES = "".join(f' xmlns:{name}="{name}"' for name in ("ac", "ri", "at"))
_ENTITY = re.compile(r"&(?:([A-Za-z][A-Za-z0-9]{1,31});|#(?:[0-9]{1,7}|x[0-9A-Fa-f]{1,6});)?")
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_CODE = frozenset({"code", "noformat"})
_SAID = {"status": "title", "jira": "key"}
"""Macros of one word, each with the parameter that has it."""
_UNREAD = frozenset(
    {
        f"{_AC}{name}"
        for name in (
            "parameter",
            "placeholder",
            "task-id",
            "task-uuid",
            "task-status",
            "adf-attribute",
            "emoticon",
            "plain-text-body",
        )
    }
)
_RENAMED = {
    f"{_AC}task-list": "ul",
    f"{_AC}task": "li",
    f"{_AC}link": "span",
    f"{_AC}inline-comment-marker": "span",
}
_INLINE = frozenset({f"{_AC}{name}" for name in ("link-body", "plain-text-link-body", "task-body")})


class ConfluenceParser:
    """Reads a page and its comments."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the form above.

        :param name: not looked at.
        :raises ParseError: where it is something else.
        """
        del name
        try:
            told = json.loads(data)
            names = {str(key): clean(str(value)) for key, value in told.get("names", {}).items()}
            elements = list(_read(_text(told, "storage"), names))
            for comment in told.get("comments", ()):
                elements += _comment(comment, names)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ParseError(f"not readable as a page of Confluence: {type(error).__name__}") from error
        return Parsed(media_type, elements=tuple(elements), empty_reason="" if elements else NO_TEXT)


def _comment(told: dict[str, Any], names: Mapping[str, str]) -> Iterator[Element]:
    number = _text(told, "id")[:200] or None
    own = list(_read(_text(told, "storage"), names))
    if not own:
        return
    parts = [clean(_text(told, "by")), clock(moment(_text(told, "at")))]
    byline = " · ".join(part for part in parts if part) or "–"
    yield Element(ElementKind.TEXT, byline, aside=Aside.BYLINE, message=number)
    if about := clean(_text(told, "about")):
        yield Element(ElementKind.TEXT, about, aside=Aside.QUOTED, message=number)
    for element in own:
        yield Element(element.kind, element.text, element.level, message=number)


def _read(storage: str, names: Mapping[str, str]) -> Iterator[Element]:
    """The blocks of a text in the storage format."""
    page = _html(storage, names) if storage.strip() else ""
    if page:
        yield from elements_of(body_of(page))


def _html(storage: str, names: Mapping[str, str]) -> str:
    """The same as plain HTML."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, recover=True, remove_comments=True, remove_pis=True
    )
    # What XML does not know would be dropped: the storage format has HTML's names of characters.
    wrapped = f"<body{_NAMESPACES}>{_PROLOGUE.sub('', _ENTITY.sub(_of_xml, storage))}</body>"
    root: Any = etree.fromstring(wrapped.encode("utf-8", "replace"), parser)
    if root is None:
        raise ParseError("not readable as a page of Confluence: its mark-up is broken")
    # From the inside out, so that what a macro is replaced by has been read itself.
    for node in reversed(list(root.iter(etree.Element))):
        if node is not root:
            _rewrite(node, names)
    etree.cleanup_namespaces(root)
    written: str = etree.tostring(root, method="html", encoding="unicode")
    return f"<html>{written}</html>"


_PROLOGUE = re.compile(r"<[!?](?!\[CDATA\[)[^>]{0,2000}>")
"""Declarations of a document type and the like: a page has none, and whoever writes one means no good."""


def _of_xml(found: re.Match[str]) -> str:
    """A character's name as XML knows it; what only looks like one stays as it is written."""
    if found[0] == "&":
        return "&amp;"
    return found[0] if not found[1] or found[1] in _OF_XML else html.escape(html.unescape(found[0]))


def _rewrite(node: Any, names: Mapping[str, str]) -> None:
    """Make one element HTML, or take it out; all within it have been made so before."""
    tag = node.tag
    if tag in (f"{_AC}structured-macro", f"{_AC}macro"):
        _macro(node)
    elif tag in _UNREAD:
        node.set("unread", "1")  # its macro looks at it, and takes it out
        if not _within_macro(node):
            _replace(node, None)
    elif tag == f"{_AC}image":
        _replace(node, "span", node.get(f"{_AC}alt") or node.get(f"{_AC}title") or "")
    elif tag.startswith(_RI):
        _replace(node, "span", _resource(node, names) if _shown(node) else "")
    elif tag == f"{_AC}adf-extension":
        _adf(node)
    elif tag == "time":
        node.tag, node.text = "span", node.text or node.get("datetime") or ""
    elif tag in _RENAMED or tag in _INLINE:
        node.tag = _RENAMED.get(tag, "span")
    elif tag.startswith("{"):
        node.tag = "div"


def _macro(node: Any) -> None:
    """A macro with text in it is that text, under its title; any other is nothing."""
    name = node.get(f"{_AC}name", "")
    params = {
        each.get(f"{_AC}name", ""): "".join(each.itertext()).strip()
        for each in node.findall(f"{_AC}parameter")
    }
    if name in _SAID:
        _replace(node, "span", params.get(_SAID[name], ""))
        return
    raw = node.find(f"{_AC}plain-text-body")
    if raw is not None:
        text = "".join(raw.itertext())
        _replace(node, "pre" if name in _CODE else None, text)
        return
    rich = [each for each in node if each.tag == "div"]  # rich-text-body, made so before
    for each in list(node):
        if each not in rich:
            node.remove(each)
    if not rich:
        _replace(node, None)
        return
    node.tag, node.text = "div", None
    if title := params.get("title"):
        heading = node.makeelement("p")
        heading.text = title
        node.insert(0, heading)


def _adf(node: Any) -> None:
    """What the Cloud's editor wrote, once as such and once for who does not know it: the latter."""
    parts = [each for each in node if each.tag == "div"]
    for each in parts[:-1] if len(parts) > 1 else []:
        node.remove(each)
    node.tag = "div"


def _within_macro(node: Any) -> bool:
    above = node.getparent()
    return above is not None and above.tag in (f"{_AC}structured-macro", f"{_AC}macro")


def _shown(node: Any) -> bool:
    """Whether a resource is what a link shows: a link with words of its own shows these."""
    above = node.getparent()
    return above is not None and above.tag == f"{_AC}link" and not any(each.tag == "span" for each in above)


def _resource(node: Any, names: Mapping[str, str]) -> str:
    """What a link calls the page, person or file that it leads to."""
    number = node.get(f"{_RI}userkey") or node.get(f"{_RI}account-id") or ""
    called = names.get(number, "") if number else ""
    return (
        called
        or node.get(f"{_RI}content-title")
        or node.get(f"{_RI}filename")
        or node.get(f"{_RI}space-key")
        or ""
    )


def _replace(node: Any, tag: str | None, text: str = "") -> None:
    """Put an element of that name and text in its place; with None nothing, but what follows it stays."""
    above = node.getparent()
    if above is None:
        return
    if tag is not None:
        made = node.makeelement(tag)
        made.text, made.tail = text, node.tail
        above.replace(node, made)
        return
    before = node.getprevious()
    if node.tail:
        if before is not None:
            before.tail = (before.tail or "") + node.tail
        else:
            above.text = (above.text or "") + node.tail
    above.remove(node)


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name) or ""
    if not isinstance(value, str):
        raise TypeError
    return value
