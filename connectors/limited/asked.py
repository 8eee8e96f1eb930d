"""One limited process that has a connector in it, asked one thing at a time: started when first needed, and anew where it has ended."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.base import SourceConfig
from connectors.limited.process import TROUBLE, Ended, Process
from connectors.limited.shapes import ERRORS, Nonsense, config_to_json
from memory.errors import MnemeError, SourceError, SourceUnavailable

MEMORY = 2 << 30
"""Bytes that the process may have, whatever it reads."""

SECONDS, SECONDS_PER_MB, LONGEST_S = 60.0, 10.0, 6 * 3600.0
"""Of processor time from one answer to the next: a minute, and more for what is large, but never more than six hours."""

WRITTEN, WRITTEN_TIMES = 2 << 30, 50
"""The largest file that it may write: 2 GB, or so many times what lies at the source. Packed text unpacks to a twentieth."""

_MOST_FILES = 10_000
_HINT = "Nothing was taken out of the memory. Get the files from their source again."


class Asked:
    """The process of one source.

    :param name: of the connector's class, as ``module:class``.
    """

    def __init__(self, name: str, config: SourceConfig) -> None:
        self._class, self._config = name, config
        self._process: Process | None = None
        self._seconds = SECONDS
        self._lock = threading.RLock()
        self.walk = 0
        """Counts walks; one that went with its process is none any more."""

    def begin(self, since: str | None) -> int:
        """Begin a walk, and say which it is."""
        with self._lock:
            self.do("changes", since=since)
            self.walk += 1
            return self.walk

    def do(
        self, what: str, *, walk: int | None = None, most: int = 1 << 30, **more: Any
    ) -> tuple[dict[str, Any], bytes]:
        """Ask the process, and take what it answers.

        :param walk: which walk it is about, if any; one that went with the process is begun anew by whoever is patient.
        :param most: bytes that the answer may have.
        :raises MnemeError: what the connector raised, or a `SourceError` where the process ended.
        """
        with self._lock:
            if self._process is not None and not self._process.lives:
                self.close()  # it ends with the thread that started it
            if walk not in (None, self.walk):
                raise SourceUnavailable(f"{self._config.location} was read no further.")
            try:
                if self._process is None:
                    self._process = self._started()
                self._process.ask({"do": what, **more}, self._seconds)
                head, body = self._process.answer(self._seconds, most)
            except Ended as error:
                self.close()
                raise self._failed(str(error)) from error
            if "error" in head:
                raise self._raised(head)
            return head, body

    @contextmanager
    def sense(self) -> Iterator[None]:
        """End a process that says what no connector does."""
        try:
            yield
        except Nonsense as error:
            self.close()
            raise self._failed(TROUBLE) from error

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._process is not None:
                self._process.close()
                self._process = None
                self.walk += 1

    def _started(self) -> Process:
        size = _size_of(Path(self._config.location).expanduser())
        self._seconds = min(LONGEST_S, SECONDS + SECONDS_PER_MB * size / 1e6)
        limits = {
            "memory": MEMORY,
            "seconds": self._seconds,
            "written": max(WRITTEN, WRITTEN_TIMES * size),
        }
        process = Process("connectors.limited.worker")
        try:
            process.ask({"class": self._class, "config": config_to_json(self._config), **limits}, SECONDS)
        except Ended:
            process.close()
            raise
        return process

    def _failed(self, why: str) -> SourceError:
        return SourceError(f"{self._config.location} cannot be read: {why}.", hint=_HINT)

    def _raised(self, head: dict[str, Any]) -> MnemeError:
        """What the connector raised; where a library did, what lies there is to blame."""
        if broken := head.get("broken"):
            return self._failed(str(broken)[:500])
        kind = ERRORS.get(str(head["error"]), SourceError)
        return kind(str(head.get("message", ""))[:2_000], hint=str(head.get("hint", ""))[:2_000])


def _size_of(place: Path) -> int:
    """Bytes of a file, or of the files in a folder; of very many, as many as are given the longest."""
    try:
        if not place.is_dir():
            return place.stat().st_size
    except OSError:
        return 0
    size = files = 0
    for folder, _, names in os.walk(place):
        files += len(names)
        if files > _MOST_FILES:
            return int(LONGEST_S / SECONDS_PER_MB * 1e6)
        size += sum(_bytes(f"{folder}/{name}") for name in names)
    return size


def _bytes(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
