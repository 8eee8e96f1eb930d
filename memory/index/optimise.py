"""Optimising a generation of the index, in a process of its own.

``EdgeShard.optimize()`` holds Python's global lock for seconds to minutes, so it must never run in
the process that answers queries: `optimised_copy` makes a copy and lets a child process do it.
"""

import os
import subprocess
import sys
from pathlib import Path

from memory.errors import DiskFull, IndexUnavailable
from memory.index.copying import copy_folder, size_of
from memory.index.edge_shard import need_space


def copy_generation(folder: Path, target: Path) -> None:
    """Copy a flushed generation; nothing may be written to it meanwhile.

    :raises DiskFull: where the copy, which also needs space to be rebuilt in, does not fit.
    """
    need_space(folder, 3 * size_of(folder))
    copy_folder(folder, target)


def optimise_copy(target: Path) -> None:
    """Let a child process optimise the copy, flush and close it.

    :raises IndexUnavailable: where the child failed.
    """
    command = [sys.executable, "-m", "memory.index.optimise", str(target)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own module
    if done.returncode:
        told = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        if "No space left" in done.stderr:
            raise DiskFull("Optimising the index needs more space than the disk has.")
        raise IndexUnavailable(
            f"Optimising the index failed: {told}", hint="The index works as before; try again."
        )


def main() -> None:
    """What the child does, at the lowest priority."""
    os.nice(19)
    import qdrant_edge

    shard = qdrant_edge.EdgeShard.load(sys.argv[1])
    shard.optimize()
    shard.flush()
    shard.close()


if __name__ == "__main__":
    main()
