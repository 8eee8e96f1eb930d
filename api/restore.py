"""Restoring a backup into an empty home folder."""

import errno
import shutil
import tarfile
from pathlib import Path
from typing import Any

from api.backup_manifest import Manifest, brought, verified
from api.doctor import examine
from api.home_folder import (
    CATALOGUE,
    INDEX,
    KEYS,
    OWNER_LOCK,
    OWNER_TOKEN,
    RESTORED,
    RESTORING,
    SETTINGS,
    clear,
)
from api.lock import OwnerLock
from api.settings import Settings, load
from api.wiring import open_memory
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.engine import HEAD
from memory.errors import BackupUnusable, DiskFull, InvalidInput, InvalidSettings, MnemeError
from memory.index.copying import copy_folder, size_of
from memory.index.edge_shard import need_space

_MAY_BE_THERE = {OWNER_LOCK, OWNER_TOKEN, "models", "lost+found", SETTINGS, KEYS, RESTORING, RESTORED}
"""In a home folder that counts as empty: what is made anew, and what somebody may have put there for this."""


def restore(settings: Settings, backup: Path) -> dict[str, Any]:
    """Restore a backup, finish what it caught in the midst, and have the doctor look at it.

    Nothing of the home folder changes before every file of the backup has been copied there and verified; killed
    at any moment, the same command starts again. Settings and keys that are there already stay.

    :raises InvalidInput: where the home folder is not empty.
    :raises BackupUnusable: where the backup is damaged, incomplete or none of ours.
    :raises DiskFull: where it does not fit.
    """
    if settings.catalogue.url.get_secret_value() or settings.index.url:
        raise InvalidSettings(
            "A backup is restored into a home folder, and the settings name servers for catalogue or index.",
            hint="Take MNEME_CATALOGUE__URL and MNEME_INDEX__URL out of the settings first.",
        )
    lock = OwnerLock(settings.home, "mneme restore")
    staged = settings.home / RESTORING
    try:
        _need_empty(settings.home)
        _undo(settings.home)
        try:
            manifest = _bring(backup, staged)
            _end_sessions(staged / CATALOGUE)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        kept = _take_place(staged, settings.home)
    finally:
        lock.release()
    return {
        "home": str(settings.home),
        "made": manifest.made,
        "kept": kept,
        "sealed": {} if manifest.keys or KEYS in kept else manifest.sealed,
        **_settled(settings.home),
    }


def _need_empty(home: Path) -> None:
    names = {path.name for path in home.iterdir()}
    there = names - _MAY_BE_THERE
    if names & {RESTORING, RESTORED} and CATALOGUE not in names:
        there -= {INDEX}  # brought there by a restore that was killed
    if there:
        raise InvalidInput(
            f"The home folder {home} is not empty: it has {', '.join(sorted(there)[:5])}.",
            hint="Restore into an empty one: set MNEME_HOME to a new folder.",
        )


def _undo(home: Path) -> None:
    """Remove what a restore that was killed has brought: this one may be of another backup."""
    moved = brought(home / RESTORED)
    for name in (KEYS, SETTINGS):
        if name in moved and not (home / RESTORED / name).exists():
            clear(home / name)
    clear(home / RESTORED)
    clear(home / RESTORING)


def _bring(backup: Path, staged: Path) -> Manifest:
    try:
        if backup.is_dir():
            need_space(staged.parent, size_of(backup), "the backup")
            copy_folder(backup, staged)
        elif backup.is_file():
            need_space(staged.parent, backup.stat().st_size, "the backup")
            with tarfile.open(backup, "r:") as archive:
                archive.extractall(staged, filter="data")
        else:
            raise InvalidInput(f"There is no backup {backup}.")
    except (tarfile.TarError, EOFError) as error:
        raise BackupUnusable(
            f"{backup} is no backup, or a damaged one: {error}.", hint="Name what `mneme backup` has written."
        ) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"The backup does not fit on the disk of {staged.parent}.") from error
        raise InvalidInput(f"{backup} cannot be restored: {error.strerror}.") from error
    return verified(staged, HEAD)


def _end_sessions(file: Path) -> None:
    """Whoever logged out since, or was logged out, must not be back by this, not even where it ends early."""
    catalogue = Catalogue(f"sqlite:///{file}", keep_events=None)
    try:
        catalogue.sessions.end_all()
    finally:
        catalogue.close()


def _take_place(staged: Path, home: Path) -> list[str]:
    """Move everything to where it belongs, the catalogue last: with it the memory is there. Says what was kept."""
    whole = staged.rename(home / RESTORED)
    clear(home / INDEX)
    kept = []
    for name in (INDEX, KEYS, SETTINGS, CATALOGUE):
        if (home / name).exists():
            kept.append(name)
        elif (whole / name).exists():
            (whole / name).rename(home / name)
    clear(whole)
    return kept


def _settled(home: Path) -> dict[str, Any]:
    try:
        memory = open_memory(load(home=home), "mneme restore")
        try:
            memory.writer().write_pending()
            return {**examine(memory, repair=False, rebuild=False), "trouble": ""}
        finally:
            memory.close()
    except MnemeError as error:
        return {"well": False, "trouble": str(error)}
