"""Outlook's archives: one PST or OST file, or a folder of them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pypff  # noqa: F401 - so that a missing extra is told when the source is added; only the worker calls it

from connectors.base import OUT_OF_REACH, Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.file_tree import key_of, reason
from connectors.message_key import told_apart
from connectors.patterns import AccessRules, Patterns
from connectors.pst.index import Entry, Index, Stamp, digest
from connectors.pst.reader import Broken, Reader
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError

_SIGNATURE = b"!BDN"
_ENDINGS = (".pst", ".ost")


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    entry: Entry


class Pst:
    """The messages of PST and OST files, each in the form of RFC 822.

    The key is the Message-ID, else a digest of the content, as in every mailbox: a copy in another folder or archive
    is no second document. Patterns are about the archive's path, access rules about that and the folder in it:
    ``legal.pst/**``. An archive that has not changed since the last walk is not opened; of one that has, every
    message is read again, and only those that differ get a new version. What cannot be read takes nothing out.

    :raises InvalidInput: where there is no location or a pattern cannot be understood.
    """

    kind = "pst"
    reports_deletions = False

    def __init__(self, config: SourceConfig) -> None:
        if not config.location or "\0" in config.location:
            raise InvalidInput("A pst source needs the path of a PST or OST file or of a folder of them.")
        config.only()
        self._name = config.name
        self._root = Path(config.location).absolute()
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._access = AccessRules(config.access, config.rules)
        self._index = Index(config.state, self._root)
        self._places: dict[str, _Place] | None = None
        self._doubts: list[str] = []
        self._reader: Reader | None = None

    def check(self) -> str:
        """Say what there is.

        :raises SourceError: where there is nothing.
        """
        self._reach()
        if self._root.is_dir():
            return f"{self._root} is a folder."
        return f"{self._root} is a file of {self._root.stat().st_size / 1_000_000:,.1f} MB."

    def changes(self, since: str | None) -> Iterator[Change]:
        """Walk every archive, whatever the cursor; one that has not changed is not opened.

        :raises SourceError: where the root cannot be listed, at once; where it goes away meanwhile, at the end.
        """
        del since
        self._reach()
        return self._walk()

    def fetch(self, ref: SourceRef) -> Content:
        """The message in the form of RFC 822.

        :raises NotFound: where no archive holds it.
        :raises SourceError: where it cannot be read.
        """
        for again in (False, True):
            place = self._place(ref)
            path = self._path(place.path)
            try:
                raw = self._read(path, place.entry.at)
            except FileNotFoundError:
                raw = b""
            except (OSError, Broken) as error:
                said = reason(error) if isinstance(error, OSError) else str(error)
                raise SourceError(f"{ref} cannot be read: {said}.") from error
            if digest(raw) == place.entry.digest:
                return Content(ref, "message.eml", raw, "message/rfc822", url=path.as_uri())
            self._places = None  # the archive changed since it was listed: another walk finds it
            self.close()
            if again:
                break
        raise SourceError(f"{ref}: the archive changes while it is read.", hint="Run the sync again.")

    def access(self, ref: SourceRef) -> Access:
        """What the last rule says that matches the message's place, else what the source starts with.

        :raises NotFound: where no archive holds it.
        """
        place = self._place(ref)
        return self._access.of(self._shown(place.path, place.entry.folder))

    def close(self) -> None:
        """End the process that reads."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read(self, path: Path, at: tuple[int, ...]) -> bytes:
        path.open("rb").close()
        kept = self._reader is not None and self._reader.path == path
        if not kept:
            self.close()
            self._reader = Reader(path)
        assert self._reader is not None  # noqa: S101 - for mypy
        try:
            return self._reader.message(at)
        except Broken:
            self.close()
            if not kept:
                raise
        # The process ends with the thread that started it.
        return self._read(path, at)

    def _place(self, ref: SourceRef) -> _Place:
        if (ref.kind, ref.source) != (self.kind, self._name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        if self._places is None:
            for _ in self.changes(None):
                pass
        place = (self._places or {}).get(ref.key)
        if place is not None:
            return place
        self._reach()
        if self._doubts:
            raise SourceError(f"{ref} cannot be found: {self._doubts[0]}.", hint="Run the sync again.")
        raise NotFound(f"There is no document {ref}.")

    def _reach(self) -> None:
        try:
            if self._root.is_dir():
                os.scandir(self._root).close()
            else:
                self._root.open("rb").close()
        except OSError as error:
            raise SourceError(f"{self._root} cannot be read: {reason(error)}.", hint=OUT_OF_REACH) from error

    def _walk(self) -> Iterator[Change]:
        self._places = {}
        self._doubts = []
        bodies: dict[str, str] = {}
        for path in self._files():
            if isinstance(path, Failed):
                yield path
                continue
            yield from self._archive(path, bodies)
        self._reach()
        yield Checkpoint(datetime.now(UTC).isoformat(timespec="seconds"), doubt="; ".join(self._doubts[:3]))

    def _files(self) -> Iterator["str | Failed"]:
        """Every file that may be an archive, relative to the root, by path; ``""`` where the root is the file."""
        if not self._root.is_dir():
            yield ""
            return
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(self._root / folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                yield self._failed(f"{key_of(folder)}/", reason(error))
                continue
            folders = []
            for entry in entries:
                relative = f"{folder}/{entry.name}" if folder else entry.name
                key = key_of(relative)
                if entry.is_dir(follow_symlinks=False):
                    if not self._exclude.matches(f"{key}/"):
                        folders.append(relative)
                elif entry.is_file(follow_symlinks=False) and self._wanted(key):
                    yield relative
            waiting.extend(reversed(folders))

    def _wanted(self, key: str) -> bool:
        return self._include.matches(key) and not self._exclude.matches(key)

    def _archive(self, path: str, bodies: dict[str, str]) -> Iterator[Change]:
        whole = self._path(path)
        try:
            with whole.open("rb") as file:
                if file.read(4) != _SIGNATURE:
                    if whole.suffix.lower() in _ENDINGS:
                        yield self._failed(self._shown(path), "no Outlook archive, or its start is broken")
                    return
            before = Stamp.of(whole.stat())
            if (known := self._index.known(path, before)) is not None:
                for entry in known:
                    yield from self._message(path, entry, bodies)
                return
            yield from self._opened(path, before, bodies)
        except FileNotFoundError:
            self._doubts.append(f"{self._shown(path)} went away while it was read")
        except OSError as error:
            yield self._failed(self._shown(path), reason(error))
        except Broken as error:
            yield self._failed(self._shown(path), str(error))

    def _opened(self, path: str, before: Stamp, bodies: dict[str, str]) -> Iterator[Change]:
        reader = Reader(self._path(path))
        entries: list[Entry] = []
        whole = True
        try:
            for found in reader.messages():
                if found.failed:
                    whole = False
                    number = ".".join(map(str, found.at))
                    place = self._shown(path, found.folder)
                    yield self._failed(f"{place}#{number}", found.failed)
                    continue
                entry = Entry(found.at, found.folder, found.key, found.same, found.digest)
                entries.append(entry)
                yield from self._message(path, entry, bodies)
        finally:
            reader.close()
        if Stamp.of(self._path(path).stat()) != before:
            self._doubts.append(f"{self._shown(path)} changed while it was read")
        elif whole:
            self._index.remember(path, before, entries)

    def _message(self, path: str, entry: Entry, bodies: dict[str, str]) -> Iterator[Change]:
        key = entry.key
        if bodies.get(key, entry.same) != entry.same:
            key = told_apart(key, bytes.fromhex(entry.same))
        if key in bodies or self._places is None:
            return  # a copy of it
        bodies[key] = entry.same
        self._places[key] = _Place(path, entry)
        access = self._access.digest(self._shown(path, entry.folder))
        yield Upserted(SourceRef(self.kind, self._name, key), f"{entry.digest}-{access}")

    def _path(self, path: str) -> Path:
        return self._root / path if path else self._root

    def _shown(self, path: str, folder: str = "") -> str:
        name = key_of(path or self._root.name)
        return f"{name}/{key_of(folder)}" if folder else name

    def _failed(self, key: str, why: str) -> Failed:
        if not key.endswith("/") or key == "/":
            self._doubts.append(f"{key} cannot be read")
        else:
            self._doubts.append(f"{key} cannot be listed")
        return Failed(SourceRef(self.kind, self._name, key), Stage.SEEN, why, retryable=True)
