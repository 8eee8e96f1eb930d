"""Work that goes on after the catalogue's database was away: a sync is hours of work, a restart of a database seconds."""

import logging
from collections.abc import Callable
from typing import TypeVar

from memory.catalogue.catalogue import Catalogue
from memory.errors import CatalogueAway

log = logging.getLogger("mneme")

TRIES = 20
"""How often one piece of work is begun; each is as if nobody had begun it before."""

_T = TypeVar("_T")


def undaunted(catalogue: Catalogue, stopping: Callable[[], bool], work: Callable[[], _T]) -> _T:
    """Do some work, again and again where the database went away amid it and came back.

    :param work: what was committed of it stays, so that the next time has less to do.
    :param stopping: whether nobody wants to wait any more.
    :raises CatalogueAway: where it does not come back, or goes away again and again.
    """
    for _ in range(TRIES - 1):
        try:
            return work()
        except CatalogueAway:
            log.warning("The sync waits for the catalogue's database.")
            if not catalogue.comes_back(stopping):
                raise
    return work()
