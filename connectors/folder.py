"""A folder of files on this machine or on a share that is mounted here."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from connectors.base import OUT_OF_REACH, Change, Checkpoint, Content, Coverage, SourceConfig, Upserted
from connectors.file_tree import GONE, Choice, key_of, moment, name_of, options_of, reason, shown
from connectors.file_tree import OPTIONS as CHOICES
from connectors.patterns import AccessRules
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError

OPTIONS = {**CHOICES, "symlinks": ("skip", "follow")}
"""The options there are, each with its values; the first is the default."""

_CAN_ASK_EFFECTIVE = os.access in os.supports_effective_ids


class Folder:
    """Every file in a folder and the folders beneath it.

    The key is the path from the root, with ``/``. Hidden files and folders and junk (`connectors.file_tree.JUNK`) are left out.
    Options:

    ``hidden=yes``
        lists names that begin with a dot.
    ``junk=yes``
        lists that too.
    ``symlinks=follow``
        follows links that lead out of the root, each folder once; where the target is missing, the link is
        a failure. A link that stays within the root is never followed: its target is listed itself.

    Pipes, sockets and devices are no documents and are never opened. A folder that cannot be listed is a
    `Failed` whose key ends with ``/``; the sync takes everything beneath such a key as not seen, never as gone.

    A version holds the change time, so that a file restored with an old date is noticed. The fingerprint
    does not, because renaming a file changes it. Two hard links to one file have the same fingerprint: it
    means a move only where the old key is gone.

    The owner of a file is no contribution: on a share that is mostly whoever copied it there.

    :raises InvalidInput: where an option or a pattern cannot be understood.
    """

    kind = "folder"
    reports_deletions = False

    def __init__(self, config: SourceConfig) -> None:
        config.only(options=tuple(name for name, _ in config.options))  # a folder has no secrets
        options = options_of(config, OPTIONS, "A folder source")
        if not config.location or "\0" in config.location:
            raise InvalidInput("A folder source needs the path of a folder.")
        self._name = config.name
        self._shown = Path(config.location).absolute()
        self._follow = options["symlinks"] == "follow"
        self._choice = Choice(config, options)
        self._access = AccessRules(config.access, config.rules)

    def check(self) -> str:
        """Say how much lies at the top of the folder.

        :raises SourceError: where there is no folder or it cannot be listed.
        """
        root, _ = self._root()
        try:
            count = len(os.listdir(root))  # noqa: PTH208  the names are counted, not used
        except OSError as error:
            raise self._unreachable(error) from error
        return f"{self._shown} is a folder with {count} {'entry' if count == 1 else 'entries'} at its top."

    def changes(self, since: str | None) -> Iterator[Change]:
        """Walk the whole folder, whatever the cursor: a folder keeps no record of what changed.

        :raises SourceError: where the root cannot be listed, at once; where it goes away meanwhile, at the end.
        """
        del since
        root, identity = self._root()
        return self._walk(root, identity)

    def fetch(self, ref: SourceRef) -> Content:
        """The file, as a path.

        :raises NotFound: where the walk would not list it, above all where it lies outside the root.
        :raises SourceError: where the root or the file cannot be read.
        """
        name = self._checked(ref)
        path, status = self._open(ref, name)
        return Content(
            ref=ref,
            name=shown(name),
            body=path,
            url=(self._shown / name).as_uri(),
            created=moment(getattr(status, "st_birthtime", None)),
            modified=moment(status.st_mtime),
        )

    def url(self, ref: SourceRef) -> str:
        """The file's own address.

        :raises NotFound: where the walk would not list it.
        :raises SourceError: where the root or the file cannot be read.
        """
        name = self._checked(ref)
        self._open(ref, name)
        return (self._shown / name).as_uri()

    def access(self, ref: SourceRef) -> Access:
        """What the last rule says that matches the key, else what the source starts with.

        :raises NotFound: where the key is none of this source.
        """
        self._checked(ref)
        return self._access.of(ref.key)

    def covers(self, text: str) -> Coverage | None:
        """What the folder makes of a path in it, or of a path relative to its root.

        A relative path is only taken for one of ours where something lies there.
        """
        root = os.fspath(self._shown)
        if os.path.isabs(text):  # noqa: PTH117
            path = os.path.normpath(text)
            if path == root or not _within(path, root):
                return None
        else:
            path = os.path.normpath(os.path.join(root, text))  # noqa: PTH118
            if not _within(path, root) or not os.path.lexists(path):
                return None
        name = path.removeprefix(root.rstrip(os.sep) + os.sep)
        rule, pattern = self._left_out_by(key_of(name), name, path)
        return Coverage(key_of(name), os.path.lexists(path), rule, pattern)

    def _left_out_by(self, key: str, name: str, path: str) -> tuple[str, str]:
        """The rule that keeps a key from being listed, and its pattern; two empty texts where none does."""
        if any(found := self._choice.left_out_by(name, key)):
            return found
        if not self._follow and os.path.islink(path):  # noqa: PTH114
            return "link", ""
        return ("kind", "") if os.path.lexists(path) and not Path(path).is_file() else ("", "")

    def _checked(self, ref: SourceRef) -> str:
        if (ref.kind, ref.source) != (self.kind, self._name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        return name_of(ref.key)

    def _root(self) -> tuple[str, tuple[int, int]]:
        """The root without links and which folder that is, after trying whether it can be listed."""
        try:
            root = os.path.realpath(self._shown)
            os.scandir(root).close()
            status = os.stat(root)  # noqa: PTH116  the walk is in os calls: a Path for each file costs too much
        except OSError as error:
            raise self._unreachable(error) from error
        return root, (status.st_dev, status.st_ino)

    def _unreachable(self, error: OSError) -> SourceError:
        if isinstance(error, FileNotFoundError):
            return SourceError(f"There is no folder {self._shown}.", hint=OUT_OF_REACH)
        if isinstance(error, NotADirectoryError):
            return SourceError(f"{self._shown} is not a folder.", hint="Give the folder that holds the file.")
        if isinstance(error, PermissionError):
            return SourceError(
                f"There is no permission to list {self._shown}.",
                hint="Allow the user that runs Mneme to read and enter the folder.",
            )
        return SourceError(f"{self._shown} cannot be listed: {reason(error)}.", hint=OUT_OF_REACH)

    def _walk(self, root: str, identity: tuple[int, int]) -> Iterator[Change]:
        """One folder at a time, its files before its folders, by name: only folders still to come are held."""
        waiting = [("", root)]
        seen: set[tuple[int, int]] = set()
        while waiting:
            prefix, path = waiting.pop()
            try:
                if self._follow and not _first_time(path, seen):
                    continue
                with os.scandir(path) as listing:
                    entries = sorted(listing, key=_by_name)
            except GONE:
                continue  # removed since its parent was listed, or all of it was: that is seen at the end
            except OSError as error:
                if not prefix:
                    raise self._unreachable(error) from error
                yield self._failed(prefix, Stage.SEEN, error)
                continue
            folders: list[tuple[str, str]] = []
            for entry in entries:
                yield from self._entry(entry, prefix, root, folders)
            waiting.extend(reversed(folders))
        if self._root()[1] != identity:
            raise SourceError(
                f"{self._shown} became another folder while it was listed.", hint="Run the sync again."
            )
        yield Checkpoint(datetime.now(UTC).isoformat(timespec="seconds"))

    def _entry(
        self, entry: os.DirEntry[str], prefix: str, root: str, folders: list[tuple[str, str]]
    ) -> Iterator[Change]:
        """The change one name stands for, if any; a folder is put with the others instead."""
        if not self._choice.name(entry.name):
            return
        key = prefix + key_of(entry.name)
        is_file = False
        try:
            is_file = entry.is_file(follow_symlinks=False)
            if is_file:
                if self._choice.key(key):
                    yield self._file(key, entry.path, entry.stat(follow_symlinks=False))
            elif entry.is_dir(follow_symlinks=False):
                if self._choice.folder(key + "/"):
                    folders.append((key + "/", entry.path))
            elif self._follow and entry.is_symlink():
                yield from self._link(key, entry.path, root, folders)
        except GONE:
            return
        except OSError as error:
            yield from self._unseen(key, error, may_be_folder=not is_file)

    def _link(self, key: str, path: str, root: str, folders: list[tuple[str, str]]) -> Iterator[Change]:
        target = os.path.realpath(path)
        if _within(target, root):
            return
        try:
            status = os.stat(target)  # noqa: PTH116
        except OSError as error:
            # Missing or not, it may be a share that is not mounted: nothing of it counts as deleted.
            yield from self._unseen(key, error, may_be_folder=True)
            return
        if stat.S_ISDIR(status.st_mode):
            if self._choice.folder(key + "/"):
                folders.append((key + "/", target))
        elif stat.S_ISREG(status.st_mode) and self._choice.key(key):
            yield self._file(key, target, status)

    def _file(self, key: str, path: str, status: os.stat_result) -> Change:
        if not os.access(path, os.R_OK, effective_ids=_CAN_ASK_EFFECTIVE):
            return self._failed(key, Stage.FETCHED, PermissionError())
        facts = f"{status.st_size}-{status.st_mtime_ns}"
        return Upserted(
            ref=SourceRef(self.kind, self._name, key),
            version=f"{facts}-{status.st_ctime_ns}-{status.st_ino}-{self._access.digest(key)}",
            # Windows gives no number with a listing, and without one files could not be told apart.
            fingerprint=f"{status.st_dev}-{status.st_ino}-{facts}" if status.st_ino else "",
        )

    def _unseen(self, key: str, error: OSError, *, may_be_folder: bool) -> Iterator[Failed]:
        if self._choice.key(key):
            yield self._failed(key, Stage.SEEN, error)
        if may_be_folder and self._choice.folder(key + "/"):
            yield self._failed(key + "/", Stage.SEEN, error)

    def _failed(self, key: str, stage: Stage, error: OSError) -> Failed:
        return Failed(SourceRef(self.kind, self._name, key), stage, reason(error), retryable=True)

    def _open(self, ref: SourceRef, name: str) -> tuple[Path, os.stat_result]:
        """Where the file really lies and what is known of it, after trying whether it can be read."""
        root, _ = self._root()
        path = os.path.join(root, name)  # noqa: PTH118
        real = os.path.realpath(path)
        missing = f"There is no document {ref}."
        if not self._choice.path(name, ref.key):
            raise NotFound(missing)
        if real != path and (_within(real, root) or not self._follow):
            raise NotFound(missing)
        try:
            status = os.lstat(real)
            if not stat.S_ISREG(status.st_mode):
                raise NotFound(missing)
            # Without O_NONBLOCK a pipe put there since would hold us for ever.
            os.close(os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)))
        except GONE as error:
            raise NotFound(missing) from error
        except OSError as error:
            raise SourceError(f"{ref} cannot be read: {reason(error)}.") from error
        return Path(real), status


def _first_time(path: str, seen: set[tuple[int, int]]) -> bool:
    status = os.stat(path)  # noqa: PTH116
    identity = (status.st_dev, status.st_ino)
    new = identity not in seen
    seen.add(identity)
    return new


def _within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _by_name(entry: os.DirEntry[str]) -> str:
    return entry.name
