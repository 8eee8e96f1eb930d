"""Exports as nobody writes them: every reader of ours tells what is left of a damaged one, or says why it cannot.

What is damaged is a valid export: bytes of a file of it, values in its JSON, or bytes of the zip that holds them.
"""

import io
import json
import random
import re
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import Checkpoint, Closes, SourceConfig, Upserted
from connectors.limited.shapes import change_to_json, changes_from_json, content_from_json, content_to_json
from connectors.limited.wire import packed
from connectors.registry import class_of
from ingest.parsers.registry import read
from memory.domain import Access, Failed, SourceRef
from memory.errors import NotFound, ParseError, SourceError
from memory.media_types import THREAD
from tests.connectors import confluence_export, test_mattermost, test_teams, test_yammer
from tests.connectors.confluence import FakeConfluence
from tests.connectors.test_people_file import CARDS, TABLE
from tests.connectors.wiki_dumps import Paged, dump
from tests.ingest.test_fuzz import damaged, mail
from tests.social import BO, SlackExport, post, thread

EXAMPLES = 60
"""For each kind; `bench/fuzz.py` tries thousands."""
LONGEST_S = 20.0
UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_VALUES: list[Any] = [
    None, True, 0, -1, 10**18, 10**300, 1.5, float("nan"), "", "\0", "\ud800", "\u202e", "a" * 5_000, "../../etc/passwd", "/", ".", "..", "a/b", "%2F", "a,b!=c d", "é", "e\u0301",
    [], {}, [[]], {"id": []}, [None], "9999999999999", "1e999", "\n", "-", "0.000001",
]  # fmt: skip

Files = dict[str, bytes]


def slack() -> Files:
    made = SlackExport(Path("unused"))
    file = {"id": "F1", "name": "a.txt", "mimetype": "text/plain"}
    edited = {
        "edited": {"ts": "1709283900.000100"},
        "reactions": [{"name": "+1", "count": 2, "users": ["U0JANE"]}],
    }
    made.channel(
        "offers",
        *thread(post("Three <@U0BO> months", **edited), post("Yes", BO, minute=1, files=[file])),
        post("Hm", day=2),
    )
    made.channel("board", post("Secret", BO), kind="groups", members=["U0BO"])
    made.files["__uploads/F1/a.txt"] = b"hi"
    return made._files()


def mattermost() -> Files:
    hooked = {
        "props": {"from_webhook": "true"},
        "reactions": [{"user": "bo", "emoji_name": "x"}],
        "attachments": [{"path": "a.txt"}],
    }
    said = [
        test_mattermost.post("Three @bo months", replies=[test_mattermost.reply("Yes")], **hooked),
        test_mattermost.post("Hm", at=5, edit_at=9),
    ]
    lines = [
        {"type": "version", "version": 1},
        test_mattermost.channel("offers", "P"),
        test_mattermost.user("jane", ["offers"]),
        test_mattermost.user("bo"),
        *said,
    ]
    direct = {
        "type": "direct_post",
        "direct_post": {"channel_members": ["jane", "bo"], "user": "bo", "message": "Psst", "create_at": 1},
    }
    return {
        "import.jsonl": b"".join(json.dumps(each).encode() + b"\n" for each in [*lines, direct]),
        "data/a.txt": b"hi",
    }


def teams() -> Files:
    more = {
        "mentions": [{"mentioned": {"user": {"id": test_teams.BO}}}],
        "reactions": [{"reactionType": "like"}],
        "subject": "Notice",
    }
    more |= {"attachments": [{"id": "1" * 30, "contentType": "reference", "name": "a.txt"}]}
    said = [
        test_teams.message(1, "Three months", replies=[test_teams.message(2, "Yes", test_teams.BO)], **more),
        test_teams.message(3, "Psst", chatId="19:chat"),
    ]
    chat = {
        "id": "19:chat",
        "chatType": "group",
        "topic": "Roof",
        "members": [test_teams.member(test_teams.JANE, "Jane")],
    }
    told = [
        test_teams.TEAM,
        *test_teams.PEOPLE,
        test_teams.channel("offers", "private", members=chat["members"]),
        chat,
        *said,
    ]
    return {
        "all.json": json.dumps({"value": told}).encode(),
        f"{'1' * 30}/a.txt": b"hi",
        "b.jsonl": json.dumps(test_teams.message(9, "Hm")).encode(),
    }


def yammer() -> Files:
    said = [
        test_yammer.message("1", "1", "Three [[user:2]] months"),
        test_yammer.message("2", "1", "Yes", "2", attachments="uploaded_file:[7]"),
    ]
    return test_yammer.files(
        *said,
        groups=[{"id": "10", "name": "Offers", "private": "true"}],
        files=[{"id": "7", "file_id": "7", "name": "a.txt", "path": "files/a.txt"}],
    )


def confluence() -> Files:
    wiki = FakeConfluence()
    wiki.spaces["DOC"] = ["anonymous"]
    page = wiki.add("Notice", "<p>Three months</p>", users=["u1"])
    wiki.add("Terms", "<p>None</p>", parent=page.id)
    return {"entities.xml": confluence_export.text(wiki).encode()}


def wiki() -> Files:
    pages = [
        Paged(1, "Notice", (("Jane Doe", "A draft."), ("Bo Chan", "Three months.")), 1),
        Paged(2, "Talk", (("", "Hm"),), 5, redirect=True),
    ]
    return {"wiki.xml": "".join(dump(pages)).encode()}


def mailbox() -> Files:
    return {
        "all.mbox": b"From jane Mon Mar  3 09:30:00 2025\n"
        + mail()
        + b"\n\nFrom bo Mon Mar  3 09:30:00 2025\n"
        + mail(),
        "b.eml": mail(),
    }


KINDS: dict[str, Callable[[], Files]] = {
    "slack": slack, "mattermost": mattermost, "teams": teams, "yammer": yammer, "confluence_export": confluence, "mediawiki_dump": wiki, "mailbox": mailbox,
}  # fmt: skip
ZIPPED = ("slack", "mattermost", "teams", "yammer", "confluence_export")


def harmed(files: Files, dice: random.Random) -> Files:
    """The export after an accident in one of its files."""
    name = dice.choice(sorted(files))
    if name.endswith((".json", ".jsonl")) and dice.random() < 0.7:
        lines = files[name].splitlines() if name.endswith(".jsonl") else [files[name]]
        at = dice.randrange(len(lines))
        value = json.loads(lines[at])
        for _ in range(dice.randint(1, 3)):
            value = changed(value, dice)
        lines[at] = json.dumps(value).encode()
        return files | {name: b"\n".join(lines)}
    return files | {name: damaged(files[name], dice)}


def changed(value: Any, dice: random.Random) -> Any:
    """JSON with one value of it, or the name of one, replaced."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        name = dice.choice(list(value))
        if dice.random() < 0.1:
            return {
                dice.choice(["id", "\0", "ts", name + "x"]) if key == name else key: each
                for key, each in value.items()
            }
        return value | {name: changed(value[name], dice)}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        return [
            *value[:at],
            changed(value[at], dice),
            *value[at + 1 :],
            *(value[at:] if dice.random() < 0.1 else []),
        ]
    return dice.choice(_VALUES)


def placed(kind: str, files: Files, folder: Path, dice: random.Random) -> Path:
    """Write it as a zip, whose own bytes may be damaged, or as files."""
    if kind == "mediawiki_dump":
        (folder / "wiki.xml").write_bytes(files["wiki.xml"])
        return folder / "wiki.xml"
    if kind in ZIPPED and dice.random() < 0.5:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, data in files.items():
                zipped.writestr(name, data)
        raw = damaged(made.getvalue(), dice) if dice.random() < 0.5 else made.getvalue()
        (folder / "export.zip").write_bytes(raw)
        return folder / "export.zip"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def attempt(kind: str, location: Path, state: Path) -> int:
    """Walk, fetch and read what is told, and send all of it as a limited process does; says how many documents there were."""
    made: Any = class_of(kind)(
        SourceConfig("src", str(location), access=Access(frozenset({"public"})), state=state)
    )
    began = time.process_time()
    seen: set[str] = set()
    try:
        for change in made.changes(None):
            [sent] = changes_from_json(packed([change_to_json(change)]), kind, "src", lambda _key: "")
            assert isinstance(change, Checkpoint) or sent == change or isinstance(change, Failed)
            if isinstance(change, Checkpoint):
                break
            key = change.ref.key  # type: ignore[union-attr]
            key.encode()
            assert not UNSHOWABLE.search(key), ascii(key)
            assert len(key) < 2_000
            if isinstance(change, Upserted):
                assert key not in seen
                seen.add(key)
        else:
            raise AssertionError("no checkpoint")
        for key in seen:
            opened(made, kind, key)
    except SourceError:
        return 0
    finally:
        if isinstance(made, Closes):
            made.close()
        assert time.process_time() - began < LONGEST_S
    return len(seen)


def attempt_damaged(kind: str, files: Files, dice: random.Random) -> int:
    """The same of an export after an accident."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "in").mkdir()
        location = placed(kind, harmed(files, dice), Path(place) / "in", dice)
        return attempt(kind, location, Path(place) / "state")


def opened(made: Any, kind: str, key: str) -> None:
    """Fetch and read one document, whose row of the ledger must be written whatever comes of it."""
    ref = SourceRef(kind, "src", key)
    made.access(ref)
    try:
        content = made.fetch(ref)
    except NotFound:
        raise AssertionError(f"{key!a} was listed and is not there") from None
    except SourceError:
        return
    body = content.read()
    there = content_from_json(json.loads(packed(content_to_json(content))), ref, body)
    assert there == content or there.body == body
    if content.media_type == THREAD:
        with suppress(ParseError):
            read(body, name=content.name, media_type=THREAD)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_what_is_left_of_an_export_is_told_or_refused(kind: str, seed: int) -> None:
    attempt_damaged(kind, KINDS[kind](), random.Random(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_damaged_was_an_export(kind: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert (
        attempt(kind, placed(kind, KINDS[kind](), tmp_path / "in", random.Random(2)), tmp_path / "state") > 0
    )


@pytest.mark.parametrize(("name", "text"), [("a.csv", TABLE), ("a.vcf", CARDS)])
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_what_is_left_of_people_is_told_or_refused(name: str, text: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, name)
        path.write_bytes(damaged(text.encode(), random.Random(seed)))
        made: Any = class_of("people")(SourceConfig("src", str(path)))
        with suppress(SourceError):
            assert all(each.id for each in made.people().people)
