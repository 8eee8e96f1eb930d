"""The connector `teams` on what Microsoft Graph answers: the contract, who may see what, and pages that are broken."""

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Change, SourceConfig, Upserted
from connectors.social.teams import Teams
from memory.domain import Access, Failed, SourceRef
from memory.errors import SourceError
from tests.connectors.synced import Synced

JANE, BO = "11111111-aaaa", "22222222-bbbb"
STAFF = Access(frozenset({"group:staff"}))
TEAM = {"id": "t1", "displayName": "Sales", "visibility": "public", "isArchived": False}


def person(identity: str, name: str, mail: str) -> dict[str, Any]:
    return {"id": identity, "displayName": name, "mail": mail, "userPrincipalName": f"{name}@corp.example"}


PEOPLE = [person(JANE, "Jane Doe", "Jane@x.example"), person(BO, "Bo Chan", "bo@x.example")]


def channel(name: str, kind: str = "standard", **more: Any) -> dict[str, Any]:
    return {"id": f"19:{name}", "displayName": name, "membershipType": kind} | more


def member(identity: str, name: str, mail: str | None = None) -> dict[str, Any]:
    return {"roles": [], "userId": identity, "displayName": name, "email": mail}


def message(number: int, text: str, by: str = JANE, where: str = "offers", **more: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "messageType": "message",
        "createdDateTime": f"2024-03-01T09:{number % 60:02}:00.5Z",
        "deletedDateTime": None,
        "lastEditedDateTime": None,
        "replyToId": None,
        "from": {"application": None, "user": {"id": by, "displayName": "shown"}},
        "body": {"contentType": "html", "content": f"<p>{text}</p>"},
        "chatId": None,
        "channelIdentity": {"teamId": "t1", "channelId": f"19:{where}"},
    } | more


class TestTeamsContract(Synced):
    """A document is a channel of that name with one thread in it."""

    connector_class = Teams
    tells_access = True
    has_folders = False
    walks_in_steps = False
    has_single_failures = False
    has_fingerprints = False

    @pytest.fixture
    def config(self, tmp_path: Path) -> SourceConfig:
        self.path, self.held, self.private = tmp_path / "export", dict[str, bytes](), set[str]()
        self.path.mkdir()
        self.write()
        return SourceConfig("corp", str(self.path))

    def write(self) -> None:
        said = [message(1, body.decode(), where=key) for key, body in self.held.items()]
        (self.path / "all.json").write_text(json.dumps([TEAM, *PEOPLE, *map(self.channel, self.held), *said]))

    def channel(self, key: str) -> dict[str, Any]:
        return channel(key, "private" if key in self.private else "standard")

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
        return f"19:{name}/1"

    def expected(self, key: str, body: bytes) -> bytes:
        people = {JANE: {"name": "Jane Doe", "address": "jane@x.example", "account": f"corp:{JANE}"}}
        said = {
            "id": "1",
            "at": "2024-03-01T09:01:00.500000+00:00",
            "by": JANE,
            "text": f"<p>{body.decode()}</p>",
        }
        told = {"title": "", "place": f"Sales / {key}", "format": "html", "people": people, "names": {}}
        return json.dumps(told | {"posts": [said]}, separators=(",", ":")).encode()

    def unreachable(self) -> None:
        self.path.rename(self.path.with_name("away"))


def changes(folder: Path, **more: Any) -> tuple[Teams, list[Change]]:
    source = Teams(SourceConfig("corp", str(folder), **more))
    return source, list(source.changes(None))


def told(source: Teams, key: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(source.fetch(SourceRef("teams", "corp", key)).read())
    return read


def test_pages_lines_and_single_objects_make_threads_and_days(tmp_path: Path) -> None:
    mention = [{"id": 0, "mentionText": "Bo", "mentioned": {"user": {"id": BO, "displayName": "Bo"}}}]
    gone = {"deletedDateTime": "2024-03-02T00:00:00Z", "body": {"contentType": "html", "content": ""}}
    files = [
        {"id": "0123456789abcdef0123456789", "contentType": "reference", "name": "offer.txt"},
        {"id": "1", "contentType": "reference", "name": "gone.txt"},
        {"id": "2", "contentType": "messageReference"},
    ]
    root = message(
        1,
        "Which offer?",
        subject="The offer",
        mentions=mention,
        attachments=files,
        webUrl="https://teams.example/1",
        reactions=[{"reactionType": "👍"}, {"reactionType": "👍"}],
        replies=[message(2, "This", BO, replyToId="1", lastEditedDateTime="2024-03-01T10:00:00Z")],
    )
    robot = {"user": None, "application": {"displayName": "Robot"}}
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "page1.json").write_text(json.dumps({"@odata.context": "x", "value": [root]}))
    later = [
        message(3, "Later", BO, replyToId="1"),
        message(4, "Deleted", replyToId="1", **gone),
        message(5, "joined", messageType="systemEventMessage"),
        message(6, "Beep", **{"from": robot}),
        message(7, "a < b", body={"contentType": "text", "content": "a < b\nc"}),
        message(8, "Hi", chatId="19:chat", channelIdentity=None),
        message(9, "Secret", where="board"),
    ]
    (tmp_path / "messages" / "rest.jsonl").write_text("".join(json.dumps(each) + "\n" for each in later))
    chat = {"id": "19:chat", "chatType": "oneOnOne", "topic": None}
    chat["members"] = [member(JANE, "Jane Doe"), member("3", "Eve", "eve@x.example")]
    board = channel("board", "private", members=[member(BO, "Bo Chan")])
    for name, item in {"team": TEAM, "chat": chat, "board": board, "offers": channel("offers")}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(item))
    (tmp_path / "users.json").write_text(json.dumps({"value": PEOPLE}))
    (tmp_path / "files" / "0123456789abcdef0123456789").mkdir(parents=True)
    (tmp_path / "files" / "0123456789abcdef0123456789" / "offer.txt").write_bytes(b"hi")
    source, found = changes(tmp_path, access=STAFF)
    keys = [each.ref.key for each in found if isinstance(each, Upserted)]
    assert sorted(keys) == ["19:board/9", "19:chat/2024-03-01", "19:offers/1", "19:offers/6", "19:offers/7"]
    thread = told(source, "19:offers/1")
    assert [(each["text"], each.get("reply", False)) for each in thread["posts"]] == [
        ("<p>Which offer?</p>", False),
        ("<p>This</p>", True),
        ("<p>Later</p>", True),
    ]
    assert thread["title"] == "The offer"
    first, answer = thread["posts"][:2]
    assert (first["mentions"], first["reactions"]) == ([BO], [["👍", 2]])
    assert first["files"] == [
        {"name": "offer.txt", "data": "aGk="},
        {"name": "gone.txt", "problem": "not in the export: it lies in SharePoint"},
    ]
    assert answer["edited"] == "2024-03-01T10:00:00+00:00"
    assert thread["people"][BO] == {"name": "Bo Chan", "address": "bo@x.example", "account": f"corp:{BO}"}
    assert told(source, "19:offers/6")["posts"][0]["bot"] == "Robot"
    assert told(source, "19:offers/7")["posts"][0]["text"] == "<p>a &lt; b<br>c</p>"
    access = {key: source.access(SourceRef("teams", "corp", key)).grant for key in keys}
    assert access["19:offers/1"] == STAFF.grant
    assert access["19:board/9"] == {"person:bo@x.example"}
    assert access["19:chat/2024-03-01"] == {"person:jane@x.example", "person:eve@x.example"}


@pytest.mark.parametrize("visibility", ["private", None])
def test_a_standard_channel_of_a_private_team_is_for_the_team(tmp_path: Path, visibility: str | None) -> None:
    team = TEAM | {"visibility": visibility, "members": [member(BO, "Bo", "bo@x.example")]}
    said = [message(1, "Hello"), message(2, "Unlisted", where="unknown")]
    (tmp_path / "all.json").write_text(json.dumps([team, channel("offers"), *said]))
    source, _ = changes(tmp_path, access=STAFF)
    assert source.access(SourceRef("teams", "corp", "19:offers/1")).grant == {"person:bo@x.example"}
    assert source.access(SourceRef("teams", "corp", "19:unknown/2")).grant == frozenset()


def test_what_is_broken_is_one_failure_each_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad = [
        message(2, "x", createdDateTime="soon"),
        message(3, "x", channelIdentity=None),
        message(4, "x", id=7),
    ]
    (tmp_path / "a.json").write_text(json.dumps([TEAM, channel("offers"), message(1, "Hello"), *bad]))
    (tmp_path / "b.json").write_text('{"value": [' + json.dumps(message(5, "Cut")) + ', {"id"')
    (tmp_path / "c.json").write_text("[" * 100_000)
    _, found = changes(tmp_path)
    failed = sorted(each.ref.key for each in found if isinstance(each, Failed))
    assert failed == ["a.json#4", "a.json#5", "a.json#6", "b.json", "c.json"]
    assert [each.ref.key for each in found if isinstance(each, Upserted)] == ["19:offers/1"]


def test_what_is_no_export_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        Teams(SourceConfig("corp", str(tmp_path))).check()
    assert raised.value.hint
