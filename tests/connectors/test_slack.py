"""The connector `slack`: the contract, what becomes a document, who may see it, and exports that are not whole."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Checkpoint, SourceConfig, Upserted
from connectors.social.archive import MAX_RATIO
from connectors.social.slack import Slack
from memory.domain import Access, Failed, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError
from tests.connectors.synced import Synced
from tests.social import BO, EVE, JANE, PEOPLE, SlackExport, post, thread, ts

STAFF = Access(frozenset({"group:staff"}), frozenset({"person:out@x.example"}))


class TestSlackContract(Synced):
    """A document is a channel of that name with one thread in it."""

    connector_class = Slack
    tells_access = True
    has_folders = False
    has_single_failures = False
    has_fingerprints = False

    @pytest.fixture
    def config(self, tmp_path: Path) -> SourceConfig:
        self.export = SlackExport(tmp_path / "export")
        self.export.write()
        return SourceConfig("acme", str(self.export.path))

    def add(self, key: str, body: bytes) -> None:
        said = thread(post(body.decode()), post("Thanks", BO, minute=1))
        self.export.channel(key, *said, identity=key)
        self.export.write()

    change = add

    def restrict(self, key: str) -> None:
        [entry] = [each for each in self.export.channels["channels"] if each["id"] == key]
        self.export.channels["channels"].remove(entry)
        self.export.channels["groups"].append(entry | {"members": [JANE]})
        self.export.write()

    def remove(self, key: str) -> None:
        self.export.channels["channels"] = [
            each for each in self.export.channels["channels"] if each["id"] != key
        ]
        del self.export.messages[key]
        self.export.write()

    def key(self, name: str) -> str:
        return f"{name}/{ts(1)}"

    def expected(self, key: str, body: bytes) -> bytes:
        told = {
            "title": "",
            "place": f"#{key}",
            "format": "slack",
            "people": {
                JANE: {"name": "Jane Doe", "address": "jane@x.example", "account": f"acme:{JANE}"},
                BO: {"name": "Bo Chan", "address": "bo@x.example", "account": f"acme:{BO}"},
            },
            "names": {},
            "posts": [
                {"id": ts(1), "at": "2024-03-01T09:00:00.000100+00:00", "by": JANE, "text": body.decode()},
                {
                    "id": ts(1, 1),
                    "at": "2024-03-01T09:01:00.000100+00:00",
                    "by": BO,
                    "text": "Thanks",
                    "reply": True,
                },
            ],
        }
        return json.dumps(told, separators=(",", ":")).encode()

    def unreachable(self) -> None:
        self.export.path.rename(self.export.path.with_name("away"))


@pytest.fixture
def export(tmp_path: Path) -> SlackExport:
    return SlackExport(tmp_path / "export.zip")


def source(export: SlackExport, **more: Any) -> Slack:
    return Slack(SourceConfig("acme", str(export.write()), **more))


def keys(source: Slack) -> list[str]:
    return [each.ref.key for each in source.changes(None) if isinstance(each, Upserted)]


def told(source: Slack, key: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(source.fetch(SourceRef("slack", "acme", key)).read())
    return read


def doubt(source: Slack, key: str) -> str:
    last = list(source.changes(None))[-1]
    assert isinstance(last, Checkpoint)
    assert last.doubts is not None
    return last.doubt or last.doubts(key)


def test_a_thread_is_a_document_and_a_day_of_a_channel_another(export: SlackExport) -> None:
    said = [
        post("Lunch?"),
        post("Yes", BO, minute=2),
        *thread(post("The contract", minute=5), post("Which?", BO, day=3)),
        post("Next day", day=2),
        post("", subtype="channel_join", minute=9),
    ]
    export.channel("legal", *said)
    found = source(export, options=(("url", "https://acme.slack.com"),))
    assert keys(found) == ["CLEGAL/2024-03-01", f"CLEGAL/{ts(1, 5)}", "CLEGAL/2024-03-02"]
    day = told(found, "CLEGAL/2024-03-01")
    assert [each["text"] for each in day["posts"]] == ["Lunch?", "Yes"]
    assert day["title"] == "#legal, 2024-03-01"
    assert [each.get("reply", False) for each in told(found, f"CLEGAL/{ts(1, 5)}")["posts"]] == [False, True]
    content = found.fetch(SourceRef("slack", "acme", f"CLEGAL/{ts(1, 5)}"))
    assert content.url == f"https://acme.slack.com/archives/CLEGAL/p{ts(1, 5).replace('.', '')}"


def test_private_channels_groups_and_direct_messages_are_for_their_members(export: SlackExport) -> None:
    del export.people[1]["profile"]["email"]
    export.channel("open", post("Hello"), members=[JANE])
    export.channel("board", post("Secret"), kind="groups", members=[JANE, BO, "U0UNKNOWN"])
    export.channel("D1", post("Between us"), kind="dms", members=[BO, EVE])
    export.channel("empty", post("Nobody"), kind="groups")
    found = source(export, access=STAFF, rules=(("board/**", Access(frozenset({"public"}))),))
    access = {key.partition("/")[0]: found.access(SourceRef("slack", "acme", key)) for key in keys(found)}
    assert access == {
        "COPEN": STAFF,
        "CBOARD": Access(
            frozenset({"person:jane@x.example", f"account:acme:{BO}", "account:acme:U0UNKNOWN"})
        ),
        "DD1": Access(frozenset({f"account:acme:{BO}", "person:eve@x.example"}), STAFF.deny),
        "CEMPTY": Access(frozenset(), STAFF.deny),
    }


def test_a_version_changes_with_the_thread_and_with_its_access_only(export: SlackExport) -> None:
    said = thread(post("The contract"), post("Which?", BO, minute=1))
    export.channel("legal", *said)
    export.channel(
        "board", *thread(post("Secret"), post("Hush", BO, minute=1)), kind="groups", members=[JANE]
    )

    def versions() -> dict[str, str]:
        changes = source(export).changes(None)
        return {each.ref.key: each.version for each in changes if isinstance(each, Upserted)}

    legal, board = f"CLEGAL/{ts(1)}", f"CBOARD/{ts(1)}"
    before = versions()
    export.channel("new", post("Another"))
    export.people[2]["profile"]["real_name"] = "Eve Miller"
    said[0] |= {"latest_reply": ts(1, 1), "user_profile": {"avatar_hash": "1"}}
    export.channel("legal", *said)
    assert {key: value for key, value in versions().items() if key in before} == before
    export.channel(
        "board", *thread(post("Secret"), post("Hush", BO, minute=1)), kind="groups", members=[JANE, BO]
    )
    after = versions()
    assert (after[legal] == before[legal], after[board] == before[board]) == (True, False)
    export.people[1]["profile"]["real_name"] = "Bo Chang"
    assert versions()[legal] != before[legal]
    renamed = versions()
    said[1] |= {"reactions": [{"name": "+1", "users": [JANE, EVE], "count": 2}]}
    export.channel("legal", *said)
    assert versions()[legal] != renamed[legal]


def test_edits_deletions_bots_mentions_reactions_and_files(export: SlackExport) -> None:
    edited = {"user": JANE, "ts": ts(2)}
    export.files = {
        "__uploads/F1/offer.txt": b"An offer",
        "legal/attachments/F2-plan.txt": b"A plan",
    }
    export.channel("board", kind="groups", members=[JANE], identity="C0BOARD")
    export.channel(
        "legal",
        post("Last text", edited=edited, reactions=[{"name": "tada", "users": [BO], "count": 1}]),
        post("Deleted", BO, minute=1, subtype="tombstone", hidden=True),
        post("Also deleted", BO, minute=2),
        {"type": "message", "subtype": "message_deleted", "deleted_ts": ts(1, 2), "ts": ts(1, 20)},
        post("Old", minute=3),
        {
            "type": "message",
            "subtype": "message_changed",
            "ts": ts(1, 21),
            "message": post("New", minute=3, edited=edited),
        },
        {"type": "message", "subtype": "bot_message", "username": "CI", "text": "Built", "ts": ts(1, 4)},
        post("Deployed", "U0BOT", minute=5),
        post(f"<@{BO}> look at <#C0BOARD> <#CLEGAL>", minute=6),
        post(
            "Files",
            minute=7,
            files=[
                {"id": "F1", "name": "offer.txt"},
                {"id": "F2", "name": "plan.txt"},
                {"id": "F3", "name": "gone.txt"},
                {"id": "F4", "mode": "tombstone"},
            ],
        ),
        post("Stranger", "U0OTHER", minute=8, user_profile={"real_name": "Ann Other"}),
        post("Files", minute=7),
    )
    posts = {each["id"]: each for each in told(source(export), "CLEGAL/2024-03-01")["posts"]}
    shown = told(source(export), "CLEGAL/2024-03-01")
    assert [each["text"] for each in posts.values()][:4] == ["Last text", "New", "Built", "Deployed"]
    assert posts[ts(1)]["edited"] == "2024-03-02T09:00:00.000100+00:00"
    assert posts[ts(1)]["reactions"] == [["tada", 1]]
    assert (posts[ts(1, 4)]["bot"], posts[ts(1, 5)]["bot"]) == ("CI", "Deploy Robot")
    assert posts[ts(1, 6)]["mentions"] == [BO]
    assert posts[ts(1, 6)]["text"] == f"<@{BO}> look at <#C0BOARD|private> <#CLEGAL|legal>"
    assert sorted(shown["people"]) == [BO, JANE, "U0OTHER"]
    assert shown["people"]["U0OTHER"] == {"name": "Ann Other", "account": "acme:U0OTHER"}


def test_a_file_that_the_export_lacks_says_so(export: SlackExport) -> None:
    export.files = {"__uploads/F1/offer.txt": b"An offer"}
    export.channel(
        "legal", post("Files", files=[{"id": "F1", "name": "offer.txt"}, {"id": "F3", "name": "gone.txt"}])
    )
    [said] = told(source(export), "CLEGAL/2024-03-01")["posts"]
    assert said["files"] == [
        {"name": "offer.txt", "data": "QW4gb2ZmZXI="},
        {"name": "gone.txt", "problem": "not in the export: it lies at Slack"},
    ]


def test_patterns_mean_channels_by_their_names(export: SlackExport) -> None:
    for name in ("legal", "random"):
        export.channel(name, post("Hello"))
    export.channel("D1", post("Between us"), kind="dms", members=[BO, EVE])
    assert keys(source(export, include=("legal", "direct/"), exclude=("direct/**",))) == ["CLEGAL/2024-03-01"]


def test_an_unpacked_export_that_lacks_a_day_deletes_nothing(tmp_path: Path) -> None:
    export = SlackExport(tmp_path / "export")
    export.channel("legal", *(post(f"On day {day}", day=day) for day in (1, 2, 3)))
    found = source(export)
    assert len(keys(found)) == 3
    (export.path / "legal" / "2024-03-02.json").unlink()
    assert keys(found) == ["CLEGAL/2024-03-01", "CLEGAL/2024-03-03"]
    assert doubt(found, "CLEGAL/2024-03-02") == "legal/2024-03-02.json is missing"
    assert doubt(found, "CLEGAL/2024-02-01") == "the export covers 2024-03-01 to 2024-03-03 only"
    assert doubt(found, f"CLEGAL/{ts(1)}") == ""
    # Slack writes no file for a day of which nothing is left; only somebody can know that none was lost.
    whole = Slack(SourceConfig("acme", str(export.path), options=(("whole", "yes"),)))
    assert keys(whole) == ["CLEGAL/2024-03-01", "CLEGAL/2024-03-03"]
    assert doubt(whole, "CLEGAL/2024-03-02") == ""
    assert doubt(whole, "CLEGAL/2024-02-01") == "the export covers 2024-03-01 to 2024-03-03 only"


def test_a_list_of_any_length_is_read_and_a_broken_one_is_an_error(tmp_path: Path) -> None:
    export = SlackExport(tmp_path / "export")
    export.people += [{"id": f"U{number}", "profile": {"real_name": "x" * 900}} for number in range(2_000)]
    export.channel("legal", post("Mine", "U1999"))
    export.write()
    assert "with 2,004 people" in Slack(SourceConfig("acme", str(export.path))).check()
    people = (export.path / "users.json").read_text()
    for broken in (people[:1_000_000], people[:1_000_000] + "[" * 100_000, "{}", '{"value": []}', ""):
        (export.path / "users.json").write_text(broken)
        with pytest.raises(SourceError, match="cannot be read as an export"):
            Slack(SourceConfig("acme", str(export.path))).check()


def test_a_zip_is_whole_within_the_dates_that_it_covers(export: SlackExport) -> None:
    export.channel("legal", post("First", day=1), post("Last", day=3))
    found = source(export)
    assert doubt(found, "CLEGAL/2024-03-02") == ""
    assert doubt(found, "CLEGAL/2024-03-04") == "the export covers 2024-03-01 to 2024-03-03 only"
    assert doubt(found, "CGONE/2024-03-02") == ""
    listed = SlackExport(export.path, lists=("channels",))
    listed.channel("legal", post("First", day=1), post("Last", day=3))
    assert doubt(source(listed), "DD1/2024-03-02") == "dms.json is missing"


def test_a_thread_whose_beginning_is_missing_stays_as_it_is_known(tmp_path: Path) -> None:
    export = SlackExport(tmp_path / "export")
    export.channel("legal", post("Hello"), *thread(post("Root", day=2), post("Reply", BO, day=3)))
    found = source(export)
    (export.path / "legal" / "2024-03-02.json").unlink()
    assert keys(found) == ["CLEGAL/2024-03-01"]
    assert "is missing" in doubt(found, f"CLEGAL/{ts(2)}")
    with pytest.raises(SourceError):
        found.fetch(SourceRef("slack", "acme", f"CLEGAL/{ts(2)}"))


@pytest.mark.parametrize("broken", [b'[{"type": "message", "ts"', b'{"not": "a list"}', b"\xff\xfe\x00", b""])
def test_a_broken_day_is_one_failure_and_the_rest_goes_on(tmp_path: Path, broken: bytes) -> None:
    export = SlackExport(tmp_path / "export")
    export.channel(
        "legal", post("Hello"), *thread(post("Root", day=2), post("Reply", BO, day=3)), post("x", day=4)
    )
    export.channel("random", post("Other"))
    found = source(export)
    (export.path / "legal" / "2024-03-03.json").write_bytes(broken)
    changes = list(found.changes(None))
    [failed] = [each.ref.key for each in changes if isinstance(each, Failed)]
    assert failed.partition("#")[0] == "legal/2024-03-03.json"
    assert keys(found) == ["CLEGAL/2024-03-01", "CLEGAL/2024-03-04", "CRANDOM/2024-03-01"]
    assert "legal/2024-03-03.json" in doubt(found, f"CLEGAL/{ts(2)}")
    assert "legal/2024-03-03.json" in doubt(found, "CLEGAL/2024-03-03")
    assert doubt(found, "CRANDOM/2024-03-02") != ""


def test_a_message_that_is_none_is_one_failure(export: SlackExport) -> None:
    bad = [
        {"type": "message", "text": "When?", "ts": "soon"},
        {"type": "message", "text": ["x"], "ts": ts(1, 3)},
        {"ts": None},
    ]
    export.channel("legal", post("Hello"), post("Bye", minute=9))
    source(export)
    export.files["legal/2024-03-01.json"] = json.dumps(
        [post("Hello"), *bad, "x", post("Bye", minute=9)]
    ).encode()
    changes = list(source(export).changes(None))
    failed = [each.ref.key for each in changes if isinstance(each, Failed)]
    assert failed == [f"legal/2024-03-01.json#{number}" for number in (2, 3, 4, 5)]
    assert [each["text"] for each in told(source(export), "CLEGAL/2024-03-01")["posts"]] == ["Hello", "Bye"]


def test_a_list_of_people_that_is_missing_leaves_accounts(tmp_path: Path) -> None:
    export = SlackExport(tmp_path / "export")
    export.channel(
        "board", post("Secret", user_profile={"real_name": "Jane Doe"}), kind="groups", members=[JANE]
    )
    found = source(export)
    (export.path / "users.json").unlink()
    [key] = keys(found)
    assert found.access(SourceRef("slack", "acme", key)).grant == {f"account:acme:{JANE}"}
    assert told(found, key)["people"] == {JANE: {"name": "Jane Doe", "account": f"acme:{JANE}"}}


def test_names_that_lead_out_of_the_export_are_no_files_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "secret.json"
    outside.write_text(json.dumps([post("Outside")]))
    export = SlackExport(tmp_path / "in" / "export.zip")
    export.path.parent.mkdir()
    export.channel("../..", post("x"), identity="C0UP")
    export.channel("legal", post("Hello"))
    export.files = dict.fromkeys(("../../secret.json", "/etc/2024-03-01.json", "a\\2024-03-01.json"), b"[]")
    assert keys(source(export)) == ["CLEGAL/2024-03-01"]
    folder = SlackExport(tmp_path / "unpacked")
    folder.channel("legal", post("Hello"))
    folder.channel("linked", identity="C0LINK")
    folder.write()
    (folder.path / "linked").symlink_to(tmp_path, target_is_directory=True)
    shutil.copy(outside, tmp_path / "2024-03-01.json")
    assert keys(Slack(SourceConfig("acme", str(folder.path)))) == ["CLEGAL/2024-03-01"]


def test_a_zip_bomb_is_a_failure_and_nothing_is_unpacked(export: SlackExport) -> None:
    export.channel("legal", post("Hello"))
    export.channel("bomb", identity="C0BOMB")
    export.write()
    with (
        zipfile.ZipFile(export.path, "a", zipfile.ZIP_DEFLATED) as packed,
        packed.open("bomb/2024-03-01.json", "w") as member,
    ):
        for _ in range(110):
            member.write(bytes(1_000_000))
    changes = list(Slack(SourceConfig("acme", str(export.path))).changes(None))
    [failed] = [each for each in changes if isinstance(each, Failed)]
    assert (failed.ref.key, failed.reason) == (
        "bomb/2024-03-01.json",
        f"unpacks to more than {MAX_RATIO} times its size",
    )
    assert [each.ref.key for each in changes if isinstance(each, Upserted)] == ["CLEGAL/2024-03-01"]


def test_what_is_no_export_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "users.json").write_text("{")
    for name in ("empty", "cut.zip", "lists", "nowhere"):
        with pytest.raises(SourceError) as raised:
            Slack(SourceConfig("acme", str(tmp_path / name))).check()
        assert raised.value.hint
    with pytest.raises(InvalidInput):
        Slack(SourceConfig("acme", ""))
    with pytest.raises(InvalidInput):
        Slack(SourceConfig("acme", "x", options=(("url", "javascript:x"),)))
    with pytest.raises(InvalidInput, match="yes or no"):
        Slack(SourceConfig("acme", "x", options=(("whole", "perhaps"),)))


def test_an_export_in_a_folder_of_the_zip_is_found(tmp_path: Path, export: SlackExport) -> None:
    export.channel("legal", post("Hello"))
    export.write()
    with zipfile.ZipFile(export.path) as packed, zipfile.ZipFile(tmp_path / "again.zip", "w") as other:
        for name in packed.namelist():
            other.writestr(f"Acme Slack export/{name}", packed.read(name))
    found = Slack(SourceConfig("acme", str(tmp_path / "again.zip")))
    assert keys(found) == ["CLEGAL/2024-03-01"]
    with pytest.raises(NotFound):
        found.fetch(SourceRef("slack", "acme", f"CLEGAL/{ts(1, 7)}"))


def test_one_posts_address_in_two_cases_is_one_person(export: SlackExport) -> None:
    assert PEOPLE[1]["profile"]["email"] == "Bo@x.example"
    export.channel("legal", post("Hello", BO))
    assert told(source(export), "CLEGAL/2024-03-01")["people"][BO]["address"] == "bo@x.example"
