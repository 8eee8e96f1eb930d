"""Servers that the tests of connectors share."""

from collections.abc import Iterator

import pytest

from tests.connectors.dovecot import Dovecot, dovecot


@pytest.fixture(scope="session")
def server() -> Iterator[Dovecot]:
    """An IMAP server; where there is none, the test says how to get one."""
    with dovecot() as started:
        yield started
