"""One archive, read through a limited process: whatever it does to the library, this process lives on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.limited.process import TROUBLE, Ended, Process
from connectors.limited.shapes import TEXT, Nonsense, read_as
from connectors.pst.worker import SECONDS

_MAX_DEATHS = 20
"""When the process ended more often, the archive is given up."""


class Broken(Exception):
    """The archive cannot be read, or its process died of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A message that was met.

    :param at: its place: the number of each folder among its neighbours, and its own.
    :param folder: the path of its folder.
    :param key: what it is known by.
    :param same: what it shares with its copies.
    :param digest: of its bytes.
    :param failed: why it cannot be read.
    """

    at: tuple[int, ...]
    folder: str
    key: str = ""
    same: str = ""
    digest: str = ""
    failed: str = ""


class Reader:
    """A process that has one archive open. Close it.

    :raises Broken: where the archive cannot be read.
    :raises OSError: where it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start()

    def messages(self) -> Iterator[Found]:
        """Every message; one that ends the process is passed over by the next process.

        :raises Broken: where the archive cannot be read any further.
        """
        deaths = 0
        done: list[tuple[int, ...]] = []
        while True:
            at: tuple[int, ...] | None = None
            folder = ""
            self._ask({"without": done})
            try:
                while not (head := self._answer()[0]).get("end"):
                    at, folder = _place(head.get("at")), _text(head, "folder", 500)
                    if head.get("next"):
                        continue
                    yield Found(
                        at, folder, *(_text(head, name) for name in ("key", "same", "digest", "failed"))
                    )
                    done.append(at)
                    at = None
            except Broken as death:
                deaths += 1
                if deaths > _MAX_DEATHS:
                    raise
                if at is not None:
                    done.append(at)
                    yield Found(at, folder, failed=str(death))
                self.close()
                self._start()
            else:
                return

    def message(self, at: tuple[int, ...]) -> bytes:
        """The message at a place.

        :raises Broken: where it cannot be read.
        """
        self._ask({"get": at})
        head, raw = self._answer()
        if reason := head.get("failed"):
            raise Broken(str(reason)[:200])
        return raw

    @property
    def pid(self) -> int:
        """Of the process, for whoever watches it."""
        return self._process.pid

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def _start(self) -> None:
        with self.path.open("rb") as archive:
            self._process = Process("connectors.pst.worker", str(archive.fileno()), files=(archive.fileno(),))
        head, _ = self._answer()
        if reason := head.get("broken"):
            self.close()
            raise Broken(f"no readable Outlook archive: {str(reason)[:200]}")

    def _ask(self, asked: dict[str, Any]) -> None:
        try:
            self._process.ask(asked, SECONDS)
        except Ended as error:
            raise Broken(str(error)) from error

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        """What it says next; a process that a hostile file has taken over may say anything."""
        try:
            return self._process.answer(SECONDS)
        except Ended as error:
            raise Broken(str(error)) from error


def _text(head: dict[str, Any], name: str, most: int = 2_000) -> str:
    try:
        return read_as(TEXT, head.get(name, ""))[:most]
    except Nonsense as error:
        raise Broken(TROUBLE) from error


def _place(at: object) -> tuple[int, ...]:
    if not isinstance(at, list) or not all(isinstance(each, int) for each in at) or len(at) > 100:
        raise Broken(TROUBLE)
    return tuple(at)
