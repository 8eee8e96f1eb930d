"""The network is cut and the server killed in the middle of reading a share, at points chosen by a seed: all of it comes, and nothing twice."""

import random
from collections.abc import Iterator

import pytest

from connectors.base import Checkpoint, Upserted
from connectors.patience import Patience, Patient
from connectors.share.connector import Share
from tests.connectors.shares import KINDS, Shared, shared

FILES = 40
PATIENCE = Patience(attempts=200, first_s=0.01, longest_s=0.05)


@pytest.fixture(params=KINDS, scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Shared]:
    with shared(request.param) as made:
        made.fill(FILES)
        yield made


def read(server: Shared) -> dict[str, bytes]:
    """Everything, as a sync would fetch it: each file after it was told, while the walk goes on."""
    import time

    connector = Share(server.config())
    patient = Patient(connector, time.sleep, PATIENCE)
    found: dict[str, bytes] = {}
    last = None
    for last in patient.changes(None):
        if isinstance(last, Upserted):
            assert last.ref.key not in found
            found[last.ref.key] = patient.fetch(last.ref).read()
    connector.close()
    assert isinstance(last, Checkpoint)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_network_is_cut(server: Shared, seed: int) -> None:
    whole = read(server)
    assert len(whole) == FILES
    began = server.wire.sent
    read(server)
    size, made = server.wire.sent - began, server.wire.made
    server.wire.cut_after(random.Random(seed).randint(size // 10, size * 9 // 10))
    assert read(server) == whole
    assert server.wire.made > made + 1


@pytest.mark.parametrize("seed", range(5))
def test_the_server_is_killed(server: Shared, seed: int) -> None:
    began = server.wire.sent
    whole = read(server)
    size = server.wire.sent - began
    with server.killed_after(random.Random(seed).randint(size // 10, size * 6 // 10)):
        assert read(server) == whole
