"""The imap connector against a real Dovecot: what comes, goes and moves, and what befalls the connection."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count

import pytest
from imap_tools import AND, BaseMailBox, Header
from pydantic import SecretStr

from connectors.base import Change, Checkpoint, Connector, Deleted, SourceConfig, Upserted
from connectors.imap.connector import Imap
from connectors.patience import Patience, Patient
from memory.domain import Access, Failed, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable
from tests.connectors.dovecot import PASSWORD, WITHOUT_QRESYNC, Dovecot, access_token, dovecot
from tests.connectors.synced import Synced
from tests.connectors.wire import Wire

NUMBERS = count(1)


@pytest.fixture(scope="module")
def older(server: Dovecot) -> Iterator[Dovecot]:
    """The same mail by a server that does not tell what vanished."""
    with dovecot(WITHOUT_QRESYNC, server) as started:
        yield started


def source(port: int, user: str, **options: str) -> SourceConfig:
    given = tuple({"user": user, **options}.items())
    secrets = (("password", SecretStr(PASSWORD)),)
    return SourceConfig("mail", f"imap://127.0.0.1:{port}", options=given, secrets=secrets)


def message(key: str, body: bytes = b"Hello", head: bytes = b"") -> bytes:
    return b"Message-ID: <%s>\r\nFrom: jane@x.example\r\n%s\r\n%s" % (key.encode(), head, body)


class TestImap(Synced):
    connector_class = Imap
    has_fingerprints = False
    # Whether a server can still read a message shows when that is fetched; a test of its own is below.
    has_single_failures = False

    @pytest.fixture
    def config(self, server: Dovecot) -> Iterator[SourceConfig]:
        """An account of its own, by a wire that can be cut."""
        self.server, self.user = server, f"contract{next(NUMBERS)}"
        self.wire = Wire(server.port)
        with ExitStack() as self.open_ones:
            self.open_ones.callback(self.wire.close)
            self.box = self.open_ones.enter_context(server.client(self.user))
            yield source(self.wire.port, self.user)

    def open(self, config: SourceConfig) -> Connector:
        made = Imap(config)
        self.open_ones.callback(made.close)
        return made

    def add(self, key: str, body: bytes) -> None:
        folder = key.rpartition("/")[0] or "INBOX"
        if not self.box.folder.exists(folder):
            self.box.folder.create(folder)
        self.box.append(message(key, body), folder)

    def expected(self, key: str, body: bytes) -> bytes:
        return message(key, body)

    def change(self, key: str, body: bytes) -> None:
        self.remove(key)
        self.add(key, body)

    def remove(self, key: str) -> None:
        remove(self.box, key, key.rpartition("/")[0] or "INBOX")

    def deny_reading(self, key: str) -> None:
        (self.server.mail_of(self.user) / key).chmod(0)

    def unreachable(self) -> None:
        self.wire.close()


def remove(box: BaseMailBox, key: str, folder: str = "INBOX") -> None:
    box.folder.set(folder)
    box.delete(box.uids(AND(header=Header("Message-ID", f"<{key}>"))))


class Account:
    """Somebody's mail, their mail program, and the connector with the cursor it came to."""

    def __init__(self, server: Dovecot, box: BaseMailBox, config: SourceConfig, user: str) -> None:
        self.server, self.box, self.config, self.user = server, box, config, user
        self.cursor: str | None = None

    def connector(self) -> Imap:
        return Imap(self.config)

    def add(self, *keys: str, folder: str = "INBOX") -> None:
        for key in keys:
            self.box.append(message(key), folder)

    def sync(self, patient: bool = False) -> list[Change]:
        """What changed since the last one, as a process of its own would see it."""
        made = self.connector()
        try:
            told = list(made.changes(self.cursor))
        finally:
            made.close()
        last = told.pop()
        assert isinstance(last, Checkpoint)
        self.cursor, self.doubt = last.cursor, last.doubt
        return told


@pytest.fixture(params=["qresync", "plain"])
def account(request: pytest.FixtureRequest, server: Dovecot) -> Iterator[Account]:
    """An account on a server that tells what vanished, and on one that does not."""
    asked = server if request.param == "qresync" else request.getfixturevalue("older")
    user = f"user{next(NUMBERS)}"
    with server.client(user) as box:
        yield Account(asked, box, source(asked.port, user), user)


def keys(told: list[Change], kind: type[Change]) -> list[str]:
    return sorted(each.ref.key for each in told if isinstance(each, kind))  # type: ignore[union-attr]


def test_only_what_came_and_went_is_told(account: Account) -> None:
    account.add("1@x", "2@x", "3@x")
    account.add("4@x", folder="Bin")
    told = account.sync()
    assert keys(told, Upserted) == ["1@x", "2@x", "3@x"]
    before = account.cursor
    assert account.sync() == []
    assert account.cursor == before
    account.add("5@x")
    remove(account.box, "2@x")
    told = account.sync()
    assert (keys(told, Upserted), keys(told, Deleted)) == (["5@x"], ["2@x"])
    assert account.sync() == []


def test_a_message_is_one_document_wherever_it_lies(account: Account) -> None:
    account.add("1@x", "2@x")
    account.box.folder.create("Archive")
    account.sync()
    account.box.folder.set("INBOX")
    account.box.move("1", "Archive")
    account.box.copy("2", "Archive")
    moved = account.sync()
    assert (keys(moved, Upserted), keys(moved, Deleted)) == (["1@x", "2@x"], [])
    remove(account.box, "2@x")  # the copy in the archive stays
    assert account.sync() == []
    account.box.folder.rename("Archive", "Attic")
    renamed = account.sync()
    assert (keys(renamed, Upserted), keys(renamed, Deleted)) == (["1@x", "2@x"], [])
    account.box.folder.set("Attic")
    account.box.move("1", "Bin")
    assert keys(account.sync(), Deleted) == ["1@x"]


def test_a_folder_that_was_made_anew_loses_nothing(account: Account) -> None:
    """Under another UIDVALIDITY the same UIDs mean other messages."""
    account.box.folder.create("Old")
    account.add("1@x", "2@x", "3@x", folder="Old")
    account.sync()
    account.box.folder.delete("Old")
    account.box.folder.create("Old")
    account.add("3@x", "2@x", "4@x", folder="Old")
    told = account.sync()
    assert (keys(told, Upserted), keys(told, Deleted)) == (["2@x", "3@x", "4@x"], ["1@x"])
    made = account.connector()
    assert made.fetch(ref("2@x")).read() == message("2@x")
    made.close()
    # A copy in a folder that is read before it, while nobody has read the text of the other yet.
    account.box.folder.delete("Old")
    account.box.folder.create("Old")
    account.add("3@x", folder="Old")
    account.box.folder.create("Earlier")
    account.add("3@x", folder="Earlier")
    told = account.sync()
    assert (keys(told, Upserted), keys(told, Deleted)) == (["3@x"], ["2@x", "4@x"])


def test_what_moves_while_the_folders_are_read_is_not_gone(account: Account) -> None:
    account.box.folder.create("Archive")
    account.add("1@x", folder="Archive")
    account.add("2@x", "3@x")
    account.sync()
    account.add("4@x", folder="Archive")
    made = account.connector()
    walk = made.changes(account.cursor)
    first = next(walk)
    account.box.folder.set("INBOX")
    account.box.move("1", "Archive")  # that has been read already
    told = [first, *walk]
    made.close()
    assert (keys(told[:-1], Upserted), keys(told[:-1], Deleted)) == (["2@x", "4@x"], [])


def test_messages_without_an_id_and_two_under_one(account: Account) -> None:
    account.box.append(b"From: jane@x.example\r\n\r\nOne", "INBOX")
    account.box.append(b"From: jane@x.example\r\n\r\nTwo", "INBOX")
    account.box.append(message("5@x", b"One"), "INBOX")
    account.box.append(message("5@x", b"Two"), "INBOX")
    told = account.sync()
    found = keys(told, Upserted)
    assert [key.partition("~")[0][:6] for key in found] == ["5@x", "5@x", "sha256", "sha256"]
    made = account.connector()
    assert {made.fetch(ref(key)).read()[-3:] for key in found[2:]} == {b"One", b"Two"}
    assert made.fetch(ref(found[1])).read()[-3:] == b"Two"
    with pytest.raises(SourceError, match="either of two"):
        made.fetch(ref(found[0]))  # by its name alone, as the one that came first cannot be told
    made.close()


def test_a_later_message_under_a_known_id_takes_no_place(account: Account) -> None:
    """Whoever knows an ID may send anything under it: what has that ID stays what it was, for those it was for."""
    account.add("1@x")
    account.sync()
    account.box.folder.create("Another")  # that folder comes first
    account.box.append(message("1@x", b"Hello, and much more."), "Another")
    account.add("1@x", folder="Another")
    made = account.connector()
    told = list(made.changes(account.cursor))[:-1]
    found = keys(told, Upserted)
    assert [key.partition("~")[0] for key in found] == ["1@x", "1@x"]  # a copy lies in the first folder now
    assert made.fetch(ref("1@x")).read() == message("1@x")
    assert made.fetch(ref(found[1])).read() == message("1@x", b"Hello, and much more.")
    made.close()
    made = account.connector()
    assert made.fetch(ref(found[1])).read() == message("1@x", b"Hello, and much more.")
    made.close()


def test_a_message_that_the_server_cannot_read_stops_nothing(server: Dovecot) -> None:
    user = f"user{next(NUMBERS)}"
    with server.client(user) as box:
        account = Account(server, box, source(server.port, user), user)
        account.add("1@x", "2@x", "3@x")
        files = {path.read_bytes()[13:16]: path for path in (server.mail_of(user) / "new").iterdir()}
        files[b"2@x"].chmod(0)
        told = account.sync()
        assert (keys(told, Upserted), keys(told, Failed)) == (["1@x", "3@x"], ["INBOX UID 2"])
        assert keys(account.sync(), Failed) == ["INBOX UID 2"]
        files[b"2@x"].chmod(0o600)
        told = account.sync()
        assert (keys(told, Upserted), keys(told, Deleted)) == (["2@x"], ["INBOX UID 2"])
        made = account.connector()
        files[b"1@x"].chmod(0)
        list(made.changes(None))
        with pytest.raises(SourceError, match="cannot be read"):
            made.fetch(ref("1@x"))
        assert made.fetch(ref("3@x")).read() == message("3@x")
        made.close()


@pytest.mark.parametrize("cut", [100, 900, 2_500, 6_000, 12_000])
def test_a_connection_that_is_cut_loses_and_doubles_nothing(server: Dovecot, cut: int) -> None:
    user, pauses = f"user{next(NUMBERS)}", []
    wanted = {f"{number}@x": message(f"{number}@x", b"text " * 20) for number in range(40)}
    with server.client(user) as box, ExitStack() as after:
        for number, body in enumerate(wanted.values()):
            box.append(body, "INBOX" if number % 2 else "Bin")
        wire = Wire(server.port)
        after.callback(wire.close)
        made = Imap(replace(source(wire.port, user), include=("INBOX", "Bin")))
        after.callback(made.close)
        patient = Patient(made, pauses.append, Patience())
        wire.cut_after(cut)
        told = []
        for change in patient.changes(None):
            told.append(change)
            if isinstance(change, Upserted):
                assert patient.fetch(change.ref).read() == wanted[change.ref.key]
        assert sorted(keys(told[:-1], Upserted)) == sorted(wanted)
        assert isinstance(told[-1], Checkpoint)
        assert (wire.made, len(pauses)) == (2, 1)
        assert [type(each) for each in patient.changes(told[-1].cursor)] == [Checkpoint]


def test_messages_that_are_asked_for_in_order_are_fetched_together(server: Dovecot) -> None:
    user = f"user{next(NUMBERS)}"
    with server.client(user) as box, ExitStack() as after:
        wanted = {f"{number}@x": message(f"{number}@x", b"%d" % number) for number in range(100)}
        wanted["50@x"] = message("50@x", b"long " * 40_000)
        for body in wanted.values():
            box.append(body, "INBOX")
        wire = Wire(server.port)
        after.callback(wire.close)
        made = Imap(source(wire.port, user))
        after.callback(made.close)
        told = [each.ref for each in made.changes(None) if isinstance(each, Upserted)]
        remove(box, "70@x")
        before = wire.asked
        found = {each.key: made.fetch(each).read() for each in told if each.key != "70@x"}
        assert found == {key: body for key, body in wanted.items() if key != "70@x"}
        assert wire.asked - before < 20
        # Where only some are asked for, nothing else is fetched.
        list(made.changes(None))
        before = wire.sent
        for each in told[10:40:10]:
            made.fetch(each)
        assert wire.sent - before < 3_000


def test_folders_by_their_use_and_by_patterns(server: Dovecot) -> None:
    user = f"user{next(NUMBERS)}"
    with server.client(user) as box, ExitStack() as after:
        for folder in ("Legal", "Legal/2024", 'Verträge "neu"', "a\\b"):
            box.folder.create(folder)
        for number, folder in enumerate(("INBOX", "Bin", "Legal", "Legal/2024", 'Verträge "neu"', "a\\b")):
            box.append(message(f"{number}@x"), folder)
        config = source(server.port, user)

        def opened(**more: object) -> Imap:
            made = Imap(replace(config, **more))  # type: ignore[arg-type]
            after.callback(made.close)
            return made

        def found(**more: object) -> list[str]:
            return keys(list(opened(**more).changes(None))[:-1], Upserted)

        assert found() == ["0@x", "2@x", "3@x", "4@x", "5@x"]
        assert found(include=("Legal/**", "Bin")) == ["1@x", "2@x", "3@x"]
        assert found(exclude=("Legal/2024/", "INBOX")) == ["2@x", "4@x", "5@x"]
        legal = Access(frozenset({"group:legal"}))
        ruled = opened(rules=(("Legal/**", legal),))
        assert (ruled.access(ref("3@x")), ruled.access(ref("0@x"))) == (legal, Access())
        lost = opened(include=("Lgeal/**",))
        with pytest.raises(SourceError, match="no folder Lgeal") as raised:
            lost.check()
        assert "Legal" in raised.value.hint
        [failed, end] = lost.changes(None)
        assert isinstance(failed, Failed)
        assert isinstance(end, Checkpoint)
        assert end.doubt
        # What a source is told to take may change: then all of it is told anew.
        whole = list(opened().changes(None))[-1]
        assert isinstance(whole, Checkpoint)
        fewer = list(opened(exclude=("Legal",)).changes(whole.cursor))
        assert keys(fewer[:-1], Deleted) == ["2@x", "3@x"]


SHARED = """
mail_plugins = acl
plugin {
  acl = vfile
}
namespace public {
  type = public
  separator = /
  prefix = Public/
  location = maildir:~/../shared:LAYOUT=fs
  subscriptions = no
  list = children
}
"""


def test_shared_folders_are_read_as_far_as_the_account_may() -> None:
    """Folders of several accounts, with Dovecot's own lists of rights (RFC 4314)."""
    with dovecot(SHARED) as server, server.client("jane") as box, ExitStack() as after:
        shared = server.mail_of("jane").parent.parent / "shared"
        for folder in ("Board", "Office"):
            place = shared / folder
            for part in ("cur", "new", "tmp"):
                (place / part).mkdir(parents=True)
            (place / "cur" / "1.M1P1.host:2,S").write_bytes(message(f"{folder}@x"))
            (place / "dovecot-acl").write_text("user=jane lr\n")
        box.append(message("own@x"), "INBOX")
        if os.geteuid() == 0:
            owner = (server.place / "users").stat()
            for each in (shared, *shared.rglob("*")):
                os.chown(each, owner.st_uid, owner.st_gid)
        account = Account(server, box, source(server.port, "jane"), "jane")
        legal = Access(frozenset({"group:board"}))
        account.config = replace(account.config, rules=(("Public/Board/**", legal),))
        assert sorted(keys(account.sync(), Upserted)) == ["Board@x", "Office@x", "own@x"]
        made = account.connector()
        after.callback(made.close)
        assert [type(each) for each in made.changes(account.cursor)] == [Checkpoint]
        assert made.access(ref("Board@x")) == legal
        assert made.fetch(ref("Board@x")).read() == message("Board@x")
        # The right to read is taken away, that to see the folder stays: what was known of it is in doubt, not gone.
        (shared / "Board" / "dovecot-acl").write_text("user=jane l\n")
        told = account.sync()
        assert [each.ref.key for each in told if isinstance(each, Failed)] == ["Public/Board/"]
        assert not keys(told, Deleted)
        # The other account is told nothing of what is not for it.
        with server.client("bo"):
            stranger = Imap(source(server.port, "bo"))
            after.callback(stranger.close)
            assert keys(list(stranger.changes(None))[:-1], Upserted) == []


def test_nothing_is_changed_on_the_server(server: Dovecot) -> None:
    user = f"user{next(NUMBERS)}"
    with server.client(user) as box:
        account = Account(server, box, source(server.port, user), user)
        account.add("1@x")
        account.box.append(b"From: jane@x.example\r\n\r\nNo id", "INBOX")
        made = account.connector()
        for change in made.changes(None):
            if isinstance(change, Upserted):
                made.fetch(change.ref)
        made.close()
        box.folder.set("INBOX", readonly=True)
        assert [each.flags for each in box.fetch(mark_seen=False)] == [("\\Recent",), ("\\Recent",)]


def test_every_way_in(server: Dovecot) -> None:
    authority = str(server.authority)
    token = (("token", SecretStr(access_token("jane"))),)
    plain = source(server.port, "jane")
    for config in (
        replace(
            plain, location=f"localhost:{server.tls_port}", options=(("user", "jane"), ("ca", authority))
        ),
        replace(
            plain,
            location=f"imap://localhost:{server.port}",
            options=(("user", "jane"), ("ca", authority), ("tls", "starttls")),
        ),
        replace(plain, secrets=token),
    ):
        made = Imap(config)
        assert "messages in" in made.check()
        made.close()


REFUSED = [
    ("imap://127.0.0.1:{port}", {}, "password", "wrong-secret", SourceError, "does not let jane in"),
    ("imap://127.0.0.1:{port}", {}, "token", "wrong-secret", SourceError, "another token"),
    ("imaps://localhost:{tls}", {}, "password", PASSWORD, SourceError, "--option ca=FILE"),
    ("imaps://127.0.0.1:{tls}", {"ca": "{ca}"}, "password", PASSWORD, SourceError, "certificate"),
    ("imaps://localhost:{port}", {}, "password", PASSWORD, SourceError, "imap:// instead"),
    ("imap://127.0.0.1:9", {}, "password", PASSWORD, SourceUnavailable, "Check the host and the port"),
    ("imap://mail.invalid", {}, "password", PASSWORD, SourceUnavailable, "cannot be reached"),
    ("imap://127.0.0.1/INBOX", {}, "password", PASSWORD, InvalidInput, "--include"),
    ("pop3://127.0.0.1", {}, "password", PASSWORD, InvalidInput, "imaps://HOST"),
    ("imaps://localhost", {"tls": "off"}, "password", PASSWORD, InvalidInput, "imap://"),
    ("imaps://localhost", {"ca": "/nowhere.pem"}, "password", PASSWORD, InvalidInput, "PEM"),
    ("imaps://localhost", {"user": ""}, "password", PASSWORD, InvalidInput, "--option user"),
    ("imaps://localhost", {}, "key", PASSWORD, InvalidInput, "password, token"),
]


@pytest.mark.parametrize(("location", "options", "name", "secret", "kind", "says"), REFUSED)
def test_what_is_wrong_is_said_with_what_to_do_and_without_the_secret(
    server: Dovecot, location: str, options: dict[str, str], name: str, secret: str, kind: type, says: str
) -> None:
    filled = {"port": server.port, "tls": server.tls_port}
    given = {"user": "jane", **{key: value.format(ca=server.authority) for key, value in options.items()}}
    with pytest.raises(kind) as raised:
        Imap(
            SourceConfig(
                "mail",
                location.format(**filled),
                options=tuple(given.items()),
                secrets=((name, SecretStr(secret)),),
            )
        ).check()
    assert says in str(raised.value)
    assert raised.value.hint
    error: BaseException | None = raised.value
    while error is not None:
        assert secret not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_a_message_that_went_is_not_found(account: Account) -> None:
    account.add("1@x", "2@x")
    made = account.connector()
    list(made.changes(None))
    account.box.folder.create("Later")
    account.box.folder.set("INBOX")
    account.box.move("1", "Later")
    remove(account.box, "2@x")
    assert made.fetch(ref("1@x")).read() == message("1@x")
    with pytest.raises(NotFound):
        made.fetch(ref("2@x"))
    made.close()


def ref(key: str) -> SourceRef:
    return SourceRef("imap", "mail", key)
