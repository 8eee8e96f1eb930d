"""The sync: one walk over a source, words first, meaning behind."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from haystack import Pipeline

from connectors.base import Connector
from connectors.patience import Patience, Patient
from ingest.changes import ChangeReader
from ingest.error_monitor import ErrorMonitor, Limits, TooManyFailures
from ingest.in_turn import InTurn
from ingest.index_writer import IndexWriter
from ingest.items import Broken, Divided, Fetched, Gone, Kept, Outcome, Skipped
from ingest.pace import Pace
from ingest.parsers.workers import ParserPool
from ingest.parts import in_parts
from ingest.recognition import Recognised, Recognition
from ingest.summary import Summary
from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.domain import Stage
from memory.errors import MnemeError
from memory.pipelines import run

PARSED_TOGETHER = 32
"""Files in one run of the pipeline: enough to keep every worker busy, few enough to be found soon."""

HELD_TOGETHER = 64_000_000
"""Bytes in memory that one run of the pipeline waits for: from there on it begins with fewer files. Those in a local file weigh nothing."""

_EMBEDDED_BETWEEN = 64
"""Passages embedded while sources keep us waiting: whoever has something to write waits for them some seconds."""

_LOOK_S = 0.5
"""Between two looks whether a pause has been ended by `Sync.stop`."""


class Phase(StrEnum):
    """What a sync is doing."""

    WORDS = "words"
    MEANING = "meaning"
    PICTURES = "pictures"
    """Recognising the text of pages that are pictures."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a sync is.

    :param done: documents looked at, passages embedded, or pages recognised.
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

    Several sources may be read at once, each in a thread of its own: they are fetched beside each other, and parsed and
    written in turn.

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
        self._pool = registry.need(memory, ParserPool)
        self._max_bytes = max_bytes
        self._limits = limits
        self._patience = patience
        self._stop = threading.Event()
        self._stopped: set[str] = set()
        self._turn = InTurn()
        self._pace = Pace()

    def stop(self, name: str = "") -> None:
        """Ask it to end at the next document, or the next few passages that are embedded, for good, or only to end reading one source; what was written stays."""
        if name:
            self._stopped.add(name)
        else:
            self._stop.set()

    def go_on(self, name: str) -> None:
        """Let a source be read again after it was stopped."""
        self._stopped.discard(name)

    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.is_set()

    @property
    def idle_s(self) -> float:
        """For how many seconds nothing was parsed, written or embedded: whatever is being read waits for its source."""
        return self._turn.free_s

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
        patient = Patient(connector, lambda seconds: self._pause(name, seconds), self._patience)
        reader = ChangeReader(
            self._catalogue,
            patient,
            name,
            summary,
            monitor,
            max_bytes=self._max_bytes,
            look=lambda: self._check_stop(name),
        )
        expected = self._catalogue.ledger.count(name) or None
        with self._turn:  # what an earlier process left between catalogue and index
            self._writer.write_pending()
        try:
            for part in in_parts(reader.fetch_changed(), PARSED_TOGETHER, HELD_TOGETHER):
                with self._turn:
                    self._check_stop(name)
                    outcomes = run(self._words, {"parse": {"fetched": part}})["write"]["outcomes"]
                _count(outcomes, summary)
                report(Step(Phase.WORDS, name, summary.accounted, expected))
                _watch(part, outcomes, monitor)
            self._check_stop(name)
        except TooManyFailures as error:
            summary.stopped = error.message
            with self._turn:
                self._writer.write_pending()
            self._catalogue.sources.synced(name, summary.to_json())
            raise
        with self._turn:
            reader.finish(accept_removals=accept_removals)
            self._writer.write_pending()
            self._writer.weigh_words(lambda _done: self._check_stop(name))
        self._catalogue.sources.synced(name, summary.to_json())
        report(Step(Phase.WORDS, name, summary.known, summary.known))
        return summary

    def recognise(
        self,
        name: str,
        connector: Connector,
        until: float,
        waited_for: Callable[[], bool] = lambda: False,
        report: Callable[[Step], None] = lambda _step: None,
    ) -> Recognised:
        """Recognise the text of a source's pages that are pictures, and read their documents again with it.

        :param until: when to end, on the clock of `time.monotonic`; the next one goes on from there.
        :param waited_for: whether to leave it at what is done, since there is something better to do.
        :raises SourceError: where the source cannot be reached.
        :raises Interrupted: after `stop`.
        """
        recognition = Recognition(
            self._catalogue,
            self._pool,
            partial(self._reread, name),
            until=until,
            stopping=lambda: self._stop.is_set() or name in self._stopped or waited_for(),
            report=lambda done, total: report(Step(Phase.PICTURES, name, done, total)),
        )
        patient = Patient(connector, lambda seconds: self._pause(name, seconds), self._patience)
        done = recognition.run(name, patient)
        self._check_stop(name)
        return done

    def _reread(self, name: str, documents: list[Fetched]) -> int:
        with self._turn:
            self._check_stop(name)
            outcomes = run(self._words, {"parse": {"fetched": documents}})["write"]["outcomes"]
        return sum(isinstance(each, Divided) for each in outcomes)

    def embed(
        self,
        report: Callable[[Step], None] = lambda _step: None,
        wanted: Callable[[], Sequence[str]] = lambda: (),
        until: Callable[[], bool] = lambda: False,
    ) -> int:
        """Give every passage its vector; says how many got one.

        :param wanted: gives the documents that were looked for since it was last asked: they come first.
        :param until: whether to leave it at that; asked between two runs of the pipeline.
        :raises Interrupted: after `stop`.
        """
        progress = self._catalogue.passages.progress()
        total, done = progress.by_words - progress.by_meaning, 0
        while not until():
            stored = self._embed(self._pace.limit, wanted)
            if not stored:
                break
            done += stored
            report(Step(Phase.MEANING, "", done, max(total, done)))
        return done

    def embed_between(self, wanted: Callable[[], Sequence[str]] = lambda: ()) -> int:
        """Give some passages their vectors, to fill the time that sources keep us waiting; says how many."""
        return self._embed(min(_EMBEDDED_BETWEEN, self._pace.limit), wanted)

    def _embed(self, limit: int, wanted: Callable[[], Sequence[str]]) -> int:
        self._check_stop()
        if looked_for := wanted():
            self._catalogue.documents.want(looked_for)
        with self._turn:
            began = time.monotonic()
            stored: int = run(self._vectors, {"embed": {"limit": limit}})["store"]["stored"]
            self._pace.took(stored, time.monotonic() - began)
        return stored

    def _pause(self, name: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._stop.wait(min(left, _LOOK_S))
            self._check_stop(name)
        self._check_stop(name)

    def _check_stop(self, name: str = "") -> None:
        if self._stop.is_set() or name in self._stopped:
            raise Interrupted


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
