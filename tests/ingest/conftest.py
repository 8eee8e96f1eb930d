"""The real worker processes, shared by the tests of parsers: they take seconds to start."""

from collections.abc import Iterator

import pytest

from ingest.parsers.workers import ParserPool


@pytest.fixture(scope="package")
def pool() -> Iterator[ParserPool]:
    with ParserPool(2, timeout_s=20, memory_bytes=700 << 20) as opened:
        yield opened
