"""Reading files line by line, and saying in which line something is wrong."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from memory.errors import DiskFull, InvalidInput, NotFound

_BLOCK = 1 << 20


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Every line that is not blank, without its end, with its number from 1.

    :raises NotFound: where there is no such file.
    :raises InvalidInput: where a line is not UTF-8, naming it.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        for number, raw in enumerate(file, 1):
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise malformed(path, number, "is not UTF-8") from error
            if text.strip():
                yield number, text


def malformed(path: Path, line: int, what: str, hint: str = "") -> InvalidInput:
    """The error for a line that cannot be understood: ``qrels/test.tsv, line 7: ...``."""
    return InvalidInput(f"{path.parent.name}/{path.name}, line {line}: {what}.", hint=hint)


def write_lines(path: Path, texts: Iterable[str]) -> None:
    """Write lines, whole or not at all.

    :raises DiskFull: where they do not fit, or the folder cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{text}\n" for text in texts)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DiskFull(f"{path} cannot be written: {error.strerror}.") from error


def file_checksum(path: Path) -> str:
    """SHA-256 of a file, in hex.

    :raises NotFound: where it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def joint_checksum(root: Path, paths: Iterable[Path]) -> str:
    """One SHA-256 over several files and their names within a folder, whatever their order."""
    digest = hashlib.sha256()
    for path in sorted(set(paths)):
        digest.update(f"{path.relative_to(root).as_posix()}\0{file_checksum(path)}\n".encode())
    return digest.hexdigest()
