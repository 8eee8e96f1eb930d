"""What a backup holds: the file `manifest.json` in it, by which `mneme restore` knows that it is whole."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from api.home_folder import CATALOGUE, INDEX, KEYS, SETTINGS
from memory.errors import BackupUnusable

NAME = "manifest.json"

_FORMAT = 1
_AT_ONCE = 1 << 20
_ANOTHER = "Restore another backup."


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup's table of contents.

    :param made: the moment it shows the memory at, ISO 8601.
    :param schema: the catalogue's newest migration.
    :param model: name and digest of the embedding model, which is not in it.
    :param keys: whether it holds the keys that the secrets of sources are encrypted by.
    :param sealed: names of the secrets, by source.
    :param files: size in bytes and SHA-256 of each file, by its path.
    """

    made: str
    schema: str
    documents: int
    model: dict[str, Any]
    keys: bool
    sealed: dict[str, list[str]]
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Put it into a backup's folder, and everything there onto the disk."""
        path = folder / NAME
        path.write_text(json.dumps({"format": _FORMAT, **asdict(self)}, indent=2), encoding="utf-8")
        sum_of(path)


def contents(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and checksum of every file in a folder but the manifest; each is on the disk afterwards."""
    return {name: sum_of(folder / name) for name in _names(folder)}


def _names(folder: Path) -> list[str]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / NAME)
    return [path.relative_to(folder).as_posix() for path in paths]


def sum_of(path: Path) -> dict[str, Any]:
    """A file's size in bytes and SHA-256, once it is on the disk."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while part := file.read(_AT_ONCE):
            digest.update(part)
            size += len(part)
    return {"bytes": size, "sha256": digest.hexdigest()}


def verified(folder: Path, newest_schema: str) -> Manifest:
    """The manifest of a backup's folder, once every file in it is as it says.

    :param newest_schema: the newest migration that this version knows.
    :raises BackupUnusable: where a file is missing, differs, or was not there when the backup was made.
    """
    manifest = _read(folder)
    if manifest.schema > newest_schema:
        raise BackupUnusable(
            f"The backup was made by a newer Mneme (schema {manifest.schema}, this one knows {newest_schema}).",
            hint="Install that version, or a newer one.",
        )
    if linked := next((path for path in folder.rglob("*") if path.is_symlink()), None):
        raise BackupUnusable(f"The backup holds a link, {linked.relative_to(folder)}, which no backup does.")
    there = set(_names(folder))
    for name in sorted(manifest.files.keys() | there):
        if name.partition("/")[0] not in (CATALOGUE, INDEX, SETTINGS, KEYS) or name not in manifest.files:
            raise BackupUnusable(f"The backup holds {name}, which was not put there by Mneme.")
        if name not in there:
            raise BackupUnusable(f"The backup is damaged: {name} is missing.", hint=_ANOTHER)
    for name, expected in manifest.files.items():
        if sum_of(folder / name) != expected:
            raise BackupUnusable(f"The backup is damaged: {name} has changed since.", hint=_ANOTHER)
    return manifest


def brought(folder: Path) -> set[str]:
    """What a backup's folder had at its top when it was whole, by name; empty where it has no manifest."""
    try:
        return {name.partition("/")[0] for name in _read(folder).files}
    except BackupUnusable:
        return set()


def _read(folder: Path) -> Manifest:
    try:
        told = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if (edition := told.pop("format")) != _FORMAT:
            raise BackupUnusable(f"The backup has the format {edition}, and this Mneme reads {_FORMAT}.")
        return Manifest(**told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupUnusable(
            f"This is no backup, or a damaged one: its {NAME} cannot be read.",
            hint="Name what `mneme backup` has written.",
        ) from error
