"""What happens to a worker happens to one file: the others are read, and a new worker takes its place."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingest.parsers.workers import ParserPool
from memory.errors import ParseError, ParserUnavailable
from tests.ingest import samples

SLOW = b"<html><body>" + b"<p>The pump <b>runs</b> well.</p>" * 25_000
"""Keeps a worker busy for some seconds."""


@pytest.fixture(scope="module")
def one() -> Iterator[ParserPool]:
    """A single worker with little memory and little time."""
    with ParserPool(1, timeout_s=6, memory_bytes=400 << 20) as opened:
        opened.warm_up()
        yield opened


def while_parsing(pool: ParserPool, data: bytes, act: signal.Signals) -> ParseError:
    """Send a signal to the one worker in the middle of a file; gives what became of the file."""
    pool.parse(b"warm", name="a.txt")
    (worker,) = pool.pids()
    timer = threading.Timer(0.5, os.kill, (worker, act))
    timer.start()
    with pytest.raises(ParseError) as failed:
        pool.parse(data, name="slow.html")
    timer.join()
    return failed.value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "reason", "again"),
    [
        (signal.SIGSEGV, "the parser crashed (signal 11)", False),
        (
            signal.SIGKILL,
            "the parser crashed (signal 9)",
            True,
        ),  # not the file's fault: the next sync reads it
        (signal.SIGSTOP, "took longer than 6 s", False),
    ],
)
def test_a_crash_or_a_hang_costs_one_file(
    one: ParserPool, act: signal.Signals, reason: str, *, again: bool
) -> None:
    failed = while_parsing(one, SLOW, act)
    assert (failed.message, failed.retryable) == (reason, again)
    assert one.parse(b"The pump runs.", name="next.txt").elements


def test_a_page_that_does_not_fit_into_memory_costs_one_file(one: ParserPool) -> None:
    with pytest.raises(ParseError, match="needed more than 400 MB"):
        one.parse(b"<html><body>" + b"<p>The pump <b>runs</b> well.</p>" * 400_000, name="big.html")
    assert one.parse(b"The pump runs.", name="next.txt").elements


def test_the_others_go_on_while_one_crashes(pool: ParserPool) -> None:
    pool.warm_up()
    victim = pool.pids()[0]
    sample = samples.txt()
    with ThreadPoolExecutor(4) as threads:
        reading = [threads.submit(pool.parse, sample.data, name=f"{n}.txt") for n in range(40)]
        os.kill(victim, signal.SIGKILL)
        outcomes = [read.exception() for read in reading]
    assert sum(error is not None for error in outcomes) <= 1
    assert len(pool.pids()) <= pool.workers


def test_workers_that_rest_are_ended_and_come_back(one: ParserPool) -> None:
    one.parse(b"one", name="a.txt")
    before = one.pids()
    one.rest(60)
    one.parse(b"two", name="a.txt")
    assert one.pids() == before
    one.rest(0)
    while one.pids():
        time.sleep(0.01)
    assert one.parse(b"three", name="a.txt").elements


def test_closing_ends_the_workers_and_blames_no_file() -> None:
    opened = ParserPool(1)
    opened.warm_up()
    (worker,) = opened.pids()
    threading.Timer(0.5, opened.close).start()
    for name in ("slow.html", "next.html"):
        with pytest.raises(ParserUnavailable, match="the parsers are closed") as ended:
            opened.parse(SLOW, name=name)
        assert ended.value.retryable
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
