"""The filters that are on, each with the search without it."""

from search.answer import ActiveFilter
from search.facets import Facets
from search.names import language_codes, language_label
from search.query import Query

_LABELS = {"-": "without", "lang": "language"}


def active_filters(query: Query, facets: Facets) -> tuple[ActiveFilter, ...]:
    """Every filter and exclusion of a query; a whole year is one filter.

    :param facets: of the answer, for the names of persons that are filtered by id.
    """
    names = {value.value: value.label for value in facets.get("author", ())}
    year = _year(query)
    active = []
    for field, value in query.filters():
        if year is not None and field in {"after", "before"}:
            continue
        shown = names.get(value, value) if field == "author" else _shown(field, value)
        label = f"{_LABELS.get(field, field)}: {shown}"
        asked = language_codes(value)[:1] or (value,) if field == "lang" else (shown,)
        active.append(ActiveFilter(label, str(query.without_filter(field, value)), field, asked[0]))
    if year is not None:
        rest = query.without_filter("after", str(query.after)).without_filter("before", str(query.before))
        active.append(ActiveFilter(f"year: {year}", str(rest), "year", str(year)))
    return tuple(active)


def _shown(field: str, value: str) -> str:
    if field == "lang" and (codes := language_codes(value)):
        return language_label(codes[0])
    return value


def _year(query: Query) -> int | None:
    """The year a query is narrowed to, where it is exactly one."""
    after, before = query.after, query.before
    if after is None or before is None or after.month or before.month:
        return None
    return after.year if before.year == after.year + 1 else None
