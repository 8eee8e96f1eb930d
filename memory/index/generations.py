"""Which folder holds the index now: generations of it, one lock, and one file that names the living one."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from memory.embedding.base import ModelIdentity
from memory.errors import IndexUnavailable, MemoryInUse, ModelMismatch
from memory.index.copying import copy_folder

_WRITTEN = "WRITTEN"
_EDITION = 1  # of the payload and its indexes; raise it when they change, and older indexes are built anew


class Generations:
    """The directory of an embedded index: ``LOCK``, ``CURRENT`` and the generations ``g1``, ``g2`` ...

    ``CURRENT`` names the generation and the model and is replaced as a whole, so a crash leaves
    either the old generation or the new one; what it does not name is removed at the next opening.
    ``WRITTEN`` says how many passages were written to the living generation since it was made.

    :param directory: where the index lies; made where it does not exist.
    :raises MemoryInUse: where another process, or another index in this one, has it open.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = (directory / "LOCK").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise MemoryInUse(f"Another process has the index in {directory} open.") from error

    def open(self, model: ModelIdentity, create: Callable[[Path], None]) -> Path:
        """The folder of the living generation; the first one is made where there is none.

        :param create: makes an empty generation in a folder that does not exist yet.
        :raises ModelMismatch: where another model made the index.
        :raises IndexUnavailable: where it is damaged.
        """
        for leftover in self.directory.glob("g*.new"):
            shutil.rmtree(leftover)
        current = self._read()
        if current is None:
            folder = self.directory / "g1"
            create(self.next_to(folder))
            self.switch(self.next_to(folder), folder, model)
        else:
            name, made_by = current
            if (made_by.digest, made_by.size) != (model.digest, model.size):
                raise ModelMismatch(
                    f"The index was made by the model {made_by.name}, not by {model.name}.",
                    hint="Set embedding.model back, or run `mneme doctor --repair` to embed everything anew.",
                )
            folder = self.directory / name
        for other in self.directory.glob("g*"):
            if other != folder:
                shutil.rmtree(other)
        if not folder.is_dir():
            raise IndexUnavailable(f"The index in {self.directory} has lost its folder {folder.name}.")
        return folder

    @staticmethod
    def next_to(folder: Path) -> Path:
        """Where a generation is made before it gets its name; a leftover of that name is removed."""
        return folder.with_name(f"{folder.name}.new")

    @staticmethod
    def after(folder: Path) -> Path:
        """The folder of the generation that follows."""
        return folder.with_name(f"g{int(folder.name[1:]) + 1}")

    def switch(self, made: Path, folder: Path, model: ModelIdentity) -> None:
        """Give a finished generation its name and make it the living one, in one step."""
        made.rename(folder)
        temporary = self.directory / "CURRENT.new"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(
                {"edition": _EDITION, "generation": folder.name, "model": asdict(model)}, file, indent=2
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.directory / "CURRENT")
        number = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

    def written(self, folder: Path) -> int | None:
        """What `note_written` noted last of this generation; None where it noted nothing."""
        try:
            known = json.loads((self.directory / _WRITTEN).read_text(encoding="utf-8"))
            return int(known["points"]) if known["generation"] == folder.name else None
        except (OSError, ValueError, KeyError, TypeError):
            return None  # it only tells when optimising is worth it

    def note_written(self, folder: Path, points: int) -> None:
        """Note how many passages were written to a generation since it was made."""
        temporary = self.directory / f"{_WRITTEN}.new"
        with suppress(OSError):  # a full disk is told where something is lost by it
            temporary.write_text(json.dumps({"generation": folder.name, "points": points}), encoding="utf-8")
            temporary.replace(self.directory / _WRITTEN)

    def copy(self, folder: Path, target: Path) -> None:
        """Copy the living generation, and what names it, to a folder that does not exist yet.

        Nothing may be written to it meanwhile.
        """
        target.mkdir()
        copy_folder(folder, target / folder.name)
        shutil.copy2(self.directory / "CURRENT", target)
        if (known := self.directory / _WRITTEN).exists():
            shutil.copy2(known, target)

    def close(self) -> None:
        """Let another process have it."""
        self._lock.close()

    def _read(self) -> tuple[str, ModelIdentity] | None:
        path = self.directory / "CURRENT"
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            edition, name, model = known["edition"], str(known["generation"]), ModelIdentity(**known["model"])
        except FileNotFoundError:
            if any(self.directory.glob("g*")):
                raise IndexUnavailable(f"The index in {self.directory} has lost its file CURRENT.") from None
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexUnavailable(f"{path} is damaged: {error}.") from error
        if edition != _EDITION:
            raise IndexUnavailable(f"The index in {self.directory} was made by another edition of Mneme.")
        return name, model
