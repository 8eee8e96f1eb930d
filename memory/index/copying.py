"""Copying folders whose files have large holes, as those of an index do."""

import errno
import os
import shutil
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from typing import BinaryIO

_AT_ONCE = 1 << 20
_NOTHING = bytes(_AT_ONCE)
_CLONE = 0x40049409
"""``FICLONE`` of Linux: the copy shares the blocks until one of both is written (man 2 ioctl_ficlone)."""


def size_of(folder: Path) -> int:
    """Bytes that a folder's files take on the disk, their holes left out."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def copy_folder(folder: Path, target: Path) -> None:
    """Copy a folder to where there is nothing yet; holes stay holes, and blocks are shared where the disk can do that.

    By this process and no program of its own: that would go on after this one was killed, and write into what the
    next has begun anew.

    :raises OSError: where that fails; ENOSPC where it does not fit.
    """
    target.mkdir(mode=0o700)
    for path in sorted(folder.iterdir()):
        made = target / path.name
        if path.is_symlink():
            made.symlink_to(path.readlink())
        elif path.is_dir():
            copy_folder(path, made)
        else:
            _copy_file(path, made)
    _like(folder, target)


def _copy_file(path: Path, target: Path) -> None:
    with path.open("rb") as source, target.open("xb") as made:
        os.fchmod(made.fileno(), 0o600)
        try:
            ioctl(made.fileno(), _CLONE, source.fileno())
        except OSError:  # another disk, or one that shares nothing
            _copy_data(source, made)
    _like(path, target)


def _copy_data(source: BinaryIO, made: BinaryIO) -> None:
    size = os.fstat(source.fileno()).st_size
    made.truncate(size)
    at = 0
    while (at := _next(source, at, os.SEEK_DATA, size)) < size:
        end = _next(source, at, os.SEEK_HOLE, size)
        source.seek(at)
        while at < end and (part := source.read(min(_AT_ONCE, end - at))):
            if part != _NOTHING[: len(part)]:
                made.seek(at)
                made.write(part)
            at += len(part)
        at = max(at, end)  # a file that was cut meanwhile has no more


def _next(source: BinaryIO, at: int, what: int, size: int) -> int:
    """Where data or a hole begins; a disk that knows no holes has data throughout."""
    try:
        return os.lseek(source.fileno(), at, what)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size
        return at if what == os.SEEK_DATA else size


def _like(path: Path, target: Path) -> None:
    shutil.copystat(path, target)
    with suppress(PermissionError):  # only root may give files away
        os.chown(target, path.stat().st_uid, path.stat().st_gid)
