"""A service in a process of its own, as `mneme serve` starts it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def variables(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a process over the memory in `home`; settings without their ``MNEME_``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MNEME_")}  # noqa: TID251
    given = {"HOME": str(home), "EMBEDDING__MODEL": "hash", **settings}
    return kept | {f"MNEME_{name}": value for name, value in given.items()}


@contextmanager
def serving(home: Path, log: Path, **settings: str) -> Iterator[str]:
    """`mneme serve` over the memory in `home`, ended afterwards; gives its address."""
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--port", "0", "--json"]
    with (
        log.open("w") as noted,
        subprocess.Popen(
            command, env=variables(home, **settings), stdout=subprocess.PIPE, stderr=noted, text=True
        ) as process,
    ):
        try:
            assert process.stdout
            said = process.stdout.readline()
            assert said, log.read_text()
            yield json.loads(said)["address"]
        finally:
            process.terminate()
