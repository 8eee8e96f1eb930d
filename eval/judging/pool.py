"""Which documents are to be judged for which query, and in which order a judge sees them.

A pool holds what any of several runs found among its first documents (Spärck Jones and van Rijsbergen 1975). A
judge sees neither which run found a document nor at what rank: the order is shuffled, for each judge anew and for
the same judge always alike.
"""

import hashlib
from collections.abc import Sequence

from eval.collections.model import Query
from eval.runs import Run
from memory.errors import InvalidInput


def pool(queries: Sequence[Query], runs: Sequence[Run], depth: int) -> dict[str, list[str]]:
    """Each query's documents, in order of their ids so that nothing of their ranks is left.

    :param depth: how many of each run's first documents.
    :raises InvalidInput: where there are fewer than two runs, or they found nothing for these queries.
    """
    if len(runs) < 2:
        raise InvalidInput(
            "A pool needs two runs at least.", hint="One system alone judges only what it finds itself."
        )
    found = {
        query.id: sorted({one.document for run in runs for one in run.found(query.id)[:depth]})
        for query in queries
    }
    found = {query: documents for query, documents in found.items() if documents}
    if not found:
        raise InvalidInput("These runs found nothing for any of the queries.")
    return found


def shuffled(items: Sequence[str], *seed: str) -> list[str]:
    """The items in an order that only the seed decides: every machine and every visit gives the same."""
    salt = "\0".join(seed)
    return sorted(items, key=lambda item: hashlib.sha256(f"{salt}\0{item}".encode()).digest())
