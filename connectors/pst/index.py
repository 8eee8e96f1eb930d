"""What was found in an archive, kept until the archive changes."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_FORM = 1
"""Counted up whenever `connectors.pst.compose` writes messages otherwise."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in an archive: its place, folder, key, what it shares with its copies, and a digest of its bytes."""

    at: tuple[int, ...]
    folder: str
    key: str
    same: str
    digest: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """What says that a file is still the same: inode, bytes, and both of its times in nanoseconds."""

    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """From what the file system says."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def text(self) -> str:
        """As it is compared."""
        return f"{_FORM}:{self.inode}:{self.size}:{self.modified}:{self.changed}"


def digest(raw: bytes) -> str:
    """Of a message's bytes."""
    return hashlib.sha256(raw).hexdigest()[:32]


class Index:
    """The entries of each archive, in memory and in the source's own folder where there is one.

    :param state: that folder; None keeps them in memory only.
    :param root: the source's location: what was kept for another one is not used.
    """

    def __init__(self, state: Path | None, root: Path) -> None:
        self._state = state
        self._root = root
        self._kept: dict[str, tuple[str, list[Entry]]] = {}

    def known(self, path: str, stamp: Stamp) -> list[Entry] | None:
        """What an archive held when it had this stamp; None where it has another now."""
        if path not in self._kept and self._state is not None:
            with suppress(OSError, ValueError, TypeError, KeyError):
                kept = json.loads(self._file(path).read_bytes())
                entries = [Entry(tuple(at), *rest) for at, *rest in kept["entries"]]
                self._kept[path] = (kept["stamp"], entries)
        text, entries = self._kept.get(path, ("", []))
        return entries if text == stamp.text() else None

    def remember(self, path: str, stamp: Stamp, entries: list[Entry]) -> None:
        """Keep them; where the folder cannot be written, until the end of the process."""
        self._kept[path] = (stamp.text(), entries)
        if self._state is None:
            return
        rows = [[each.at, each.folder, each.key, each.same, each.digest] for each in entries]
        file = self._file(path)
        half = file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._state.mkdir(parents=True, exist_ok=True)
            half.write_text(json.dumps({"stamp": stamp.text(), "entries": rows}), encoding="utf-8")
            half.replace(file)

    def _file(self, path: str) -> Path:
        name = hashlib.sha256(os.fsencode(self._root / path)).hexdigest()[:32]
        assert self._state is not None  # noqa: S101 - for mypy
        return self._state / f"{name}.json"
