"""Values that print and parse back, and the rule of access."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.domain import OWNER, PUBLIC, Access, Asker, Contribution, Identity, Location, Role, SourceRef
from memory.errors import InvalidInput

keys = st.text(min_size=1, max_size=60)
token = st.sampled_from(["group:a", "group:b", "person:x@y.example", PUBLIC])
some = st.frozensets(token)


@given(
    st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9][\w.-]{0,8}", fullmatch=True).filter(str.isascii),
    keys,
)
def test_a_ref_prints_and_parses_back(kind: str, source: str, key: str) -> None:
    ref = SourceRef(kind, source, key)
    assert SourceRef.parse(str(ref)) == ref


@pytest.mark.parametrize(
    "text", ["", "folder", "folder:", "folder:x", "folder:x/", ":x/y", "Folder:x/y", "folder:x y/z"]
)
def test_what_is_no_ref_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        SourceRef.parse(text)


@given(some, some, some)
def test_deny_wins_and_nothing_granted_is_nobodys(
    grant: frozenset[str], deny: frozenset[str], held: frozenset[str]
) -> None:
    access, asker = Access(grant, deny), Asker("p", held)
    everything = held | {PUBLIC}
    assert access.allows(asker) == (
        any(t in grant for t in everything) and not any(t in deny for t in everything)
    )
    assert access.allows(OWNER)


@given(
    st.integers(0, 50),
    st.integers(0, 50),
    st.none() | st.integers(1, 9),
    st.lists(st.text(min_size=1)).map(tuple),
)
def test_a_location_survives_json(
    start: int, length: int, page: int | None, heading: tuple[str, ...]
) -> None:
    location = Location(start, start + length, page=page, heading=heading, slide=page)
    assert Location.from_json(location.to_json()) == location


def test_times_without_a_zone_are_refused() -> None:
    with pytest.raises(InvalidInput, match="time zone"):
        Contribution(Identity("Jane"), Role.AUTHOR, datetime(2026, 1, 1))  # noqa: DTZ001
