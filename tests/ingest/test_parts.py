"""Documents that are parsed together: so many, or so many bytes in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import Content
from ingest.items import Fetched
from ingest.parts import in_parts
from memory.domain import Access, SourceRef
from memory.errors import SourceError


def fetched(body: bytes | Path) -> Fetched:
    content = Content(SourceRef("shelf", "shelf", "a"), "a", body)
    return Fetched(content, "id", "1", "", "digest", Access())


def sizes(*bodies: bytes | Path) -> list[int]:
    return [len(part) for part in in_parts(map(fetched, bodies), 4, 100)]


def test_parts_are_of_so_many_documents_or_bytes() -> None:
    assert sizes(*[b"x"] * 9) == [4, 4, 1]
    assert sizes(b"x" * 60, b"x" * 60, b"x" * 200, b"x") == [2, 1, 1]
    assert sizes(*[Path("a file of any size")] * 5) == [4, 1]
    assert sizes() == []


def test_what_came_before_a_source_broke_off_is_given() -> None:
    def breaking() -> Iterator[Fetched]:
        yield fetched(b"x")
        raise SourceError("gone")

    parts = in_parts(breaking(), 4, 100)
    assert len(next(parts)) == 1
    with pytest.raises(SourceError):
        next(parts)
