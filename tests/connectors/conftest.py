"""Servers that the tests of connectors share."""

from collections.abc import Iterator

import pytest

from tests.connectors.dovecot import Dovecot, dovecot
from tests.connectors.mediawiki import Wiki, mediawiki


@pytest.fixture(scope="session")
def server() -> Iterator[Dovecot]:
    """An IMAP server; where there is none, the test says how to get one."""
    with dovecot() as started:
        yield started


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiki]:
    """A MediaWiki; where there is none, the test says how to get one."""
    with mediawiki(tmp_path_factory.mktemp("wiki")) as made:
        yield made


@pytest.fixture
def wiki(installed: Wiki) -> Wiki:
    """The same, empty."""
    installed.reset()
    return installed
