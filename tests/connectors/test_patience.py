"""A source that goes away for a while: waited for by the type of its error, and gone on with behind what was told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.folder import Folder
from connectors.patience import Patience, Patient
from memory.domain import SourceRef
from memory.errors import RateLimited, SourceError, SourceUnavailable


class Faulty(Folder):
    """A folder behind a network that fails as told: each step takes the next error, None lets it pass."""

    def __init__(self, config: SourceConfig, faults: list[SourceError | None]) -> None:
        super().__init__(config)
        self.faults = faults

    def step(self) -> None:
        if self.faults and (error := self.faults.pop(0)):
            raise error

    def changes(self, since: str | None) -> Iterator[Change]:
        for change in super().changes(since):
            self.step()
            yield change

    def fetch(self, ref: SourceRef) -> Content:
        self.step()
        return super().fetch(ref)


class Reporting(Faulty):
    """The same, as a source that tells only of changes."""

    reports_deletions = True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "abcde":
        (tmp_path / f"{name}.txt").write_text(name, encoding="utf-8")
    return tmp_path


def patient(
    folder: Path, faults: list[SourceError | None], pauses: list[float], kind: type[Faulty] = Faulty
) -> Patient:
    return Patient(
        kind(SourceConfig("files", str(folder)), faults), pauses.append, Patience(attempts=4, first_s=8)
    )


def keys(changes: list[Change]) -> list[str]:
    return [each.ref.key for each in changes if isinstance(each, Upserted)]


def test_a_walk_that_breaks_off_goes_on_and_tells_nothing_twice(folder: Path) -> None:
    away, pauses = SourceUnavailable(), list[float]()
    # Each piece of news gives all attempts anew: eight failures in all, never four in a row.
    faults = [None, away, away, away, None, None, away, away, away, None, None, None, away, away]
    changes = list(patient(folder, faults, pauses).changes(None))
    assert sorted(keys(changes)) == [f"{name}.txt" for name in "abcde"]
    assert isinstance(changes[-1], Checkpoint)
    assert len(pauses) == 8
    assert max(pauses) <= 32


def test_a_source_that_stays_away_is_believed(folder: Path) -> None:
    pauses: list[float] = []
    with pytest.raises(SourceUnavailable):
        list(patient(folder, [None, *[SourceUnavailable()] * 4], pauses).changes(None))
    assert len(pauses) == 3
    with pytest.raises(SourceError, match="broken"):
        list(patient(folder, [SourceError("broken")], pauses).changes(None))
    assert len(pauses) == 3, "only what may pass is tried again"


def test_a_pause_that_the_source_asks_for_is_kept(folder: Path) -> None:
    pauses: list[float] = []
    ref = SourceRef("folder", "files", "a.txt")
    source = patient(folder, [RateLimited(after_s=7.5), RateLimited(after_s=90), RateLimited()], pauses)
    assert source.fetch(ref).read() == b"a"
    assert pauses[:2] == [7.5, 90]
    assert len(pauses) == 3
    with pytest.raises(RateLimited) as raised:
        patient(folder, [RateLimited(after_s=3600)], pauses).fetch(ref)
    assert raised.value.after_s == 3600, "an hour is for the schedule to wait, not for a sync"
    assert len(pauses) == 3


def test_what_changed_between_two_beginnings_is_looked_at_again(folder: Path) -> None:
    source = patient(folder, [None, None, None, SourceUnavailable()], [], Reporting)
    walk = source.changes("before")
    first = next(walk)
    assert isinstance(first, Upserted)
    (folder / first.ref.key).write_text("another text", encoding="utf-8")
    rest = list(walk)
    assert len(keys(rest)) == 4
    assert not [each for each in rest if isinstance(each, Checkpoint)]


def test_what_was_told_and_went_before_the_next_beginning_is_looked_for(folder: Path) -> None:
    """The second beginning says nothing of it: so the next sync has to look at everything."""
    source = patient(folder, [None, None, SourceUnavailable()], [], Reporting)
    walk = source.changes("before")
    first = next(walk)
    assert isinstance(first, Upserted)
    (folder / first.ref.key).unlink()
    rest = list(walk)
    assert len(keys(rest)) == 4
    assert not [each for each in rest if isinstance(each, Checkpoint)]
