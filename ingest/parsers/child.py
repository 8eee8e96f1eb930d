"""One worker process, seen from its parent: started, fed, watched, ended."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ingest.parsers.tesseract import Tesseract
from ingest.parsers.wire import Task, pack, receive, send
from ingest.parsers.worker import OUT_OF_MEMORY
from memory.errors import ParseError

_POLL_S = 0.05
_START_S = 90.0
_PAGE = 4096
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PATIENCE = 3  # times its allowance on top of it, where the machine is busy
_NEAR = 0.8  # a crash this close to the limit was the limit
_MEMORY_WORDS = re.compile(
    rb"OutOfMemory|MemoryError|Cannot allocate|memory allocation|NoMemory", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use for one file."""

    timeout_s: float
    memory_bytes: int
    tika_url: str = ""
    ocr: Tesseract | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a worker is to read, and what it is to do.

    :param pages: which pages, from 1.
    :param known: pages of it that were recognised before, as JSON values.
    """

    name: str
    media_type: str
    task: Task = Task.READ
    pages: tuple[int, ...] = ()
    known: dict[int, Any] = field(default_factory=dict)


class Died(Exception):
    """The worker is gone, or had to be ended.

    :param reason: why, as the ledger says it.
    :param blameless: whether no file is to blame: it never started, was killed from outside, or its pool was closed.
    """

    def __init__(self, reason: str, *, blameless: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.blameless = blameless


class Child:
    """A running worker process.

    :param limits: what it may use.
    :param folder: where it may leave temporary files.
    :param warm_up: whether it imports its parsers before the first file rather than with it.
    :raises Died: where it does not start.
    """

    def __init__(self, limits: Limits, folder: Path, *, warm_up: bool = True) -> None:
        self.served = 0
        self._limits = limits
        self._peak = 0
        self._folder = tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True)
        self._errors = Path(self._folder.name, "stderr").open("w+b")  # noqa: SIM115 - open as long as the process
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(_POLL_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ingest.parsers.worker"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=_environment(self._folder.name),
                cwd=self._folder.name,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._closed = False
        self._allow(_START_S)
        config = {
            "memory_bytes": limits.memory_bytes,
            "timeout_s": limits.timeout_s,
            "tika_url": limits.tika_url,
            "warm_up": warm_up,
            "ocr": asdict(limits.ocr) if limits.ocr else None,
        }
        try:
            self._exchange(pack(config))
        except (Died, ParseError) as error:
            last = self._last_words().decode("utf-8", "replace").strip()
            self.close()
            raise Died(f"the parser did not start: {last[-300:] or error}", blameless=True) from error
        self._fresh = _resident(self.pid)

    def ask(self, data: bytes, asked: Asked) -> dict[str, Any]:
        """Let it read one file; gives its answer as JSON values, which a hostile file may have made up.

        :raises ParseError: where the file cannot be read; the worker lives on.
        :raises Died: where the worker does not.
        """
        self.served += 1
        self._peak = 0
        self._allow(self._limits.timeout_s)
        answer = self._exchange(pack(asdict(asked)), data)
        if isinstance(answer, dict) and isinstance(answer.get("error"), str):
            if answer["error"] == OUT_OF_MEMORY or _MEMORY_WORDS.search(answer["error"].encode()):
                raise Died(self._too_much())
            raise ParseError(answer["error"][:500])
        return answer if isinstance(answer, dict) else {}

    def bloated(self) -> bool:
        """Whether it has kept so much memory that a fresh one is better."""
        return _resident(self.pid) > (self._fresh + self._limits.memory_bytes) / 2

    def close(self) -> None:
        """End it, whatever it does."""
        self._closed = True
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)  # and what it has started
        self._process.wait()
        self._connection.close()
        self._errors.close()
        self._folder.cleanup()

    def _exchange(self, *frames: bytes) -> Any:
        try:
            for frame in frames:
                send(self._connection, frame, tick=self._watch)
            return json.loads(receive(self._connection, self._watch))
        except (EOFError, OSError) as error:
            if self._closed:
                raise Died("the parsers are closed", blameless=True) from error
            raise Died(self._why(), blameless=self._killed()) from error
        except ParseError as error:
            # What is left of its answer would be taken for the next one.
            raise Died(error.message) from error
        except (ValueError, RecursionError) as error:
            raise Died("the parser gave no usable answer") from error

    def _watch(self) -> None:
        """Raise where time or memory is used up."""
        if time.monotonic() > self._deadline and not self._starved():
            raise Died(f"took longer than {_number(self._limits.timeout_s)} s")
        self._peak = max(self._peak, _resident(self.pid))
        if self._peak > self._limits.memory_bytes:
            raise Died(self._too_much())

    def _allow(self, seconds: float) -> None:
        """Begin to count the time."""
        self._allowed = seconds
        self._deadline = time.monotonic() + seconds
        self._cpu_before = _processor_time(self.pid)

    def _starved(self) -> bool:
        """Whether it is at work but the machine is too busy to let it: then it gets up to four times as long.

        A file must not count as broken because something else was running.
        """
        used = _processor_time(self.pid) - self._cpu_before
        patience = self._deadline + _PATIENCE * self._allowed
        return 0.05 * self._allowed < used < 0.5 * self._allowed and time.monotonic() < patience

    def _too_much(self) -> str:
        size = self._limits.memory_bytes
        return (
            f"needed more than {_number(size / 2**30)} GB"
            if size >= 2**30
            else f"needed more than {size >> 20} MB"
        )

    def _why(self) -> str:
        """Why it ended by itself."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "the parser stopped answering"
        if self._peak > _NEAR * self._limits.memory_bytes or _MEMORY_WORDS.search(self._last_words()):
            return self._too_much()
        if code == -getattr(signal, "SIGXCPU", 0):
            return f"took longer than {_number(self._limits.timeout_s)} s"
        return f"the parser crashed ({f'signal {-code}' if code < 0 else f'exit {code}'})"

    def _killed(self) -> bool:
        """Whether somebody else has killed it, as the system does with any process where its memory is used up."""
        near = self._peak > _NEAR * self._limits.memory_bytes
        return self._process.returncode == -signal.SIGKILL and not near

    def _last_words(self) -> bytes:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        return self._errors.read()


def _environment(folder: str) -> dict[str, str]:
    """All a worker needs to know, and nothing of the parent's secrets."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        "OMP_NUM_THREADS": "1",
        "OMP_THREAD_LIMIT": "1",  # Tesseract's threads wait for each other: two pages beside each other are quicker
        "UNSTRUCTURED_DISABLE_NOTICE": "1",
        "SCARF_NO_ANALYTICS": "true",
        "DO_NOT_TRACK": "true",
        "TIKA_CLIENT_ONLY": "True",
        "TIKA_LOG_FILE": "",
    }


def _resident(pid: int) -> int:
    """The memory a process holds now; 0 where the system does not say (RLIMIT_DATA still holds)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _processor_time(pid: int) -> float:
    """Seconds of processor time a process has had; 0 where the system does not say."""
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        )
        return sum(map(int, fields[11:15])) / _TICKS  # its own, and that of what it started and has ended
    except (OSError, IndexError, ValueError):
        return 0.0


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
