"""Runs of the embedding pipeline are as long as somebody who stops a sync is willing to wait."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.pace import FEWEST, MOST, RUN_S, Pace


@given(st.floats(FEWEST / RUN_S, MOST / RUN_S))
def test_a_run_soon_takes_as_long_as_it_shall(passages_a_second: float) -> None:
    pace = Pace()
    for _ in range(3):
        pace.took(pace.limit, pace.limit / passages_a_second)
    assert abs(pace.limit / passages_a_second - RUN_S) <= 0.5 / passages_a_second + 1e-9


def test_the_slowest_and_the_fastest_machine_keep_within_the_bounds() -> None:
    pace = Pace()
    pace.took(pace.limit, 3_600)
    assert pace.limit == FEWEST
    pace.took(pace.limit, 0)
    assert pace.limit == MOST
    pace.took(0, 60)
    assert pace.limit == MOST
