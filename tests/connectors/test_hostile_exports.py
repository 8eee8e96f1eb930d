"""Exports made to hurt: each ends as an error that says why or as a row of the ledger, soon, and this process grows by little."""

import gzip
import io
import os
import struct
import time
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Change, Checkpoint, SourceConfig, Upserted
from connectors.limited import asked
from connectors.registry import connected
from connectors.social.archive import open_archive
from memory.domain import Failed
from memory.errors import MnemeError
from tests.connectors.wiki_dumps import HEAD

MOST_MB, MOST_S = 100, 60.0
"""What this process may grow by, and how long it may take, beside other work."""

POST = b'{"type":"message","user":"U1","text":"Hello","ts":"1709283600.000100"}'
PEOPLE, CHANNELS = b'[{"id":"U1","name":"jane"}]', b'[{"id":"C1","name":"one"}]'
DAY = "one/2024-03-01.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it.

    :param said: the error, and the reasons of what failed.
    """

    keys: list[str]
    failed: list[str]
    said: str


def tried(kind: str, location: Path) -> Outcome:
    """Walk and fetch as the service does, under the eye of a clock and of the system."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before, began = memory_mb("VmRSS"), time.monotonic()
    told: list[Change] = []
    error = ""
    try:
        with connected(
            kind, SourceConfig("src", str(location), state=location.with_suffix(".state"))
        ) as made:
            source: Any = made
            for change in source.changes(None) if hasattr(source, "changes") else source.people().people:
                told.append(change)
                if isinstance(change, Upserted):
                    source.fetch(change.ref)
    except MnemeError as raised:
        error = raised.message if raised.hint else "it says not what to do"
    assert memory_mb("VmHWM") - before < MOST_MB
    assert time.monotonic() - began < MOST_S
    assert error or not told or isinstance(told[-1], Checkpoint) or kind == "people"
    failed = [each for each in told if isinstance(each, Failed)]
    return Outcome(
        [each.ref.key for each in told if isinstance(each, Upserted)],
        [each.ref.key for each in failed],
        "; ".join([error, *(each.reason for each in failed)]),
    )


def memory_mb(name: str) -> float:
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0]) / 1024


def slack(path: Path, *day: bytes, people: bytes = PEOPLE, channels: bytes = CHANNELS, **more: bytes) -> Path:
    """A workspace with one day in a channel, written in pieces."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("users.json", people)
        packed.writestr("channels.json", channels)
        with packed.open(DAY, "w") as member:
            for each in day:
                member.write(each)
        for name, data in more.items():
            packed.writestr(name, data)
    return path


def entities(path: Path, *pieces: bytes) -> Path:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("entities.xml", "w") as file,
    ):
        for each in pieces:
            file.write(each)
    return path


def packed_dump(path: Path, *pieces: bytes) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        for each in pieces:
            file.write(each)
    return path


def written(path: Path, *pieces: bytes) -> Path:
    with path.open("wb") as file:
        for each in pieces:
            file.write(each)
    return path


def overlapping(path: Path) -> Path:
    """A hundred days that are the same bytes of the zip, and each as large as one may be without being looked at."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("users.json", PEOPLE)
        packed.writestr("channels.json", CHANNELS)
        for day in range(1, 29):
            packed.writestr(f"one/2024-02-{day:02}.json", b"[" + b" " * 9_000_000)
    raw = bytearray(made.getvalue())
    entries = [
        at for at in range(len(raw)) if raw[at : at + 4] == b"PK\1\2" and b"2024-02" in raw[at + 46 : at + 66]
    ]
    for at in entries[1:]:
        raw[at + 42 : at + 46] = raw[entries[0] + 42 : entries[0] + 46]
    path.write_bytes(raw)
    return path


def lying(path: Path) -> Path:
    """A day that says to be of 50 bytes, and is not."""
    raw = bytearray(slack(path, b"[", POST, b"]").read_bytes())
    at = raw.rindex(b"PK\1\2")
    raw[at + 24 : at + 28] = struct.pack("<I", 50)
    path.write_bytes(raw)
    return path


def totalling(path: Path) -> Path:
    """Days that are harmless one by one."""
    spaces = b" " * 9_000_000
    more = {f"one/2024-02-{day:02}.json": spaces for day in range(1, 29)}
    return slack(path, b"[", POST, b"]", **more)


MEGA = b"a" * 1_000_000
DOCTYPE = b'<?xml version="1.0"?><!DOCTYPE %s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><%s>&b;</%s>'
ATTACKS: dict[str, tuple[str, str, Callable[[Path], Path], str]] = {
    "a million brackets": ("slack", ".zip", lambda path: slack(path, b"[" * 1_000_000), "broken or cut off"),
    "a million objects": ("slack", ".zip", lambda path: slack(path, b"[", b'{"a":' * 1_000_000), "broken or cut off"),
    "an endless text": ("slack", ".zip", lambda path: slack(path, b"[", b'{"ts":"', *[os.urandom(1 << 19).hex().encode()] * 40), "broken or cut off"),
    "a number without end": ("slack", ".zip", lambda path: slack(path, b"[{\"ts\":", b"1" * 9_999_999, b"}]"), "broken or cut off"),
    "millions of lists in one": ("slack", ".zip", lambda path: slack(path, b"[[", b"[]," * 4_000_000, b"[]]]"), "not the form of one"),
    "a list of people that is none": ("slack", ".zip", lambda path: slack(path, b"[]", people=b"{" * 99_999), "users.json is no list"),
    "files that overlap": ("slack", ".zip", overlapping, "differ"),
    "a size that is a lie": ("slack", ".zip", lying, "damaged in the zip"),
    "small bombs": ("slack", ".zip", totalling, "the whole zip unpacks to more than 200 times its size"),
    "entities in an export": ("confluence_export", ".zip", lambda path: entities(path, DOCTYPE % ((b"hibernate-generic",) * 3)), "no export of a Confluence"),
    "an encoding of no name": ("confluence_export", ".zip", lambda path: entities(path, b'<?xml version="1.0" encoding="x-y"?><hibernate-generic/>'), "no export of a Confluence"),
    "deep elements": ("confluence_export", ".zip", lambda path: entities(path, b"<hibernate-generic>", b"<object>" * 1_000_000), "broken or breaks off"),
    "an id of nobody": ("confluence_export", ".zip", lambda path: entities(path, b'<hibernate-generic><object class="Page"><id>../x&#x202e;</id></object></hibernate-generic>'), "its id is none"),
    "entities in a dump": ("mediawiki_dump", ".xml", lambda path: written(path, DOCTYPE % ((b"mediawiki",) * 3)), "declares a document type"),
    "deep elements in a dump": ("mediawiki_dump", ".xml", lambda path: written(path, b"<mediawiki>", b"<a>" * 1_000_000), "no dump"),
    "a title without end": ("mediawiki_dump", ".xml", lambda path: packed_dump(path, HEAD.encode(), b"<page><title>", *[MEGA] * 300), "too long to be one"),
    "an encoding of no name in a dump": ("mediawiki_dump", ".xml", lambda path: written(path, b'<?xml version="1.0" encoding="x-y"?><mediawiki/>'), "broken or breaks off"),
    "a line without end": ("mattermost", ".jsonl", lambda path: written(path, b'{"type":"version","version":1}\n', *[MEGA] * 200), "a line is too long"),
    "deep lines": ("mattermost", ".jsonl", lambda path: written(path, b'{"type":"version"}\n', b"[" * 5_000_000), "a line is no JSON"),
    "a cell without end": ("yammer", ".zip", lambda path: zipped(path, "Messages.csv", b'id,body\n1,"', *[os.urandom(1 << 19).hex().encode()] * 20), "not readable as a table"),
    "a header that is searched again and again": ("mailbox", ".mbox", lambda path: written(path, b"From jane Mon\nMessage-ID: <1@x>\nFrom: a@x\n", b"content-type: multipart/\n" * 100_000, b"\nHello\n"), ""),
    "quotations without end": ("mailbox", ".mbox", lambda path: written(path, b"From jane Mon\nMessage-ID: <1@x>\nFrom: a@x\n\n", b">" * 9_000_000), ""),
    "a cell of people without end": ("people", ".csv", lambda path: written(path, b'name,address\n"', *[MEGA] * 20), "field limit"),
    "cards in cards": ("people", ".vcf", lambda path: written(path, b"BEGIN:VCARD\n" * 100_000), "no vCard"),
}  # fmt: skip


def zipped(path: Path, name: str, *pieces: bytes) -> Path:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open(name, "w") as file,
    ):
        for each in pieces:
            file.write(each)
    return path


@pytest.mark.parametrize("name", ATTACKS)
def test_it_ends_soon_and_says_why(name: str, tmp_path: Path) -> None:
    kind, ending, build, says = ATTACKS[name]
    outcome = tried(kind, build(tmp_path / f"export{ending}"))
    assert says in outcome.said, ascii(outcome)
    assert "not what to do" not in outcome.said
    assert outcome.said.strip("; ") or outcome.keys, "not a silent gap"


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        (
            "people",
            "a.vcf",
            b"BEGIN:VCARD\nFN" + b";a" * 50_000 + b"\nEND:VCARD\n",
        ),  # vobject's search of parameters
        (
            "mediawiki_dump",
            "a.xml",
            b'<mediawiki x="' + b"a" * 300_000_000,
        ),  # expat looks at it from its start with each piece
    ],
)
def test_a_library_that_runs_on_is_ended(
    kind: str, name: str, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "SECONDS", 2.0)
    monkeypatch.setattr(asked, "SECONDS_PER_MB", 0.0)
    assert "it takes too long" in tried(kind, written(tmp_path / name, data)).said


def test_a_message_that_memory_does_not_hold_costs_its_mailbox_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "MEMORY", 200 << 20)
    folder = tmp_path / "mail"
    folder.mkdir()
    for name in ("a.mbox", "b.mbox"):
        head = f"From jane Mon\nMessage-ID: <{name}@x>\nFrom: a@x\n\n".encode()
        written(folder / name, head, *[MEGA] * (150 if name == "a.mbox" else 1))
    outcome = tried("mailbox", folder)
    assert (outcome.keys, outcome.failed) == (["b.mbox@x"], ["a.mbox"])
    assert "larger than memory is given for" in outcome.said


def test_names_are_no_paths_and_no_two_are_one(tmp_path: Path) -> None:
    """Names that lead elsewhere are none; those that differ by case, or by how an accent is written, are two."""
    accents = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    names = ["Legal", "legal", *accents]
    told = ",".join(f'{{"id":"C{at}","name":"{name}"}}' for at, name in enumerate(names)).encode()
    days = {f"{name}/2024-03-01.json": b"[" + POST + b"]" for name in names}
    out = {
        f"{name}/2024-03-02.json": b"[" + POST + b"]"
        for name in ("..", "/etc", "legal/..", "C:", "a\\b", "legal/\x1b[2J")
    }
    outcome = tried("slack", slack(tmp_path / "a.zip", b"[]", channels=b"[" + told + b"]", **days, **out))
    assert sorted(outcome.keys) == [f"C{at}/2024-03-01" for at in range(4)]
    assert outcome.failed == []


def test_what_is_unpacked_leads_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    (folder / "one").mkdir(parents=True)
    (tmp_path / "secret.json").write_bytes(b"[" + POST + b"]")
    (folder / "users.json").write_bytes(PEOPLE)
    (folder / "channels.json").write_bytes(CHANNELS)
    (folder / "one" / "2024-03-01.json").symlink_to(tmp_path / "secret.json")
    (folder / "two").symlink_to("/", target_is_directory=True)
    os.mkfifo(folder / "one" / "2024-03-02.json")
    assert tried("slack", folder) == Outcome([], [], "")


def test_a_file_that_becomes_a_link_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "a.json").write_bytes(b"[]")
    (tmp_path / "secret.json").write_bytes(b"[1]")
    archive = open_archive(str(folder))
    (folder / "a.json").unlink()
    (folder / "a.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(OSError, match="symbolic links"):
        archive.open("a.json")
    (tmp_path / "export.jsonl").symlink_to(tmp_path / "secret.json")
    alone = open_archive(str(tmp_path / "export.jsonl"))
    with alone.open("export.jsonl") as file:  # what somebody names is theirs to link
        assert file.read() == b"[1]"


def test_names_and_ids_that_nothing_can_keep_are_written_otherwise(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / os.fsdecode(b"broken\xff\x85.json")).write_bytes(b"[{")
    told = b'[{"id":"1","messageType":"message","body":{"content":"hi"},"createdDateTime":"2024-03-01T09:00:00Z","chatId":"\\u0000\\ud800"}]'
    (folder / "a.json").write_bytes(told)
    outcome = tried("teams", folder)
    assert outcome.keys == ["%00%ED%A0%80/2024-03-01"]
    assert outcome.failed == ["broken%FF%85.json"]
