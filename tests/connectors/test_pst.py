"""The connector of Outlook's archives: the contract, what changes, and archives that are broken on purpose."""

import os
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.pst import connector as module
from connectors.pst.connector import Pst
from connectors.pst.reader import Reader
from ingest.parsers.mail import MailParser
from memory.domain import Access, Failed, SourceRef
from tests.connectors.bound import bound
from tests.connectors.outlook import Archive, Properties
from tests.connectors.synced import Synced

HEADERS, TEXT, HTML, ID, SUBJECT = 0x007D, 0x1000, 0x1013, 0x1035, 0x0037
SENDER, SENDER_ADDRESS, REFERENCES, REPLY_TO, SENT = 0x0C1A, 0x0C1F, 0x1039, 0x1042, 0x0039


def message(number: int, text: str = "") -> Properties:
    return {ID: f"<{number}@x.example>", SUBJECT: f"Roof {number}", TEXT: text or f"Message {number}."}


class TestPst(Synced):
    connector_class = Pst
    has_fingerprints = False

    @pytest.fixture
    def config(self) -> Iterator[SourceConfig]:
        """A folder of archives, with one message in each."""
        with tempfile.TemporaryDirectory() as place:
            self.root = Path(place, "archives")
            self.root.mkdir()
            yield SourceConfig("old", str(self.root))

    def add(self, key: str, body: bytes) -> None:
        Archive([("", {ID: f"<{key}>", TEXT: body.decode()})]).write(self.root / key)

    def expected(self, key: str, body: bytes) -> bytes:
        return (
            f"Message-ID: <{key}>\nMIME-Version: 1.0\n"
            'Content-Type: text/plain; charset="utf-8"\nContent-Transfer-Encoding: 8bit\n\n'
        ).encode() + body

    def change(self, key: str, body: bytes) -> None:
        self.add(key, body)

    def remove(self, key: str) -> None:
        (self.root / key).unlink()

    def deny_reading(self, key: str) -> None:
        (self.root / key).chmod(0)

    def unreachable(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))

    def walk_denied(self, config: SourceConfig) -> list[Change]:
        with bound():
            return super().walk_denied(config)

    def fetch_denied(self, config: SourceConfig, ref: SourceRef) -> Content:
        with bound():
            return super().fetch_denied(config, ref)


def walk(of: Pst) -> tuple[dict[str, str], list[Failed], str]:
    """Versions by key, what failed, and the doubt."""
    changes = list(of.changes(None))
    last = changes[-1]
    assert isinstance(last, Checkpoint)
    versions = {each.ref.key: each.version for each in changes if isinstance(each, Upserted)}
    return versions, [each for each in changes if isinstance(each, Failed)], last.doubt


def test_a_message_is_read_as_any_mail_is(tmp_path: Path) -> None:
    known: Properties = {
        SUBJECT: "Schiefer für das Dach",
        SENDER: "Jürgen Krämer",
        SENDER_ADDRESS: "jk@x.example",
        SENT: 133_500_000_000_000_000,
        TEXT: "Grüße vom Dach.",
        ID: "<b@x.example>",
        REPLY_TO: "<a@x.example>",
        REFERENCES: "<z@x.example>\r\n <a@x.example>",
    }
    sent: Properties = {
        HEADERS: "From: Bo <bo@x.example>\r\nSubject: Tiles\r\nMessage-ID: <c@x.example>\r\n"
        "Content-Type: multipart/mixed; boundary=x\r\nReferences: <z@x.example>\r\n\t<b@x.example>\r\n",
        TEXT: "Tiles are cheaper.",
        HTML: b"<p>Tiles are <b>cheaper</b>.</p>",
    }
    Archive([("Inbox", known), ("Inbox", sent)]).write(tmp_path / "mail.pst")
    source = Pst(SourceConfig("old", str(tmp_path / "mail.pst")))
    parsed = {}
    for key in walk(source)[0]:
        body = source.fetch(SourceRef("pst", "old", key)).read()
        parsed[key] = MailParser().parse(body, name="message.eml", media_type="message/rfc822")
    source.close()
    assert set(parsed) == {"b@x.example", "c@x.example"}
    german, english = parsed["b@x.example"], parsed["c@x.example"]
    assert (german.title, english.title) == ("Schiefer für das Dach", "Tiles")
    assert [(each.person.name, each.person.address) for each in german.contributions] == [
        ("Jürgen Krämer", "jk@x.example")
    ]
    assert german.created is not None
    assert german.created.year == 2024
    assert "Grüße vom Dach." in german.elements[0].text
    assert german.message is not None
    assert english.message is not None
    assert german.message.references[:2] == ("z@x.example", "a@x.example")
    assert english.message.references == ("z@x.example", "b@x.example")
    assert "Tiles are cheaper." in english.elements[0].text


def test_an_archive_that_has_not_changed_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    class Counted(Reader):
        def __init__(self, path: Path) -> None:
            opened.append(path.name)
            super().__init__(path)

    monkeypatch.setattr(module, "Reader", Counted)
    config = SourceConfig("old", str(tmp_path / "in"), state=tmp_path / "state")
    Archive([("Inbox", message(1)), ("Inbox", message(2))]).write(tmp_path / "in" / "a.pst")
    Archive([("Inbox", message(2)), ("Sent", message(3))]).write(tmp_path / "in" / "b.pst")
    before = walk(Pst(config))[0]
    assert sorted(before) == ["1@x.example", "2@x.example", "3@x.example"], "a copy is no second document"
    assert walk(Pst(config))[0] == before
    assert opened == ["a.pst", "b.pst"]
    Archive([("Sent", message(3)), ("Inbox", message(2, "Other."))]).write(tmp_path / "in" / "b.pst")
    (tmp_path / "in" / "a.pst").unlink()
    after, _, doubt = walk(Pst(config))
    assert opened == ["a.pst", "b.pst", "b.pst"]
    assert doubt == ""
    assert after.keys() == {"2@x.example", "3@x.example"}
    assert after["3@x.example"] == before["3@x.example"]
    assert after["2@x.example"] != before["2@x.example"]


def test_a_broken_archive_costs_itself_only(tmp_path: Path) -> None:
    whole = Archive([("Inbox", message(1)), ("Inbox", message(2))]).write(tmp_path / "a.pst").read_bytes()
    Archive([("", message(3))]).write(tmp_path / "z.pst")
    (tmp_path / "half.pst").write_bytes(whole[:0x4500])
    (tmp_path / "none.ost").write_bytes(b"no archive at all")
    (tmp_path / "notes.txt").write_bytes(b"nobody takes this for an archive")
    heap = whole.index("Message 2.".encode("utf-16-le"))
    block = whole.rindex(b"\xec\xbc", 0, heap) - 2
    (tmp_path / "torn.pst").write_bytes(whole[:block] + b"\xff" * 12 + whole[block + 12 :])
    (tmp_path / "a.pst").unlink()
    found, failed, doubt = walk(Pst(SourceConfig("old", str(tmp_path))))
    assert found.keys() >= {"1@x.example", "3@x.example"}
    assert {each.ref.key.partition("/")[0] for each in failed} >= {"half.pst", "none.ost", "torn.pst"}
    assert all(each.reason and each.retryable for each in failed)
    assert not [each.reason for each in failed if "pff_" in each.reason], (
        "nobody knows the library's functions"
    )
    assert "half.pst" in doubt


def test_what_is_attached_comes_with_its_message(tmp_path: Path) -> None:
    files = [("Angebot März.txt", b"Beech and oak"), ("plan.bin", bytes(range(256)) * 8), ("empty.txt", b"")]
    Archive([("Inbox", message(1)), ("Inbox", message(2))], {1: files}).write(tmp_path / "a.pst")
    source = Pst(SourceConfig("old", str(tmp_path / "a.pst")))
    before = walk(source)[0]
    held = {}
    for key in before:
        body = source.fetch(SourceRef("pst", "old", key)).read()
        parsed = MailParser().parse(body, name="message.eml", media_type="message/rfc822")
        held[key] = [(each.name, each.data) for each in parsed.attachments]
    assert held == {"1@x.example": [], "2@x.example": files}
    source.close()
    # Another file on it is another version of this message, and of no other.
    Archive([("Inbox", message(1)), ("Inbox", message(2))], {1: files[:2]}).write(tmp_path / "a.pst")
    source = Pst(SourceConfig("old", str(tmp_path / "a.pst")))
    after = walk(source)[0]
    source.close()
    assert {key for key in before if before[key] != after[key]} == {"2@x.example"}


def test_archives_broken_at_random_end_no_walk(tmp_path: Path) -> None:
    made = Archive([("Inbox", message(1)), ("Inbox", message(2))], {0: [("a.txt", b"beech " * 300)]})
    whole = made.write(tmp_path / "a.pst").read_bytes()
    chance = random.Random(6)
    for number in range(12):
        torn = bytearray(whole)
        for _ in range(chance.choice((2, 20))):
            torn[chance.randrange(0x4400, len(torn))] = chance.randrange(256)
        (tmp_path / f"{number}.pst").write_bytes(torn)
    found, _, _ = walk(Pst(SourceConfig("old", str(tmp_path))))
    assert {"1@x.example", "2@x.example"} <= found.keys()


def test_the_process_has_no_network_and_none_of_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNEME_SECRET", "hidden")
    reader = Reader(Archive([("", message(1))]).write(tmp_path / "a.pst"))
    own = Path(f"/proc/{reader.pid}")
    assert b"hidden" not in (own / "environ").read_bytes()
    limits = (own / "limits").read_text()
    assert str(1 << 30) in next(line for line in limits.splitlines() if "data size" in line)
    if os.geteuid() == 0:
        assert (own / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    reader.close()


def test_a_message_that_ends_the_process_is_passed_over(tmp_path: Path) -> None:
    reader = Reader(Archive([("", message(1)), ("", message(2)), ("", message(3))]).write(tmp_path / "a.pst"))
    listing = reader.messages()
    first = next(listing)
    os.kill(reader.pid, 9)
    time.sleep(0.05)
    rest = list(listing)
    reader.close()
    got = [each.key for each in (first, *rest) if not each.failed]
    lost = [each for each in rest if each.failed]
    assert len(got) + len(lost) == 3
    assert len(lost) <= 1, "only the one it was at"


def test_rules_know_the_folder_in_the_archive(tmp_path: Path) -> None:
    Archive([("Legal", message(1)), ("Other", message(2))]).write(tmp_path / "a.pst")
    legal = Access(frozenset({"group:legal"}))
    config = replace(SourceConfig("old", str(tmp_path)), rules=(("a.pst/Legal", legal),))
    source = Pst(config)
    assert source.access(SourceRef("pst", "old", "1@x.example")) == legal
    assert source.access(SourceRef("pst", "old", "2@x.example")) == Access()


@pytest.mark.corpora
def test_an_archive_that_outlook_wrote(corpora: Path) -> None:
    place = corpora / "parsing" / "tika" / "testPST_variousBodyTypes.pst"
    source = Pst(SourceConfig("old", str(place)))
    found, failed, doubt = walk(source)
    assert (len(found), failed, doubt) == (4, [], "")
    answers = 0
    for key in found:
        body = source.fetch(SourceRef("pst", "old", key)).read()
        parsed = MailParser().parse(body, name="message.eml", media_type="message/rfc822")
        assert parsed.elements
        assert parsed.created
        assert parsed.message
        assert parsed.message.id == key
        answers += bool(parsed.message.references)
    source.close()
    assert answers == 3
