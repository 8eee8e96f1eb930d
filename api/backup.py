"""Making a backup: a copy of the memory as it was at one moment, taken while it is used."""

import errno
import fcntl
import os
import shutil
import subprocess
import tarfile
import threading
from contextlib import ExitStack, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomli_w

from api.backup_manifest import Manifest, contents
from api.home_folder import CATALOGUE, INDEX, KEYS, SETTINGS, clear
from api.wiring import Memory, index_folder
from memory.catalogue.engine import HEAD
from memory.errors import DiskFull, InvalidInput, InvalidSettings, MemoryInUse
from memory.index.copying import size_of
from memory.index.edge import EdgeIndex
from memory.index.edge_shard import need_space

_PARTIAL = ".mneme-partial"
"""How the name of a half backup ends; its lock tells whether somebody is at it still."""


class Backups:
    """Makes the backups of a memory, one at a time.

    :param memory: may be used meanwhile; only writes to the index wait while it is copied.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._making = threading.Lock()

    def make(self, target: Path, *, keys: bool) -> dict[str, Any]:
        """Make a backup: one file where the name ends in ``.tar``, else a folder.

        It is made beside its place under another name and gets its own when it is whole and on the disk, so that
        whatever ends this early leaves no backup rather than half of one. What a process that was killed has left in
        that folder is removed, whatever its name was to be.

        :param target: an absolute path where there is nothing yet.
        :param keys: take in the keys that the secrets of sources are encrypted by.
        :raises InvalidInput: where there is something already, or no folder to put it into.
        :raises InvalidSettings: where catalogue or index are not Mneme's own to copy.
        :raises MemoryInUse: while another backup is made.
        :raises DiskFull: where it does not fit.
        """
        _need_place(target)
        _need_embedded(self._memory)
        if not self._making.acquire(blocking=False):
            raise MemoryInUse("A backup is being made already.", hint="Wait until it is done.")
        made = target.with_name(f".{target.name}{_PARTIAL}")
        locks: list[int] = []
        try:
            _sweep(target.parent)
            made = _begun(made, locks)
            manifest = self._fill(made, keys)
            size = size_of(made)
            if target.suffix == ".tar":
                made = _packed(made, locks)
            _publish(made, target)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull(f"The backup does not fit on the disk of {target.parent}.") from error
            raise InvalidInput(
                f"The backup cannot be written to {target.parent}: {error.strerror}."
            ) from error
        finally:
            if locks:
                clear(made)
            for lock in locks:
                os.close(lock)
            self._making.release()
        told = asdict(manifest)
        del told["files"]
        return {"path": str(target), "bytes": size, **told}

    def _fill(self, folder: Path, keys: bool) -> Manifest:
        memory, index = self._memory, self._memory.index
        assert isinstance(index, EdgeIndex)  # noqa: S101 - made sure of before
        catalogue = memory.settings.home / CATALOGUE
        # Twice: what is packed into one file lies there unpacked first.
        need_space(
            folder.parent,
            2 * (size_of(index_folder(memory.settings)) + catalogue.stat().st_size),
            "the backup",
        )
        with ExitStack() as held:
            # Held while nothing is written to the index: so the catalogue never says of a passage that it is there
            # when it is not. What was on its way is pending in the copy too, and is written after it was restored.
            write = index.copy(folder / INDEX, lambda: held.enter_context(memory.catalogue.snapshot()))
            now = datetime.now(UTC)
            write(folder / CATALOGUE)
        if settings := memory.settings.portable():
            (folder / SETTINGS).write_text(tomli_w.dumps(settings), encoding="utf-8")
        if keys and (file := memory.keyring.file).exists():
            (folder / KEYS).mkdir(mode=0o700)
            shutil.copy2(file, folder / KEYS)
        manifest = Manifest(
            made=now.isoformat(timespec="seconds"),
            schema=HEAD,
            documents=memory.catalogue.documents.count(),
            model={"setting": memory.settings.embedding.model, **asdict(index.model)},
            keys=keys,
            sealed={one.name: sorted(one.secrets) for one in memory.catalogue.sources.all() if one.secrets},
            files=contents(folder),
        )
        manifest.write(folder)
        return manifest


def _need_place(target: Path) -> None:
    if not target.is_absolute():
        raise InvalidInput(f"{target} is no absolute path.")
    if target.exists() or target.is_symlink():
        raise InvalidInput(
            f"There is something at {target} already.", hint="Give a name that is not there yet."
        )
    if not target.parent.is_dir():
        raise InvalidInput(f"There is no folder {target.parent}.", hint="Make it first.")


def _need_embedded(memory: Memory) -> None:
    settings = memory.settings
    elsewhere = []
    if settings.catalogue.url.get_secret_value():
        elsewhere.append("the catalogue by its database's own means (pg_dump for PostgreSQL)")
    if settings.index.url:
        elsewhere.append(f"the collection {settings.index.collection} by a snapshot of the Qdrant server")
    if elsewhere:
        raise InvalidSettings(
            "This memory is kept by servers, which Mneme does not copy.",
            hint=f"While no sync runs, back up {' and '.join(elsewhere)}, and the folder {KEYS} of the home folder. "
            "An index that is lost is made anew from the catalogue by `mneme doctor --rebuild`.",
        )


def _packed(folder: Path, locks: list[int]) -> Path:
    """One file of a folder's files, holes left out where `tar` can do that; the folder is gone then."""
    file = folder.with_name(f"{folder.name}.tar")
    names = sorted(path.name for path in folder.iterdir())
    file.touch(mode=0o600, exist_ok=False)
    locks.append(_locked(file))
    command = ["tar", "--create", "--sparse", "--file", str(file), "--directory", str(folder), "--", *names]
    try:
        try:
            packed = not subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603
        except FileNotFoundError:
            packed = False
        if not packed:
            with tarfile.open(file, "w") as archive:
                for name in names:
                    archive.add(folder / name, name)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(folder)
    return file


def _publish(made: Path, target: Path) -> None:
    for path in (made, target.parent):
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
            if path == made:
                made.rename(target)
        finally:
            os.close(number)


def _begun(made: Path, locks: list[int]) -> Path:
    try:
        made.mkdir(mode=0o700)
    except FileExistsError as error:
        raise MemoryInUse(
            f"{made} is there: a backup is made to that place.",
            hint="Wait until it is done; remove it where none is made any more.",
        ) from error
    locks.append(_locked(made))
    return made


def _locked(made: Path) -> int:
    """Open what is being made, locked for as long as this process is at it; a disk without locks does without."""
    number = os.open(made, os.O_RDONLY)
    with suppress(OSError):
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return number


def _sweep(folder: Path) -> None:
    """Remove what backups that were killed have left; what somebody is at still is locked."""
    for left in folder.glob(f".*{_PARTIAL}*"):
        with suppress(OSError):
            number = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                clear(left)
            finally:
                os.close(number)
