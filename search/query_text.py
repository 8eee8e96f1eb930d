"""Taking a search apart into words, phrases, exclusions and filters.

What looks like a filter but is none stays text: ``http://x``, ``12:30``, ``re: budget``, ``C:\\x``,
``std::vector``, ``mailto:jane@x.example``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from memory.errors import InvalidQuery

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), " ")
_FILTER = re.compile(r"([^\W\d_]{2,}):(?=[^\s:/\\])")
_SYNONYMS = {"language": "lang"}
_NO_FILTERS = frozenset(["doi", "file", "isbn", "issn", "mailto", "sip", "tel", "urn"])


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a search as it was written.

    :param field: the filter's name, lower-cased; ``""`` for words and phrases.
    :param exact: whether it stood in quotation marks.
    :param without: whether a minus stood before it.
    """

    text: str
    field: str = ""
    exact: bool = False
    without: bool = False


def pieces(text: str) -> Iterator[Piece]:
    """The parts of a search, in order.

    A quotation mark that is never closed is left out. A minus excludes what follows it at once; ``-`` alone
    and ``--flag`` are words.

    :raises InvalidQuery: where a filter has no value, or is to be excluded.
    """
    text = _clean(text)
    at = 0
    while (at := _next(text, at)) < len(text):
        minus = text[at] == "-" and text[at + 1 : at + 2].strip() not in {"", "-"}
        start = at + minus
        if text[start] == '"':
            inner, at = _quotation(text, start)
            if inner is None:  # never closed: read on as if it were not there
                text = text[:start] + text[start + 1 :]
                at = start - minus
            elif inner:
                yield Piece(inner, exact=True, without=minus)
        elif named := _filter(text, start):
            if minus:
                raise InvalidQuery(
                    f"A filter cannot be excluded: -{named}:…", hint="Leave the minus out, or exclude a word."
                )
            value, at = _value(text, start + len(named) + 1)
            yield Piece(value, field=_SYNONYMS.get(named.lower(), named.lower()))
        else:
            end = _end(text, start)
            yield Piece(text[start:end], without=minus)
            at = end


def reads_as_word(text: str) -> bool:
    """Whether a text after a minus needs no quotation marks to be read as one excluded word."""
    return " " not in text and text[:1] not in {'"', "-"} and not _filter(text, 0)


def filter_value(text: str) -> str:
    """A text as a filter's value: without quotation marks, one blank between words."""
    return " ".join(_clean(text).replace('"', " ").split())


def _clean(text: str) -> str:
    # Half a surrogate pair cannot be sent on to anything.
    return text.encode("utf-8", "replace").decode().translate(_QUOTES).translate(_CONTROL)


def _filter(text: str, at: int) -> str:
    """The name of the filter that begins here, or ``""``."""
    match = _FILTER.match(text, at)
    return match[1] if match and match[1].lower() not in _NO_FILTERS else ""


def _value(text: str, at: int) -> tuple[str, int]:
    if text[at] == '"':
        inner, end = _quotation(text, at)
        if inner is not None:
            return inner, end
        at += 1
    end = _end(text, at)
    return text[at:end], end


def _quotation(text: str, at: int) -> tuple[str | None, int]:
    """What stands between the quotation mark here and the next, and where it ends; None where there is none."""
    end = text.find('"', at + 1)
    if end < 0:
        return None, at
    return " ".join(text[at + 1 : end].split()), end + 1


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _end(text: str, at: int) -> int:
    while at < len(text) and not text[at].isspace():
        at += 1
    return at
