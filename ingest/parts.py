"""Documents in parts that are parsed together."""

from collections.abc import Iterable, Iterator

from ingest.items import Fetched
from memory.errors import SourceError


def in_parts(items: Iterable[Fetched], count: int, held: int) -> Iterator[list[Fetched]]:
    """Parts of so many documents, or fewer where they are large; where the stream breaks off, what came before is given first.

    :param held: bytes in memory from which a part is given as it is; what lies in a local file weighs nothing.
    """
    part: list[Fetched] = []
    size = 0
    try:
        for item in items:
            part.append(item)
            size += len(item.content.body) if isinstance(item.content.body, bytes) else 0
            if len(part) == count or size >= held:
                yield part
                part, size = [], 0
    except SourceError:
        if part:
            yield part
        raise
    if part:
        yield part
