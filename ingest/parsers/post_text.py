"""What somebody wrote in a post, out of the mark-up of where they wrote it: Slack's, Markdown, HTML, or none."""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

from ingest.parsers.base import Element, ElementKind
from ingest.parsers.typed import clean

_HEADINGS = (ElementKind.TITLE, ElementKind.HEADING)
_FENCE = re.compile(r"```(?:\w*\n)?(.*?)(?:```|\Z)", re.DOTALL)
_BREAK = re.compile(r"\n[ \t]*\n")
_BULLET = re.compile(r"^\s*(?:[-*•◦▪]|\d{1,2}[.)])\s+\S")
_EMOJI = re.compile(r":([a-z0-9_+'-]{1,60}):(?::skin-tone-\d:)?")
# https://api.slack.com/reference/surfaces/formatting: <@U1>, <#C1|name>, <!subteam^S1|@name>, <!here>, <url|label>
_SLACK = re.compile(r"<([^<>\s|][^<>|]{0,4000})(?:\|([^<>]{0,4000}))?>")
_SLACK_STYLE = re.compile(r"(?<![\w*_~`])([*_~])(?=\S)([^*_~\n]{1,2000}?)(?<=\S)\1(?![\w*_~`])")
_USER = re.compile(r"\[\[user:(\d+)\]\]")
_SIGN = re.compile(r'<emoji\b[^>]*?\balt="([^"]{1,40})"[^>]*>(?:</emoji>)?')
_QUOTE = re.compile(r"^(?:&gt;|>)+ ?", re.MULTILINE)


def post_elements(text: str, form: str, names: Mapping[str, str]) -> list[Element]:
    """The elements of a post, none of them a heading: a post has one topic.

    :param form: ``slack``, ``markdown``, ``html``, ``yammer`` or ``text``; what is none of them is read as text.
    :param names: what is shown for the ids that Slack's mark-up has for people and channels.
    """
    readers: dict[str, Callable[[str], Iterator[Element]]] = {
        "slack": partial(_slack, names=names),
        "markdown": _markdown,
        "html": _html,
        "yammer": partial(_yammer, names=names),
    }
    return [
        Element(ElementKind.TEXT if each.kind in _HEADINGS else each.kind, each.text)
        for each in readers.get(form, _plain)(text)
        if each.text
    ]


def emoji_of(code: str) -> str:
    """The sign of an emoji's code (``+1``), else the code between colons: a workspace's own has no sign."""
    plain = code.strip(":").partition("::")[0]
    return _signs().get(f":{plain}:", f":{plain}:")


def _with_emoji(text: str) -> str:
    return _EMOJI.sub(lambda found: _signs().get(f":{found[1]}:", found[0]), text)


@cache
def _signs() -> dict[str, str]:
    import emoji

    return {
        name: sign
        for sign, known in emoji.EMOJI_DATA.items()
        if known["status"] == emoji.STATUS["fully_qualified"]
        for name in (known["en"], *known.get("alias", ()))
    }


def _slack(text: str, names: Mapping[str, str]) -> Iterator[Element]:
    for piece, code in _fenced(text):
        plain = _SLACK.sub(lambda found: _link(found, names), piece)
        if code:
            yield Element(ElementKind.CODE, clean(html.unescape(plain)))
            continue
        plain = _SLACK_STYLE.sub(r"\2", _QUOTE.sub("", plain))
        yield from _paragraphs(_with_emoji(html.unescape(plain)))


def _link(found: re.Match[str], names: Mapping[str, str]) -> str:
    target, label = found[1], found[2] or ""
    if target[0] == "@":
        return f"@{(names.get(target[1:]) or label or target[1:]).lstrip('@')}"
    if target[0] == "#":
        return f"#{(names.get(target[1:]) or label or target[1:]).lstrip('#')}"
    if target[0] == "!":
        what = target[1:].partition("^")
        return label or f"@{names.get(what[2].partition('^')[0]) or what[0]}"
    address = target.removeprefix("mailto:")
    return f"{label} ({address})" if label and label not in (address, target) else address


def _markdown(text: str) -> Iterator[Element]:
    from markdown_it import MarkdownIt

    page = MarkdownIt("commonmark", {"html": False}).enable("table").render(_with_emoji(text))
    return _html(page)


def _yammer(text: str, names: Mapping[str, str]) -> Iterator[Element]:
    return _paragraphs(_USER.sub(lambda found: f"@{names.get(found[1], found[1])}", text))


def _html(page: str) -> Iterator[Element]:
    from ingest.parsers.typed import body_of, elements_of

    page = _SIGN.sub(lambda found: html.unescape(found[1]), page)  # Teams has emoji as elements
    if page.strip():
        yield from elements_of(body_of(f"<html><body>{page}</body></html>"))


def _plain(text: str) -> Iterator[Element]:
    yield from _paragraphs(text)


def _fenced(text: str) -> Iterator[tuple[str, bool]]:
    """The text in stretches, and whether each stands between fences."""
    at = 0
    for found in _FENCE.finditer(text):
        yield text[at : found.start()], False
        yield found[1], True
        at = found.end()
    yield text[at:], False


def _paragraphs(text: str) -> Iterator[Element]:
    for paragraph in _BREAK.split(text):
        if words := clean(paragraph):
            lines = words.split("\n")
            listed = sum(bool(_BULLET.match(line)) for line in lines) >= max(1, len(lines) / 2)
            yield Element(ElementKind.LIST if listed else ElementKind.TEXT, words)
