"""A limited process as its parent sees it: started, asked, watched, ended. Whatever it does, this process lives on."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from connectors.limited.wire import LENGTHS, MAX_HEAD
from connectors.message_key import MAX_MESSAGE

TROUBLE = "the process that reads it stopped at it"
TOO_LONG = "it takes too long"

_T = TypeVar("_T")
_MAX_RAW = 2 * MAX_MESSAGE
_TICK_S = 1.0
_PATIENCE = 3
"""Times the allowance of processor time, where the machine is busy."""


class Ended(Exception):
    """The process died of what it read, took too long, or made no sense: it is gone."""


class Process:
    """One of our modules in a process that was given a socket, the files named here, and nothing else.

    It limits itself by `memory.confine` before it reads anything; how long it may take is watched from here too. Close it.

    :param module: what it runs; it answers by `connectors.limited.wire.tell`.
    :param files: descriptors that it inherits.
    """

    def __init__(self, module: str, *words: str, files: Sequence[int] = ()) -> None:
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(_TICK_S)
        self._starter = threading.current_thread()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, and no words of anyone's
                [sys.executable, "-P", "-m", module, *words],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=files,
                env={
                    "PYTHONPATH": os.pathsep.join(each or str(Path.cwd()) for each in sys.path),
                    "LC_ALL": "C.UTF-8",
                    "TMPDIR": tempfile.gettempdir(),
                },
                start_new_session=True,
            )
        self._end = weakref.finalize(self, _end, self._process, self._connection)

    @property
    def pid(self) -> int:
        """Of the process, for whoever watches it."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether it is there; it ends with the thread that started it, if a moment later."""
        return self._starter.is_alive() and self._process.poll() is None

    def ask(self, asked: Mapping[str, Any], seconds: float) -> None:
        """Say something to it.

        :param seconds: what it may take to listen.
        :raises Ended: where it is gone.
        """
        left, view = _PATIENCE * seconds, memoryview(json.dumps(asked).encode() + b"\n")
        while view:
            sent, left = self._step(lambda: self._connection.send(view), left)  # noqa: B023 - called at once
            view = view[sent or 0 :]

    def answer(self, seconds: float, most: int = _MAX_RAW) -> tuple[dict[str, Any], bytes]:
        """What it says next, which a hostile file may have made up.

        :param seconds: of processor time that it may take for it; where the machine is busy, it has three times as long.
        :param most: bytes beside the JSON.
        :raises Ended: where it says nothing, or too much.
        """
        lengths, left = self._exactly(LENGTHS.size, _PATIENCE * seconds)
        head_size, size = LENGTHS.unpack(lengths)
        if head_size > MAX_HEAD or size > most:
            self.close()
            raise Ended("more came out of it than it can hold")
        said, left = self._exactly(head_size, left)
        try:
            head = json.loads(said)
        except (ValueError, RecursionError):
            head = None
        if not isinstance(head, dict):
            self.close()
            raise Ended(TROUBLE)
        raw, _ = self._exactly(size, left)
        return head, raw

    def close(self) -> None:
        """End it, whatever it does."""
        self._end()

    def _exactly(self, size: int, left: float) -> tuple[bytes, float]:
        """So many bytes, and how long may be waited from there on."""
        parts = bytearray()
        while len(parts) < size:
            wanted = min(1 << 18, size - len(parts))
            part, left = self._step(lambda: self._connection.recv(wanted), left)  # noqa: B023 - called at once
            if part == b"":
                raise Ended(self._why())
            parts += part or b""
        return bytes(parts), left

    def _step(self, call: Callable[[], _T], left: float) -> tuple[_T | None, float]:
        """One call to the system, and how long may be waited from there on: a step counts a second at most, however long this process is halted."""
        began = time.monotonic()
        try:
            done: _T | None = call()
        except TimeoutError:
            done = None
        except OSError as error:
            raise Ended(self._why()) from error
        left -= min(_TICK_S, time.monotonic() - began)
        if left < 0:
            self.close()
            raise Ended(TOO_LONG)
        return done, left

    def _why(self) -> str:
        """Why it ended by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        code = self._process.returncode
        self.close()
        return TOO_LONG if code == -getattr(signal, "SIGXCPU", 0) else TROUBLE


def _end(process: subprocess.Popen[bytes], connection: socket.socket) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
    connection.close()
