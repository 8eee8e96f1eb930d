"""Who wrote each message of a thread, as its text has it above the message."""

from bisect import bisect_right
from collections.abc import Sequence

from ingest.parsers.base import Aside
from memory.catalogue.documents import Aside as Stretch
from memory.domain import Passage


def bylines(passages: Sequence[Passage], body: tuple[str, Sequence[Stretch]]) -> list[str]:
    """The by-line above each passage; ``""`` for a passage of no message.

    :param body: the document's text, and what of it is set apart in reading order.
    """
    text, asides = body
    lines = [(start, end) for start, end, kind in asides if kind == Aside.BYLINE]
    ends = [end for _, end in lines]
    found = []
    for passage in passages:
        above = bisect_right(ends, passage.location.start)
        start, end = lines[above - 1] if above and passage.location.message else (0, 0)
        found.append(text[start:end])
    return found
