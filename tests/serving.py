"""A service in a process of its own, as `mneme serve` starts it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clocks import LeapingClock


def variables(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a process over the memory in `home`; settings without their ``MNEME_``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MNEME_")}  # noqa: TID251
    given = {"HOME": str(home), "EMBEDDING__MODEL": "hash", **settings}
    return kept | {f"MNEME_{name}": value for name, value in given.items()}


@contextmanager
def serving(home: Path, log: Path, clock: LeapingClock | None = None, **settings: str) -> Iterator[str]:
    """`mneme serve` over the memory in `home`, ended afterwards; gives its address.

    :param clock: what it goes by, where that is not the machine's.
    """
    environment = variables(home, **settings) | (clock.variables if clock else {})
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--port", "0", "--json"]
    with (
        log.open("w") as noted,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=noted, text=True
        ) as process,
    ):
        try:
            assert process.stdout
            said = process.stdout.readline()
            assert said, log.read_text()
            yield json.loads(said)["address"]
        finally:
            process.terminate()
