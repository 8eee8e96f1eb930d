"""The posts of one conversation: what `slack`, `mattermost`, `teams` and `yammer` hand over, whoever else may.

The form is JSON (`memory.media_types.THREAD`); times are ISO 8601 with an offset, everything but ``posts`` and a
post's ``id`` and ``at`` may be missing::

    {"title": "", "place": "#legal", "format": "slack",
     "people": {"U1": {"name": "Jane Doe", "address": "jane@x.example", "account": "slack:U1"}},
     "names": {"C1": "#general"},
     "posts": [{"id": "1700000000.000100", "at": "2023-11-14T22:13:20+00:00", "by": "U1", "text": "Hello <@U2>",
                "edited": "", "reply": false, "bot": "", "mentions": ["U2"], "reactions": [["+1", 3]],
                "files": [{"name": "a.txt", "data": "aGk=", "media_type": "", "problem": ""}]}]}

``by`` and ``mentions`` name keys of ``people``; ``bot`` is what a program calls itself that posted instead of a
person. ``format`` is how the texts are marked up: ``slack``, ``markdown``, ``html``, ``yammer`` or ``text``.

Who began the thread is its author, whoever replied a commenter, each for their own posts; reacting is no part in it.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingest.language import language_of
from ingest.parsers.base import Aside, Attachment, Element, ElementKind, Parsed
from ingest.parsers.dates import moment
from ingest.parsers.post_text import emoji_of, post_elements
from ingest.parsers.typed import clean
from memory.domain import Contribution, Identity, Role
from memory.errors import InvalidInput, ParseError

EVIDENCE = "post"
NOTHING = "posts without a word"
_TITLE = 80


class ThreadParser:
    """Reads the posts of one conversation."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the form above.

        :param name: not looked at.
        :raises ParseError: where it is something else.
        """
        del name
        try:
            told = json.loads(data)
            return _Thread(told).parsed(media_type)
        except (ValueError, TypeError, KeyError, AttributeError, InvalidInput, RecursionError) as error:
            raise ParseError(f"not readable as a thread of posts: {type(error).__name__}") from error


class _Thread:
    """One conversation while it is read.

    :raises TypeError, ValueError, KeyError, AttributeError: where it has not the form.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        self._title, self._place = clean(_text(told, "title")), clean(_text(told, "place"))
        self._format = _text(told, "format") or "text"
        self._people = {
            str(key): Identity(
                clean(_text(each, "name"))[:200],
                _text(each, "address").lower()[:320],
                _text(each, "account")[:320],
            )
            for key, each in told.get("people", {}).items()
        }
        self._names = {
            **{str(key): clean(str(name)) for key, name in told.get("names", {}).items()},
            **{key: _called(person) for key, person in self._people.items()},
        }
        self._posts: list[dict[str, Any]] = list(told["posts"])

    def parsed(self, media_type: str) -> Parsed:
        """What it says."""
        elements: list[Element] = []
        people: list[Contribution] = []
        files: list[Attachment] = []
        times: list[datetime] = []
        for post in self._posts:
            at = moment(post["at"])
            own = [*self._elements(post)]
            attached = [*_files(post)]
            elements += [self._byline(post, at, post["id"]), *own] if own else []
            people += self._contributions(post, at)
            files += attached
            times += [each for each in (at, moment(_text(post, "edited"))) if each is not None]
        return Parsed(
            media_type=media_type,
            title=self._title or self._first_words(elements, files),
            elements=tuple(self._headed(elements)),
            language=language_of(each.text for each in elements if each.aside is None),
            created=min(times, default=None),
            modified=max(times, default=None),
            contributions=tuple(people),
            attachments=tuple(files),
            empty_reason="" if elements else NOTHING,
        )

    def _headed(self, elements: list[Element]) -> Iterator[Element]:
        if elements and self._place:
            yield Element(ElementKind.HEADING, self._place, 1, message=elements[0].message)
        yield from elements

    def _elements(self, post: dict[str, Any]) -> Iterator[Element]:
        for element in post_elements(_text(post, "text"), self._format, self._names):
            yield Element(element.kind, element.text, message=_named(post["id"]))

    def _byline(self, post: dict[str, Any], at: datetime | None, message: str) -> Element:
        """``Jane Doe · 2023-11-14 22:13 UTC · ✎ 2023-11-15 08:00 UTC · 👍 3``."""
        who = self._names.get(_text(post, "by"), "") or clean(_text(post, "bot"))
        edited = moment(_text(post, "edited"))
        reacted = (f"{emoji_of(clean(str(name)))} {int(count)}" for name, count in post.get("reactions", ()))
        parts = [who, clock(at), f"✎ {clock(edited)}" if edited else "", *reacted]
        return Element(
            ElementKind.TEXT,
            " · ".join(part for part in parts if part) or "–",
            aside=Aside.BYLINE,
            message=message,
        )

    def _contributions(self, post: dict[str, Any], at: datetime | None) -> Iterator[Contribution]:
        message = _named(post["id"])
        if (by := self._people.get(_text(post, "by"))) is not None:
            role = Role.COMMENTER if post.get("reply") else Role.AUTHOR
            yield Contribution(by, role, at, EVIDENCE, message)
        for key in dict.fromkeys(map(str, post.get("mentions", ()))):
            if (named := self._people.get(key)) is not None:
                yield Contribution(named, Role.MENTIONED, at, EVIDENCE, message)

    def _first_words(self, elements: list[Element], files: list[Attachment]) -> str:
        first = next((each.text for each in elements if each.aside is None), "")
        line = first.strip().partition("\n")[0]
        if len(line) > _TITLE:
            line = line[:_TITLE].rpartition(" ")[0].rstrip(" ,;:") or line[:_TITLE]
            line += "…"
        return line or next((file.name for file in files), "") or self._place


def _files(post: dict[str, Any]) -> Iterator[Attachment]:
    for file in post.get("files", ()):
        name = clean(_text(file, "name")).replace("\\", "/").rpartition("/")[2] or "attachment"
        problem = _text(file, "problem")
        try:
            data = base64.b64decode(_text(file, "data"), validate=True)
        except binascii.Error as error:
            raise ValueError("an attached file is not base64") from error
        if not problem and not data:
            problem = "an empty attachment"
        yield Attachment(name, b"" if problem else data, _text(file, "media_type"), "", problem, post["id"])


def _called(person: Identity) -> str:
    return person.name or person.address or person.account


def _named(identity: Any) -> str:
    if not isinstance(identity, str) or not identity:
        raise TypeError
    return identity[:200]


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name) or ""
    if not isinstance(value, str):
        raise TypeError
    return value.replace("\0", "")  # PostgreSQL has no such character


def clock(at: datetime | None) -> str:
    """A moment as it is shown above a post; `""` for none."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else ""
