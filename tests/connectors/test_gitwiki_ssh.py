"""A Git wiki by ssh, from a real OpenSSH: who is let in, whom it trusts, and what becomes of a connection that is cut or a server that is killed."""

import os
import pwd
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.base import SourceConfig
from connectors.gitwiki.connector import GitWiki
from memory.errors import SourceError, SourceUnavailable
from tests.connectors.openssh import OpenSsh, openssh
from tests.connectors.repositories import BO, Repo
from tests.connectors.whole import everything
from tests.connectors.wire import Wire

FILES = 60


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    """A server with a repository on it, whose objects do not fit into one packet."""
    with openssh() as started:
        repo, choose = Repo(started.files / "wiki"), random.Random(3)
        for number in range(FILES):
            repo.put(f"{number}.md", f"# Page {number}\n\n{choose.randbytes(900).hex()}\n")
        repo.commit("Begun", BO)
        yield started


def source(server: OpenSsh, place: Path, port: int, key: str = "", known: bool = True) -> SourceConfig:
    host = " ".join((server.place / "host.pub").read_text().split()[:2])
    (place / "known").write_text(f"[127.0.0.1]:{port} {host}\n" if known else "")
    user = pwd.getpwuid(os.getuid()).pw_name
    return SourceConfig(
        "wiki",
        f"ssh://{user}@127.0.0.1:{port}{server.files}/wiki/.git",
        options=(("known_hosts", str(place / "known")),),
        secrets=(("key", SecretStr(key or server.key)),),
        state=place / "state",
    )


def test_a_repository_is_read_with_a_key_from_a_server_that_is_known(server: OpenSsh, tmp_path: Path) -> None:
    config = source(server, tmp_path, server.port)
    assert len(everything(GitWiki(config))) == FILES
    assert not [
        each for each in tmp_path.rglob("*") if each.is_file() and b"PRIVATE KEY" in each.read_bytes()
    ]
    stranger = source(server, tmp_path, server.port, known=False)
    with pytest.raises(SourceError, match="host key that is not known"):
        list(GitWiki(stranger).changes(None))
    other = (server.place / "host").read_text()
    with pytest.raises(SourceError, match="refuses the login") as raised:
        list(GitWiki(source(server, tmp_path, server.port, other)).changes(None))
    assert not isinstance(raised.value, SourceUnavailable)
    assert other.splitlines()[1] not in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize("seed", range(5))
def test_the_network_is_cut(server: OpenSsh, tmp_path: Path, seed: int) -> None:
    wire = Wire(server.port)
    whole = everything(GitWiki(source(server, _made(tmp_path / "whole"), wire.port)))
    assert len(whole) == FILES
    size, made = wire.sent, wire.made
    wire.cut_after(random.Random(seed).randint(size // 10, size * 9 // 10))
    assert everything(GitWiki(source(server, _made(tmp_path / "cut"), wire.port))) == whole
    assert wire.made > made * 2
    wire.close()


@pytest.mark.parametrize("seed", range(5))
def test_the_server_is_killed(server: OpenSsh, tmp_path: Path, seed: int) -> None:
    wire = Wire(server.port)
    whole = everything(GitWiki(source(server, _made(tmp_path / "whole"), wire.port)))
    until = wire.sent + random.Random(seed).randint(wire.sent // 10, wire.sent * 6 // 10)

    def kill() -> None:
        while wire.sent < until:
            time.sleep(0.0005)
        server.kill()
        server.start()

    killing = threading.Thread(target=kill)
    killing.start()
    assert everything(GitWiki(source(server, _made(tmp_path / "killed"), wire.port))) == whole
    killing.join()
    wire.close()


def _made(place: Path) -> Path:
    place.mkdir()
    return place
