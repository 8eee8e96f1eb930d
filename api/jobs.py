"""Syncs as jobs: one at a time, in the background, with progress for whoever asks."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from typing import TypeVar

from api.directory_sync import sync_directory
from api.sync_job import State, SyncJob, Task
from api.waiting import undaunted
from api.wiring import NAME, Memory
from connectors.directory import PeopleDirectory
from ingest.components import PassageEmbedder
from ingest.error_monitor import Limits
from ingest.likeness import Likeness
from ingest.pipelines import load
from ingest.summary import Summary
from ingest.sync import Interrupted, Phase, Step, Sync
from memory import registry
from memory.catalogue.sources import Source, still_removing
from memory.errors import DiskFull, InvalidInput, MemoryInUse, MnemeError, RateLimited

log = logging.getLogger("mneme")

_T = TypeVar("_T")

_PLACE_S = 5.0
"""For so long a source keeps others from beginning; those that wait for their servers must not starve who would be quick."""

_MOST_READ = 32
"""Sources that are read beside each other at all."""

_IDLE_S = 2.0
"""After so long without a document from any source, some passages are embedded meanwhile."""


class Jobs:
    """The syncs of a memory: one job at a time, which reads several sources beside each other.

    :param wanted: gives the documents that were looked for since it was last asked.
    :param follow: called before anything is removed and after all was read, with whether it is asked to end.
    """

    def __init__(
        self,
        memory: Memory,
        wanted: Callable[[], Sequence[str]],
        follow: Callable[[Callable[[], bool]], None] = lambda _stopping: None,
    ) -> None:
        self._follow = follow
        self._memory = memory
        self._wanted = wanted
        self._job: SyncJob | None = None
        self._sync: Sync | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._rest_until: dict[str, float] = {}

    @property
    def current(self) -> SyncJob | None:
        """The running job, or the last one."""
        return self._job

    @property
    def running(self) -> SyncJob | None:
        """The running job, or None."""
        job = self._job
        return job if job is not None and job.state is State.RUNNING else None

    def rests(self, name: str) -> timedelta:
        """For how long a source wants to be left alone that asked for a longer pause than a sync waits; mostly no time."""
        return timedelta(seconds=max(0.0, self._rest_until.get(name, 0.0) - time.monotonic()))

    def start(self, names: Sequence[str], *, accept_removals: bool = False, meaning: bool = True) -> SyncJob:
        """Begin to sync these sources, or all that are not paused. A job that runs takes them in.

        :raises MemoryInUse: where one of them is being synced already, or the running job is about to end.
        :raises NotFound: for an unknown source.
        :raises InvalidInput: where there is nothing to sync.
        """
        with self._starting:
            tasks = [Task(source, accept_removals) for source in self._sources(names)]
            if self._thread is None or not self._thread.is_alive():
                return self._begin(tasks, meaning)
            job = self._job
            assert job  # noqa: S101 - its thread is alive
            taken = any(job.has(task.source.name) for task in tasks)
            if not names or taken or not job.join(tasks, meaning=meaning):
                raise MemoryInUse("A sync is running already.", hint="Wait for it, or stop it first.")
            if (sync := self._sync) is not None:
                for task in tasks:
                    sync.go_on(task.source.name)
            return job

    def offer(self, names: Sequence[str]) -> list[str]:
        """Begin to sync those of these sources that no sync is at; says which."""
        job = self.running
        free = [name for name in names if not (job and job.has(name))]
        if free:
            self.start(free)
        return free

    def wait(self) -> None:
        """Wait until the running sync has ended."""
        if self._thread is not None:
            self._thread.join()

    def stop(self, name: str = "") -> None:
        """Ask the running sync to end, or only to leave one source, and wait until it has."""
        with self._starting:
            job, sync = self._job, self._sync
            if job is not None and name:
                job.drop(name)
            elif job is not None:
                job.stopping = True
            if sync is not None:
                sync.stop(name)
        if not name:
            self.wait()
        elif job is not None and job.state is State.RUNNING:
            job.wait_until_left(name)

    def _sources(self, names: Sequence[str]) -> list[Source]:
        stored = self._memory.catalogue.sources
        sources = [stored.get(name) for name in names] or [each for each in stored.all() if not each.paused]
        for source in sources:
            if names and source.removing:
                raise still_removing(source.name)
        sources = [source for source in sources if not source.removing]
        if not sources:
            raise InvalidInput(
                "There is nothing to sync.", hint="Add a source: mneme sources add folder PATH."
            )
        return sources

    def _begin(self, tasks: Sequence[Task], meaning: bool) -> SyncJob:
        self._job = SyncJob(tasks, meaning=meaning)
        thread = threading.Thread(target=self._run, args=(self._job,), name="sync", daemon=True)
        thread.start()
        self._thread = thread  # known once it runs: another thread may be waiting for it already
        return self._job

    def _run(self, job: SyncJob) -> None:
        with self._memory.busy:
            self._memory.share_processor(True)
            try:
                self._sync = self._prepare()
                if job.stopping:  # asked while it was being prepared
                    self._sync.stop()
                self._bring_up_to_date(self._sync, job)
                job.end(State.FAILED if job.errors else State.DONE)
            except MnemeError as error:
                job.failed(job.last.source, error)
                job.end(State.STOPPED if isinstance(error, Interrupted) else State.FAILED)
            except Exception:  # a thread's last line of defence: the job must not look as if it still ran
                log.exception("sync failed")
                unexpected = MnemeError("The sync failed unexpectedly.", hint="See the log.")
                job.failed(job.last.source, unexpected)
                job.end(State.FAILED)
            finally:
                self._sync = None
                self._memory.release_workers()
                self._memory.share_processor(False)

    def _bring_up_to_date(self, sync: Sync, job: SyncJob) -> None:
        """Read, embed and recognise, by turns where sources are joined to the job meanwhile: words come first."""
        minutes, until = self._memory.settings.ocr.minutes, None
        self._follow(sync.stopping)
        while True:
            self._read_all(sync, job)
            self._follow(sync.stopping)
            job.words_done = not job.waits()
            if job.meaning:
                self._memory.release_parsers()
                self._embed(sync, job)
                if until is None:
                    until = time.monotonic() + 60 * minutes if minutes else math.inf
                if self._recognise_all(sync, job, until):
                    self._embed(sync, job)
            if job.close():
                break
        if job.meaning:
            self._again(sync, self._memory.optimise)
            likeness = Likeness(self._memory.catalogue, self._memory.index)
            self._again(sync, lambda: likeness.update(sync.stopping))

    def _again(self, sync: Sync, work: Callable[[], _T]) -> _T:
        return undaunted(self._memory.there, sync.stopping, work)

    def _embed(self, sync: Sync, job: SyncJob) -> None:
        def embed() -> int:
            return sync.embed(job.report, self._wanted, job.waits)

        job.embedded += self._again(sync, embed)

    def _recognise_all(self, sync: Sync, job: SyncJob, until: float) -> bool:
        """Recognise the pages that wait for it in what was read; says whether any document was read again."""
        if self._memory.parsers.ocr is None:
            return False
        before = job.recognised().documents
        for name in [summary["source"] for summary in job.summaries]:
            if job.waits():
                break
            unread = self._again(sync, partial(self._memory.catalogue.ledger.unread, name))
            if unread:
                source = self._again(sync, partial(self._memory.catalogue.sources.get, name))
                self._recognise(sync, job, source, until)
        return job.recognised().documents > before

    def _recognise(self, sync: Sync, job: SyncJob, source: Source, until: float) -> None:
        job.report(Step(Phase.PICTURES, source.name, 0, None))  # whoever wants it stopped waits for its end
        try:
            with self._memory.connected_to_documents(source) as connector:
                recognise = partial(sync.recognise, source.name, connector, until, job.waits, job.report)
                done = self._again(sync, recognise)
            job.note_recognised(source.name, done)
        except MnemeError as error:
            if isinstance(error, Interrupted) and not sync.stopping():
                return  # only this source was stopped
            if isinstance(error, Interrupted | DiskFull):
                raise
            job.failed(source.name, error)
        finally:
            job.left(source.name)

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
        """Read what waits, several sources beside each other: those that keep us waiting hold up no other."""
        most = self._memory.settings.sync.sources_at_once
        with ThreadPoolExecutor(max(most, _MOST_READ), thread_name_prefix="source") as readers:
            reading: dict[Future[None], float] = {}
            try:
                while True:
                    while _has_place(reading.values(), most) and (task := job.take()):
                        reading[readers.submit(self._read, sync, job, task)] = time.monotonic()
                    if not reading:
                        return
                    done, _ = wait(reading, _IDLE_S, FIRST_COMPLETED)
                    for each in done:
                        del reading[each]
                        each.result()
                    if job.meaning and sync.idle_s >= _IDLE_S:
                        job.embedded += self._again(sync, partial(sync.embed_between, self._wanted))
            except BaseException:
                sync.stop()
                raise

    def _read(self, sync: Sync, job: SyncJob, task: Task) -> None:
        source = task.source

        def read() -> Summary:
            accept = task.accept_removals
            with self._memory.connected(source) as connector:
                if isinstance(connector, PeopleDirectory):
                    return sync_directory(self._memory, source.name, connector, accept_removals=accept)
                return sync.read(source.name, connector, accept_removals=accept, report=job.report)

        try:
            job.read(source.name, self._again(sync, read))
        except MnemeError as error:
            if isinstance(error, Interrupted) and not sync.stopping():
                return  # only this source was stopped
            if isinstance(error, Interrupted | DiskFull):
                raise
            if isinstance(error, RateLimited) and error.after_s is not None:
                self._rest_until[source.name] = time.monotonic() + error.after_s
            # One source that cannot be reached does not keep the others from being read.
            job.failed(source.name, error)
        finally:
            job.left(source.name)


def _has_place(began: Iterable[float], most: int) -> bool:
    """Whether one more source may begin beside those that began at these moments.

    :param most: how many may be read that have begun lately.
    """
    since = list(began)
    lately = sum(time.monotonic() - each < _PLACE_S for each in since)
    return lately < most and len(since) < max(most, _MOST_READ)
