"""The program `git`, run so that neither a repository nor an address can make it do more than is asked.

Git itself and no library: it alone speaks ssh and HTTP as the servers expect, reads every form a repository has (SHA-256,
linked worktrees, alternates), knows ``.mailmap``, and finds renames over a long history in seconds.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

from memory.errors import ConnectorUnavailable, SourceError

LOCAL_S = 3600.0
"""How long a command may take that reads what lies on this machine: a history of many years is read once."""

_OLDEST = (2, 32)
"""Older ones read the settings of the machine whatever they are told (`GIT_CONFIG_GLOBAL`)."""

_SETTINGS = (
    ("core.bare", "true"),  # the files checked out are not looked at, above all no `.mailmap` among them
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.pager", "cat"),
    ("core.alternateRefsCommand", ""),
    ("credential.helper", ""),
    ("diff.external", ""),
    ("diff.orderFile", os.devnull),
    ("log.showSignature", "false"),
    ("log.follow", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("transfer.bundleURI", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("protocol.allow", "never"),
)
"""What must not come from the repository's own settings: anybody may have written those."""


def program() -> str:
    """The path of git.

    :raises ConnectorUnavailable: where there is none.
    """
    found = shutil.which("git")
    if found is None:
        raise ConnectorUnavailable(
            "The program git is not installed.",
            hint="Install it: apt-get install git, or as your system does.",
        )
    return found


@cache
def _bound() -> tuple[str, ...]:
    """What ends a program with the thread that started it, where the system has that: else a fetch goes on for hours after a kill."""
    found = shutil.which("setpriv") if sys.platform == "linux" else None
    return (found, "--pdeathsig", "KILL", "--") if found else ()


class Git:
    """Runs git for one repository.

    :param folder: the repository itself (``GIT_DIR``).
    :param settings: further settings, each a name and a value; a secret among them is in the environment only.
    :param protocols: those git may speak; none: it reaches no other machine, whatever the repository says.
    :param ssh: the command for ssh.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Sequence[tuple[str, str]] = (),
        protocols: Sequence[str] = (),
        ssh: str = "",
    ) -> None:
        self._program = program()
        self._environment = _environment(folder, (*_SETTINGS, *settings), protocols, ssh)

    def run(self, *args: str, stdin: bytes = b"", limit_s: float = LOCAL_S) -> bytes:
        """What a command says.

        :raises GitFailed: where it fails or takes too long.
        """
        with self.stream(*args, stdin=stdin, limit_s=limit_s) as out:
            return out.read()

    @contextmanager
    def stream(self, *args: str, stdin: bytes = b"", limit_s: float = LOCAL_S) -> Iterator[IO[bytes]]:
        """What a command says, to be read while it runs.

        :raises GitFailed: at the end, where it failed or took too long.
        """
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(stdin)
            given.seek(0)
            process = self._start(args, given, said, bound=True)
            late = threading.Event()

            def too_late() -> None:
                late.set()
                _kill(process)

            timer = threading.Timer(limit_s, too_late)
            timer.daemon = True
            timer.start()
            try:
                assert process.stdout is not None  # noqa: S101 - it is a pipe
                yield process.stdout
                code = process.wait()
            finally:
                timer.cancel()
                _kill(process)
                process.wait()
                if process.stdout:
                    process.stdout.close()
            if late.is_set():
                raise GitFailed(args[0], f"it took longer than {limit_s / 60:.0f} minutes")
            if code:
                said.seek(0)
                raise GitFailed(args[0], said.read(100_000).decode("utf-8", "replace"))

    def objects(self) -> "Objects":
        """A process that gives objects one after the other."""
        return Objects(self._start(("cat-file", "--batch"), subprocess.PIPE, subprocess.DEVNULL))

    def version(self) -> None:
        """Make sure that git is new enough.

        :raises ConnectorUnavailable: where it is not.
        """
        said = self.run("version").decode("ascii", "replace")
        found = re.search(r"(\d+)\.(\d+)", said)
        if found is None or (int(found[1]), int(found[2])) < _OLDEST:
            raise ConnectorUnavailable(
                f"{said.strip()} is too old.", hint=f"Install git {_OLDEST[0]}.{_OLDEST[1]} or newer."
            )

    def _start(
        self, args: Sequence[str], stdin: IO[bytes] | int, stderr: IO[bytes] | int, *, bound: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start git.

        :param bound: whether the thread that starts it waits for it: then it does not outlive us, were we killed.
        """
        try:
            return subprocess.Popen(  # noqa: S603 - a list, and what comes from outside stands behind `--`
                [*(_bound() if bound else ()), self._program, "--no-pager", *args],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=self._environment,
                cwd=tempfile.gettempdir(),
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(f"git cannot be started: {error.strerror or error}.") from error


class GitFailed(SourceError):
    """A command of git failed."""

    def __init__(self, command: str, said: str) -> None:
        self.said = said
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
        reason = (fatal or lines or ["it says nothing"])[-1]
        reason = re.sub(r"^(?:fatal|error):\s*|[\x00-\x1f\x7f]", "", reason)[:300].rstrip(".")
        super().__init__(f"git {command} failed: {reason}.", hint="Check the repository with `git fsck`.")


class Objects:
    """Objects of a repository, read one after the other from one process (``git cat-file --batch``)."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.close = weakref.finalize(self, _end, process)
        """Ends the process."""

    def read(self, name: str) -> tuple[str, str, bytes] | None:
        """Id, type and bytes of an object, or of what a ref leads to now; None where there is none.

        :param name: has no blank in it and no line end.
        :raises SourceError: where the process has ended.
        """
        put, out = self._process.stdin, self._process.stdout
        assert put is not None and out is not None  # noqa: S101, PT018 - they are pipes
        try:
            put.write(name.encode() + b"\n")
            put.flush()
            head = out.readline().split()
            if len(head) != 3:
                if not head:
                    raise OSError(None, "git ended")
                return None
            body = out.read(int(head[2]))
            if not out.read(1):
                raise OSError(None, "git ended")
        except OSError as error:
            self.close()
            raise SourceError(f"The repository cannot be read: {error.strerror}.") from error
        return head[0].decode(), head[1].decode(), body


def _environment(
    folder: Path, settings: Iterable[tuple[str, str]], protocols: Sequence[str], ssh: str
) -> dict[str, str]:
    """All that git is told: nothing of our own environment, which may have `GIT_*` of whoever started us."""
    told = {
        "PATH": os.defpath,
        "HOME": str(Path.home()),  # ssh's own keys and known hosts
        "LC_ALL": "C",
        "GIT_DIR": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_ALLOW_PROTOCOL": ":".join(protocols) or "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_SSH_COMMAND": ssh or "false",
        "GIT_SSH_VARIANT": "ssh",
    }
    count = 0
    for name, value in settings:
        told |= {f"GIT_CONFIG_KEY_{count}": name, f"GIT_CONFIG_VALUE_{count}": value}
        count += 1
    return told | {"GIT_CONFIG_COUNT": str(count)}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it with whatever it has started: what speaks to a server is a process of its own."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    _kill(process)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
