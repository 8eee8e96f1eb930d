"""The body of a message as typed elements: own words, quotations and signature apart, from text or HTML."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ingest.language import detect_language
from ingest.parsers.base import Aside, Element, ElementKind
from ingest.parsers.replies import introduces, signature_at, stretches, wrote
from ingest.parsers.typed import body_of, clean, elements_of
from memory.errors import ParseError

_BREAK = re.compile(r"\n[ \t]*\n")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+\S")
_HOLE = "\ue000"  # private use: no message means anything by it
_HOLE_AT = re.compile(f"{_HOLE}(\\d+){_HOLE}")
# How clients mark what they quote: Gmail, Apple, Thunderbird, Yahoo, Proton, Outlook on the web.
_QUOTING = (
    "//blockquote"
    " | //div[contains(concat(' ', @class, ' '), ' gmail_quote ')]"
    " | //div[contains(@class, 'yahoo_quoted') or contains(@class, 'protonmail_quote')]"
    " | //div[@id = 'divRplyFwdMsg' or @id = 'appendonsend']/following-sibling::*"
    " | //div[@id = 'divRplyFwdMsg']"
)
_SIGNING = (
    "//div[contains(concat(' ', @class, ' '), ' gmail_signature ') or contains(@class, 'moz-signature')]"
    " | //pre[contains(@class, 'moz-signature')] | //div[@id = 'Signature' or @id = 'ms-outlook-mobile-signature']"
)


def text_elements(text: str) -> list[Element]:
    """A plain-text body."""
    language = detect_language(text[:4000])
    found: list[Element] = []
    for stretch in stretches(text, language):
        if stretch.aside is not None:
            found.append(Element(ElementKind.TEXT, clean(stretch.text), aside=stretch.aside))
            continue
        for paragraph in _BREAK.split(stretch.text):
            if words := clean(paragraph.strip("\n")):
                lines = words.split("\n")
                listed = sum(bool(_BULLET.match(line)) for line in lines) >= max(1, len(lines) / 2)
                found.append(Element(ElementKind.LIST if listed else ElementKind.TEXT, words))
    return [element for element in found if element.text]


def html_elements(html: str) -> list[Element]:
    """An HTML body; one that cannot be read as HTML is read as text.

    Where no client's mark shows the quotation, the header that introduces it does.
    """
    try:
        body = body_of(html)
        _open_spaces(body)
        asides = [*_cut(body, _QUOTING, Aside.QUOTED, 0)]
        asides += [*_cut(body, _SIGNING, Aside.SIGNATURE, len(asides))]
        found = list(_with_asides(list(elements_of(body)), asides))
    except ParseError:
        return text_elements(re.sub(r"<[^>]*>", " ", html))
    return _set_apart(found)


def _open_spaces(body: Any) -> None:
    """Headings of a newsletter's layout are text here: a message has one topic."""
    for node in body.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        node.tag = "p"


def _cut(body: Any, path: str, aside: Aside, first: int) -> Iterator[Element]:
    """Takes the outermost nodes out, leaving a numbered hole where each stood."""
    number = first
    for node in body.xpath(path):
        parent = node.getparent()
        if parent is None or body not in node.iterancestors():
            continue  # inside one that is out already
        text = clean(_words(node))
        hole = node.makeelement("p")
        hole.text = f"{_HOLE}{number}{_HOLE}"
        hole.tail, node.tail = node.tail, None
        parent.replace(node, hole)
        yield Element(ElementKind.TEXT, text, aside=aside)
        number += 1


def _words(node: Any) -> str:
    """The text of a node, a line for each block in it."""
    parts: list[str] = []
    for each in node.iter():
        if not isinstance(each.tag, str):
            continue
        if each.tag in ("p", "div", "br", "li", "tr", "blockquote", "pre", "table"):
            parts.append("\n")
        parts.append(each.text or "")
        parts.append(each.tail or "" if each is not node else "")
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _with_asides(elements: Sequence[Element], asides: Sequence[Element]) -> Iterator[Element]:
    for element in elements:
        start = 0
        for hole in _HOLE_AT.finditer(element.text):
            if before := clean(element.text[start : hole.start()]):
                yield Element(element.kind, before)
            if int(hole[1]) < len(asides) and asides[int(hole[1])].text:
                yield asides[int(hole[1])]
            start = hole.end()
        if rest := clean(element.text[start:].replace(_HOLE, "")):
            yield Element(element.kind, rest)


def _set_apart(elements: Sequence[Element]) -> list[Element]:
    """The quotation that nothing marks, the line before one, and the signature at the end."""
    found: list[Element] = []
    for place, element in enumerate(elements):
        if element.aside is None and introduces(element.text):
            rest = (Element(each.kind, each.text, aside=Aside.QUOTED) for each in elements[place:])
            return _signed([*found, *rest])
        if element.aside is Aside.QUOTED and found and found[-1].aside is None and wrote(found[-1].text):
            text = f"{found.pop().text}\n{element.text}"
            found.append(Element(ElementKind.TEXT, text, aside=Aside.QUOTED))
        else:
            found.append(element)
    return _signed(found)


def _signed(elements: list[Element]) -> list[Element]:
    """The signature at the end of the writer's own words set apart, where no client marked it."""
    end = len(elements)
    while end and elements[end - 1].aside is Aside.QUOTED:
        end -= 1
    start = end
    while start and elements[start - 1].aside is None:
        start -= 1
    own = elements[start:end]
    text = "\n".join(element.text for element in own)
    at = signature_at(text, detect_language(text[:4000]))
    if at < 0:
        return elements
    divided: list[Element] = []
    position = 0
    for element in own:
        cut = min(max(at - position, 0), len(element.text))
        for part, aside in ((element.text[:cut], None), (element.text[cut:], Aside.SIGNATURE)):
            if clean(part):
                divided.append(Element(element.kind, clean(part), aside=aside))
        position += len(element.text) + 1
    return [*elements[:start], *divided, *elements[end:]]
