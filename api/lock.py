"""One process owns a memory at a time: a lock on a file that names the owner."""

import fcntl
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from api.home_folder import OWNER_LOCK, OWNER_TOKEN
from memory.errors import CatalogueError, DiskFull, MemoryInUse

_TRIES, _MOMENT_S = 3, 0.01


class OwnerLock:
    """The right to write in a home folder, held until `release` or the death of the process.

    :param home: the home folder; made where it is missing.
    :param doing: what the owner does, to be told to others (``mneme sync``).
    :raises MemoryInUse: where another process holds it, naming that one.
    :raises CatalogueError: where the folder cannot be made or written.
    """

    def __init__(self, home: Path, doing: str) -> None:
        self._path = home / OWNER_LOCK
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = self._path.open("a+")
        except OSError as error:
            raise _unusable(home, error) from error
        try:
            self._take()
        except BlockingIOError as error:
            owner = read_owner(home)
            self._file.close()
            raise MemoryInUse(
                f"The memory in {home} is in use by `{owner.get('doing', 'another program')}`"
                f" (process {owner.get('pid', 'unknown')})."
            ) from error
        self.announce({"doing": doing})

    def _take(self) -> None:
        for _ in range(_TRIES):  # `read_owner` holds it for a moment
            with suppress(BlockingIOError):
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(_MOMENT_S)
        return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def announce(self, facts: dict[str, Any]) -> None:
        """Tell others who holds the memory, and how to talk to it.

        :raises DiskFull: where not even that can be written.
        """
        try:
            self._file.seek(0)
            self._file.truncate()
            json.dump({"pid": os.getpid(), **facts}, self._file)
            self._file.flush()
        except OSError as error:
            raise DiskFull("The home folder cannot be written: the disk is full.") from error

    def release(self) -> None:
        """Let another process own the memory."""
        self._file.close()


def read_owner(home: Path) -> dict[str, Any]:
    """What the process that owns the memory has announced; empty where none does.

    What one announced that was killed is nobody's word any more: anybody may listen at its address now.
    """
    try:
        with (home / OWNER_LOCK).open(encoding="utf-8") as file:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return {}
            known = json.load(file)
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def keep_token(home: Path, token: str) -> None:
    """Keep the owner's token where only whoever may read the home folder's private files finds it.

    :raises DiskFull: where it cannot be written.
    """
    fresh = home / f"{OWNER_TOKEN}.new"
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
        fresh.replace(home / OWNER_TOKEN)
    except OSError as error:
        raise DiskFull(f"The owner's token cannot be written: {error.strerror}.") from error


def read_token(home: Path) -> str:
    """The owner's token of the service that runs; empty where it cannot be read."""
    try:
        return (home / OWNER_TOKEN).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def forget_token(home: Path) -> None:
    """The service has ended: its token is worth nothing."""
    with suppress(OSError):
        (home / OWNER_TOKEN).unlink(missing_ok=True)


def _unusable(home: Path, error: OSError) -> CatalogueError | DiskFull:
    if error.errno == 28:  # ENOSPC
        return DiskFull(f"The folder {home} cannot be made: the disk is full.")
    return CatalogueError(
        f"The folder {home} cannot be used: {error.strerror}.",
        hint="Set MNEME_HOME to a folder you may write in.",
    )
