"""The network is cut and the server stopped while a Confluence is read, at points chosen by a seed: all of it comes, and nothing twice."""

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from connectors.confluence.connector import Confluence
from tests.connectors.confluence import FakeConfluence, confluence
from tests.connectors.test_confluence import source
from tests.connectors.whole import everything
from tests.connectors.wire import Wire

PAGES = 40


@pytest.fixture(params=[False, True], ids=["data center", "cloud"])
def wiki(request: pytest.FixtureRequest) -> Iterator[FakeConfluence]:
    with confluence(cloud=request.param, most=6) as made:
        for number in range(PAGES):
            page = made.add(f"Page {number}", "beech and oak " * random.Random(number).randint(10, 900))
            if number % 8 == 0:
                made.add("a.txt", b"plane " * 3_000, kind="attachment", parent=page.id)
                made.add("", "<p>So it is.</p>", kind="comment", parent=page.id)
        yield made


def read(wiki: FakeConfluence, wire: Wire) -> dict[str, bytes]:
    location = f"http://127.0.0.1:{wire.port}{wiki.context}"
    return everything(Confluence(replace(source(wiki), location=location)))


@pytest.mark.parametrize("seed", range(5))
def test_the_network_is_cut(wiki: FakeConfluence, seed: int) -> None:
    wire = Wire(wiki.port)
    whole = read(wiki, wire)
    assert len(whole) == PAGES + PAGES // 8
    size, made = wire.sent, wire.made
    wire.cut_after(random.Random(seed).randint(size // 10, size * 9 // 10))
    assert read(wiki, wire) == whole
    assert wire.made > made + 1
    wire.close()


@pytest.mark.parametrize("seed", range(5))
def test_the_server_is_stopped(wiki: FakeConfluence, seed: int) -> None:
    wire = Wire(wiki.port)
    whole = read(wiki, wire)
    until = wire.sent + random.Random(seed).randint(wire.sent // 10, wire.sent * 6 // 10)

    def stop() -> None:
        while wire.sent < until:
            time.sleep(0.0005)
        wiki.stop()
        time.sleep(0.1)
        wiki.start()

    stopping = threading.Thread(target=stop)
    stopping.start()
    assert read(wiki, wire) == whole
    stopping.join()
    assert wiki.stopped == 1
    wire.close()
