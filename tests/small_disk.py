"""A small disk of its own, which a test can fill."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(megabytes: int) -> Iterator[Path]:
    """A disk that is mounted while it is needed; where that is not allowed, the test says that it was left out.

    Not under pytest's folder: what a killed run leaves mounted there, other runs would stumble over.
    """
    place = Path(tempfile.mkdtemp(prefix="mneme-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}M", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        place.rmdir()
        pytest.skip("left out: mounting a small disk needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


def resize(disk: Path, megabytes: int) -> None:
    """Make the disk larger or smaller; what it holds stays."""
    subprocess.run(["mount", "-o", f"remount,size={megabytes}M", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler = disk / "filler"
    with filler.open("wb") as written:
        try:
            while True:
                written.write(b"\x00" * (1 << 20))
                written.flush()
        except OSError:
            return filler
