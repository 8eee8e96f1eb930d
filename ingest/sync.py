"""The sync: one walk over a source, words first, meaning behind."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from haystack import Pipeline

from connectors.base import Connector
from connectors.patience import Patience, Patient
from ingest.changes import ChangeReader
from ingest.error_monitor import ErrorMonitor, Limits, TooManyFailures
from ingest.index_writer import IndexWriter
from ingest.items import Broken, Fetched, Gone, Kept, Outcome, Skipped
from ingest.summary import Summary
from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.domain import Stage
from memory.errors import MnemeError, SourceError
from memory.pipelines import run

PARSED_TOGETHER = 32
"""Files in one run of the pipeline: enough to keep every worker busy, few enough to be found soon."""

EMBEDDED_TOGETHER = 256
"""Passages in one run of the pipeline: sorted by length, they make even batches; a kill loses this much work."""


class Phase(StrEnum):
    """What a sync is doing."""

    WORDS = "words"
    MEANING = "meaning"


@dataclass(frozen=True, slots=True)
class Step:
    """How far a sync is.

    :param done: documents looked at, or passages embedded.
    :param total: how many there will be, or None before that is known.
    """

    phase: Phase
    source: str
    done: int
    total: int | None


class Interrupted(MnemeError):
    """The sync was stopped; the next one goes on from here."""

    retryable = True


class Sync:
    """Brings the memory to what the sources say.

    :param words: the pipeline from files to words (``ingest/pipelines/words.yaml``).
    :param vectors: the pipeline from words to vectors (``ingest/pipelines/vectors.yaml``).
    :param memory: the memory's name in the registry.
    :param max_bytes: larger files are skipped.
    :param limits: how much of a source may fail before its sync stops.
    :param patience: how long a source that cannot be reached for now is waited for.
    """

    def __init__(
        self,
        words: Pipeline,
        vectors: Pipeline,
        *,
        memory: str = "default",
        max_bytes: int = 200_000_000,
        limits: Limits | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._words = words
        self._vectors = vectors
        self._catalogue = registry.need(memory, Catalogue)
        self._writer = registry.need(memory, IndexWriter)
        self._max_bytes = max_bytes
        self._limits = limits
        self._patience = patience
        self._stop = threading.Event()

    def stop(self) -> None:
        """Ask a running sync to end at the next document; nothing that was written is lost."""
        self._stop.set()

    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.is_set()

    def recover(self) -> None:
        """Finish what an earlier process left between catalogue and index."""
        self._writer.write_pending()

    def read(
        self,
        name: str,
        connector: Connector,
        *,
        accept_removals: bool = False,
        report: Callable[[Step], None] = lambda _step: None,
    ) -> Summary:
        """Bring one source's documents to where they are found by their words.

        :param accept_removals: remove also more than a fifth of the source.
        :raises SourceError: where the source cannot be reached; then nothing is removed.
        :raises TooManyFailures: where too much of the source fails; then nothing is removed, and the next sync
            goes on from there.
        :raises Interrupted: after `stop`.
        """
        summary, monitor = Summary(name), ErrorMonitor(self._limits)
        patient = Patient(connector, self._pause, self._patience)
        reader = ChangeReader(self._catalogue, patient, name, summary, monitor, max_bytes=self._max_bytes)
        expected = self._catalogue.ledger.count(name) or None
        self.recover()
        try:
            for part in _in_parts(reader.fetch_changed(), PARSED_TOGETHER):
                self._check_stop()
                outcomes = run(self._words, {"parse": {"fetched": part}})["write"]["outcomes"]
                _count(outcomes, summary)
                report(Step(Phase.WORDS, name, summary.accounted, expected))
                _watch(part, outcomes, monitor)
        except TooManyFailures as error:
            summary.stopped = error.message
            self._writer.write_pending()
            self._catalogue.sources.synced(name, summary.to_json())
            raise
        reader.finish(accept_removals=accept_removals)
        self._writer.write_pending()
        self._writer.weigh_words()
        self._catalogue.sources.synced(name, summary.to_json())
        report(Step(Phase.WORDS, name, summary.known, summary.known))
        return summary

    def embed(
        self,
        report: Callable[[Step], None] = lambda _step: None,
        wanted: Callable[[], Sequence[str]] = lambda: (),
    ) -> int:
        """Give every passage its vector; says how many got one.

        :param wanted: gives the documents that were looked for since it was last asked: they come first.
        :raises Interrupted: after `stop`.
        """
        progress = self._catalogue.passages.progress()
        total, done = progress.by_words - progress.by_meaning, 0
        while True:
            self._check_stop()
            if looked_for := wanted():
                self._catalogue.documents.want(looked_for)
            stored = run(self._vectors, {"embed": {"limit": EMBEDDED_TOGETHER}})["store"]["stored"]
            if not stored:
                return done
            done += stored
            report(Step(Phase.MEANING, "", done, max(total, done)))

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)
        self._check_stop()

    def _check_stop(self) -> None:
        if self._stop.is_set():
            self._stop.clear()
            raise Interrupted


def _in_parts(items: Iterable[Fetched], size: int) -> Iterator[list[Fetched]]:
    """Parts of that size; where the stream breaks off, what came before is given first."""
    part: list[Fetched] = []
    try:
        for item in items:
            part.append(item)
            if len(part) == size:
                yield part
                part = []
    except SourceError:
        if part:
            yield part
        raise
    if part:
        yield part


def _watch(part: Sequence[Fetched], outcomes: Iterable[Outcome], monitor: ErrorMonitor) -> None:
    """Tell the monitor what became of a part, in the order in which it was fetched."""
    broken = {each.fetched.document: each.failure for each in outcomes if isinstance(each, Broken)}
    for fetched in part:
        if failure := broken.get(fetched.document):
            monitor.failed(failure)
        else:
            monitor.succeeded(Stage.PARSED)


def _count(outcomes: Iterable[Outcome], summary: Summary) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Broken):
            summary.fail(outcome.failure)
        elif isinstance(outcome, Kept):
            summary.unread([outcome.row])
        elif isinstance(outcome, Gone):
            summary.removed += 1
        elif isinstance(outcome, Skipped):
            summary.skipped += 1
        else:
            summary.indexed += 1
