"""One archive, read through a limited process: whatever it does to the library, this process lives on."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.message_key import MAX_MESSAGE
from connectors.pst.worker import LENGTHS, SECONDS

_MAX_HEAD = 1 << 20
_MAX_DEATHS = 20
"""When the process ended more often, the archive is given up."""

_TROUBLE = "the reader of archives stopped at it"
_PATIENCE = 3  # times the allowance of processor time, where the machine is busy


class Broken(Exception):
    """The archive cannot be read, or its process died of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A message that was met.

    :param at: its place: the number of each folder among its neighbours, and its own.
    :param folder: the path of its folder.
    :param raw: its bytes; empty where it failed.
    :param failed: why it cannot be read.
    """

    at: tuple[int, ...]
    folder: str
    raw: bytes = b""
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
                while not (told := self._answer())[0].get("end"):
                    head, raw = told
                    at, folder = _place(head.get("at")), str(head.get("folder", ""))[:500]
                    if head.get("next"):
                        continue
                    yield Found(at, folder, raw, str(head.get("failed", ""))[:200])
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
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self._connection.close()

    def _start(self) -> None:
        self._connection, theirs = socket.socketpair()
        with theirs, self.path.open("rb") as archive:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, and no words of anyone's
                [sys.executable, "-m", "connectors.pst.worker", str(archive.fileno())],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(archive.fileno(),),
                env={
                    "PYTHONPATH": os.pathsep.join(each or str(Path.cwd()) for each in sys.path),
                    "LC_ALL": "C.UTF-8",
                },
                cwd="/",
                start_new_session=True,
            )
        try:
            head, _ = self._answer()
        except Broken:
            self.close()
            raise
        if reason := head.get("broken"):
            self.close()
            raise Broken(f"no readable Outlook archive: {str(reason)[:200]}")

    def _ask(self, asked: dict[str, Any]) -> None:
        self._connection.settimeout(_PATIENCE * SECONDS)
        try:
            self._connection.sendall(json.dumps(asked).encode() + b"\n")
        except OSError as error:
            raise Broken(_TROUBLE) from error

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        """What it says next; a process that a hostile file has taken over may say anything."""
        until = time.monotonic() + _PATIENCE * SECONDS
        head_size, size = LENGTHS.unpack(self._exactly(LENGTHS.size, until))
        if head_size > _MAX_HEAD or size > 2 * MAX_MESSAGE:
            raise Broken("more came out of it than any message holds")
        try:
            head = json.loads(self._exactly(head_size, until))
        except ValueError as error:
            raise Broken(_TROUBLE) from error
        if not isinstance(head, dict):
            raise Broken(_TROUBLE)
        return head, self._exactly(size, until)

    def _exactly(self, size: int, until: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._connection.settimeout(max(0.1, until - time.monotonic()))
            try:
                part = self._connection.recv(min(1 << 18, size - len(parts)))
            except TimeoutError as error:
                raise Broken("it takes too long") from error
            except OSError as error:
                raise Broken(_TROUBLE) from error
            if not part:
                raise Broken(_TROUBLE)
            parts += part
        return bytes(parts)


def _place(at: object) -> tuple[int, ...]:
    if not isinstance(at, list) or not all(isinstance(each, int) for each in at) or len(at) > 100:
        raise Broken(_TROUBLE)
    return tuple(at)
