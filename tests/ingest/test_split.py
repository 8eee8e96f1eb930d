"""Passages are exact spans of the canonical text, whole, and never cross a heading, a sheet or a slide."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.parsers.base import Attachment, Element, ElementKind, Parsed
from ingest.parsers.wire import pack, parsed_from_json, parsed_to_json
from ingest.split import LONGEST_HEADING, MAX_TOKENS, embedding_text, estimate_tokens, heads, split
from memory.domain import Contribution, Identity, Role

SENTENCES = st.sampled_from(
    [
        "The board met in Aarhus.",
        "Der Vertrag endet am 31. Dezember 2024.",
        "Voir l'article 12, alinéa 3 du contrat.",
        "short",
        "x" * 900,
        "这份合同于十二月三十一日终止。" * 20,
        "one | two | three\nfour | five | six",
        "🔧 𠮷田",
        "a, b; c: d",
    ]
)
TEXTS = st.one_of(
    st.lists(SENTENCES, min_size=1, max_size=25).map(" ".join),
    st.text(min_size=1, max_size=80).map(str.strip).filter(bool),
)
PLACES = st.sampled_from(
    [{}, {"page": 1}, {"page": 2}, {"sheet": "A"}, {"sheet": "B"}, {"slide": 1}, {"slide": 2}]
)


@st.composite
def elements(draw: st.DrawFn) -> Element:
    kind = draw(st.sampled_from(ElementKind))
    level = draw(st.integers(1, 4)) if kind is ElementKind.HEADING else 0
    return Element(kind, draw(TEXTS), level, **draw(PLACES))  # type: ignore[arg-type]


DOCUMENTS = st.lists(elements(), max_size=12).map(lambda found: Parsed("text/plain", elements=tuple(found)))


def spans(parsed: Parsed) -> list[tuple[int, int]]:
    """Where each element stands in the canonical text."""
    found, position = [], 0
    for element in parsed.elements:
        found.append((position, position + len(element.text)))
        position += len(element.text) + 2
    return found


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS)
@example(Parsed("text/plain", elements=(Element(ElementKind.HEADING, "Alone", 1),)))
def test_a_passage_is_the_text_of_its_span(parsed: Parsed) -> None:
    canonical, pieces = split(parsed)
    assert canonical == "\n\n".join(element.text for element in parsed.elements)
    assert [piece.ordinal for piece in pieces] == list(range(len(pieces)))
    for piece in pieces:
        assert canonical[piece.location.start : piece.location.end] == piece.text
        assert piece.text.strip()
    starts = [piece.location.start for piece in pieces]
    assert starts == sorted(set(starts))


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS)
def test_a_passage_crosses_no_heading_and_no_place(parsed: Parsed) -> None:
    _, pieces = split(parsed)
    placed = list(zip(parsed.elements, spans(parsed), strict=True))
    for piece in pieces:
        inside = [
            e for e, (start, end) in placed if start < piece.location.end and end > piece.location.start
        ]
        if any(heads(element) for element in inside):
            assert len(inside) == 1
        assert len({(element.sheet, element.slide) for element in inside}) == 1
        assert (piece.location.sheet, piece.location.slide) == (inside[0].sheet, inside[0].slide)
        assert piece.location.page == inside[0].page


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS)
def test_nothing_is_lost(parsed: Parsed) -> None:
    """Every character of text stands in a passage, every heading in one or in the path of the text beneath it."""
    canonical, pieces = split(parsed)
    held = set().union(*(range(piece.location.start, piece.location.end) for piece in pieces))
    headings = {heading for piece in pieces for heading in (*piece.location.heading, piece.text)}
    for element, (start, end) in zip(parsed.elements, spans(parsed), strict=True):
        if heads(element):
            assert element.text in headings
        else:
            assert not "".join(canonical[at] for at in range(start, end) if at not in held).strip()


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS)
def test_no_passage_is_too_long_for_the_model(parsed: Parsed) -> None:
    for piece in split(parsed)[1]:
        # A heading is never cut.
        assert len(piece.text) <= LONGEST_HEADING or estimate_tokens(piece.text) <= MAX_TOKENS * 1.05


def test_the_heading_path_is_the_way_down_to_the_text() -> None:
    parsed = Parsed(
        "text/plain",
        elements=(
            Element(ElementKind.HEADING, "Contract", 1),
            Element(ElementKind.HEADING, "Payment", 2),
            Element(ElementKind.TEXT, "Within thirty days."),
            Element(ElementKind.HEADING, "Term", 2),
            Element(ElementKind.HEADING, "Annex", 1),
            Element(ElementKind.TEXT, "List of parts."),
        ),
    )
    found = [(piece.location.heading, piece.text) for piece in split(parsed)[1]]
    assert found == [
        (("Contract", "Payment"), "Within thirty days."),
        (("Contract",), "Term"),
        (("Annex",), "List of parts."),
    ]


def test_title_and_headings_stand_in_front_of_what_is_embedded() -> None:
    assert embedding_text("Lease", ["Lease", "Rent"], "Due monthly.") == "Lease\nRent\nDue monthly."
    assert len(embedding_text("t" * 999, ["h" * 999] * 9, "x")) < 500


MOMENTS = st.datetimes(
    min_value=datetime(1971, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)  # noqa: DTZ001
)  # fmt: skip
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)
PEOPLE = st.builds(Identity, name=NAMES.filter(bool))
PARSED = st.builds(
    Parsed,
    media_type=st.just("application/pdf"),
    title=NAMES,
    elements=st.lists(elements(), max_size=4).map(tuple),
    language=st.sampled_from(["", "en"]),
    created=st.none() | MOMENTS,
    modified=st.none() | MOMENTS,
    contributions=st.lists(
        st.builds(Contribution, PEOPLE, st.sampled_from(Role), st.none() | MOMENTS, NAMES), max_size=3
    ).map(tuple),
    attachments=st.lists(
        st.builds(Attachment, NAMES, st.binary(max_size=30), st.just("image/png")), max_size=2
    ).map(tuple),
    empty_reason=NAMES,
)


@settings(max_examples=60, deadline=None)
@given(PARSED)
def test_a_parsed_file_comes_over_the_wire_as_it_was(parsed: Parsed) -> None:
    assert parsed_from_json(json.loads(pack(parsed_to_json(parsed)))) == parsed


@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_tokens_of_plain_text_are_those_of_any_text(text: str) -> None:
    counted = estimate_tokens(text)
    # One letter beyond ASCII has it counted the other way: a letter more, and nothing else.
    assert estimate_tokens(text + "é") - counted == pytest.approx(
        estimate_tokens("xé") - estimate_tokens("x")
    )
