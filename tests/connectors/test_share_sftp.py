"""The share connector against a real OpenSSH: files of another machine, and whom its system lets read them."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.base import Change, Connector, SourceConfig, Upserted
from connectors.share.connector import Share
from connectors.share.posix import READ, Permissions
from memory.domain import Access, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable
from tests.connectors.local_server import program
from tests.connectors.openssh import OpenSsh, openssh
from tests.connectors.samba import give, unprivileged
from tests.connectors.synced import Synced
from tests.connectors.wire import Wire

STAFF = Access(frozenset({"group:staff"}))


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    with openssh() as started:
        yield started


class Place:
    """A folder that is one test's alone, reached by a wire that can be cut, as a user whom permissions bind."""

    def __init__(self, server: OpenSsh, path: Path) -> None:
        self.server, self.path, self.user = server, path, unprivileged()
        self.wire = Wire(server.port)
        self.config = SourceConfig(
            "far",
            f"sftp://127.0.0.1:{self.wire.port}{path}",
            options=(("user", self.user), ("fingerprint", server.fingerprint)),
            secrets=(("private_key", SecretStr(server.key)),),
        )
        self.opened = ExitStack()
        self.opened.callback(self.wire.close)

    def open(self, config: SourceConfig | None = None, **options: str) -> Share:
        config = config or self.config
        made = Share(replace(config, options=tuple({**dict(config.options), **options}.items())))
        self.opened.callback(made.close)
        return made

    def put(self, key: str, body: bytes = b"text", mode: int = 0o644) -> Path:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        path.chmod(mode)
        return path


@pytest.fixture
def place(server: OpenSsh, request: pytest.FixtureRequest) -> Iterator[Place]:
    path = server.files / str(abs(hash(request.node.nodeid)))
    path.mkdir()
    made = Place(server, path)
    with made.opened:
        yield made
    subprocess.run(["rm", "-rf", path], check=True)


class TestSftp(Synced):
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
        before = path.stat().st_mtime
        path.write_bytes(body)
        os.utime(path, (before + 1, before + 1))  # the protocol tells whole seconds

    def remove(self, key: str) -> None:
        (self.place.path / key).unlink()

    def deny_reading(self, key: str) -> None:
        (self.place.path / key).chmod(0)

    def unreachable(self) -> None:
        self.place.wire.close()


def keys(changes: list[Change], kind: type[Change] = Upserted) -> list[str]:
    return sorted(each.ref.key for each in changes if isinstance(each, kind))  # type: ignore[union-attr]


def ref(key: str) -> SourceRef:
    return SourceRef("share", "far", key)


def setfacl(*args: str | Path) -> None:
    subprocess.run([program("setfacl", "acl"), *args], check=True)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@needs_root
@pytest.mark.parametrize(
    ("mode", "grant", "denied"),
    [
        (0o640, ["user:news", "group:mail"], []),
        (0o600, ["user:news"], []),
        (0o644, ["user:news", "group:mail", "group:staff"], []),
        (0o604, ["user:news", "group:staff"], ["group:mail"]),
        (0o044, ["group:mail", "group:staff"], ["user:news"]),
        (0o000, [], ["user:news"]),
    ],
)
def test_mode_bits_say_who_may_see_it(place: Place, mode: int, grant: list[str], denied: list[str]) -> None:
    give(place.put("a.txt", mode=mode), "news", "mail")
    config = replace(place.config, access=STAFF)
    connector = place.open(config, permissions="server")
    list(connector.changes(None))
    expected = Access(frozenset(grant), frozenset(denied))
    assert connector.access(ref("a.txt")) == expected
    assert place.open(config, permissions="server").access(ref("a.txt")) == expected
    assert place.open(config).access(ref("a.txt")) == STAFF


@needs_root
def test_whom_a_folder_keeps_out_sees_nothing_in_it(place: Place) -> None:
    give(place.put("shut/deep/a.txt"), "news", "mail")
    give(place.path / "shut" / "deep", "news", "mail")
    give(place.path / "shut", "games", "mail")
    (place.path / "shut").chmod(0o750)
    connector = place.open(replace(place.config, access=STAFF), permissions="server", user="root")
    assert keys(list(connector.changes(None))) == ["shut/deep/a.txt"]
    expected = Access(frozenset({"group:mail", "user:games"}))
    assert connector.access(ref("shut/deep/a.txt")) == expected
    again = place.open(replace(place.config, access=STAFF), permissions="server", user="root")
    assert again.access(ref("shut/deep/a.txt")) == expected
    # The same where the root of the source is what is shut.
    inner = replace(place.config, location=f"{place.config.location}/shut/deep", access=STAFF)
    connector = place.open(inner, permissions="server", user="root")
    list(connector.changes(None))
    assert connector.access(ref("a.txt")) == expected


@needs_root
def test_access_lists_are_told_by_getfacl(place: Place) -> None:
    path = give_to(place.put("Verträge\\ und\n mehr.txt", mode=0o640))
    setfacl("-m", "u:games:r,g:news:r,g:lp:-", path)
    [listed] = [each for each in place.open().changes(None) if isinstance(each, Upserted)]
    config = replace(place.config, access=STAFF)
    asked = {"permissions": "server", "acl": "getfacl", "user": "root"}
    connector = place.open(config, **asked)
    versions = [each.version for each in connector.changes(None) if isinstance(each, Upserted)]
    assert connector.access(listed.ref) == Access(
        frozenset({"user:news", "group:mail", "user:games", "group:news"})
    )
    setfacl("-m", "u:games:-,m::r", path)
    [after] = [each.version for each in connector.changes(None) if isinstance(each, Upserted)]
    assert [after] != versions
    expected = Access(frozenset({"user:news", "group:mail", "group:news"}), frozenset({"user:games"}))
    assert connector.access(listed.ref) == expected
    assert place.open(config, **asked).access(listed.ref) == expected


def give_to(path: Path) -> Path:
    give(path, "news", "mail")
    return path


@needs_root
def test_where_getfacl_cannot_be_run_nothing_is_taken_in(place: Place) -> None:
    place.put("a.txt")
    # The shell of such an account is nologin: it may read files, and run nothing.
    with pytest.raises(SourceError, match="getfacl cannot be run"):
        list(place.open(permissions="server", acl="getfacl").changes(None))


def test_a_mask_and_two_groups() -> None:
    found = Permissions("jane", "staff", 0o644, groups=(("staff", 0), ("legal", 4), ("sales", 2)))
    assert found.access(READ) == Access(
        frozenset({"user:jane", "group:legal", "*"}), frozenset({"group:staff", "group:sales"})
    )


def test_a_server_whose_key_is_not_known_is_not_trusted(
    place: Place, server: OpenSsh, tmp_path: Path
) -> None:
    place.put("a.txt")
    other = "SHA256:" + "A" * 43
    with pytest.raises(SourceError, match=re.escape(server.fingerprint)) as raised:
        place.open(fingerprint=other).check()
    assert not isinstance(raised.value, SourceUnavailable)
    (known := tmp_path / "known_hosts").write_text("")
    with pytest.raises(SourceError, match="is not known"):
        place.open(fingerprint="", known_hosts=str(known)).check()
    known.write_text(f"[127.0.0.1]:{place.wire.port} {(server.place / 'host.pub').read_text()}")
    assert place.open(fingerprint="", known_hosts=str(known)).check().endswith("1 entry at its top.")
    assert place.open(fingerprint=f"{other}, {server.fingerprint}").check()


def test_who_is_not_let_in_is_told_what_to_check(place: Place) -> None:
    for secrets in ((), (("password", SecretStr("wrong")),)):
        with pytest.raises(SourceError, match="did not let the user in") as raised:
            place.open(replace(place.config, secrets=secrets)).check()
        assert not isinstance(raised.value, SourceUnavailable)
    with pytest.raises(InvalidInput, match="no private key"):
        place.open(replace(place.config, secrets=(("private_key", SecretStr("x")),)))
    with pytest.raises(InvalidInput, match="No user"):
        place.open(user="")
    with pytest.raises(SourceError, match="cannot be opened"):
        place.open(replace(place.config, location=place.config.location + "/nothing")).check()


def test_a_file_that_cannot_be_read_fails_alone(place: Place) -> None:
    place.put("a.txt", mode=0)
    connector = place.open()
    assert keys(list(connector.changes(None))) == ["a.txt"]
    with pytest.raises(SourceError, match="no permission to read"):
        connector.fetch(ref("a.txt"))


def test_names_of_every_kind(place: Place) -> None:
    names = [
        "Verträge 100%.txt",
        "u\u0308.txt",
        "\u00fc.txt",
        "line\nend.txt",
        os.fsdecode(b"caf\xe9.txt"),
        "a\\b.txt",
        "\x01.txt",
        "A.txt",
        "a.txt",
        "'; rm -rf $HOME;'.txt",
    ]
    for name in names:
        place.put(name, os.fsencode(name))
    connector = place.open()
    found = [each for each in connector.changes(None) if isinstance(each, Upserted)]
    assert {"caf%E9.txt", "line%0Aend.txt", "%01.txt", "a\\b.txt", "A.txt"} < {each.ref.key for each in found}
    again = place.open(permissions="server")
    for asked in (connector, again):
        assert sorted(asked.fetch(each.ref).read() for each in found) == sorted(map(os.fsencode, names))
    assert all(again.access(each.ref).grant for each in found)


def test_links_are_not_followed(place: Place, tmp_path: Path) -> None:
    place.put("in/a.txt")
    for name, target in (("out", tmp_path), ("loop", place.path), ("file", "/etc/passwd"), ("self", "self")):
        (place.path / name).symlink_to(target)
    os.mkfifo(place.path / "pipe")
    connector = place.open()
    assert keys(list(connector.changes(None))) == ["in/a.txt"]
    for key in ("file", "loop/in/a.txt", "pipe", "../../etc/passwd", "/etc/passwd", "in", "in/./a.txt"):
        with pytest.raises(NotFound):
            connector.fetch(ref(key))


def test_very_long_paths(place: Place) -> None:
    deep = "/".join(["d" * 200] * 15)
    place.put(f"{deep}/a.txt")
    connector = place.open()
    assert keys(list(connector.changes(None))) == [f"{deep}/a.txt"]
    assert connector.fetch(ref(f"{deep}/a.txt")).read() == b"text"


def test_a_huge_file_is_told_with_its_size(place: Place) -> None:
    os.truncate(place.put("a.txt"), 1 << 42)
    listed = next(iter(place.open().changes(None)))
    assert isinstance(listed, Upserted)
    assert listed.size == 1 << 42


def test_files_that_change_while_they_are_read(place: Place) -> None:
    path = place.put("a.txt", b"before")
    connector = place.open()
    list(connector.changes(None))
    path.write_bytes(b"longer than before")
    assert connector.fetch(ref("a.txt")).read() == b"longer than before"


@pytest.mark.parametrize("year", [1971, 2099])
def test_the_clock_of_the_server_may_be_wrong(place: Place, year: int) -> None:
    path = place.put("a.txt")
    when = time.mktime((year, 1, 1, 0, 0, 0, 0, 0, 0))
    os.utime(path, (when, when))
    before = list(place.open().changes(None))
    assert list(place.open().changes(None)) == before
    os.utime(path, (when - 9, when - 9))
    assert next(iter(place.open().changes(None))) != before[0]


def test_the_connection_breaks_and_is_made_again(place: Place) -> None:
    for number in range(300):
        place.put(f"{number:03}/a.txt")
    connector = place.open()
    place.wire.cut_after(20_000)
    with pytest.raises(SourceUnavailable):
        list(connector.changes(None))
    assert len(keys(list(connector.changes(None)))) == 300
