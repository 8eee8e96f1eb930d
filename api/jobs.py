"""Syncs as jobs: one at a time, in the background, with progress for whoever asks."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from api.wiring import NAME, Memory
from ingest.components import PassageEmbedder
from ingest.error_monitor import Limits
from ingest.likeness import Likeness
from ingest.pipelines import load
from ingest.sync import Interrupted, Step, Sync
from memory import registry
from memory.catalogue.sources import Source, still_removing
from memory.errors import DiskFull, InvalidInput, MemoryInUse, MnemeError, RateLimited

log = logging.getLogger("mneme")


class State(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass
class SyncJob:
    """One sync of some sources.

    :param words_done: set when everything is found by its words.
    :param stopping: set when it was asked to stop.
    """

    sources: list[Source]
    accept_removals: bool
    meaning: bool
    state: State = State.RUNNING
    phase: str = "words"
    current: str = ""
    done: int = 0
    total: int | None = None
    summaries: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)
    embedded: int = 0
    words_done: bool = False
    stopping: bool = False

    def report(self, step: Step) -> None:
        """Take a step's progress over."""
        self.phase, self.current = step.phase.value, step.source
        self.done, self.total = step.done, step.total

    def to_json(self) -> dict[str, Any]:
        """The job as JSON values."""
        return {
            "state": self.state.value,
            "phase": self.phase,
            "source": self.current,
            "done": self.done,
            "total": self.total,
            "words_done": self.words_done,
            "embedded": self.embedded,
            "summaries": self.summaries,
            "errors": self.errors,
        }


class Jobs:
    """The syncs of a memory, one after the other.

    :param wanted: gives the documents that were looked for since it was last asked.
    """

    def __init__(self, memory: Memory, wanted: Callable[[], Sequence[str]]) -> None:
        self._memory = memory
        self._wanted = wanted
        self._job: SyncJob | None = None
        self._sync: Sync | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self.rests_until: dict[str, datetime] = {}
        """Sources that asked for a longer pause than a sync waits: the schedule leaves them alone until then."""

    @property
    def current(self) -> SyncJob | None:
        """The running job, or the last one."""
        return self._job

    @property
    def running(self) -> SyncJob | None:
        """The running job, or None."""
        job = self._job
        return job if job is not None and job.state is State.RUNNING else None

    def start(self, names: list[str], *, accept_removals: bool, meaning: bool) -> SyncJob:
        """Begin to sync these sources, or all that are not paused.

        :raises MemoryInUse: where a sync runs already.
        :raises NotFound: for an unknown source.
        :raises InvalidInput: where there is nothing to sync.
        """
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                raise MemoryInUse("A sync is running already.", hint="Wait for it, or stop it first.")
            stored = self._memory.catalogue.sources
            sources = [stored.get(name) for name in names] or [s for s in stored.all() if not s.paused]
            for source in sources:
                if names and source.removing:
                    raise still_removing(source.name)
            sources = [source for source in sources if not source.removing]
            if not sources:
                raise InvalidInput(
                    "There is nothing to sync.", hint="Add a source: mneme sources add folder PATH."
                )
            self._job = SyncJob(sources, accept_removals, meaning)
            thread = threading.Thread(target=self._run, args=(self._job,), name="sync", daemon=True)
            thread.start()
            self._thread = thread  # known once it runs: another thread may be waiting for it already
            return self._job

    def wait(self) -> None:
        """Wait until the running sync has ended."""
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """Ask the running sync to end, and wait until it has."""
        with self._starting:
            if self._job is not None:
                self._job.stopping = True
            if (sync := self._sync) is not None:
                sync.stop()
        self.wait()

    def _run(self, job: SyncJob) -> None:
        with self._memory.busy:
            self._memory.share_processor(True)
            try:
                self._sync = self._prepare()
                if job.stopping:  # asked while it was being prepared
                    self._sync.stop()
                self._read_all(self._sync, job)
                job.words_done = True
                if job.meaning:
                    self._memory.release_parsers()
                    job.embedded = self._sync.embed(job.report, self._wanted)
                    self._memory.optimise()
                    Likeness(self._memory.catalogue, self._memory.index).update(self._sync.stopping)
                job.state = State.FAILED if job.errors else State.DONE
            except MnemeError as error:
                job.errors.append({"source": job.current, "message": error.message, "hint": error.hint})
                job.state = State.STOPPED if isinstance(error, Interrupted) else State.FAILED
            except Exception:  # a thread's last line of defence: the job must not look as if it still ran
                log.exception("sync failed")
                job.errors.append(
                    {
                        "source": job.current,
                        "message": "The sync failed unexpectedly.",
                        "hint": "See the log.",
                    }
                )
                job.state = State.FAILED
            finally:
                job.words_done = True
                self._sync = None
                self._memory.release_workers()
                self._memory.share_processor(False)

    def _prepare(self) -> Sync:
        memory = self._memory
        registry.provide(NAME, PassageEmbedder, memory.passage_embedder)  # type: ignore[type-abstract]
        memory.parsers  # noqa: B018 - opened here, so that the pipeline finds it
        memory.writer()
        given = memory.settings.sync
        return Sync(
            load("words"),
            load("vectors"),
            memory=NAME,
            max_bytes=given.max_file_mb * 1_000_000,
            limits=Limits(given.stop_after_failures, given.stop_at_failure_share),
        )

    def _read_all(self, sync: Sync, job: SyncJob) -> None:
        for source in job.sources:
            job.current = source.name
            try:
                with self._memory.connected(source) as connector:
                    summary = sync.read(
                        source.name, connector, accept_removals=job.accept_removals, report=job.report
                    )
                job.summaries.append(summary.to_json())
            except MnemeError as error:
                if isinstance(error, Interrupted | DiskFull):
                    raise
                if isinstance(error, RateLimited) and error.after_s is not None:
                    self.rests_until[source.name] = datetime.now(UTC) + timedelta(seconds=error.after_s)
                # One source that cannot be reached does not keep the others from being read.
                job.errors.append({"source": source.name, "message": error.message, "hint": error.hint})
