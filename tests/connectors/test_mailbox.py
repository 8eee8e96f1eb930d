"""The mailbox connector: mbox files, Maildirs and folders of messages, and what befalls them."""

import gzip
import mailbox
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from connectors import unpacked
from connectors.base import Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.mailbox import Mailbox
from ingest.parsers.mail import MailParser
from memory.domain import Access, Failed, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError
from tests.connectors.as_nobody import without_rights
from tests.connectors.synced import Synced


def wrapped(key: str, body: bytes) -> bytes:
    return b"Message-ID: <%s>\nFrom: jane@x.example\n\n%s" % (key.encode(), body)


class TestMailbox(Synced):
    connector_class = Mailbox
    has_fingerprints = False

    @pytest.fixture
    def config(self) -> Iterator[SourceConfig]:
        """A folder of messages that nobody can enter too."""
        with tempfile.TemporaryDirectory() as place:
            Path(place).chmod(0o755)
            self.root = Path(place, "mail")
            self.root.mkdir()
            yield SourceConfig("mail", str(self.root))

    def add(self, key: str, body: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wrapped(key, body))

    def expected(self, key: str, body: bytes) -> bytes:
        return wrapped(key, body)

    def change(self, key: str, body: bytes) -> None:
        self.add(key, body)

    def remove(self, key: str) -> None:
        (self.root / key).unlink()

    def deny_reading(self, key: str) -> None:
        (self.root / key).chmod(0)

    def unreachable(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))

    def walk_denied(self, config: SourceConfig) -> list[Change]:
        found: list[Change] = without_rights(config, kind=Mailbox)
        return found

    def fetch_denied(self, config: SourceConfig, ref: SourceRef) -> Content:
        found: Content = without_rights(config, ref, kind=Mailbox)
        return found


def message(number: int, text: str = "", **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["Message-ID"] = "Jane <jane@x.example>", f"<{number}@x.example>"
    for name, value in headers.items():
        del made[name]
        made[name] = value
    made.set_content(text or f"This is message {number}.")
    return made


def fill(path: Path, numbers: range) -> Path:
    box = mailbox.mbox(path)
    for number in numbers:
        box.add(message(number))
    box.close()
    return path


def source(path: Path, **more: object) -> Mailbox:
    return Mailbox(replace(SourceConfig("mail", str(path)), **more))  # type: ignore[arg-type]


def walk(of: Mailbox) -> tuple[dict[str, str], str]:
    """Versions by key, and the doubt."""
    changes = list(of.changes(None))
    assert not [each for each in changes if isinstance(each, Failed)], changes
    last = changes[-1]
    assert isinstance(last, Checkpoint)
    listed = [each for each in changes if isinstance(each, Upserted)]
    versions = {each.ref.key: each.version for each in listed}
    assert len(versions) == len(listed)
    return versions, last.doubt


def ref(key: str) -> SourceRef:
    return SourceRef("mailbox", "mail", key)


def test_only_what_was_appended_is_new(tmp_path: Path) -> None:
    path = fill(tmp_path / "all.mbox", range(50))
    before, doubt = walk(source(path))
    assert (len(before), doubt) == (50, "")
    fill(path, range(50, 60))
    after, _ = walk(source(path))
    assert {key for key in after if before.get(key) != after[key]} == {
        f"{n}@x.example" for n in range(50, 60)
    }
    assert b"message 57" in source(path).fetch(ref("57@x.example")).read()


def test_a_message_keeps_its_key_wherever_it_lies(tmp_path: Path) -> None:
    fill(tmp_path / "Inbox.mbox", range(3))
    box = mailbox.Maildir(tmp_path / "maildir")
    box.add(message(7))
    box.add(message(1))  # a copy of what lies in the inbox
    (tmp_path / "saved.eml").write_bytes(message(8).as_bytes())
    (tmp_path / "notes.txt").write_text("From here on these are notes.\n\nNo mail.\n", encoding="utf-8")
    before, _ = walk(source(tmp_path))
    assert set(before) == {f"{number}@x.example" for number in (0, 1, 2, 7, 8)}
    fill(tmp_path / "Archive.mbox", range(2))
    (tmp_path / "Inbox.mbox").unlink()
    fill(tmp_path / "Inbox.mbox", range(2, 3))
    assert walk(source(tmp_path))[0] == before


def test_messages_without_an_id_and_two_under_one(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "all.mbox")
    for text in ("One", "Two"):
        bare = message(1, text)
        del bare["Message-ID"]
        box.add(bare)
        box.add(message(5, text))
    box.close()
    keys = sorted(walk(source(tmp_path / "all.mbox"))[0])
    assert [key.startswith("sha256-") for key in keys] == [False, False, True, True]
    assert keys[0] == "5@x.example"
    assert keys[1].startswith("5@x.example~")
    strange = message(6, **{"Message-ID": "<a//b c%/>"})
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "x.eml").write_bytes(strange.as_bytes())
    [key] = walk(source(tmp_path / "odd"))[0]
    assert "//" not in key
    assert " " not in key


@pytest.mark.parametrize("cut", [1, 40])
def test_a_mailbox_that_is_cut_off_is_in_doubt(tmp_path: Path, cut: int) -> None:
    path = fill(tmp_path / "all.mbox", range(5))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"From ") - cut - 1])
    versions, doubt = walk(source(path))
    assert len(versions) >= 3
    assert "cut off" in doubt
    path.write_bytes(whole)
    assert walk(source(path))[1] == ""


def test_a_message_whose_parts_do_not_end_is_cut_off(tmp_path: Path) -> None:
    whole = message(1)
    whole.add_attachment(b"x" * 3000, "application", "octet-stream", filename="x.bin")
    raw = b"From x\n" + whole.as_bytes() + b"\n"
    path = tmp_path / "all.mbox"
    path.write_bytes(raw)
    assert walk(source(path))[1] == ""
    path.write_bytes(raw[: raw.rindex(b"\n", 0, -300) + 1])
    assert "cut off" in walk(source(path))[1]


def test_a_locked_mailbox_is_left_alone(tmp_path: Path) -> None:
    path = fill(tmp_path / "all.mbox", range(5))
    lock = path.with_name("all.mbox.lock")
    lock.touch()
    changes = list(source(tmp_path).changes(None))
    assert [each.reason for each in changes if isinstance(each, Failed)] == ["locked by another program"]
    assert isinstance(changes[-1], Checkpoint)
    assert changes[-1].doubt
    lock.unlink()
    # A lock of one's own process holds nobody off, so another one takes it.
    hold = f"import fcntl,sys\nf=open({str(path)!r},'r+b')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint('held',flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert [type(each) for each in source(tmp_path).changes(None)] == [Failed, Checkpoint]
        with pytest.raises(SourceError):
            source(tmp_path).fetch(ref("1@x.example"))
        other.communicate(b"")
    assert len(walk(source(tmp_path))[0]) == 5


def test_a_mailbox_that_changes_underneath_loses_nothing(tmp_path: Path) -> None:
    path = fill(tmp_path / "all.mbox", range(6))
    box = source(path)
    listing = box.changes(None)
    first = next(listing)
    assert isinstance(first, Upserted)
    fill(path, range(6, 8))
    rest = list(listing)
    assert isinstance(rest[-1], Checkpoint)
    assert "changed while it was read" in rest[-1].doubt
    walk(box)
    shutil.copy(fill(tmp_path / "other.mbox", range(3, 8)), path)  # compacted by a mail program
    assert b"message 7" in box.fetch(ref("7@x.example")).read(), "it is found at its new place"
    with pytest.raises(NotFound):
        box.fetch(ref("1@x.example"))


def test_access_is_decided_by_the_place(tmp_path: Path) -> None:
    fill(tmp_path / "Legal.mbox", range(2))
    fill(tmp_path / "Other.mbox", range(2, 3))
    legal, staff = Access(frozenset({"group:legal"})), Access(frozenset({"group:staff"}))
    box = source(tmp_path, access=staff, rules=(("Legal.mbox", legal),))
    assert box.access(ref("1@x.example")) == legal
    assert box.access(ref("2@x.example")) == staff
    assert "folder" in box.check()
    with pytest.raises(InvalidInput):
        source(tmp_path, options=(("what", "ever"),))


PIPERMAIL = """From jane at x.example  Mon Mar  4 09:12:01 2024
From: jane at x.example (Jane Doe)
Date: Mon, 4 Mar 2024 09:12:01 +0100
Subject: [Roofers] Slate or tile
Message-ID: <slate@x.example>

Which of the two lasts longer?
From here on it rains in.

From bo at x.example  Tue Mar  5 10:00:00 2024
From: bo at x.example (Bo Roe)
Date: Tue, 5 Mar 2024 10:00:00 +0100
Subject: [Roofers] Slate or tile
In-Reply-To: <slate@x.example>
References: <slate@x.example>
Message-ID: <tile@x.example>

Slate, write to me at bo at x.example.
-------------- next part --------------
A non-text attachment was scrubbed...
Name: slate.jpg

"""


def test_archives_of_pipermail_are_read_packed_or_not(tmp_path: Path) -> None:
    (tmp_path / "2024-March.txt").write_text(PIPERMAIL)
    packed = gzip.compress(PIPERMAIL.replace("slate@", "april@").replace("tile@", "may@").encode())
    (tmp_path / "2024-April.txt.gz").write_bytes(packed)
    (tmp_path / "notes.txt.gz").write_bytes(gzip.compress(b"No mail at all."))
    (tmp_path / "half.txt.gz").write_bytes(packed[: len(packed) // 2])
    connector = Mailbox(SourceConfig("list", str(tmp_path)))
    changes = list(connector.changes(None))
    refs = {each.ref.key: each.ref for each in changes if isinstance(each, Upserted)}
    assert set(refs) == {"slate@x.example", "tile@x.example", "april@x.example", "may@x.example"}
    [failed] = [each for each in changes if isinstance(each, Failed)]
    assert (failed.ref.key, failed.reason) == ("half.txt.gz", "ends too early, or is damaged")
    assert isinstance(changes[-1], Checkpoint)
    assert "half.txt.gz cannot be read" in changes[-1].doubt
    for key in ("may@x.example", "april@x.example", "tile@x.example"):
        body = connector.fetch(refs[key]).body
        assert isinstance(body, bytes)
        assert f"Message-ID: <{key}>".encode() in body
    connector.close()
    parsed = MailParser().parse(body, name="message.eml", media_type="message/rfc822")
    assert [(part.person.name, part.person.address) for part in parsed.contributions] == [
        ("Bo Roe", "bo@x.example")
    ]
    assert parsed.message
    assert parsed.message.references == ("slate@x.example",)
    assert "bo at x.example" in parsed.elements[0].text, "in a text it is left as it was written"


def test_a_packed_mailbox_that_unpacks_to_too_much_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacked, "MAX_UNPACKED", 1 << 20)
    (tmp_path / "bomb.txt.gz").write_bytes(gzip.compress(PIPERMAIL.encode() + b"x" * (2 << 20)))
    failed = [
        each
        for each in Mailbox(SourceConfig("list", str(tmp_path))).changes(None)
        if isinstance(each, Failed)
    ]
    assert [each.reason for each in failed] == ["unpacks to more than 1 mb"]
