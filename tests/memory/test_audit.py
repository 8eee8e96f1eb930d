"""The chain of the audit: whatever is changed, left out or cut off is found, and where."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from memory.catalogue.audit import Wanted
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.schema import audit
from memory.errors import InvalidInput
from tests.memory.conftest import Databases

KEEP = timedelta(days=30)
LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)
CHANGES = {
    "at": LONG_AGO,
    "actor": "nobody",
    "place": "somebody",
    "request": "GET /",
    "about": "{}",
    "seal": "0" * 64,
}


@pytest.fixture(scope="module")
def shared(databases: Databases, made: str) -> Iterator[Catalogue]:
    """A catalogue for properties: each example empties its audit first."""
    catalogue = opened(databases.copy(made))
    yield catalogue
    catalogue.close()


def opened(address: str) -> Catalogue:
    return Catalogue(address, keep_audit=KEEP)


def filled(catalogue: Catalogue, number: int) -> None:
    with catalogue.transaction() as connection:
        connection.execute(delete(audit))
    for at in range(number):
        catalogue.audit.note("owner", "jane" if at % 2 else "", f"GET /{at}", {"documents": [f"d{at}"]})


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 6), data=st.data())
def test_any_change_is_found_where_it_was_made(shared: Catalogue, size: int, data: st.DataObject) -> None:
    filled(shared, size)
    assert shared.audit.verify().broken is None
    hurt = data.draw(st.integers(1, size))
    change = data.draw(st.sampled_from([*CHANGES, "swapped", "removed"]))
    with shared.transaction() as connection:
        if change == "removed":
            connection.execute(delete(audit).where(audit.c.number == hurt))
        elif change == "swapped":
            connection.execute(update(audit).where(audit.c.number == hurt).values(number=size + 1))
        else:
            connection.execute(update(audit).where(audit.c.number == hurt).values({change: CHANGES[change]}))
    verdict = shared.audit.verify()
    at_the_end = hurt == size and change == "removed"
    assert verdict.broken == (None if at_the_end else hurt)
    assert verdict.entries == hurt - 1


def test_a_seal_kept_elsewhere_shows_a_cut_end_and_a_chain_written_anew(address: str) -> None:
    catalogue = opened(address)
    filled(catalogue, 3)
    noted = catalogue.audit.verify().newest
    filled(catalogue, 5)  # the same requests at other times: whole in itself
    assert catalogue.audit.verify().broken is None
    assert catalogue.audit.verify(noted).broken == 3
    noted = catalogue.audit.verify().newest
    with catalogue.transaction() as connection:
        connection.execute(delete(audit).where(audit.c.number > 3))
    verdict = catalogue.audit.verify(noted)
    assert (verdict.broken, verdict.reason) == (4, "the end is cut off")
    with pytest.raises(InvalidInput, match="Not a seal"):
        catalogue.audit.verify("5")
    catalogue.close()


def test_what_is_past_its_time_goes_and_the_rest_still_holds(address: str) -> None:
    catalogue = opened(address)
    filled(catalogue, 4)
    noted = catalogue.audit.verify().newest
    brief = Catalogue(address, keep_audit=timedelta(microseconds=1))
    assert brief.audit.expire() == 4
    brief.audit.note("owner", "", "GET /later", {})
    verdict = brief.audit.verify(noted)
    assert (verdict.broken, verdict.entries, verdict.expired) == (None, 1, 4)
    assert brief.audit.verify(noted[:-1] + ("0" if noted[-1] != "0" else "1")).broken == 4
    with brief.transaction() as connection:
        row = connection.execute(select(audit)).one()
        connection.execute(delete(audit))
        connection.execute(insert(audit).values(**row._asdict() | {"about": '{"a": 1}'}))
    assert brief.audit.verify().broken == 5
    brief.close()
    catalogue.close()


def test_entries_are_narrowed_by_whose_place_what_document_and_when(address: str) -> None:
    catalogue = opened(address)
    filled(catalogue, 4)
    catalogue.audit.note("owner", "", "GET /all", {"documents": ["d1", "d_"]})
    read = catalogue.audit.entries
    assert [entry.number for entry in read(Wanted())] == [5, 4, 3, 2, 1]
    assert [entry.number for entry in read(Wanted(reader="jane"))] == [4, 2]
    assert [entry.number for entry in read(Wanted(document="d1"))] == [5, 2]
    assert [entry.number for entry in read(Wanted(document="d_"))] == [5], "no pattern"
    assert [entry.number for entry in read(Wanted(), limit=2, offset=1)] == [4, 3]
    assert catalogue.audit.total(Wanted(until=read(Wanted())[0].at)) == 4
    assert catalogue.audit.total(Wanted(since=datetime.now(UTC))) == 0
    catalogue.close()
