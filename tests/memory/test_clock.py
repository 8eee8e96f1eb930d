"""What a clock that was wrong for a while has left in the catalogue does no harm once it is right, nor while it is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from memory.catalogue.audit import Wanted
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.login_schema import api_keys, sessions
from memory.catalogue.retention import DOUBT, LEAP, Clock
from memory.catalogue.schema import audit, events, saved_searches

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY, YEARS = timedelta(days=1), timedelta(days=3650)
IDLE = timedelta(minutes=30)


@pytest.fixture
def catalogue(address: str) -> Iterator[Catalogue]:
    opened = Catalogue(address, keep_audit=timedelta(days=30), keep_events=timedelta(days=30))
    yield opened
    opened.close()


def test_a_clock_that_goes_on_is_believed_and_one_that_has_leapt_after_a_day() -> None:
    clock = Clock(NOW)
    assert clock.at(NOW + DAY) == Clock(NOW + DAY)
    assert clock.at(NOW - YEARS) == Clock(NOW - YEARS), "by it less is past its time"
    leapt = clock.at(NOW + YEARS)
    assert leapt == Clock(NOW, NOW + YEARS)
    assert leapt.at(NOW + YEARS + DOUBT / 2) == leapt
    assert leapt.at(NOW + DAY) == Clock(NOW + DAY), "it is right again"
    assert leapt.at(NOW + YEARS + DOUBT) == Clock(NOW + YEARS + DOUBT)
    assert leapt.at(NOW + 2 * YEARS) == Clock(NOW, NOW + 2 * YEARS), "it leaps about"
    assert leapt.at(NOW + YEARS - DAY) == Clock(NOW, NOW + YEARS - DAY)
    assert leapt.at(NOW + YEARS + LEAP) == Clock(NOW + YEARS + LEAP)


def entry(number: int, at: datetime) -> dict[str, object]:
    return {
        "number": number,
        "at": at,
        "actor": "owner",
        "place": "",
        "request": "GET /",
        "about": "{}",
        "seal": f"{number}",
    }


def event(at: datetime) -> dict[str, object]:
    return {
        "at": at,
        "kind": "search",
        "asker": "x",
        "query": "lease",
        "documents": [],
        "took_ms": 1.0,
        "first": 1,
    }


def kept(catalogue: Catalogue, now: datetime, *ages: timedelta) -> list[int]:
    """Which of entries of these ages stay, counted from 1; of events it must be the same ones."""
    with catalogue.transaction() as connection:
        connection.execute(insert(audit), [entry(number, now - age) for number, age in enumerate(ages, 1)])
        connection.execute(insert(events), [event(now - age) for age in ages])
    gone = catalogue.audit.expire()
    assert catalogue.events.expire() == gone
    return sorted(each.number for each in catalogue.audit.entries(Wanted()))


def test_nothing_is_deleted_for_its_age_by_a_clock_that_has_just_leapt(catalogue: Catalogue) -> None:
    now = datetime.now(UTC)
    catalogue.set_meta("clock", [(now - YEARS).isoformat(), None])
    assert kept(catalogue, now, YEARS, YEARS) == [1, 2]
    since = now - DAY  # it has gone on from there for a day
    catalogue.set_meta("clock", [(now - YEARS).isoformat(), since.isoformat()])
    assert catalogue.audit.expire() == 2
    assert catalogue.events.expire() == 2


def test_a_catalogue_that_never_noted_the_clock_goes_by_its_newest_entry(catalogue: Catalogue) -> None:
    assert kept(catalogue, datetime.now(UTC), YEARS, YEARS) == [1, 2]


@pytest.mark.parametrize(
    ("ages", "stay"),
    [
        ([31, 40, 31, 3, 2], [4, 5]),
        ([31, -3650, 31, 3], [4]),  # noted while the clock was ahead
        ([3, -3650, 2], [1, 2, 3]),
        ([31, 3, 9999, 2], [2, 3, 4]),  # noted while it was behind
        ([-3650, -3650, 31], []),
        ([31, -3650, -3650], [2, 3]),  # nobody knows how old these are
        ([-3650], [1]),
    ],
)
def test_dates_that_are_wrong_neither_keep_nor_take_along_others(
    catalogue: Catalogue, ages: list[int], stay: list[int]
) -> None:
    now = datetime.now(UTC)
    catalogue.set_meta("clock", [now.isoformat(), None])
    assert kept(catalogue, now, *(timedelta(days=age) for age in ages)) == stay


def test_a_session_of_a_clock_that_was_ahead_is_none_and_one_used_by_it_goes_on(catalogue: Catalogue) -> None:
    token = catalogue.sessions.begin("jane@x.example", method="password", lasts=timedelta(hours=12))
    now = datetime.now(UTC)
    with catalogue.transaction() as connection:
        connection.execute(update(sessions).values(used=now + YEARS))
    assert catalogue.sessions.known(token, IDLE)
    with catalogue.transaction() as connection:
        connection.execute(update(sessions).where(sessions.c.used < now + IDLE).values(used=now - 2 * IDLE))
    assert catalogue.sessions.known(token, IDLE) is None, "that it rests counts from the use before"
    with catalogue.transaction() as connection:
        later = {"began": now + YEARS, "used": now + YEARS, "ends": now + YEARS + DAY}
        connection.execute(update(sessions).values(later))
    assert catalogue.sessions.known(token, IDLE) is None


def test_a_key_with_an_end_is_worth_nothing_before_it_was_made(catalogue: Catalogue) -> None:
    _, ends = catalogue.api_keys.add("a", scopes=["search"], made_by="owner", lasts=DAY)
    _, lasts = catalogue.api_keys.add("b", scopes=["search"], made_by="owner")
    now = datetime.now(UTC)
    with catalogue.transaction() as connection:
        connection.execute(update(api_keys).values(used=now + YEARS))
    assert catalogue.api_keys.known(ends)
    assert {
        each.used is not None and each.used <= now + IDLE for each in catalogue.api_keys.all() if each.expires
    } == {True}
    with catalogue.transaction() as connection:
        connection.execute(update(api_keys).values(created=now + YEARS))
        connection.execute(
            update(api_keys).where(api_keys.c.expires.is_not(None)).values(expires=now + YEARS + DAY)
        )
    assert catalogue.api_keys.known(ends) is None
    assert catalogue.api_keys.known(lasts)


def news(catalogue: Catalogue, *documents: str) -> set[str]:
    """What is new of what somebody's search finds."""
    [search] = catalogue.saved.of("jane")
    noted = catalogue.saved.note(search, documents)
    return {document for document in documents if noted.found[document] > noted.looked}


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), YEARS])
def test_what_a_search_finds_is_news_until_it_is_looked_at_whatever_the_clock_said(
    catalogue: Catalogue, ahead: timedelta
) -> None:
    saved = catalogue.saved
    saved.look(saved.add("jane", "notices", "notice", ["old"]))
    later = datetime.now(UTC) + ahead
    with (
        catalogue.transaction() as connection
    ):  # found and looked at while the clock was ahead, and found since
        found = {"old": NOW, "seen": later - timedelta(seconds=2), "unseen": later}
        written = {document: moment.isoformat() for document, moment in found.items()}
        connection.execute(update(saved_searches).values(found=written, looked=later - timedelta(seconds=1)))
    assert news(catalogue, "old", "seen", "unseen") == {"unseen"}
    assert news(catalogue, "old", "seen", "unseen", "new") == {"unseen", "new"}
    saved.look(saved.of("jane")[0])
    if ahead == YEARS:
        assert news(catalogue, "old", "seen", "unseen", "new") == set()
