"""What is asked of the search."""

from dataclasses import dataclass
from typing import Any, Self

from memory.domain import Asker
from memory.errors import InvalidInput

MOST = 100
"""Results on one page at most."""


class Value:
    """What never changes: a copy of it is itself.

    Haystack copies deeply whatever flows between components, twice; a thousand passages would cost
    more to copy than to find.
    """

    __slots__ = ()

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class SearchRequest(Value):
    """One search.

    :param query: in the query language, see `search.query`.
    :param asker: on whose behalf; only what they may see is found, counted or named.
    :param limit: documents on a page, 1 to 100.
    :param offset: documents to leave out before.
    :param explain: whether each result is to say how each leg ranked it.
    :raises InvalidInput: where limit or offset is out of bounds.
    """

    query: str
    asker: Asker
    limit: int = 10
    offset: int = 0
    explain: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST:
            raise InvalidInput(f"A page has 1 to {MOST} results, not {self.limit}.")
        if self.offset < 0:
            raise InvalidInput(f"An offset is 0 or more, not {self.offset}.")
