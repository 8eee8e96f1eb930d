"""Copying folders whose files have large holes, as those of an index do."""

import errno
import os
import shutil
import subprocess
from pathlib import Path


def size_of(folder: Path) -> int:
    """Bytes that a folder's files take on the disk, their holes left out."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def copy_folder(folder: Path, target: Path) -> None:
    """Copy a folder to where there is nothing yet; holes stay holes where `cp` can do that.

    :raises OSError: where that fails; ENOSPC where it does not fit.
    """
    command = ["cp", "--archive", "--sparse=always", "--reflink=auto", str(folder), str(target)]
    if subprocess.run(command, check=False, capture_output=True).returncode:  # noqa: S603 - our own paths
        shutil.rmtree(target, ignore_errors=True)
        try:
            shutil.copytree(folder, target, symlinks=True)
        except shutil.Error as error:  # many at once, without their numbers
            if os.strerror(errno.ENOSPC) in str(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
            raise OSError(errno.EIO, str(error)[:200], str(target)) from error
