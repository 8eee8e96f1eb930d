"""What a process that reads hostile files may not do: grow, run on, write much, reach the network, outlive its parent.

Each of these is done where the system has it; the parent watches time and memory besides.
"""

import ctypes
import os
import signal
import sys

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_PDEATHSIG, _NO_NEW_PRIVILEGES = 1, 38

MAX_WRITTEN = 512 * 1024 * 1024
"""The largest file a parser may write; Tika unpacks large parts into temporary files."""


def confine(memory_bytes: int, *, network: bool, written_bytes: int = MAX_WRITTEN) -> None:
    """Limit this process; to be called before it has a second thread.

    Address space (RLIMIT_AS) cannot be the limit: native Tika reserves 34 GB of it and uses 0.1. Private
    writable memory (RLIMIT_DATA) is what it really takes.

    :param network: whether it may reach the network (a Tika server).
    :param written_bytes: the largest file that it may write.
    """
    if sys.platform == "win32":
        return
    import resource

    os.nice(10)
    for limit, value in (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_FSIZE, written_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        _lower(limit, value)
    if sys.platform == "linux":
        system = ctypes.CDLL(None, use_errno=True)
        system.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        # Without rights it takes a user namespace of its own, which some systems forbid: then it stays connected.
        if not network and system.unshare(_NEW_NETWORK) != 0:
            system.unshare(_NEW_USER | _NEW_NETWORK)


def allow_cpu(seconds: float) -> None:
    """Give this process so many more seconds of processor time, then SIGXCPU."""
    if sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime + seconds) + 1, soft_only=True)


def _lower(limit: int, value: int, *, soft_only: bool = False) -> None:
    import resource

    _, hard = resource.getrlimit(limit)
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (soft, hard if soft_only else soft))
