"""The network is cut and the server killed in the middle of reading a site, at points chosen by a seed: all of it comes, and nothing twice."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import SourceConfig
from connectors.site.connector import Site
from tests.connectors.apache import PAGES, Apache, apache
from tests.connectors.whole import everything
from tests.connectors.wire import Wire

NUMBER = 40


@pytest.fixture(scope="module")
def server() -> Iterator[Apache]:
    with apache(PAGES) as started:
        for number in range(NUMBER):
            text = "beech and oak " * random.Random(number).randint(10, 900)
            links = f'<a href="{number * 2 + 1}.html">one</a><a href="{number * 2 + 2}.html">two</a>'
            (started.files / f"{number}.html").write_text(f"<html><body>{text}{links}</body></html>")
        yield started


def read(wire: Wire, state: Path) -> dict[str, bytes]:
    location = f"http://127.0.0.1:{wire.port}/0.html"
    return everything(Site(SourceConfig("site", location, options=(("networks", "127.0.0.1"),), state=state)))


@pytest.mark.parametrize("seed", range(5))
def test_the_network_is_cut(server: Apache, tmp_path: Path, seed: int) -> None:
    wire = Wire(server.port)
    whole = read(wire, tmp_path / "whole")
    assert len(whole) == NUMBER
    size, made = wire.sent, wire.made
    wire.cut_after(random.Random(seed).randint(size // 10, size * 9 // 10))
    assert read(wire, tmp_path / "cut") == whole
    assert wire.made > made + 1
    wire.close()


@pytest.mark.parametrize("seed", range(5))
def test_the_server_is_killed(server: Apache, tmp_path: Path, seed: int) -> None:
    wire = Wire(server.port)
    whole = read(wire, tmp_path / "whole")
    until = wire.sent + random.Random(seed).randint(wire.sent // 10, wire.sent * 6 // 10)

    def kill() -> None:
        while wire.sent < until:
            time.sleep(0.0005)
        server.kill()
        server.start()

    killing = threading.Thread(target=kill)
    killing.start()
    assert read(wire, tmp_path / "killed") == whole
    killing.join()
    wire.close()
