"""One sync of some sources: what waits, what is being read, what came of it."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ingest.recognition import Recognised
from ingest.summary import Summary
from ingest.sync import Phase, Step
from memory.catalogue.sources import Source
from memory.errors import MnemeError


class State(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Task:
    """A source to be read.

    :param accept_removals: remove also more than a fifth of it.
    """

    source: Source
    accept_removals: bool = False


class SyncJob:
    """A sync while it runs, and how it ended. Others may join sources to it until it closes.

    :param meaning: whether what was read is embedded, too.
    """

    def __init__(self, tasks: Sequence[Task], *, meaning: bool) -> None:
        self.state = State.RUNNING
        self.meaning = meaning
        self.errors: list[dict[str, str]] = []
        self.embedded = 0
        self._recognised: dict[str, Recognised] = {}
        self.words_done = False
        """Whether everything that was to be read is found by its words."""
        self.stopping = False
        self._changed = threading.Condition()
        self._waiting = deque(tasks)
        self._reading: dict[str, Step] = {}
        self._summaries: dict[str, dict[str, Any]] = {}
        self._step = Step(Phase.WORDS, "", 0, None)
        self._closed = False

    def join(self, tasks: Sequence[Task], *, meaning: bool) -> bool:
        """Have more sources read by this job; says no where it takes none any more."""
        with self._changed:
            if self._closed or self.stopping:
                return False
            self._waiting.extend(tasks)
            self.meaning = self.meaning or meaning
            self.words_done = False
            return True

    def take(self) -> Task | None:
        """The next source to be read, from now on as one that is being read; None where none waits."""
        with self._changed:
            if not self._waiting:
                return None
            task = self._waiting.popleft()
            self._step = self._reading[task.source.name] = Step(Phase.WORDS, task.source.name, 0, None)
            return task

    def drop(self, name: str) -> None:
        """Leave a source that waits unread."""
        with self._changed:
            self._waiting = deque(task for task in self._waiting if task.source.name != name)
            self._changed.notify_all()

    def close(self) -> bool:
        """Take no more sources; says no where one is waiting."""
        with self._changed:
            self._closed = not self._waiting or self.stopping
            return self._closed

    def end(self, state: State) -> None:
        """Note how it ended."""
        with self._changed:
            self._closed = True
            self.words_done = True
            self.state = state

    @property
    def last(self) -> Step:
        """The last step of any source, or of embedding."""
        with self._changed:
            return self._step

    def waits(self, name: str = "") -> bool:
        """Whether this source, or any, is still to be read."""
        with self._changed:
            return any(not name or task.source.name == name for task in self._waiting)

    def reading(self, name: str) -> Step | None:
        """How far the reading of a source is; None where it is not being read now."""
        with self._changed:
            return self._reading.get(name)

    def has(self, name: str) -> bool:
        """Whether a source is being read, or will be."""
        return self.waits(name) or self.reading(name) is not None

    def report(self, step: Step) -> None:
        """Take a step's progress over."""
        with self._changed:
            self._step = step
            if step.source:
                self._reading[step.source] = step

    def read(self, source: str, summary: Summary) -> None:
        """Note what came of a source; where it is read again by the same job, the last time counts."""
        with self._changed:
            self._summaries.pop(source, None)
            self._summaries[source] = summary.to_json()

    def note_recognised(self, source: str, done: Recognised) -> None:
        """Note what came of a source's pages that are pictures."""
        with self._changed:
            self._recognised[source] = self._recognised.get(source, Recognised()).followed_by(done)

    def recognised(self) -> Recognised:
        """What came of such pages in all sources."""
        with self._changed:
            return Recognised.of(self._recognised.values())

    def failed(self, source: str, error: MnemeError) -> None:
        """Note an error, of a source or (``""``) of the whole job."""
        self.errors.append({"source": source, "message": error.message, "hint": error.hint})

    def left(self, source: str) -> None:
        """A source is not being read any more."""
        with self._changed:
            self._reading.pop(source, None)
            self._changed.notify_all()

    def wait_until_left(self, source: str) -> None:
        """Wait until a source is neither being read nor waits to be."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    source not in self._reading and all(task.source.name != source for task in self._waiting)
                )
            )

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """What came of each source that was read to its end."""
        with self._changed:
            return list(self._summaries.values())

    def to_json(self) -> dict[str, Any]:
        """The job as JSON values; ``source``, ``done`` and ``total`` are of the last step of any source."""
        with self._changed:
            step, reading = self._step, list(self._reading)
            waiting = [task.source.name for task in self._waiting]
        return {
            "state": self.state.value,
            "phase": step.phase.value,
            "source": step.source,
            "done": step.done,
            "total": step.total,
            "reading": reading,
            "waiting": waiting,
            "words_done": self.words_done,
            "embedded": self.embedded,
            "recognised": self.recognised().to_json(),
            "summaries": self.summaries,
            "errors": list(self.errors),
        }
