import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.errors import InvalidQuery
from search.dates import Day
from search.query import FIELDS, LONGEST, MOST_FILTERS, Query, Term


def test_everything_at_once():
    query = Query.parse(
        'notice "for convenience" author:"Jane Doe" type:pdf -draft -"old terms" after:2024-3 lang:de'
    )
    assert query.terms == (Term("notice"), Term("for convenience", exact=True))
    assert query.text == "notice for convenience"
    assert query.phrases == ("for convenience",)
    assert query.without == ("draft", "old terms")
    assert (query.authors, query.types, query.languages) == (("Jane Doe",), ("pdf",), ("de",))
    assert query.after == Day(2024, 3)
    assert str(query) == (
        'notice "for convenience" -draft -"old terms" author:"Jane Doe" type:pdf lang:de after:2024-03'
    )


@pytest.mark.parametrize(
    "text",
    [
        "http://x.example/a", "12:30", "re: budget", "C:\\x", "C:/x", "std::vector", "mailto:a@x.example", "e-mail",
        "--flag", "a - b", '5" pipe', "isbn:978", "x:y", "§5:", "a:",
    ],
)  # fmt: skip
def test_what_looks_like_a_filter_but_is_none_stays_text(text):
    query = Query.parse(text)
    assert query.filters() == []
    assert query.text == text
    assert str(query) == text


@pytest.mark.parametrize("text", ["foo:bar", "Foo:bar", "autor:jane", "notice übrigens:so"])
def test_an_unknown_filter_is_refused_with_the_known_ones(text):
    with pytest.raises(InvalidQuery) as refused:
        Query.parse(text)
    assert all(f"{field}:" in refused.value.hint for field in FIELDS)


@pytest.mark.parametrize("text", ["", " \t\n", "-", '"', '""', "...", "- -", "\x00", "\ud800"])
def test_a_query_that_says_nothing_is_refused_with_a_hint(text):
    with pytest.raises(InvalidQuery) as refused:
        Query.parse(text)
    assert refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        'author:""',
        'author:"',
        "-author:jane",
        "after:24",
        "before:2024-13",
        "after:2023-02-29",
        "after:2024-00",
    ],
)
def test_a_filter_that_cannot_work_is_refused(text):
    with pytest.raises(InvalidQuery):
        Query.parse(f"contract {text}")


def test_a_query_may_be_long_but_not_endless():
    assert Query.parse("x" * LONGEST)
    assert len(Query.parse("ab " * (LONGEST // 3)).terms) == LONGEST // 3
    with pytest.raises(InvalidQuery):
        Query.parse("x" * (LONGEST + 1))
    with pytest.raises(InvalidQuery):
        Query.parse(" ".join(f"-w{n}" for n in range(MOST_FILTERS + 1)))


def test_an_unclosed_quotation_mark_is_left_out():
    assert str(Query.parse('"open ended')) == "open ended"
    assert str(Query.parse('author:"Jane x')) == "x author:Jane"
    assert str(Query.parse('-"open')) == "-open" or Query.parse('x -"open').without == ("open",)


def test_typographic_quotation_marks_count():
    assert Query.parse("„ohne Grund“ “for cause” « sans motif »").phrases == (
        "ohne Grund",
        "for cause",
        "sans motif",
    )


def test_names_of_filters_may_be_written_in_any_case():
    assert Query.parse("Author:jane TYPE:pdf language:de") == Query.parse("author:jane type:pdf lang:de")


def test_of_several_days_the_narrowest_bound_holds():
    query = Query.parse("after:2023 after:2024-05 before:2026 before:2025")
    assert (str(query.after), str(query.before)) == ("2024-05", "2025")


def test_a_day_stands_for_its_first_moment():
    assert Day.parse("1970-01-02").seconds == 86400
    assert Day.parse("1970-02").seconds == 31 * 86400
    assert Day.parse("1971").seconds == 365 * 86400


def test_filters_are_added_and_removed():
    query = Query.parse("notice type:pdf")
    wider = query.with_filter("author", "Jane Doe")
    assert str(wider) == 'notice author:"Jane Doe" type:pdf'
    assert wider.without_filter("author", "Jane Doe") == query
    assert query.with_filter("type", "pdf") == query
    assert str(query.with_year(2024)) == "notice type:pdf after:2024 before:2025"
    assert str(query.with_year(9999)) == "notice type:pdf after:9999"
    assert query.without_filter("before", "2024") == query
    assert Query.parse("a -b").without_filter("-", "b") == Query.parse("a")


_texts = st.lists(
    st.sampled_from(
        ["notice", "e-mail", "-", "--", '"', ":", " ", "  ", "\t", "author:", "type:", "lang:de", "after:2024", "before:2023-05-06",
         "http://x", "C:\\", "5\"", "-\"", "“", "übung", "foo", "re:", "/", "12:30", "\x85", "\u2028", "\ud800", "ﬁ", "İ"]
    ) | st.text(max_size=4),
    max_size=12,
).map("".join)  # fmt: skip


@given(_texts)
def test_the_canonical_form_parses_back(text):
    try:
        query = Query.parse(text)
    except InvalidQuery:
        return
    assert Query.parse(str(query)) == query
    assert str(Query.parse(str(query))) == str(query)


@given(_texts, st.sampled_from(FIELDS[:4]), st.text(max_size=12))
def test_whatever_a_facet_adds_parses_back(text, field, value):
    try:
        query = Query.parse(text)
        more = query.with_filter(field, value)
    except InvalidQuery:
        return
    assert Query.parse(str(more)) == more
    added = set(more.filters()) - set(query.filters())
    for name, held in added:
        assert more.without_filter(name, held) == query


@given(_texts, st.sampled_from(FIELDS[:4]), st.text(max_size=12))
def test_many_values_of_a_filter_are_printed_as_one_by_one(text, field, value):
    try:
        expected = str((query := Query.parse(text)).with_filter(field, value))
    except InvalidQuery:
        return
    assert query.narrowed(field)(value) == expected


_days = st.dates().map(lambda day: f"{day.year:04}-{day.month:02}-{day.day:02}")


@given(st.lists(st.tuples(st.sampled_from(FIELDS), _days), max_size=6))
def test_the_order_of_filters_matters_within_a_field_only(filters):
    text = "x " + " ".join(f"{field}:{value}" for field, value in filters)
    ordered = "x " + " ".join(
        f"{field}:{value}" for name in FIELDS for field, value in filters if field == name
    )
    assert Query.parse(text) == Query.parse(ordered)
