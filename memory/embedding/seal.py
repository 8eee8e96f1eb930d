"""A folder of files that is complete or not there, and whose damage is seen when it is opened."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memory.errors import DiskFull, ModelUnavailable

SEAL = "MODEL.json"
"""The file that names every other file of the folder with its size, time and SHA-256."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Replace a small file as a whole: a reader sees the old text or the new, even after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync(path.parent)


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn a full disk into `DiskFull` and any other trouble with files into `ModelUnavailable`.

    :param what: what was being done, as the beginning of a sentence.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(f"{what} needs more space than the disk has.") from error
        raise ModelUnavailable(
            f"{what} failed: {error}.", hint="Check the data directory's rights."
        ) from error


def is_sealed(folder: Path, edition: int) -> bool:
    """Whether the folder is complete and undamaged.

    Sizes and times are compared, which costs nothing; only where a time differs (a restored
    backup) the whole files are read, and the seal is renewed when they are what they were.

    :param edition: how the folder is made; one of another edition does not count.
    """
    try:
        seal = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        files: dict[str, dict[str, Any]] = seal["files"]
        if seal["edition"] != edition:
            return False
        stale = False
        for name, known in files.items():
            path = folder / name
            stat = path.stat()
            if stat.st_size != known["size"]:
                return False
            if stat.st_mtime_ns != known["mtime_ns"]:
                if digest(path) != known["sha256"]:
                    return False
                known["mtime_ns"] = stat.st_mtime_ns
                stale = True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if stale:
        write_whole(folder / SEAL, json.dumps(seal, indent=2) + "\n")
    return True


def make_sealed(target: Path, edition: int, about: dict[str, Any], fill: Callable[[Path], None]) -> None:
    """Make the folder beside its place, seal it, and move it there in one step.

    :param about: what the seal says besides: where the content comes from, its licences.
    :param fill: writes the files into the empty folder it is given.
    :raises DiskFull: where there is no space; nothing is left behind.
    """
    with disk_errors(f"Writing the model to {target}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            fill(temporary)
            _seal(temporary, edition, about)
            _replace(temporary, target, edition)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _seal(folder: Path, edition: int, about: dict[str, Any]) -> None:
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        stat = path.stat()
        known = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": digest(path)}
        files[path.relative_to(folder).as_posix()] = known
    write_whole(folder / SEAL, json.dumps({"edition": edition, **about, "files": files}, indent=2) + "\n")
    for path in folder.rglob("*"):
        if path.is_dir():
            _sync(path)


def _replace(temporary: Path, target: Path, edition: int) -> None:
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    if target.exists():
        target.rename(old)
    try:
        temporary.rename(target)
    except OSError:
        # Another process was faster; its folder is as good as ours.
        if not is_sealed(target, edition):
            raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what processes that died in the middle have left."""
    for leftover in target.parent.glob(f".{target.name}.*"):
        number = leftover.name.split(".")[-2]
        if number.isdigit() and not Path(f"/proc/{number}").exists():
            shutil.rmtree(leftover, ignore_errors=True)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
