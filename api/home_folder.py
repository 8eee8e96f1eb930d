"""What lies in the home folder, by name; a backup has the same names."""

import shutil
from pathlib import Path

CATALOGUE, INDEX, SETTINGS, KEYS = "catalogue.db", "index", "settings.toml", "keys"
"""What a backup may hold."""

SOURCES = "sources"
"""A folder for each source's connector; what lies there can be made again."""

OWNER_LOCK, OWNER_TOKEN = "owner.lock", "owner.token"
"""Of the process that owns the memory; made anew with each."""

RESTORING, RESTORED = "restoring", "restored"
"""The folder where a backup lies until it is whole and verified, and its name while it is moved to its place."""

SALVAGING = "salvaging"
"""The folder where what is read of a damaged catalogue lies until it takes its place."""


def clear(path: Path) -> None:
    """Remove a file or a folder with all in it, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
