"""Shares on real servers through the real service: what moves, is revoked or vanishes there, and what breaks on the way."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from api.service import Service
from api.sources import NewSource
from memory.domain import OWNER, Asker
from tests.api.test_killed_syncs import progress
from tests.commands import start
from tests.connectors.openssh import OpenSsh, openssh
from tests.connectors.samba import PASSWORD, Samba, give, samba, unprivileged
from tests.connectors.wire import Wire
from tests.memories import counts, service, sync

JOE = Asker(person="joe", tokens=frozenset({"user:news"}))
"""Somebody with an account there that may read what others may."""

FILES = 60


class Server:
    """Files on one of the servers, behind a wire that can be cut."""

    def __init__(self, kind: str, real: Samba | OpenSsh) -> None:
        self.kind, self.real, self.files = kind, real, real.files
        self.user = unprivileged()
        self.wire = Wire(real.port)
        place = "/plain" if kind == "smb" else str(real.files)
        self.location = f"{kind}://127.0.0.1:{self.wire.port}{place}"

    def add(self, asked: Service, **more: Any) -> None:
        options, secrets = {"user": self.user}, {"password": SecretStr(PASSWORD)}
        if isinstance(self.real, OpenSsh):
            options["fingerprint"] = self.real.fingerprint
            secrets = {"private_key": SecretStr(self.real.key)}
        options |= more.pop("options", {})
        asked.add_source(
            NewSource(
                kind="share", location=self.location, name=self.kind, options=options, secrets=secrets, **more
            )
        )

    def put(self, key: str, text: str) -> Path:
        path = self.files / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for each in (path.parent, path):
            give(each, self.user)
        return path

    def fill(self) -> None:
        for number in range(FILES):
            self.put(f"{number % 7}/{number:02}.txt", f"Note {number} on pallet {number} of beech boards.")

    @contextmanager
    def killed_soon(self, after: int) -> Iterator[None]:
        """The server is killed once it has sent so many bytes, and starts anew a moment later."""
        import threading

        def watch() -> None:
            goal = self.wire.sent + after
            while self.wire.sent < goal:
                time.sleep(0.002)
            self.real.kill()
            time.sleep(0.3)
            self.real.start()

        watching = threading.Thread(target=watch)
        watching.start()
        yield
        watching.join(30)


@pytest.fixture(params=["smb", "sftp"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with samba() if request.param == "smb" else openssh() as real:
        made = Server(request.param, real)
        yield made
        made.wire.close()


def agree(asked: Service, name: str, count: int) -> None:
    """Every file is there once, in catalogue and index."""
    rows = asked.memory.catalogue.ledger.of_source(name)
    assert len({row.ref.key for row in rows}) == len(list(rows)) == count
    found = asked.search("beech", OWNER, limit=200)["results"]
    assert len({each["ref"] for each in found}) == len(found) == count
    assert asked.doctor(repair=False, rebuild=False)["well"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_what_the_server_says_of_access_counts_at_once(server: Server, tmp_path: Path) -> None:
    with service(tmp_path / "home") as asked:
        for name in ("Walnut", "Oak"):
            server.put(f"{name}.txt", f"Forty tables of {name}.").chmod(0o644)
        server.add(asked, grant=["public"], options={"permissions": "server"})
        assert counts(sync(asked)) == {"known": 2, "indexed": 2}
        assert len(asked.search("tables", JOE)["results"]) == 2
        (server.files / "Walnut.txt").chmod(0o640)
        embedded = asked.memory.catalogue.passages.progress()
        assert counts(sync(asked)) == {"known": 2, "unchanged": 2}
        assert [each["ref"] for each in asked.search("tables", JOE)["results"]] == [
            f"share:{server.kind}/Oak.txt"
        ]
        assert len(asked.search("tables", OWNER)["results"]) == 2
        assert asked.memory.catalogue.passages.progress() == embedded
        hidden = PASSWORD if server.kind == "smb" else server.real.key  # type: ignore[union-attr]
        assert hidden not in json.dumps(asked.upkeep.sources())
        kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
        assert not [path for path in kept if hidden.encode() in path.read_bytes()]


def test_what_moves_and_what_vanishes(server: Server, tmp_path: Path) -> None:
    with service(tmp_path / "home") as asked:
        server.fill()
        server.put("huge.txt", "x")
        os.truncate(server.files / "huge.txt", 1 << 40)
        server.add(asked, grant=["public"])
        assert counts(sync(asked)) == {"known": FILES + 1, "indexed": FILES, "skipped": 1}
        assert counts(sync(asked)) == {"known": FILES + 1, "unchanged": FILES, "skipped": 1}
        (server.files / "0").rename(server.files / "moved")
        moved = len(list((server.files / "moved").iterdir()))
        after = counts(sync(asked))
        if server.kind == "smb":  # it tells the number of a file
            assert after == {"known": FILES + 1, "unchanged": FILES - moved, "moved": moved, "skipped": 1}
        else:
            assert after == {
                "known": FILES + 1,
                "unchanged": FILES - moved,
                "indexed": moved,
                "removed": moved,
                "skipped": 1,
            }
        (server.files / "huge.txt").unlink()
        for folder in server.files.iterdir():
            folder.rename(server.real.place / f"gone{folder.name}")
        assert counts(sync(asked))["held"] == FILES + 1
        assert len(asked.search("beech", OWNER, limit=200)["results"]) == FILES


def test_a_network_and_a_server_that_fail_in_the_middle(server: Server, tmp_path: Path) -> None:
    server.fill()
    choose = random.Random(3)
    with service(tmp_path / "home") as asked:
        server.add(asked, grant=["public"])
        for number in range(5):
            before = server.wire.made
            server.wire.cut_after(choose.randint(8_000, 25_000))
            _changed(server, number)
            assert not sync(asked, meaning=False)["summaries"][0]["failed"]
            assert server.wire.made > before + 1
            agree(asked, server.kind, FILES)
        for number in range(5, 10):
            _changed(server, number)
            with server.killed_soon(choose.randint(8_000, 20_000)):
                assert not sync(asked, meaning=False)["summaries"][0]["failed"]
            agree(asked, server.kind, FILES)


def _changed(server: Server, number: int) -> None:
    """Every file has another text, so that all of them are fetched."""
    for each in range(FILES):
        path = server.put(
            f"{each % 7}/{each:02}.txt", f"Note {each} on pallet {number} of beech boards." + "." * number
        )
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))


@pytest.mark.slow
def test_a_sync_that_is_killed(tmp_path: Path) -> None:
    choose = random.Random(5)
    home = tmp_path / "home"
    with samba() as smb, openssh() as sftp:
        servers = [Server("smb", smb), Server("sftp", sftp)]
        with service(home) as asked:
            for server in servers:
                server.fill()
                server.add(asked, grant=["public"])
        killed = 0
        for number in range(5):
            process, goal = (
                start(home, tmp_path / "said", "sync"),
                number * 2 * FILES // 5 + choose.randint(1, 10),
            )
            while process.is_alive() and progress(home)[0] < goal:
                time.sleep(0.005)
            process.kill()
            process.join(30)
            killed += process.exitcode == -signal.SIGKILL
        assert killed >= 4
        with service(home) as asked:
            sync(asked)
            assert (
                sum(len(list(asked.memory.catalogue.ledger.of_source(each.kind))) for each in servers)
                == 2 * FILES
            )
            found = asked.search("beech", OWNER, limit=200)["results"]
            assert len({each["ref"] for each in found}) == len(found) == 2 * FILES
            assert asked.doctor(repair=False, rebuild=False)["well"]
