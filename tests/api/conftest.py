"""What several tests of the service share."""

from collections.abc import Iterator

import pytest

from tests.identity_provider import Provider, provider


@pytest.fixture(scope="session")
def issuer() -> Iterator[Provider]:
    """An identity provider in a process of its own; whoever changes what it answers sets that back."""
    with provider() as running:
        yield running
