"""A source that fails too often is left alone, loses nothing, and goes on where it was."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.service import Service
from ingest.error_monitor import ErrorMonitor, Limits, TooManyFailures
from memory.domain import OWNER, Failed, SourceRef, Stage
from tests.memories import add_folder, service, sync


def failure(number: int, stage: Stage = Stage.PARSED) -> Failed:
    return Failed(SourceRef("folder", "files", f"{number}.pdf"), stage, "broken")


def fails(monitor: ErrorMonitor, numbers: range, every: int = 1) -> None:
    """Every so many of these documents fails, the others are taken in."""
    for number in numbers:
        if number % every:
            monitor.succeeded(Stage.PARSED)
        else:
            monitor.failed(failure(number))


def test_ten_in_a_row_are_too_many() -> None:
    monitor = ErrorMonitor()
    fails(monitor, range(9))
    monitor.succeeded(Stage.PARSED)
    fails(monitor, range(9, 14))
    monitor = ErrorMonitor()
    with pytest.raises(TooManyFailures, match=r"10 documents in a row failed, the last: 9\.pdf: broken"):
        fails(monitor, range(10))


def test_fifteen_of_the_last_hundred_are_too_many() -> None:
    with pytest.raises(TooManyFailures, match="15 of the last 100"):
        fails(ErrorMonitor(), range(300), every=6)
    fails(ErrorMonitor(), range(1, 301), every=8)  # never more than 13 of 100


def test_the_limits_are_settings_and_known_failures_do_not_count() -> None:
    monitor = ErrorMonitor(Limits(in_a_row=2, share=0))
    monitor.expect(failure(1).ref)
    monitor.failed(failure(1))
    monitor.failed(failure(2))
    with pytest.raises(TooManyFailures):
        monitor.failed(failure(3))
    never = ErrorMonitor(Limits(in_a_row=0, share=0))
    for number in range(200):
        never.failed(failure(number, Stage.FETCHED))


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Service]:
    files = tmp_path / "files"
    files.mkdir()
    for number in range(6):
        (files / f"good{number}.txt").write_text(f"The harbour report of quay {number}.", encoding="utf-8")
    with service(tmp_path / "home", sync={"stop_after_failures": 4, "stop_at_failure_share": 0}) as opened:
        add_folder(opened, files)
        yield opened


def test_a_source_stops_loses_nothing_and_resumes(asked: Service, tmp_path: Path) -> None:
    files = tmp_path / "files"
    assert sync(asked)["state"] == "done"
    (files / "good0.txt").unlink()
    for number in range(6):  # a workbook in name only
        (files / f"new{number}.xlsx").write_bytes(b"PK\x03\x04 no archive " + os.urandom(20))
    job = sync(asked)
    assert job["state"] == "failed"
    assert "4 documents in a row failed" in job["errors"][0]["message"]
    (source,) = asked.upkeep.sources()
    assert source["state"] == "stopped"
    assert "4 documents in a row failed" in source["stopped"]
    assert asked.search("harbour report", OWNER)["total"] == 6, "nothing was removed"
    assert asked.schedule.next_sync(asked.memory.catalogue.sources.get("files")) is None
    job = sync(asked)  # what failed before is known and unchanged: the rest is two failures more
    assert job["state"] == "done"
    assert asked.upkeep.sources()[0]["state"] == "ready"
    assert asked.search("harbour report", OWNER)["total"] == 5
    assert asked.upkeep.sources()[0]["counts"]["failed"] == 6
