"""The query language: plain words, ``"exact phrases"``, ``-exclusions`` and ``field:value`` filters.

``notice period author:"Jane Doe" type:pdf lang:de after:2024-03 "for convenience" -draft``

A `Query` prints its canonical form, which parses back to the same query.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Self

from memory.errors import InvalidQuery
from search.dates import Day
from search.query_text import filter_value, pieces, reads_as_word

FIELDS = ("author", "source", "type", "lang", "after", "before")
"""The filters there are, in canonical order."""

LONGEST = 10_000
"""Characters a search may have."""

MOST_FILTERS = 100
"""Filters, phrases and exclusions a search may have: each costs the index time."""

_ANY = "\x00"
"""Stands for a value; none can be it, since control characters become blanks."""

_VALUES = {"author": "authors", "source": "sources", "type": "types", "lang": "languages"}
_HINT = 'Write some words, an "exact phrase", or a filter such as author:jane or type:pdf.'


@dataclass(frozen=True, slots=True)
class Term:
    """A plain word, or an exact phrase."""

    text: str
    exact: bool = False

    def __str__(self) -> str:
        return f'"{self.text}"' if self.exact else self.text


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for. Prints its canonical form and parses back.

    Any value of one filter will do, and every filter must hold.

    :param terms: words and phrases, in the order written.
    :param without: words and phrases that must not stand in the text.
    :param after, before: after <= changed < before, where a day stands for its beginning in UTC.
    """

    terms: tuple[Term, ...] = ()
    without: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    after: Day | None = None
    before: Day | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a query.

        :raises InvalidQuery: where it says nothing, too much, or names a filter that does not exist.
        """
        if len(text) > LONGEST:
            raise InvalidQuery(
                f"The search has {len(text):,} characters; {LONGEST:,} are the most.",
                hint="Search for the few sentences that matter.",
            )
        found = list(pieces(text))
        if sum(1 for piece in found if piece.field or piece.without or piece.exact) > MOST_FILTERS:
            raise InvalidQuery(f"The search has more than {MOST_FILTERS} filters, phrases and exclusions.")
        plain = [Term(piece.text, piece.exact) for piece in found if not (piece.field or piece.without)]
        query = cls(terms=tuple(plain))
        for piece in found:
            if piece.without:
                query = query._with("without", piece.text)
            elif piece.field:
                query = query.with_filter(piece.field, piece.text)
        if not query.filters() and not any(char.isalnum() for char in query.text):
            raise InvalidQuery("There is nothing to search for.", hint=_HINT)
        return query

    @property
    def text(self) -> str:
        """The words and phrases as one text, without filters: what is analysed and embedded."""
        return " ".join(term.text for term in self.terms)

    @property
    def phrases(self) -> tuple[str, ...]:
        """The exact phrases."""
        return tuple(term.text for term in self.terms if term.exact)

    def filters(self) -> list[tuple[str, str]]:
        """Every filter and exclusion as field and value, in canonical order; an exclusion's field is ``-``."""
        found = [("-", text) for text in self.without]
        for field, name in _VALUES.items():
            found += [(field, value) for value in getattr(self, name)]
        found += [(field, str(day)) for field in ("after", "before") if (day := getattr(self, field))]
        return found

    def with_filter(self, field: str, value: str) -> Self:
        """The same query with one more filter.

        Values of one field are alternatives; of several days the narrowest bound holds.

        :raises InvalidQuery: where there is no such filter, or the value is none.
        """
        if field not in FIELDS:
            raise InvalidQuery(f"There is no filter {field}:.", hint=_known(field, value))
        value = filter_value(value)
        if not value:
            raise InvalidQuery(f"The filter {field}: has no value.", hint=f"Write it as in {field}:value.")
        if field in _VALUES:
            return self._with(_VALUES[field], value)
        day = Day.parse(value)
        return self._from(day) if field == "after" else self._until(day)

    def narrowed(self, field: str) -> Callable[[str], str]:
        """Prints the query with one more value of a filter, for many values: what `with_filter` would print.

        :param field: one that takes several values: not a day.
        """
        held, place = getattr(self, _VALUES[field]), f"{field}:{_ANY}"
        before, _, after = str(self._with(_VALUES[field], _ANY)).rpartition(place)

        def with_value(value: str) -> str:
            value = filter_value(value)
            if not value or value in held:
                return str(self.with_filter(field, value))
            return f"{before}{field}:{_quoted(value)}{after}"

        return with_value

    def without_filter(self, field: str, value: str) -> Self:
        """The same query without one filter; unchanged where it has none such."""
        if field in {"after", "before"}:
            held = self.after if field == "after" else self.before
            if held is None or str(held) != value:
                return self
            return replace(self, after=None) if field == "after" else replace(self, before=None)
        name = "without" if field == "-" else _VALUES.get(field, "")
        if not name:
            return self
        kept = tuple(known for known in getattr(self, name) if known != value)
        return self._replaced(name, kept)

    def with_year(self, year: int) -> Self:
        """The same query for documents changed in one year."""
        later = self._from(Day(year))
        return later._until(Day(year + 1)) if year < 9999 else later

    def __str__(self) -> str:
        written = [str(term) for term in self.terms]
        written += [f"-{text}" if reads_as_word(text) else f'-"{text}"' for text in self.without]
        written += [f"{field}:{_quoted(value)}" for field, value in self.filters() if field != "-"]
        return " ".join(written)

    def _from(self, day: Day) -> Self:
        return replace(self, after=day if self.after is None else max(self.after, day))

    def _until(self, day: Day) -> Self:
        return replace(self, before=day if self.before is None else min(self.before, day))

    def _with(self, name: str, value: str) -> Self:
        return self._replaced(name, (*getattr(self, name), value))

    def _replaced(self, name: str, values: Iterable[str]) -> Self:
        changes: dict[str, tuple[str, ...]] = {name: tuple(dict.fromkeys(values))}
        return replace(self, **changes)  # type: ignore[arg-type]  # names of fields that hold texts


def _quoted(value: str) -> str:
    # After a colon these begin something that is no filter, as in ``http://x``.
    return f'"{value}"' if " " in value or value[0] in ":/\\" else value


def _known(field: str, value: str) -> str:
    known = ", ".join(f"{name}:" for name in FIELDS)
    return f'The filters are {known}. To find the text itself, write "{field}:{value}" in quotation marks.'
