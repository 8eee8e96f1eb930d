"""Searches go first: what works in the background waits for them, and never for long."""

import threading
import time

from memory.courtesy import LONGEST_S, Courtesy


def took_to_give_way(courtesy: Courtesy) -> float:
    began = time.monotonic()
    courtesy.give_way()
    return time.monotonic() - began


def test_nobody_waits_where_nobody_goes_first() -> None:
    courtesy = Courtesy()
    with courtesy.ahead():
        pass
    assert took_to_give_way(courtesy) < LONGEST_S / 2


def test_a_search_that_never_ends_does_not_stop_the_work() -> None:
    courtesy = Courtesy()
    with courtesy.ahead():
        took = took_to_give_way(courtesy)
    assert LONGEST_S * 0.9 <= took < 5


def test_the_work_goes_on_when_the_last_search_has_ended() -> None:
    courtesy = Courtesy()
    went_on = threading.Event()

    def work() -> None:
        while not went_on.is_set() and courtesy._ahead:
            courtesy.give_way()
        went_on.set()

    with courtesy.ahead():
        with courtesy.ahead():
            worker = threading.Thread(target=work)
            worker.start()
        assert not went_on.wait(LONGEST_S)  # one of two is still there
    assert went_on.wait(5)
    worker.join()
