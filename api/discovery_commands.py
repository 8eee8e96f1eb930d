"""The whole list of a search on standard output."""

import sys

from api.gateway import connect
from api.settings import Settings


def print_all(settings: Settings, query: str, person: str | None, format: str) -> None:
    """Print everything a search finds, row by row as it comes.

    :param format: ``csv`` or ``jsonl``.
    :raises MnemeError: where the search cannot be understood.
    """
    params = {"q": query, "as": person, "format": format}
    with connect(settings, "mneme search") as gateway:
        for text in gateway.stream("/api/search/export", params):
            sys.stdout.write(text)
    sys.stdout.flush()
