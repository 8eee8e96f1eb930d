"""The share connector against a real Apache: folders by WebDAV."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.base import Change, Connector, SourceConfig, Upserted
from connectors.http import Answer
from connectors.share.connector import Share
from connectors.share.webdav import _children
from memory.domain import Failed, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable
from tests.connectors.apache import PASSWORD, Apache, apache
from tests.connectors.synced import Synced
from tests.connectors.test_folder import after_a_tick
from tests.connectors.wire import Wire


@pytest.fixture(scope="module")
def server() -> Iterator[Apache]:
    with apache() as started:
        yield started


class Place:
    """A folder that is one test's alone, reached by a wire that can be cut."""

    def __init__(self, server: Apache, path: Path) -> None:
        self.path = path
        self.wire = Wire(server.port)
        self.config = SourceConfig(
            "web",
            f"webdav://127.0.0.1:{self.wire.port}/{path.name}",
            options=(("user", "jane"),),
            secrets=(("password", SecretStr(PASSWORD)),),
        )
        self.opened = ExitStack()
        self.opened.callback(self.wire.close)

    def open(self, config: SourceConfig | None = None) -> Share:
        made = Share(config or self.config)
        self.opened.callback(made.close)
        return made

    def put(self, key: str, body: bytes = b"text") -> Path:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return path


@pytest.fixture
def place(server: Apache, request: pytest.FixtureRequest) -> Iterator[Place]:
    path = server.files / str(abs(hash(request.node.nodeid)))
    path.mkdir()
    made = Place(server, path)
    with made.opened:
        yield made
    subprocess.run(["rm", "-rf", path], check=True)


class TestWebdav(Synced):
    connector_class = Share
    has_fingerprints = False
    # Whether a server lets a file be read shows when it is; a test of its own is below.
    has_single_failures = False

    @pytest.fixture
    def config(self, place: Place) -> SourceConfig:
        self.place = place
        return place.config

    def open(self, config: SourceConfig) -> Connector:
        return self.place.open(config)

    def add(self, key: str, body: bytes) -> None:
        self.place.put(key, body)

    def change(self, key: str, body: bytes) -> None:
        path = self.place.path / key
        after_a_tick(path, lambda: path.write_bytes(body))

    def remove(self, key: str) -> None:
        (self.place.path / key).unlink()

    def deny_reading(self, key: str) -> None:
        (self.place.path / key).chmod(0)

    def unreachable(self) -> None:
        self.place.wire.close()


def keys(changes: list[Change], kind: type[Change] = Upserted) -> list[str]:
    return sorted(each.ref.key for each in changes if isinstance(each, kind))  # type: ignore[union-attr]


def ref(key: str) -> SourceRef:
    return SourceRef("share", "web", key)


def test_names_of_every_kind(place: Place) -> None:
    names = [
        "Verträge 100%.txt",
        "u\u0308.txt",
        "\u00fc.txt",
        "a&b<c>.txt",
        "q?x#y.txt",
        "a;b=c.txt",
        "A.txt",
        "a.txt",
        "%41.txt",
    ]
    for name in names:
        place.put(name, os.fsencode(name))
    connector = place.open()
    found = [each for each in connector.changes(None) if isinstance(each, Upserted)]
    again = place.open()
    for asked in (connector, again):
        assert sorted(asked.fetch(each.ref).read() for each in found) == sorted(map(os.fsencode, names))


def test_a_file_that_cannot_be_read_fails_alone(place: Place) -> None:
    place.put("a.txt").chmod(0)
    connector = place.open()
    assert keys(list(connector.changes(None))) == ["a.txt"]
    with pytest.raises(SourceError, match="no permission to read"):
        connector.fetch(ref("a.txt"))


def test_files_that_change_after_they_were_listed(place: Place) -> None:
    place.put("a.txt", b"before")
    place.put("b.txt", b"before")
    connector = place.open()
    list(connector.changes(None))
    place.put("a.txt", b"longer than before")
    place.put("b.txt", b"less")
    assert connector.fetch(ref("a.txt")).read() == b"longer than before"
    assert connector.fetch(ref("b.txt")).read() == b"less"


def test_a_huge_file_is_told_with_its_size(place: Place) -> None:
    os.truncate(place.put("a.txt"), 1 << 42)
    listed = next(iter(place.open().changes(None)))
    assert isinstance(listed, Upserted)
    assert listed.size == 1 << 42


def test_the_connection_breaks_and_is_made_again(place: Place) -> None:
    for number in range(40):
        place.put(f"{number:03}/a.txt")
    connector = place.open()
    place.wire.cut_after(20_000)
    with pytest.raises(SourceUnavailable):
        list(connector.changes(None))
    assert len(keys(list(connector.changes(None)))) == 40


def test_who_is_not_let_in_is_told_what_to_check(place: Place) -> None:
    with pytest.raises(SourceError, match="401") as raised:
        place.open(replace(place.config, secrets=(("password", SecretStr("wrong")),))).check()
    assert not isinstance(raised.value, SourceUnavailable)
    with pytest.raises(SourceError, match="cannot be opened"):
        place.open(replace(place.config, location=place.config.location + "/nothing")).check()
    with pytest.raises(InvalidInput, match="tells no permissions"):
        place.open(replace(place.config, options=(*place.config.options, ("permissions", "server"))))
    with pytest.raises(InvalidInput, match="unencrypted"):
        place.open(replace(place.config, location="webdav://files.x.example/a"))
    assert not [each for each in place.open().changes(None) if isinstance(each, Failed)]


@pytest.mark.parametrize("key", ["../x.txt", "a/../../x.txt", "/etc/passwd", "sub", "sub/"])
def test_what_the_walk_would_not_list_is_not_found(place: Place, key: str) -> None:
    place.put("sub/a.txt")
    with pytest.raises(NotFound):
        place.open().fetch(ref(key))


def test_what_a_hostile_server_lists_leads_nowhere() -> None:
    def multistatus(*hrefs: str) -> Answer:
        each = "".join(f"<response><href>{href}</href></response>" for href in hrefs)
        return Answer("", 207, None, f'<multistatus xmlns="DAV:">{each}</multistatus>'.encode())  # type: ignore[arg-type]

    found = _children(
        multistatus(
            "/dav/", "/dav/a.txt", "/dav/%2e%2e/b.txt", "/dav/sub%2Fc.txt", "http://other.example/etc/passwd"
        )
    )
    assert [each.name for each in found] == ["a.txt", "../b.txt", "sub/c.txt", "/etc/passwd"]
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><multistatus xmlns="DAV:"><response><href>&b;</href></response></multistatus>'
    assert [each.name for each in _children(Answer("", 207, None, bomb))] in ([], [""])  # type: ignore[arg-type]
    with pytest.raises(OSError, match="no XML"):
        _children(Answer("", 207, None, b"<html>"))  # type: ignore[arg-type]
