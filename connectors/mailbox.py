"""Mail in files: an mbox file, a Maildir, messages in files of their own, or folders of these.

The archives of a mailing list, as Pipermail hands them out by the month (``2024-March.txt.gz``), are mbox files too.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from connectors import mbox
from connectors.base import OUT_OF_REACH, Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.file_tree import key_of
from connectors.message_key import MAX_MESSAGE, message_id, message_key, sameness, told_apart
from connectors.patterns import AccessRules, Patterns
from connectors.unpacked import Unpacked, is_packed, unpacked_head
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError

if sys.platform != "win32":
    import fcntl

_HEAD = 65_536
_FIELD = re.compile(
    rb"^(from|to|date|subject|message-id|received|return-path|mime-version|x-[\w-]+):",
    re.IGNORECASE | re.MULTILINE,
)
_NOT_MAIL = (".msf", ".dat", ".db", ".index", ".cache", ".log", ".lock", ".pdf", ".png", ".jpg", ".zip")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message lies.

    :param path: relative to the root.
    :param span: its start and end in an mbox file; None where the file is the message.
    :param digest: of its bytes there.
    """

    path: str
    span: tuple[int, int] | None = None
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class _Walk:
    """What is remembered of a walk.

    :param places: where each message lies, by its key.
    :param bodies: what a message and its copies share, by its key.
    :param doubts: why messages that were not met may be there all the same.
    """

    places: dict[str, _Place]
    bodies: dict[str, bytes]
    doubts: list[str]


class Mailbox:
    """Mail in an mbox file, a Maildir, a folder of message files, or folders of these.

    The key is the Message-ID, else a digest of the content: a message that is moved to another folder stays the
    same document, and a copy of it is none. Two different messages under one Message-ID are told apart. Patterns
    and access rules are about the place: ``Legal/**`` or ``2024.mbox``; of copies the first by path decides.

    A mailbox that is locked, cannot be read, is cut off or changes while it is read deletes nothing: the walk says
    that it is in doubt.

    :raises InvalidInput: where there is no location or a pattern cannot be understood.
    """

    kind = "mailbox"
    reads_files_of_others = True
    reports_deletions = False

    def __init__(self, config: SourceConfig) -> None:
        if not config.location or "\0" in config.location:
            raise InvalidInput("A mailbox source needs the path of an mbox file, a Maildir or a folder.")
        config.only()
        self._name = config.name
        self._root = Path(config.location).absolute()
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._access = AccessRules(config.access, config.rules)
        self._places: dict[str, _Place] | None = None
        self._doubts: list[str] = []
        self._unpacked = Unpacked()

    def check(self) -> str:
        """Say what kind of mailbox there is.

        :raises SourceError: where there is none.
        """
        self._reach()
        if self._root.is_dir():
            found = "a Maildir" if _is_maildir(self._root) else "a folder"
            return f"{self._root} is {found}."
        found = "an mbox file" if mbox.looks_like(_head(self._root)) else "a message"
        return f"{self._root} is {found} of {self._root.stat().st_size / 1_000_000:,.1f} MB."

    def changes(self, since: str | None) -> Iterator[Change]:
        """Walk the whole mailbox, whatever the cursor: what has not changed keeps its version and is not fetched.

        :raises SourceError: where the root cannot be listed, at once; where it goes away meanwhile, at the end.
        """
        del since
        identity = self._reach()
        return self._walk(identity)

    def fetch(self, ref: SourceRef) -> Content:
        """The raw message.

        :raises NotFound: where the mailbox does not hold it.
        :raises SourceError: where it cannot be read, or may lie in a part that cannot.
        """
        try:
            try:
                return self._read(ref)
            except FileNotFoundError:
                self._places = None  # flagged, moved or compacted since it was listed: another walk finds it
                return self._read(ref)
        except FileNotFoundError as error:
            raise SourceError(
                f"{ref}: the mailbox changes while it is read.", hint="Run the sync again."
            ) from error
        except OSError as error:
            raise SourceError(f"{ref} cannot be read: {_reason(error)}.") from error

    def access(self, ref: SourceRef) -> Access:
        """What the last rule says that matches the message's place, else what the source starts with.

        :raises NotFound: where the mailbox does not hold it.
        """
        return self._access.of(self._shown(self._place(ref).path))

    def close(self) -> None:
        """Let go of what was unpacked."""
        self._unpacked.close()

    def _read(self, ref: SourceRef) -> Content:
        place = self._place(ref)
        path = self._root / place.path if place.path else self._root
        body: bytes | Path = path
        if place.span is not None:
            with self._opened(path) as file:
                file.seek(place.span[0])
                raw = file.read(place.span[1] - place.span[0])
            if _digest(raw) != place.digest:
                raise FileNotFoundError
            body = mbox.message(raw)
        else:
            path.open("rb").close()
        return Content(ref, "message.eml", body, "message/rfc822", url=path.as_uri())

    @contextmanager
    def _opened(self, path: Path) -> Iterator[BinaryIO]:
        """A mailbox to read from, unpacked where it is compressed."""
        with path.open("rb") as file:
            packed = is_packed(file.read(2))
            file.seek(0)
            yield self._unpacked.open(path) if packed else file

    def _place(self, ref: SourceRef) -> _Place:
        if (ref.kind, ref.source) != (self.kind, self._name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        if self._places is None:
            for _ in self.changes(None):
                pass
        place = (self._places or {}).get(ref.key)
        if place is None and self._doubts:
            raise SourceError(f"{ref} cannot be found: {self._doubts[0]}.", hint="Run the sync again.")
        if place is None:
            raise NotFound(f"There is no document {ref}.")
        return place

    def _reach(self) -> tuple[int, int]:
        try:
            if self._root.is_dir():
                os.scandir(self._root).close()
            else:
                self._root.open("rb").close()
            status = self._root.stat()
        except OSError as error:
            raise SourceError(
                f"{self._root} cannot be read: {_reason(error)}.",
                hint=OUT_OF_REACH,
            ) from error
        return status.st_dev, status.st_ino

    def _walk(self, identity: tuple[int, int]) -> Iterator[Change]:
        doubts: list[str] = []
        self._doubts = doubts
        places: dict[str, _Place] = {}
        bodies: dict[str, bytes] = {}
        self._places = places
        for path in self._files(doubts):
            if isinstance(path, Failed):
                yield path
                continue
            yield from self._messages(path, _Walk(places, bodies, doubts))
        if self._reach() != identity:
            raise SourceError(
                f"{self._root} became another one while it was listed.", hint="Run the sync again."
            )
        yield Checkpoint(datetime.now(UTC).isoformat(timespec="seconds"), doubt="; ".join(doubts[:3]))

    def _files(self, doubts: list[str]) -> Iterator["str | Failed"]:
        """Every file that may hold mail, relative to the root, by path; ``""`` where the root is the file."""
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
                doubts.append(f"{folder} cannot be listed")
                yield self._failed(f"{folder}/", error)
                continue
            maildir = {"cur", "new"} <= {entry.name for entry in entries}
            folders = []
            for entry in entries:
                relative = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if not (maildir and entry.name == "tmp") and not self._exclude.matches(f"{relative}/"):
                        folders.append(relative)
                elif entry.is_file(follow_symlinks=False) and self._wanted(relative, entry.name):
                    yield relative
            waiting.extend(reversed(folders))

    def _wanted(self, relative: str, name: str) -> bool:
        if name.startswith(".") or name.lower().endswith(_NOT_MAIL):
            return False
        return self._include.matches(relative) and not self._exclude.matches(relative)

    def _messages(self, path: str, walk: _Walk) -> Iterator[Change]:
        """What one file holds."""
        whole = self._root / path if path else self._root
        try:
            if not path.rpartition("/")[0].endswith(("cur", "new")) and _locked(whole):
                raise BlockingIOError(None, "locked by another program")
            head = _head(whole)
            if mbox.looks_like(head):
                with self._opened(whole) as file:
                    yield from self._mailbox(path, file, walk)
            elif _is_message(head) and not is_packed(_first(whole)):
                with whole.open("rb") as file:
                    raw = _bounded(file, 0, None)
                yield from self._message(_Place(path), raw, raw, walk)
        except FileNotFoundError:
            walk.doubts.append(f"{path} went away while it was read")
        except (OSError, MemoryError) as error:
            walk.doubts.append(f"{self._shown(path)} cannot be read")
            large = OSError(None, "a message of it is larger than memory is given for")
            yield self._failed(self._shown(path), large if isinstance(error, MemoryError) else error)

    def _mailbox(self, path: str, file: BinaryIO, walk: _Walk) -> Iterator[Change]:
        whole = self._root / path if path else self._root
        before = whole.stat()
        raw = b""
        for start, end in mbox.spans(file):
            raw = _bounded(file, start, end)
            yield from self._message(_Place(path, (start, end)), raw, mbox.message(raw), walk)
        if mbox.cut_off(raw):
            walk.doubts.append(f"{self._shown(path)} is cut off")
        after = whole.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            walk.doubts.append(f"{self._shown(path)} changed while it was read")

    def _message(self, place: _Place, raw: bytes, plain: bytes, walk: _Walk) -> Iterator[Change]:
        same = sameness(plain)
        key = message_key(message_id(plain), same)
        if walk.bodies.get(key, same) != same:
            key = told_apart(key, same)
        if key in walk.bodies:
            return  # a copy of it
        walk.bodies[key] = same
        walk.places[key] = _Place(place.path, place.span, _digest(raw))
        access = self._access.digest(self._shown(place.path))
        version = f"{hashlib.sha256(plain).hexdigest()[:32]}-{access}"
        yield Upserted(SourceRef(self.kind, self._name, key), version, size=len(plain))

    def _shown(self, path: str) -> str:
        return path or self._root.name

    def _failed(self, key: str, error: OSError) -> Failed:
        ref = SourceRef(self.kind, self._name, key_of(key))
        return Failed(ref, Stage.SEEN, _reason(error), retryable=True)


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()[:16]


def _head(path: Path) -> bytes:
    """The first bytes of a file, unpacked where it is compressed."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return unpacked_head(head, _HEAD) if is_packed(head) else head


def _first(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2)


def _is_maildir(folder: Path) -> bool:
    return (folder / "cur").is_dir() and (folder / "new").is_dir()


def _is_message(head: bytes) -> bool:
    first = head.lstrip(b"\xef\xbb\xbf\r\n").replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    named = {match[1].lower() for match in _FIELD.finditer(first)}
    return len(named) >= 2 or b"message-id" in named


def _bounded(file: BinaryIO, start: int, end: int | None) -> bytes:
    file.seek(start)
    raw = file.read(min(MAX_MESSAGE + 1, end - start) if end is not None else MAX_MESSAGE + 1)
    if len(raw) > MAX_MESSAGE:
        raise OSError(None, f"larger than {MAX_MESSAGE >> 20} MB")
    return raw


def _locked(path: Path) -> bool:
    """Whether a mail program is writing to it: a lock file beside it, or a lock on the file itself."""
    if path.with_name(path.name + ".lock").exists():
        return True
    if sys.platform == "win32":
        return False  # there opening a locked file fails
    with path.open("rb") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.lockf(file, fcntl.LOCK_UN)
        except (BlockingIOError, PermissionError):
            return True
        except OSError:
            return False  # a file system without locks
    return False


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read"
    return (error.strerror or str(error) or type(error).__name__).lower()
