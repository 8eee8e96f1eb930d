"""The connector `yammer` on network exports: the contract, who may see what, and exports beside each other."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Change, SourceConfig, Upserted
from connectors.social.yammer import Yammer
from memory.domain import Access, Failed, SourceRef
from memory.errors import SourceError
from tests.connectors.synced import Synced

STAFF = Access(frozenset({"group:staff"}))
COLUMNS = [
    "id",
    "replied_to_id",
    "parent_id",
    "thread_id",
    "conversation_id",
    "group_id",
    "group_name",
    "participants",
    "in_private_group",
    "in_private_conversation",
    "sender_id",
    "sender_type",
    "sender_name",
    "sender_email",
    "body",
    "api_url",
    "attachments",
    "deleted_by_id",
    "deleted_by_type",
    "created_at",
    "deleted_at",
    "title",
]
USERS = [
    {"id": "1", "name": "Jane Doe", "email": "Jane@x.example"},
    {"id": "2", "name": "Bo Chan", "email": ""},
]


def message(identity: str, thread: str, body: str, by: str = "1", **more: str) -> dict[str, str]:
    told = {
        "id": identity,
        "thread_id": thread,
        "sender_id": by,
        "sender_type": "User",
        "sender_name": "shown",
        "body": body,
        "created_at": "2024-03-01T09:00:00Z",
        "group_name": "Offers",
        "group_id": "10",
        "in_private_group": "false",
        "in_private_conversation": "false",
    }
    return dict.fromkeys(COLUMNS, "") | told | more


def table(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def files(*messages: dict[str, str], **more: list[dict[str, str]]) -> dict[str, bytes]:
    made = {"Messages.csv": table(list(messages)), "Users.csv": table(USERS)}
    return made | {f"{name.title()}.csv": table(rows) for name, rows in more.items()}


def write(path: Path, held: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in held.items():
            packed.writestr(name, data)
    return path


class TestYammerContract(Synced):
    """A document is a group of that name with a thread of that id in it."""

    connector_class = Yammer
    tells_access = True
    has_folders = False
    walks_in_steps = False
    has_single_failures = False
    has_fingerprints = False

    @pytest.fixture
    def config(self, tmp_path: Path) -> SourceConfig:
        self.path, self.held, self.private = tmp_path / "export.zip", dict[str, bytes](), set[str]()
        self.write()
        return SourceConfig("net", str(self.path))

    def write(self) -> None:
        said = [
            message(
                key,
                key,
                body.decode(),
                group_name=key,
                group_id=key,
                in_private_group=str(key in self.private).lower(),
            )
            for key, body in self.held.items()
        ]
        write(self.path, files(*said))

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
        return f"threads/{name}"

    def expected(self, key: str, body: bytes) -> bytes:
        people = {"1": {"name": "Jane Doe", "address": "jane@x.example", "account": "net:1"}}
        said = {"id": key, "at": "2024-03-01T09:00:00+00:00", "by": "1", "text": body.decode()}
        told = {"title": "", "place": key, "format": "yammer", "people": people, "names": {}, "posts": [said]}
        return json.dumps(told, separators=(",", ":")).encode()

    def unreachable(self) -> None:
        self.path.rename(self.path.with_name("away"))


def changes(path: Path, **more: Any) -> tuple[Yammer, list[Change]]:
    source = Yammer(SourceConfig("net", str(path), **more))
    return source, list(source.changes(None))


def told(source: Yammer, key: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(source.fetch(SourceRef("yammer", "net", key)).read())
    return read


def test_threads_people_topics_and_files(tmp_path: Path) -> None:
    said = [
        message("100", "100", "Which, [[user:2]]?\n\n[[tag:5]]", title="Offers"),
        message("101", "100", "This", "2", attachments="uploadedfile:[7 : offer.txt], uploadedfile:[8]"),
        message("102", "100", "Gone", deleted_at="2024-03-02T00:00:00Z", deleted_by_id="1"),
        message("103", "103", "Beep", "9", sender_type="Bot", sender_name="Robot"),
        message("104", "104", "Stranger", "77", sender_name="Ann Other", sender_email="ann@y.example"),
    ]
    held = files(
        *said,
        topics=[{"id": "5", "name": "Pricing"}],
        files=[{"file_id": "7", "name": "offer.txt", "path": "Files/7.txt"}],
    )
    source, found = changes(write(tmp_path / "export.zip", held | {"Files/7.txt": b"hi"}))
    keys = [each.ref.key for each in found if isinstance(each, Upserted)]
    assert keys == ["threads/100", "threads/103", "threads/104"]
    thread = told(source, "threads/100")
    assert (thread["title"], thread["place"]) == ("Offers", "Offers")
    assert [each["text"] for each in thread["posts"]] == ["Which, [[user:2]]?\n\n#Pricing", "This"]
    assert thread["posts"][0]["mentions"] == ["2"]
    assert thread["people"]["2"] == {"name": "Bo Chan", "account": "net:2"}
    assert thread["posts"][1]["files"] == [
        {"name": "offer.txt", "data": "aGk="},
        {"name": "file 8", "problem": "not in the export: make it with its files"},
    ]
    assert told(source, "threads/103")["posts"][0]["bot"] == "Robot"
    assert told(source, "threads/104")["people"]["77"]["address"] == "ann@y.example"


def test_private_groups_need_a_rule_and_private_messages_are_for_those_in_them(tmp_path: Path) -> None:
    said = [
        message("100", "100", "Open"),
        message("200", "200", "Secret", group_name="Board", group_id="20", in_private_group="true"),
        message("300", "300", "Made private since", group_name="Later", group_id="30"),
        message("400", "400", "Psst", "2", in_private_conversation="true", participants="user:1,user:2"),
        message("401", "400", "Yes", "1", in_private_conversation="true", participants=""),
    ]
    path = write(
        tmp_path / "export.zip", files(*said, groups=[{"id": "30", "name": "Later", "private": "true"}])
    )
    board = Access(frozenset({"group:board"}))
    source, _ = changes(path, access=STAFF, rules=(("Board/**", board),))
    access = {
        number: source.access(SourceRef("yammer", "net", f"threads/{number}")).grant
        for number in (100, 200, 300, 400)
    }
    assert access == {
        100: STAFF.grant,
        200: board.grant,
        300: frozenset(),
        400: {"person:jane@x.example", "account:net:2"},
    }
    opened, _ = changes(path, access=STAFF, rules=(("direct/**", STAFF),))
    assert opened.access(SourceRef("yammer", "net", "threads/400")).grant == access[400]


def test_exports_beside_each_other_are_one(tmp_path: Path) -> None:
    days = {
        "march": files(message("100", "100", "Which?"), message("300", "300", "Old")),
        "april": files(message("101", "100", "This", "2"), message("300", "300", "New")),
        "may": files(message("102", "100", "That"), message("101", "100", "This", deleted_at="2024-05-01")),
    }
    for number, (day, held) in enumerate(days.items()):
        (tmp_path / f"{number}-{day}").mkdir()
        for name, data in held.items():
            (tmp_path / f"{number}-{day}" / name).write_bytes(data)
    source, found = changes(tmp_path)
    assert [each.ref.key for each in found if isinstance(each, Upserted)] == ["threads/100", "threads/300"]
    assert [each["text"] for each in told(source, "threads/100")["posts"]] == ["Which?", "That"]
    assert [each["text"] for each in told(source, "threads/300")["posts"]] == ["New"]


def test_rows_that_are_broken_are_failures_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad = [message("", "", "No id"), message("2", "2", "When?", created_at="soon")]
    held = files(message("1", "1", "Hel\0lo"), *bad, message("3", "3", "Two\nlines"))
    held["Messages.csv"] += b"4,too,few\r\n"
    source, found = changes(write(tmp_path / "export.zip", held))
    assert [each.ref.key for each in found if isinstance(each, Failed)] == [
        f"Messages.csv#line {line}" for line in (3, 4, 7)
    ]
    assert [told(source, f"threads/{n}")["posts"][0]["text"] for n in (1, 3)] == ["Hello", "Two\nlines"]


def test_what_is_no_export_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        Yammer(SourceConfig("net", str(tmp_path))).check()
    assert raised.value.hint
