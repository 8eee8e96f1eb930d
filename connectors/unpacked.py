"""Mailboxes that are compressed by gzip (RFC 1952), as list servers hand out their archives."""

import gzip
import zlib
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

MAX_UNPACKED = 1 << 30
"""Bytes: a month of the busiest list has a hundredth of it."""

_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


class TooMuch(OSError):
    """It unpacks to more than is taken."""


class CutOff(OSError):
    """It ends too early."""


def is_packed(head: bytes) -> bool:
    """Whether a file that begins like this is compressed."""
    return head.startswith(_MAGIC)


def unpacked_head(head: bytes, size: int) -> bytes:
    """The first bytes of what a file unpacks to that begins like this; empty where it does not."""
    try:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(head, size)
    except zlib.error:
        return b""


class Unpacked:
    """The file that was unpacked last: whoever reads a mailbox reads one message of it after the other."""

    def __init__(self) -> None:
        self._of: tuple[Path, int, int] | None = None
        self._file: BinaryIO | None = None

    def open(self, path: Path) -> BinaryIO:
        """What a file holds; it stays open until another one is asked for.

        :raises CutOff: where it ends too early, or is damaged.
        :raises TooMuch: where it unpacks to more than `MAX_UNPACKED`.
        :raises OSError: where it cannot be read.
        """
        status = path.stat()
        asked = (path, status.st_mtime_ns, status.st_size)
        if self._file is None or self._of != asked:
            self.close()
            self._file = _unpacked(path)
            self._of = asked
        return self._file

    def close(self) -> None:
        """Let go of it."""
        if self._file is not None:
            self._file.close()
        self._file = self._of = None


def _unpacked(path: Path) -> BinaryIO:
    target: BinaryIO = TemporaryFile()  # noqa: SIM115 - open until another one is asked for
    try:
        with gzip.open(path) as packed:
            while piece := packed.read(_CHUNK):
                target.write(piece)
                if target.tell() > MAX_UNPACKED:
                    raise TooMuch(None, f"unpacks to more than {MAX_UNPACKED >> 20} MB")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        target.close()
        raise CutOff(None, "ends too early, or is damaged") from error
    except BaseException:
        target.close()
        raise
    return target
