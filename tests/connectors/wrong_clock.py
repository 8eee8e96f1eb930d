"""A connector's walk by a clock that is wrong: in a process of its own, which `faketime` tells another time."""

import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from connectors.base import Checkpoint, Closes, Connector, Deleted, SourceConfig, Upserted
from tests.connectors.local_server import program


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk told.

    :param bodies: of what it told, by key.
    """

    versions: dict[str, str]
    gone: list[str]
    bodies: dict[str, bytes]
    cursor: str


def walked(connector: Connector, since: str | None = None) -> Walked:
    """Walk, and fetch what was told; what is open is closed again."""
    told = list(connector.changes(since))
    versions = {each.ref.key: each.version for each in told if isinstance(each, Upserted)}
    bodies = {each.ref.key: connector.fetch(each.ref).read() for each in told if isinstance(each, Upserted)}
    last = told[-1]
    assert isinstance(last, Checkpoint)
    if isinstance(connector, Closes):
        connector.close()
    return Walked(versions, [each.ref.key for each in told if isinstance(each, Deleted)], bodies, last.cursor)


def walked_at(shift: str, kind: type[Connector], config: SourceConfig, since: str | None = None) -> Walked:
    """The same by a clock that is ahead (``+2y``) or behind (``-2y``)."""
    words = [program("faketime", "faketime"), "--exclude-monotonic", "-f", shift]
    words += [sys.executable, "-c", f"from {__name__} import main; main()"]
    done = subprocess.run(
        words,
        input=pickle.dumps((kind, config, since)),
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    found: Walked = pickle.loads(done.stdout)  # noqa: S301 - it comes from ourselves
    return found


def main() -> None:
    """In the process with the wrong clock: what to walk comes by standard input, what was told goes by standard output."""
    kind, config, since = pickle.load(sys.stdin.buffer)  # noqa: S301 - it comes from ourselves
    sys.stdout.buffer.write(pickle.dumps(walked(kind(config), since)))
