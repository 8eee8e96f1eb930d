"""The connector `mattermost` on bulk exports: the contract, what becomes a document, and files that are broken."""

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Change, Checkpoint, SourceConfig, Upserted
from connectors.social.mattermost import Mattermost
from memory.domain import Access, Failed, SourceRef
from memory.errors import SourceError
from tests.connectors.synced import Synced

DAY = 1_709_283_600_000  # 2024-03-01T09:00:00Z
STAFF = Access(frozenset({"group:staff"}))


def user(name: str, channels: Iterable[str] = (), **more: Any) -> dict[str, Any]:
    teams = [{"name": "sales", "channels": [{"name": each} for each in channels]}]
    told = {"username": name, "email": f"{name}@x.example", "first_name": name.title(), "teams": teams}
    return {"type": "user", "user": told | more}


def channel(name: str, kind: str = "O") -> dict[str, Any]:
    told = {"team": "sales", "name": name, "display_name": name.title(), "type": kind}
    return {"type": "channel", "channel": told}


def post(text: str, by: str = "jane", at: int = 0, where: str = "offers", **more: Any) -> dict[str, Any]:
    told = {"team": "sales", "channel": where, "user": by, "message": text, "create_at": DAY + at}
    return {"type": "post", "post": told | more}


def reply(text: str, by: str = "bo", at: int = 1, **more: Any) -> dict[str, Any]:
    return {"user": by, "message": text, "create_at": DAY + at} | more


def write(path: Path, *lines: Any, files: dict[str, bytes] | None = None) -> Path:
    whole = [{"type": "version", "version": 1}, *lines]
    text = "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in whole)
    if path.suffix == ".jsonl":
        path.write_text(text)
        return path
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("import.jsonl", text)
        for name, data in (files or {}).items():
            packed.writestr(name, data)
    return path


class TestMattermostContract(Synced):
    """A document is a channel of that name with one thread in it."""

    connector_class = Mattermost
    tells_access = True
    has_folders = False
    walks_in_steps = False
    has_single_failures = False
    has_fingerprints = False

    @pytest.fixture
    def config(self, tmp_path: Path) -> SourceConfig:
        self.path, self.held, self.private = tmp_path / "export.zip", dict[str, bytes](), set[str]()
        self.write()
        return SourceConfig("mm", str(self.path))

    def write(self) -> None:
        said = [post(body.decode(), where=key, replies=[reply("Thanks")]) for key, body in self.held.items()]
        channels = [channel(key, "P" if key in self.private else "O") for key in self.held]
        write(self.path, *channels, user("jane"), user("bo"), *said)

    def restrict(self, key: str) -> None:
        self.private.add(key)
        self.write()

    def add(self, key: str, body: bytes) -> None:
        self.held[key] = body
        self.write()

    change = add

    def remove(self, key: str) -> None:
        del self.held[key]
        self.write()

    def key(self, name: str) -> str:
        return f"sales~{name}/{DAY}-jane"

    def expected(self, key: str, body: bytes) -> bytes:
        jane, bo = (
            {"name": name.title(), "address": f"{name}@x.example", "account": f"mm:{name}"}
            for name in ("jane", "bo")
        )
        posts = [
            {"id": f"{DAY}-jane", "at": "2024-03-01T09:00:00+00:00", "by": "jane", "text": body.decode()},
            {
                "id": f"{DAY + 1}-bo",
                "at": "2024-03-01T09:00:00.001000+00:00",
                "by": "bo",
                "text": "Thanks",
                "reply": True,
            },
        ]
        told = {
            "title": "",
            "place": f"~{key.title()}",
            "format": "markdown",
            "people": {"jane": jane, "bo": bo},
        }
        return json.dumps(told | {"names": {}, "posts": posts}, separators=(",", ":")).encode()

    def unreachable(self) -> None:
        self.path.rename(self.path.with_name("away"))


def changes(path: Path, **more: Any) -> tuple[Mattermost, list[Change]]:
    source = Mattermost(SourceConfig("mm", str(path), **more))
    return source, list(source.changes(None))


def told(source: Mattermost, key: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(source.fetch(SourceRef("mattermost", "mm", key)).read())
    return read


def test_threads_days_and_direct_messages(tmp_path: Path) -> None:
    direct = {"channel_members": ["jane", "bo"], "user": "bo", "message": "Psst", "create_at": DAY}
    path = write(
        tmp_path / "export.zip",
        channel("offers"),
        channel("board", "P"),
        user("jane", ["board", "offers"]),
        user("bo", ["board"], email=""),
        user("gone", ["board"], delete_at=DAY),
        {"type": "bot", "bot": {"username": "hal", "display_name": "Hal"}},
        post(
            "Which?", replies=[reply("This, @jane.", reactions=[{"user": "jane", "emoji_name": "tada"}] * 2)]
        ),
        post("Alone", at=5, edit_at=DAY + 60_000),
        post("Deleted", at=6, delete_at=DAY + 7),
        post("joined", at=7, type="system_join_channel"),
        post("Beep", "hal", at=8),
        post("Built", at=9, props={"from_webhook": "true", "override_username": "CI"}),
        post("Secret", where="board"),
        post("Unlisted", where="unknown"),
        {"type": "direct_post", "direct_post": direct},
        post(
            "File", at=86_400_000, attachments=[{"path": "20240301/f1/a.txt"}, {"path": "../../etc/passwd"}]
        ),
        files={"data/20240301/f1/a.txt": b"hi"},
    )
    source, found = changes(path, access=STAFF)
    keys = [each.ref.key for each in found if isinstance(each, Upserted)]
    assert keys == [
        f"sales~offers/{DAY}-jane",
        "sales~offers/2024-03-01",
        "sales~board/2024-03-01",
        "sales~unknown/2024-03-01",
        "direct~bo,jane/2024-03-01",
        "sales~offers/2024-03-02",
    ]
    access = {key: source.access(SourceRef("mattermost", "mm", key)).grant for key in keys}
    assert access["sales~offers/2024-03-01"] == STAFF.grant
    assert access["sales~board/2024-03-01"] == {"person:jane@x.example", "account:mm:bo"}
    assert access["direct~bo,jane/2024-03-01"] == {"person:jane@x.example", "account:mm:bo"}
    assert access["sales~unknown/2024-03-01"] == frozenset()
    answer = told(source, keys[0])["posts"][1]
    assert (answer["mentions"], answer["reactions"]) == (["jane"], [["tada", 2]])
    day = told(source, keys[1])["posts"]
    assert [(each["text"], each.get("bot", "")) for each in day] == [
        ("Alone", ""),
        ("Beep", "Hal"),
        ("Built", "CI"),
    ]
    assert day[0]["edited"] == "2024-03-01T09:01:00+00:00"
    assert told(source, keys[5])["posts"][0]["files"] == [
        {"name": "a.txt", "data": "aGk="},
        {"name": "passwd", "problem": "not in the export: make it with its attachments"},
    ]


@pytest.mark.parametrize("name", ["export.zip", "export.jsonl"])
def test_a_broken_line_is_one_failure_and_nothing_counts_as_gone(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path / name,
        channel("offers"),
        user("jane"),
        {"type": "user", "user": {"username": 7}},
        post("One"),
        '{"type": "post", "post": {',
        {"type": "post", "post": {"team": "sales", "channel": "offers", "user": "jane", "create_at": "soon"}},
        post("Two", at=1),
        '{"type": "post", "post"',
    )
    source, found = changes(path)
    failed = [each.ref.key.rpartition("#")[2] for each in found if isinstance(each, Failed)]
    assert failed == ["line 4", "line 6", "line 7", "line 9"]
    assert [each["text"] for each in told(source, "sales~offers/2024-03-01")["posts"]] == ["One", "Two"]
    last = found[-1]
    assert isinstance(last, Checkpoint)
    assert last.doubts is not None
    assert "no JSON" in last.doubts("sales~offers/2024-02-01") or "form" in last.doubts("x/y")


def test_what_is_no_export_says_so(tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text('{"type": "post"}\n')
    (tmp_path / "empty").mkdir()
    for name in ("other.jsonl", "empty"):
        with pytest.raises(SourceError) as raised:
            Mattermost(SourceConfig("mm", str(tmp_path / name))).check()
        assert raised.value.hint


def test_what_a_program_posts_twice_in_a_millisecond_is_there_twice_and_a_post_told_twice_once(
    tmp_path: Path,
) -> None:
    posts = [post("Alarm one", at=3), post("Alarm two", at=3)]
    path = write(tmp_path / "export.jsonl", channel("offers"), user("jane", ["offers"]), *posts, posts[0])
    source = Mattermost(SourceConfig("chat", str(path)))
    (document,) = [each.ref for each in source.changes(None) if isinstance(each, Upserted)]
    body = source.fetch(document).body
    assert isinstance(body, bytes)
    assert (body.count(b"Alarm one"), body.count(b"Alarm two")) == (1, 1)
