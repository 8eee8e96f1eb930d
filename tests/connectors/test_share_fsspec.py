"""The share connector by way of fsspec, against a real FTP server."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from pydantic import SecretStr

from connectors.base import Connector, SourceConfig, Upserted
from connectors.share.connector import Share
from connectors.share.fs import FsspecTree
from memory.errors import InvalidInput, NotFound, SourceError
from tests.connectors.synced import Synced

with warnings.catch_warnings():  # its own remark about Python's asyncore
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer


class Ftp:
    """A server in a thread; `jane` may read what lies in `files`."""

    def __init__(self, files: Path) -> None:
        self.files = files
        who = DummyAuthorizer()
        who.add_user("jane", "hunter2", str(files), perm="elr")
        handler = type("Handler", (FTPHandler,), {"authorizer": who})
        self.server = FTPServer(("127.0.0.1", 0), handler)
        self.port = self.server.socket.getsockname()[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join(10)

    def _serve(self) -> None:
        while not self._over.is_set():
            self.server.serve_forever(timeout=0.02, blocking=False)
        self.server.close_all()

    def config(self) -> SourceConfig:
        return SourceConfig(
            "old",
            f"ftp://127.0.0.1:{self.port}/",
            options=(("fs.username", "jane"),),
            secrets=(("fs.password", SecretStr("hunter2")),),
        )


@pytest.fixture
def ftp(tmp_path: Path) -> Iterator[Ftp]:
    (tmp_path / "files").mkdir()
    made = Ftp(tmp_path / "files")
    yield made
    made.stop()


class TestFsspec(Synced):
    connector_class = Share
    has_fingerprints = False
    has_single_failures = False
    # The tests run as root, whom the server cannot keep out of a folder.
    has_folders = False

    @pytest.fixture
    def config(self, ftp: Ftp) -> Iterator[SourceConfig]:
        self.ftp = ftp
        with ExitStack() as self.opened:
            yield ftp.config()

    def open(self, config: SourceConfig) -> Connector:
        made = Share(config)
        self.opened.callback(made.close)
        return made

    def add(self, key: str, body: bytes) -> None:
        path = self.ftp.files / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def change(self, key: str, body: bytes) -> None:
        import os

        path = self.ftp.files / key
        before = path.stat().st_mtime
        path.write_bytes(body)
        os.utime(path, (before + 1, before + 1))  # the protocol tells whole seconds

    def remove(self, key: str) -> None:
        (self.ftp.files / key).unlink()

    def unreachable(self) -> None:
        self.ftp.stop()


def test_folders_and_odd_names(ftp: Ftp) -> None:
    names = ["deep/er/a.txt", "Verträge 100%.txt", "a b.txt", "ü/é.txt"]
    for name in names:
        (ftp.files / name).parent.mkdir(parents=True, exist_ok=True)
        (ftp.files / name).write_text(name)
    connector = Share(ftp.config())
    found = [each.ref for each in connector.changes(None) if isinstance(each, Upserted)]
    assert sorted(connector.fetch(ref).read().decode() for ref in found) == sorted(names)
    with pytest.raises(NotFound):
        connector.fetch(replace(found[0], key="nothing.txt"))
    connector.close()


def test_where_nothing_but_a_size_is_told_the_bytes_make_the_version() -> None:
    memory = fsspec.filesystem("memory")
    told = {"name": "/a.txt", "size": 5, "type": "file"}
    tree = FsspecTree(SourceConfig("old", "memory://"), False)
    versions = []
    for body in (b"first", b"other", b"first"):
        memory.pipe("/a.txt", body)
        versions.append(tree._entry("a.txt", told, "a.txt").version)
    memory.rm("/a.txt")
    assert versions[0] == versions[2] != versions[1]


@pytest.mark.parametrize(
    "location",
    ["memory://", "simplecache::ftp://h/x", "ftp://jane:hunter2@h/x", "nothing://h/x", "file:///etc"],
)
def test_what_is_no_server(location: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Share(SourceConfig("old", location)).check()
    assert "hunter2" not in str(raised.value)


def test_who_is_not_let_in(ftp: Ftp) -> None:
    wrong = replace(ftp.config(), secrets=(("fs.password", SecretStr("wrong-one")),))
    with pytest.raises(SourceError) as raised:
        Share(wrong).check()
    assert "wrong-one" not in str(raised.value)
