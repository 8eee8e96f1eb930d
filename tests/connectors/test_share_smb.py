"""The share connector against a real Samba: what Windows shares hold, and who may see it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import smbclient
from pydantic import SecretStr
from smbprotocol.file_info import InfoType
from smbprotocol.open import FilePipePrinterAccessMask, SMB2SetInfoRequest
from smbprotocol.security_descriptor import (
    AccessAllowedAce,
    AccessDeniedAce,
    AceFlags,
    AclPacket,
    SIDPacket,
    SMB2CreateSDBuffer,
)

from connectors.base import Change, Connector, SourceConfig, Upserted
from connectors.share.connector import Share
from memory.domain import Access, Failed, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable
from tests.connectors.samba import PASSWORD, Samba, give, samba
from tests.connectors.synced import Synced
from tests.connectors.test_folder import after_a_tick
from tests.connectors.wire import Wire

READ, WRITE = 0x00120089, 0x00000116
EVERYONE, AUTHENTICATED = "S-1-1-0", "S-1-5-11"


@pytest.fixture(scope="module")
def server() -> Iterator[Samba]:
    with samba() as started:
        yield started


class Place:
    """A folder of the share that is one test's alone, reached by a wire that can be cut."""

    def __init__(self, server: Samba, path: Path, share: str = "files") -> None:
        self.server, self.path = server, path
        self.wire = Wire(server.port)
        self.config = SourceConfig(
            "office",
            f"smb://127.0.0.1:{self.wire.port}/{share}/{path.name}",
            options=(("user", server.user),),
            secrets=(("password", SecretStr(PASSWORD)),),
        )
        self.opened = ExitStack()
        self.opened.callback(self.wire.close)

    def open(self, config: SourceConfig | None = None, **options: str) -> Share:
        config = config or self.config
        made = Share(replace(config, options=(*config.options, *options.items())))
        self.opened.callback(made.close)
        return made

    def put(self, key: str, body: bytes = b"text") -> Path:
        path = self.path / key
        for folder in reversed(path.relative_to(self.path).parents):
            if not (self.path / folder).exists():
                (self.path / folder).mkdir()
                give(self.path / folder, self.server.user)
        path.write_bytes(body)
        give(path, self.server.user)
        return path

    def protect(self, key: str, *aces: AccessAllowedAce | AccessDeniedAce) -> None:
        """Give a file this list, as a Windows machine would."""
        acl = AclPacket()
        acl["aces"] = list(aces)
        descriptor = SMB2CreateSDBuffer()
        descriptor.set_dacl(acl)
        with smbclient.open_file(
            rf"\\127.0.0.1\files\{self.path.name}\{key}".replace("/", "\\"),
            "rb",
            buffering=0,
            username=self.server.user,
            password=PASSWORD,
            port=self.server.port,
            desired_access=FilePipePrinterAccessMask.WRITE_DAC,
        ) as file:
            asked = SMB2SetInfoRequest()
            asked["info_type"] = InfoType.SMB2_0_INFO_SECURITY
            asked["additional_information"] = 4
            asked["file_id"] = file.fd.file_id
            asked["buffer"] = descriptor
            tree = file.fd.tree_connect
            connection = file.fd.connection
            connection.receive(connection.send(asked, tree.session.session_id, tree.tree_connect_id))


@pytest.fixture
def place(server: Samba, request: pytest.FixtureRequest) -> Iterator[Place]:
    path = server.files / str(abs(hash(request.node.nodeid)))
    path.mkdir()
    give(path, server.user)
    made = Place(server, path)
    with made.opened:
        yield made
    shutil.rmtree(path, ignore_errors=True)


class TestSmb(Synced):
    connector_class = Share
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

    def move(self, old: str, new: str) -> None:
        (self.place.path / old).rename(self.place.path / new)

    def deny_reading(self, key: str) -> None:
        (self.place.path / key).chmod(0)

    def unreachable(self) -> None:
        self.place.wire.close()


def allow(sid: str, mask: int = READ, flags: int = 0) -> AccessAllowedAce:
    return _ace(AccessAllowedAce(), sid, mask, flags)


def deny(sid: str, mask: int = READ, flags: int = 0) -> AccessDeniedAce:
    return _ace(AccessDeniedAce(), sid, mask, flags)


def _ace(ace, sid, mask, flags):  # type: ignore[no-untyped-def]
    who = SIDPacket()
    who.from_string(sid)
    ace["sid"], ace["mask"], ace["ace_flags"] = who, mask, flags
    return ace


def unix_user(name: str) -> str:
    import pwd

    return f"S-1-22-1-{pwd.getpwnam(name).pw_uid}"


def unix_group(name: str) -> str:
    import grp

    return f"S-1-22-2-{grp.getgrnam(name).gr_gid}"


def keys(changes: list[Change], kind: type[Change] = Upserted) -> list[str]:
    return sorted(each.ref.key for each in changes if isinstance(each, kind))  # type: ignore[union-attr]


def ref(key: str) -> SourceRef:
    return SourceRef("share", "office", key)


STAFF = Access(frozenset({"group:staff"}))


@pytest.mark.parametrize(
    ("aces", "access"),
    [
        pytest.param(lambda: [allow(unix_user("news")), allow(unix_group("mail"))], (["user:news", "group:mail"], []), id="names"),
        pytest.param(lambda: [allow(EVERYONE)], (["group:staff"], []), id="everyone"),
        pytest.param(lambda: [allow(AUTHENTICATED)], (["group:staff"], []), id="authenticated"),
        pytest.param(lambda: [deny(unix_user("news")), allow(EVERYONE)], (["group:staff"], ["user:news"]), id="denied"),
        pytest.param(lambda: [allow(EVERYONE), deny(unix_user("news"))], (["group:staff"], []), id="denied too late"),
        pytest.param(lambda: [allow(unix_user("news")), deny(EVERYONE), allow(unix_group("mail"))], (["user:news"], []), id="nobody further"),
        pytest.param(lambda: [deny(unix_group("mail"), WRITE), allow(unix_group("mail"))], (["group:mail"], []), id="only writing denied"),
        pytest.param(lambda: [allow(unix_user("news"), WRITE)], ([], []), id="only writing allowed"),
        pytest.param(lambda: [allow(unix_user("news"), flags=AceFlags.INHERITED_ACE)], (["user:news"], []), id="inherited"),
        pytest.param(lambda: [allow(unix_user("news"), flags=AceFlags.INHERIT_ONLY_ACE | AceFlags.CONTAINER_INHERIT_ACE)], ([], []), id="for others only"),
        pytest.param(lambda: [allow("S-1-5-21-1-2-3-4567")], (["sid:S-1-5-21-1-2-3-4567"], []), id="unknown to the server"),
    ],
)  # fmt: skip
def test_the_list_of_a_file_says_who_may_see_it(place: Place, aces, access) -> None:  # type: ignore[no-untyped-def]
    place.put("a.txt")
    # Without this the account of the test could not read its own file's list.
    place.protect("a.txt", *aces(), allow(unix_group("nogroup"), 0x00020000))
    connector = place.open(replace(place.config, access=STAFF), permissions="server")
    list(connector.changes(None))
    assert connector.access(ref("a.txt")) == Access(*map(frozenset, access))
    # Asked without having been listed, the same.
    assert place.open(replace(place.config, access=STAFF), permissions="server").access(
        ref("a.txt")
    ) == Access(*map(frozenset, access))


def test_accounts_of_the_domain_are_called_by_their_names_alone(place: Place) -> None:
    place.put("a.txt")
    user = place.server.user
    assert f"user:OFFICE\\{user}" in place.open(permissions="server").access(ref("a.txt")).grant
    assert f"user:{user}" in place.open(permissions="server", domain="office").access(ref("a.txt")).grant


def test_only_the_document_whose_list_changed_has_another_version(place: Place) -> None:
    for key in ("a.txt", "b.txt"):
        place.put(key)
        place.protect(key, allow(unix_user("news")))
    connector = place.open(permissions="server")
    before = {each.ref.key: each for each in connector.changes(None) if isinstance(each, Upserted)}
    place.protect("a.txt", allow(unix_user("mail")))
    after = {each.ref.key: each for each in connector.changes(None) if isinstance(each, Upserted)}
    assert (before["a.txt"].version == after["a.txt"].version, before["b.txt"] == after["b.txt"]) == (
        False,
        True,
    )
    assert before["a.txt"].fingerprint == after["a.txt"].fingerprint


def test_a_rule_replaces_what_the_server_says(place: Place) -> None:
    place.put("a.txt")
    place.protect("a.txt", allow(unix_user("news")))
    ruled = replace(place.config, rules=(("a.txt", STAFF),))
    assert place.open(ruled, permissions="server").access(ref("a.txt")) == STAFF


def test_a_moved_folder_keeps_the_fingerprints(place: Place) -> None:
    for number in range(70):
        place.put(f"old/{number}.txt")
    before = {each.fingerprint for each in place.open().changes(None) if isinstance(each, Upserted)}
    (place.path / "old").rename(place.path / "new")
    after = {each.fingerprint for each in place.open().changes(None) if isinstance(each, Upserted)}
    assert before == after
    assert len(after) == 70


def test_a_file_that_cannot_be_read_fails_alone(place: Place) -> None:
    place.put("a.txt").chmod(0)
    connector = place.open()
    assert keys(list(connector.changes(None))) == ["a.txt"]
    with pytest.raises(SourceError, match="no permission to read"):
        connector.fetch(ref("a.txt"))


def test_another_spelling_is_another_document(place: Place) -> None:
    """The server takes both for one file, but a rule might know only one of them."""
    place.put("Legal/A.txt")
    assert place.open().fetch(ref("Legal/A.txt")).read() == b"text"
    for key in (
        "legal/A.txt",
        "Legal/a.txt",
        "LEGAL/A.TXT",
        "Legal/../Legal/A.txt",
        "Legal\\A.txt",
        "Legal/A.txt::$DATA",
    ):
        with pytest.raises((NotFound, SourceError)):
            place.open().fetch(ref(key))


def test_names_of_every_kind(place: Place) -> None:
    names = [
        "Verträge 100%.txt",
        "u\u0308.txt",
        "\u00fc.txt",
        "emoji \U0001f600.txt",
        "a" * 200 + ".txt",
        "line\nend.txt",
    ]
    for name in names:
        place.put(name, name.encode())
    connector = place.open()
    found = [each for each in connector.changes(None) if isinstance(each, Upserted)]
    # Samba shows a name that Windows could not have by another one.
    assert len(found) == len(names)
    assert {"Verträge 100%25.txt", "u\u0308.txt", "\u00fc.txt", "emoji \U0001f600.txt"} <= {
        each.ref.key for each in found
    }
    bodies = [connector.fetch(each.ref).read().decode() for each in found]
    assert sorted(bodies) == sorted(names)
    again = place.open()
    assert sorted(again.fetch(each.ref).read().decode() for each in found) == sorted(names)


def test_a_link_into_a_folder_above_ends(place: Place) -> None:
    place.put("in/a.txt")
    (place.path / "in" / "up").symlink_to(place.path)
    (place.path / "in" / "self").symlink_to("self")
    assert keys(list(place.open().changes(None))) == ["in/a.txt"]


def test_a_path_longer_than_windows_takes(place: Place) -> None:
    deep = "/".join(["d" * 100] * 12)
    place.put(f"{deep}/a.txt")
    connector = place.open()
    assert keys(list(connector.changes(None))) == [f"{deep}/a.txt"]
    assert connector.fetch(ref(f"{deep}/a.txt")).read() == b"text"


def test_a_huge_file_is_told_with_its_size(place: Place) -> None:
    os.truncate(place.put("a.txt"), 1 << 42)
    [listed, _] = place.open().changes(None)
    assert isinstance(listed, Upserted)
    assert listed.size == 1 << 42


def test_a_file_that_changed_since_it_was_listed_is_read_as_it_is(place: Place) -> None:
    place.put("a.txt", b"before")
    connector = place.open()
    list(connector.changes(None))
    place.put("a.txt", b"longer than before")
    assert connector.fetch(ref("a.txt")).read() == b"longer than before"


def test_many_names_in_one_folder(place: Place) -> None:
    for number in range(300):
        place.put(f"{number}.txt")
    assert len(keys(list(place.open(permissions="server").changes(None)))) == 300


def test_the_connection_breaks_and_is_made_again(place: Place) -> None:
    for number in range(300):
        place.put(f"{number:03}/a.txt")
    connector = place.open()
    place.wire.cut_after(20_000)
    with pytest.raises(SourceUnavailable):
        list(connector.changes(None))
    assert len(keys(list(connector.changes(None)))) == 300


@pytest.mark.parametrize(
    ("location", "options"),
    [
        ("smb://127.0.0.1", {}),
        ("smb://jane:hunter2@127.0.0.1/files", {}),
        ("smb://127.0.0.1:none/files", {}),
        ("smb://127.0.0.1/files", {"encrypt": "maybe"}),
        ("smb://127.0.0.1/files", {"fingerprint": "x"}),
        ("smb://127.0.0.1/files/../../x", {}),
        ("file:///tmp", {}),
        ("gopher://127.0.0.1/x", {}),
        ("/srv/files", {}),
    ],
)
def test_what_is_no_address_says_how_one_reads(location: str, options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as raised:
        Share(SourceConfig("office", location, options=tuple(options.items())))
    assert raised.value.hint
    assert "hunter2" not in str(raised.value)


def test_who_is_not_let_in_is_told_what_to_check(place: Place) -> None:
    wrong = replace(place.config, secrets=(("password", SecretStr("wrong")),))
    with pytest.raises(SourceError, match="did not let the user in") as raised:
        place.open(wrong).check()
    assert not isinstance(raised.value, SourceUnavailable)
    elsewhere = replace(place.config, location=place.config.location.replace("/files/", "/nothing/"))
    with pytest.raises(SourceError, match="cannot be opened"):
        place.open(elsewhere).check()
    nowhere = replace(place.config, location=place.config.location + "/nothing")
    with pytest.raises(SourceError, match="cannot be opened"):
        place.open(nowhere).check()
    assert not [each for each in place.open().changes(None) if isinstance(each, Failed)]
