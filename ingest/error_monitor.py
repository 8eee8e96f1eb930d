"""When failures stop being single documents' own: a source that fails too often in a sync is left alone."""

from collections import Counter, deque
from dataclasses import dataclass

from memory.domain import Failed, SourceRef, Stage
from memory.errors import SourceError

WINDOW = 100
"""Of how many of the last documents the failed ones are counted."""


class TooManyFailures(SourceError):
    """Too many documents of the source failed; its sync stopped and nothing was removed."""

    default_hint = "See the reasons in the ledger; once mended, sync the source again: it goes on from there."


@dataclass(frozen=True, slots=True)
class Limits:
    """When a source's sync stops.

    :param in_a_row: failures one after the other; 0 for no such limit.
    :param share: of the last `WINDOW` documents that were tried, 0 to 1; 0 for no such limit.
    """

    in_a_row: int = 10
    share: float = 0.15


class ErrorMonitor:
    """Counts what became of the documents that a sync of one source tried to take in.

    Documents that needed no reading are not counted: they say nothing about the source's health. Nor is a
    failure that was known before, so that a sync that was stopped gets further the next time.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._rows: Counter[Stage] = Counter()
        self._last: deque[bool] = deque(maxlen=WINDOW)
        self._known: set[SourceRef] = set()

    def expect(self, ref: SourceRef) -> None:
        """Note that a document failed in an earlier sync."""
        self._known.add(ref)

    def succeeded(self, stage: Stage) -> None:
        """Count a document that reached a stage; fetching runs ahead of parsing, so each has its own row."""
        self._rows[stage] = 0
        if stage is Stage.PARSED:
            self._last.append(False)

    def failed(self, failure: Failed) -> None:
        """Count a failure.

        :raises TooManyFailures: where a limit is reached.
        """
        if failure.ref in self._known:
            return
        stage = Stage.PARSED if failure.stage is Stage.PARSED else Stage.FETCHED
        self._rows[stage] += 1
        self._last.append(True)
        failures, limits = sum(self._last), self._limits
        what = f"{failure.ref.key}: {failure.reason}"
        if limits.in_a_row and self._rows[stage] >= limits.in_a_row:
            raise TooManyFailures(f"{self._rows[stage]} documents in a row failed, the last: {what}.")
        if limits.share and failures >= limits.share * WINDOW:
            raise TooManyFailures(f"{failures} of the last {WINDOW} documents failed, the last: {what}.")
