"""Work that goes on after the catalogue's database or the index's server was away: a sync is hours of work, a restart seconds."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from memory.errors import CatalogueAway, IndexAway

log = logging.getLogger("mneme")

TRIES = 20
"""How often one piece of work is begun; each is as if nobody had begun it before."""

LONGEST_S = 300.0
"""How long a server is waited for."""

_T = TypeVar("_T")


def undaunted(there: Callable[[], object], stopping: Callable[[], bool], work: Callable[[], _T]) -> _T:
    """Do some work, again and again where a server went away amid it and came back.

    :param there: asks what may be away for something; raises what the work does where it still is.
    :param work: what was written of it stays, so that the next time has less to do.
    :param stopping: whether nobody wants to wait any more.
    :raises CatalogueAway: where the database does not come back, or goes away again and again.
    :raises IndexAway: where the index's server does.
    """
    for _ in range(TRIES - 1):
        try:
            return work()
        except (CatalogueAway, IndexAway) as error:
            log.warning("The sync waits: %s", error.message)
            if not _comes_back(there, stopping):
                raise
    return work()


def _comes_back(there: Callable[[], object], stopping: Callable[[], bool]) -> bool:
    until, pause_s = time.monotonic() + LONGEST_S, 0.1
    while not stopping() and time.monotonic() < until:
        try:
            there()
        except (CatalogueAway, IndexAway):
            time.sleep(pause_s)
            pause_s = min(5.0, pause_s * 2)
        else:
            return True
    return False
