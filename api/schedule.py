"""Syncs by the clock: each source as often as it was told, by the service."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from api.jobs import Jobs
from connectors.push import Push
from memory.catalogue.sources import Source, Sources
from memory.clock import ahead
from memory.errors import MnemeError

log = logging.getLogger("mneme")

_LOOK_S = 10.0
"""Between two looks at the clock: short beside the shortest interval, a minute."""

_GATHER_S = 1.0
"""After something was put into a source: what follows at once goes with the same sync."""


class Schedule:
    """Starts the syncs that are due, in a thread of its own.

    A source that is paused, or whose last sync stopped because too much failed, waits for a person.

    :param now: tells the time; a test gives its own.
    """

    def __init__(
        self, sources: Sources, jobs: Jobs, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._sources = sources
        self._jobs = jobs
        self._now = now
        self._tried: dict[str, datetime] = {}
        self._asked: set[str] = set()
        self._end = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look at the clock; what was put into a source before an earlier end is taken in first."""
        for source in self._sources.all():
            if source.kind == Push.kind:
                self.ask(source.name)
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; a sync that was started goes on."""
        self._end.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def ask(self, name: str) -> None:
        """Have a source synced as soon as no sync is at it: something was put into it."""
        self._asked.add(name)
        self._wake.set()

    def due(self) -> list[str]:
        """The sources to be synced now."""
        return [source.name for source in self._sources.all() if self._is_due(source)]

    def next_sync(self, source: Source) -> datetime | None:
        """When a source is synced next by the clock; None for never."""
        if source.every is None or source.paused or source.stopped or source.removing:
            return None
        now = self._now()
        noted = (source.synced, self._tried.get(source.name))
        # What is noted of a time still to come, by a clock that was wrong, must not stop the syncs until then.
        times = [moment for moment in noted if moment and not ahead(moment, now)]
        due = max(times) + timedelta(minutes=source.every) if times else now
        return max(due, now + self._jobs.rests(source.name))

    def look(self) -> list[str]:
        """Start what is due, or join it to the sync that is running; says what was started."""
        try:
            names = self._jobs.offer(self.due())
        except MnemeError as error:  # another sync is about to end, or a source was just removed
            log.info("a scheduled sync waits: %s", error)
            return []
        self._asked.difference_update(names)
        # One that fails before it is noted as synced must not be started again at once.
        self._tried.update(dict.fromkeys(names, self._now()))
        return names

    def _is_due(self, source: Source) -> bool:
        if source.name in self._asked:
            return not source.paused and not source.stopped
        following = self.next_sync(source)
        return following is not None and following <= self._now()

    def _run(self) -> None:
        while not self._end.is_set():
            self._wake.wait(_LOOK_S)
            if self._end.wait(_GATHER_S if self._wake.is_set() else 0):
                return
            self._wake.clear()
            began = time.monotonic()
            try:
                if started := self.look():
                    log.info("scheduled sync of %s", ", ".join(started))
            except MnemeError as error:
                log.warning("the schedule could not be read: %s (%.1f s)", error, time.monotonic() - began)
