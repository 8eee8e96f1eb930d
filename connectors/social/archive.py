"""An export as files: a zip, or the folder that it was unpacked into. Read in place, nothing of it is unpacked."""

import codecs
import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from connectors.base import OUT_OF_REACH
from memory.errors import SourceError

MAX_RATIO = 200
"""How many times its packed size a file of more than 100 MB may unpack to: text packs to a tenth or a twentieth."""

MAX_ITEM = 16 * 1024 * 1024
"""Characters of one message, one line or one row."""

_BOMB = 100_000_000
_CHUNK, _HEAD = 1 << 18, 1 << 10
_VALUE = re.compile(r'\{\s*(?:"[^"]*"\s*:\s*(?:"[^"]*"|[-\w.+]+)\s*,\s*)*"value"\s*:\s*\[')
_BLANK = re.compile(r"[\s,]*")
_UNSAFE = re.compile(r"(?:^|/)\.{1,2}(?:/|$)|^/|^[A-Za-z]:|\\|[\x00-\x1f\x7f]|//")


class Archive(Protocol):
    """The files of an export, by their names with ``/`` between folders.

    Names that lead out of it (``../x``, ``/etc/x``) or hold control characters are no files of it.
    """

    path: Path
    whole: bool
    """Whether it is complete or not readable at all; a folder may be copied in part."""
    sizes: dict[str, int]
    """Bytes of each file, in order of the names."""

    def open(self, name: str) -> BinaryIO:
        """One file to read from its beginning.

        :raises OSError: where it cannot be read.
        """
        ...

    def stamp(self, name: str) -> str:
        """Changes with the file's place in time; ``""`` where it is gone."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_archive(location: str) -> Archive:
    """The export at a path.

    :raises SourceError: where there is none that can be read.
    """
    path = Path(location).absolute()
    try:
        if path.is_dir():
            return _Folder(path)
        if path.suffix == ".jsonl":
            return _Folder(path.parent, only=path.name)
        return _Zip(path)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise SourceError(
            f"{path} is not a zip file that can be read: {error}.", hint="Download the export again."
        ) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {reason(error)}.", hint=OUT_OF_REACH) from error


class _Folder:
    """A folder that an export was unpacked into; links are not followed.

    :param only: the one file of it that is looked at.
    """

    whole = False

    def __init__(self, path: Path, only: str = "") -> None:
        self.path = path / only
        self._root = path
        self._flags = os.O_RDONLY | (0 if only else getattr(os, "O_NOFOLLOW", 0))
        self.sizes = {only: self.path.stat().st_size} if only else dict(sorted(_listed(path)))

    def open(self, name: str) -> BinaryIO:
        # What became a link since it was listed leads nowhere, and nobody waits at a pipe.
        flags = self._flags | getattr(os, "O_NONBLOCK", 0)
        return open(os.open(self._root / name, flags), "rb")  # noqa: PTH123 - of a descriptor; whoever asked closes it

    def stamp(self, name: str) -> str:
        try:
            status = (self._root / name).lstat()
        except OSError:
            return ""
        return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"

    def close(self) -> None:
        """Nothing is held open."""


class _Zip:
    """A zip file."""

    whole = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = self._now()
        self._zip = zipfile.ZipFile(path)
        self._left = max(_BOMB, MAX_RATIO * path.stat().st_size)
        """Bytes that may be unpacked still: files in a zip may overlap, and one may be asked for again and again."""
        self._infos = {
            info.filename: info
            for info in self._zip.infolist()
            if not info.is_dir() and not _UNSAFE.search(info.filename)
        }
        self.sizes = {name: self._infos[name].file_size for name in sorted(self._infos)}

    def open(self, name: str) -> BinaryIO:
        if (info := self._infos.get(name)) is None:
            raise FileNotFoundError(None, "not in the export")
        if info.file_size > _BOMB and info.file_size > MAX_RATIO * max(1, info.compress_size):
            raise OSError(None, f"unpacks to more than {MAX_RATIO} times its size")
        try:
            return io.BufferedReader(_Checked(self._zip.open(info), self._unpacked))
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            # RuntimeError: it is encrypted.
            raise OSError(None, str(error)) from error

    def _unpacked(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise OSError(None, f"the whole zip unpacks to more than {MAX_RATIO} times its size")

    def stamp(self, name: str) -> str:
        return self._stamp if self._now() == self._stamp and name in self._infos else ""

    def _now(self) -> str:
        try:
            status = self.path.stat()
        except OSError:
            return ""
        return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"

    def close(self) -> None:
        self._zip.close()


class _Checked(io.RawIOBase):
    """A file in a zip whose damage is an `OSError`, like any other file's.

    :param unpacked: is told how many bytes were.
    """

    def __init__(self, file: Any, unpacked: Callable[[int], None]) -> None:
        super().__init__()
        self._file, self._unpacked = file, unpacked

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except (zipfile.BadZipFile, EOFError, ValueError) as error:
            raise OSError(None, f"damaged in the zip: {error}") from error
        except Exception as error:
            if type(error).__module__ in ("zlib", "_lzma", "lzma"):
                raise OSError(None, f"damaged in the zip: {error}") from error
            raise
        self._unpacked(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _listed(root: Path) -> Iterator[tuple[str, int]]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(name)
                elif entry.is_file(follow_symlinks=False) and not _UNSAFE.search(name):
                    yield name, entry.stat(follow_symlinks=False).st_size


def reason(error: OSError) -> str:
    """Why a file cannot be read, in a few words."""
    if isinstance(error, PermissionError):
        return "no permission to read"
    return (error.strerror or str(error) or type(error).__name__).lower()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What of a file could not be read.

    :param number: which item or line of it, from 1; 0 for all that follows.
    """

    reason: str
    number: int = 0


def json_items(file: BinaryIO) -> Iterator[Any]:
    """The items of a JSON array one by one, however long it is; those of ``{"value": [...]}`` too, as OData has it.

    Any other object is the only item. Where it is broken or cut off, an `Unreadable` comes last.

    :raises OSError: where the file cannot be read.
    """
    decoder = json.JSONDecoder()
    decoded = codecs.iterdecode(iter(partial(file.read, _CHUNK), b""), "utf-8-sig", errors="replace")
    held = next(decoded, "").lstrip()
    wrapped = _VALUE.match(held)
    at, number = wrapped.end() if wrapped else 1, 0
    if not wrapped and not held.startswith("["):
        alone, _ = _decoded(decoder, held + "".join(islice(decoded, MAX_ITEM // _CHUNK)), 0)
        yield alone if isinstance(alone, dict) else Unreadable("it is no JSON array")
        return
    while True:
        at = _blank_to(held, at)
        if held.startswith("]", at):
            return
        item, end = _decoded(decoder, held, at)
        if end < 0 or end == len(held):  # it may go on
            # Twice as much each time: an item that is as long as one may be is not read anew with each piece.
            more = (
                "".join(islice(decoded, 1 + (len(held) - at) // _CHUNK)) if len(held) - at <= MAX_ITEM else ""
            )
            if more:
                held, at = held[at:] + more, 0
                continue
            if end < 0:
                yield Unreadable(f"it is broken or cut off after item {number}")
                return
        number, at = number + 1, end
        yield item


def _blank_to(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _decoded(decoder: json.JSONDecoder, text: str, at: int) -> tuple[Any, int]:
    """The item that begins here and where it ends, -1 where none does."""
    try:
        return decoder.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, -1


def json_lines(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    """The lines of a JSONL file with their numbers from 1; a broken one comes as `Unreadable`, and the rest goes on.

    :raises OSError: where the file cannot be read.
    """
    number = 0
    while line := file.readline(MAX_ITEM):
        number += 1
        if len(line) == MAX_ITEM and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_ITEM)) and not rest.endswith(b"\n"):
                pass
            yield number, Unreadable("a line is too long", number)
            continue
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            yield number, Unreadable("a line is no JSON", number)


def listed(archive: Archive, name: str) -> Iterator[dict[str, Any]]:
    """The objects in a JSON array of an export, such as its list of people, one after the other: it may be of any length.

    :raises OSError: where it cannot be read, is broken, or is no array.
    """
    with archive.open(name) as file:
        if not file.read(_HEAD).decode("utf-8-sig", "replace").lstrip().startswith("["):
            raise OSError(None, f"{name} is no list")
    with archive.open(name) as file:
        for item in json_items(file):
            if isinstance(item, Unreadable):
                raise OSError(None, f"{name}: {item.reason}")
            if isinstance(item, dict):
                yield item


def root_of(names: Iterable[str], *marks: str) -> str | None:
    """The folder of an export in which one of these files lies, ``""`` for its top; None where there is none."""
    found = [name.removesuffix(mark) for name in names for mark in marks if f"/{name}".endswith(f"/{mark}")]
    return min(found, key=lambda folder: (folder.count("/"), folder), default=None)
