"""Commands in processes of their own that begin at work: forked from one that has imported everything.

A fresh process imports for seconds before it does what a test is about. The process that forks has no threads, so
what it forks is as good as new, and may be killed like any other.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["tests.imported"])


def start(home: Path, said: Path, *words: str) -> BaseProcess:
    """Begin ``mneme WORDS`` over the memory in `home`, with the hash model; what it prints goes to the file `said`."""
    process = _FORKING.Process(target=_command, args=(str(home), str(said), words))
    process.start()
    return process


def kill(when: Callable[[], bool], home: Path, said: Path, *words: str, later: float = 0) -> int | None:
    """Begin ``mneme WORDS`` and kill it once something holds, or after a minute; gives how it ended: -9 if by that.

    :param later: seconds to wait once it holds.
    """
    process, deadline = start(home, said, *words), time.monotonic() + 60
    while process.is_alive() and not when() and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(later)
    process.kill()
    process.join(60)
    return process.exitcode


def kill_sync(home: Path, said: Path, when: Callable[[], bool], later: float = 0) -> int | None:
    """Begin ``mneme sync`` and kill it once something holds, or after a minute; gives how it ended: -9 if by that.

    :param later: seconds to wait once it holds.
    """
    return kill(when, home, said, "sync", later=later)


def _command(home: str, said: str, words: tuple[str, ...]) -> None:
    from api.cli import main

    os.environ.update({"MNEME_HOME": home, "MNEME_EMBEDDING__MODEL": "hash"})  # noqa: TID251 - its own process
    with Path(said).open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    main(list(words))
