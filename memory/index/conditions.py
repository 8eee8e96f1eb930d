"""What both indexes store of a passage and filter by, in words of our own."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memory.domain import Access, Asker
from memory.index.base import Entry, Facts, Filters

WORDS = "words"
"""The name of the sparse vector."""

MEANING = "meaning"
"""The name of the dense vector."""

KEYWORDS = ("document", "source", "type", "language", "people", "grant", "deny")
"""The fields that are filtered by their values."""

FACTS = (*KEYWORDS, "modified")
"""The fields that `memory.index.base.Facts` are kept in."""

UNKNOWN = -(2**52)
"""Stored for an unknown time, so that a list by time ends with these; exact as a float, too."""

_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the values stands in the field."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words stand in the text one after the other, case folded."""

    words: str


@dataclass(frozen=True, slots=True)
class Between:
    """The time of the last change is known and within the bounds: first <= it < end."""

    first: int | None
    end: int | None


Condition = AnyOf | Phrase | Between


def conditions(filters: Filters, asker: Asker) -> tuple[list[Condition], list[Condition]]:
    """What must hold and what must not, for the filters and for the asker's rights.

    An asker always holds a token (``public``), so a passage that grants nothing is found by nobody.
    """
    must: list[Condition] = []
    must_not: list[Condition] = []
    if not asker.owner:
        held = tuple(sorted(asker.tokens))
        must.append(AnyOf("grant", held))
        must_not.append(AnyOf("deny", held))
    fields = {
        "document": filters.documents,
        "source": filters.sources,
        "type": filters.types,
        "language": filters.languages,
        "people": filters.people,
    }
    must += [AnyOf(field, values) for field, values in fields.items() if values]
    if filters.after is not None or filters.before is not None:
        must.append(Between(filters.after, filters.before))
    # A phrase of signs only has no words that could stand or not stand somewhere.
    must += [Phrase(_plain(text)) for text in filters.phrases if _WORD.search(text)]
    must_not += [Phrase(_plain(text)) for text in filters.without if _WORD.search(text)]
    return must, must_not


def facts_payload(facts: Facts) -> dict[str, Any]:
    """The part of the payload that can change without the text."""
    return {
        "document": facts.document,
        "source": facts.source,
        "type": facts.type,
        "language": facts.language,
        "people": list(facts.people),
        "grant": sorted(facts.access.grant),
        "deny": sorted(facts.access.deny),
        "modified": UNKNOWN if facts.modified is None else facts.modified,
    }


def read_facts(held: Mapping[str, Any]) -> Facts:
    """The facts that a payload holds; what it lacks is empty."""
    modified = held.get("modified", UNKNOWN)
    return Facts(
        document=held.get("document", ""),
        access=Access(frozenset(held.get("grant", ())), frozenset(held.get("deny", ()))),
        source=held.get("source", ""),
        type=held.get("type", ""),
        language=held.get("language", ""),
        people=tuple(held.get("people", ())),
        modified=None if modified == UNKNOWN else int(modified),
    )


def payload(entry: Entry) -> dict[str, Any]:
    """What is stored beside a passage's vectors."""
    return {"text": _plain(entry.text), **facts_payload(entry.facts)}


def _plain(text: str) -> str:
    # An accent may be written as a sign of its own, which would split the word.
    return unicodedata.normalize("NFC", text)
