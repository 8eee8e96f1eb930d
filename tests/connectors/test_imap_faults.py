"""The network is cut and a real Dovecot killed while mail is read, at points chosen by a seed: all of it comes, and nothing twice."""

import random
import threading
import time
from collections.abc import Iterator

import pytest

from connectors.imap.connector import Imap
from tests.connectors.dovecot import Dovecot, dovecot
from tests.connectors.test_imap import message, source
from tests.connectors.whole import everything
from tests.connectors.wire import Wire

MESSAGES = 60


@pytest.fixture(scope="module")
def shop() -> Iterator[Dovecot]:
    """A server of its own, which may be killed, with mail in two folders."""
    with dovecot() as started:
        with started.client("jane") as box:
            box.folder.create("Legal")
            for number in range(MESSAGES):
                text = b"beech and oak " * random.Random(number).randint(10, 900)
                box.append(message(f"{number}@x", text), "Legal" if number % 3 else "INBOX")
        yield started


def read(wire: Wire) -> dict[str, bytes]:
    return everything(Imap(source(wire.port, "jane")))


@pytest.mark.parametrize("seed", range(5))
def test_the_network_is_cut(shop: Dovecot, seed: int) -> None:
    wire = Wire(shop.port)
    whole = read(wire)
    assert len(whole) == MESSAGES
    size, made = wire.sent, wire.made
    wire.cut_after(random.Random(seed).randint(size // 10, size * 9 // 10))
    assert read(wire) == whole
    assert wire.made > made + 1
    wire.close()


@pytest.mark.parametrize("seed", range(5))
def test_the_server_is_killed(shop: Dovecot, seed: int) -> None:
    wire = Wire(shop.port)
    whole = read(wire)
    until = wire.sent + random.Random(seed).randint(wire.sent // 10, wire.sent * 6 // 10)

    def kill() -> None:
        while wire.sent < until:
            time.sleep(0.0005)
        shop.kill()
        shop.start()

    killing = threading.Thread(target=kill)
    killing.start()
    made = wire.made
    assert read(wire) == whole
    killing.join()
    assert wire.made > made + 1
    wire.close()
