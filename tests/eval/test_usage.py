"""What the log of searches gives the bench: personal data out, bands and turns, clicks beside what positions explain."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.usage.candidates import Candidate, candidates
from eval.usage.personal import PersonalData
from eval.usage.sample import sample
from eval.usage.searches import departments, searches
from memory.catalogue.events import Event, EventKind
from tests.eval.test_collections import FEW

PERSONAL = PersonalData(["Jane Doe", "Müller, Jürgen", "jane@x.example", "Harbour Info Team", "J. R."])
NOBODY = PersonalData([])
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("contract of Jane Doe", "contract of"),
        ("doe's contract", "contract"),
        ("juergen mueller reisekosten", "juergen mueller reisekosten"),
        ("Jürgen Muller Reisekosten", "Reisekosten"),
        ("mail jane.doe@x.example about rent", "mail about rent"),
        ("call +49 (0)30 123-45 67 now", "call now"),
        ("CPR 010180-1234", "CPR"),
        ("konto DE44 5001 0517 5407 3249 31 gesperrt", "konto gesperrt"),
        ("lease Hafenstraße 12a", "lease"),
        ("lease 12 Harbour Bridge Street", "lease"),
        ("bail 5 rue de la Paix", "bail"),
        ("Dr. Anna Schmidt gutachten", "gutachten"),
        ("see https://x.example/jane now", "see now"),
        ("info team budget 2024-2025", "info team budget 2024-2025"),
        ("section 12.3 of 2024-03-12", "section 12.3 of 2024-03-12"),
        ("j r tolkien", "j r tolkien"),
        ("Jane", ""),
        ("+45 12 34 56 78", ""),
    ],
)
def test_personal_data_are_taken_out_and_the_rest_stays(typed: str, left: str) -> None:
    assert PERSONAL.remove(typed) == left


WORDS = st.sampled_from(["lease", "budget", "Kündigung", "notice", "of", "the", "office"])


@FEW
@given(
    st.lists(WORDS, max_size=4),
    st.sampled_from(["Jane", "DOE", "müller", "Jürgen"]),
    st.integers(10**6, 10**14).map(str),
    st.from_regex(r"[a-z]{1,8}\.[a-z]{1,8}@[a-z]{2,8}\.(com|example)", fullmatch=True),
    st.randoms(use_true_random=False),
)
def test_nothing_personal_survives_anywhere_in_a_query(words, name, number, address, dice) -> None:
    parts = [*words, name, number, address]
    dice.shuffle(parts)
    left = PERSONAL.remove(" ".join(parts))
    assert not {name, number, address} & set(left.split())
    assert [part for part in parts if part in words] == left.split() or not left


def event(kind: EventKind, at: float, asker: str, query: str, *documents: str, first: int = 1) -> Event:
    return Event(NOON + timedelta(seconds=at), kind, asker, query, documents, 1.0, first)


def searched(query: str, times: int, askers: Iterable[str]) -> list[Event]:
    turn = list(askers)
    return [event(EventKind.SEARCH, n, turn[n % len(turn)], query) for n in range(times)]


def test_queries_are_sampled_from_head_torso_and_tail_and_by_turns() -> None:
    events = searched("Lease notice period", 30, ["a", "b"]) + searched(
        "lease  NOTICE period type:pdf", 10, ["c"]
    )
    events += searched("budget plan", 20, ["d"]) + searched("reisekosten antrag", 20, ["d"])
    for n in range(40):
        events += searched(f"rare thing {n}", 1, ["abcd"[n % 4]])
    events += searched("author:jane", 3, ["a"]) + searched("jane doe", 3, ["a"])
    events.append(
        event(EventKind.SEARCH, 0, "a", "lease notice period", first=11)
    )  # leafed on: no other search
    found = searches(events, PERSONAL)
    assert (found[0].text, found[0].times) == ("lease notice period", 40)
    of = departments(events, {"a": "Legal", "b": "Legal", "c": "Legal", "d": "Finance"})
    assert set(of.values()) == {"Legal"}  # one of Finance would be a name
    queries = sample(found, 9, of, ["en", "de"], seed=7)
    bands = {query.text: query.metadata["band"] for query in queries}
    assert bands["lease notice period"] == "head"
    assert {bands["budget plan"], bands["reisekosten antrag"]} == {"torso"}
    assert sorted(bands.values()).count("tail") == 6
    described = {query.text: query.metadata for query in queries}
    assert described["lease notice period"] == {
        "band": "head",
        "language": "en",
        "department": "Legal",
        "searches": "40",
    }
    assert described["reisekosten antrag"]["language"] == "de"
    tail = [query.metadata.get("department") for query in queries if query.metadata["band"] == "tail"]
    assert tail.count("Legal") == 3  # by turns, though three in four of the rare ones are theirs
    assert queries == sample(found, 9, of, ["en", "de"], seed=7)
    assert queries != sample(found, 9, of, ["en", "de"], seed=8)


def told(events: list[Event]) -> dict[str, Candidate]:
    return {one.document: one for one in candidates(events, NOBODY) if one.query == "lease"}


def test_clicks_stand_beside_those_that_positions_alone_would_bring() -> None:
    events: list[Event] = []
    for n in range(10):  # everybody opens what stands first, whatever they look for
        events.append(event(EventKind.SEARCH, 100 * n, f"a{n}", "other", "x", "y", "z"))
        events.append(event(EventKind.OPEN, 100 * n + 5, f"a{n}", "other", "x"))
    for n in range(2):
        at = 2000 + 1000 * n
        events.append(event(EventKind.SEARCH, at, f"b{n}", "Lease", "x", "y", "z"))
        events.append(event(EventKind.OPEN, at + 5, f"b{n}", "lease", "z"))
        events.append(event(EventKind.SEARCH, at + 65, f"b{n}", "elsewhere"))
    found = told(events)
    third, first = found["z"], found["x"]
    assert (third.clicks, third.long, third.shown, third.positions) == (2, 2, 2, 6)
    assert third.expected == pytest.approx(2 * 2 / 12)
    assert (first.clicks, first.passed) == (0, 2)
    assert first.expected == pytest.approx(2 * 10 / 12)
    assert third.to_json()["clicks_over_expected"] == 6.0
    other = {one.document: one for one in candidates(events, NOBODY) if one.query == "other"}
    assert other["x"].to_json()["clicks_over_expected"] < 2  # ten clicks, and next to nothing said
    assert set(other) == {"x"}  # what was shown below and not opened is no hint


def test_only_what_the_same_person_opened_from_a_list_counts_and_votes_always_do() -> None:
    shown = event(EventKind.SEARCH, 0, "a", "lease", "x", "y", first=11)
    assert told([shown, event(EventKind.OPEN, 5, "b", "lease", "x")]) == {}
    assert told([shown, event(EventKind.OPEN, 3600, "a", "lease", "x")]) == {}
    assert told([shown, event(EventKind.OPEN, 5, "a", "", "x")]) == {}
    found = told(
        [shown, event(EventKind.OPEN, 5, "a", "lease", "y"), event(EventKind.OPEN, 9, "a", "lease", "y")]
    )
    assert (found["y"].clicks, found["y"].positions, found["y"].long) == (1, 12, 0)
    votes = [event(EventKind.HELPFUL, 5, "b", "lease", "q"), event(EventKind.UNHELPFUL, 5, "a", "lease", "q")]
    found = told([shown, *votes])
    assert (found["q"].helpful, found["q"].unhelpful, found["q"].clicks) == (1, 1, 0)
    assert found["q"].to_json()["clicks_over_expected"] is None
