"""The connector for Mattermost's API: the contract, what a sync asks for, who may see what, and what an account may not see any more."""

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.base import Change, Checkpoint, Connector, Content, SourceConfig, Upserted
from connectors.patience import Patient
from connectors.social.mattermost_api import MattermostApi
from connectors.social.mattermost_posts import PostStore
from ingest.parsers.registry import read
from memory.domain import Access, Failed, Role, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable
from tests.connectors.mattermost_server import MINUTE, TOKEN, FakeMattermost, mattermost
from tests.connectors.synced import Synced
from tests.connectors.whole import PATIENCE, everything
from tests.connectors.wire import Wire

STAFF = Access(frozenset({"group:staff"}))


def source(server: FakeMattermost, state: Path | None = None, access: Access = STAFF) -> SourceConfig:
    return SourceConfig("chat", server.location, access, secrets=(("token", SecretStr(TOKEN)),), state=state)


class TestMattermostApi(Synced):
    """A document is a channel of that name with one thread in it."""

    connector_class = MattermostApi
    tells_access = True
    has_folders = False
    has_fingerprints = False

    @pytest.fixture
    def config(self, tmp_path: Path) -> Iterator[SourceConfig]:
        with ExitStack() as self.open_ones:
            self.server = self.open_ones.enter_context(mattermost())
            self.team = self.server.team("sales")
            self.held: dict[str, tuple[str, str]] = {}
            self.wire = Wire(self.server.port)
            self.open_ones.callback(self.wire.close)
            config = source(self.server, tmp_path / "state", Access(frozenset({"public"})))
            yield replace(config, location=f"http://127.0.0.1:{self.wire.port}")

    def open(self, config: SourceConfig) -> Connector:
        made = MattermostApi(config)
        self.open_ones.callback(made.close)
        return made

    def key(self, name: str) -> str:
        channel, post = self.held[name]
        return f"{channel}/{post}"

    def add(self, key: str, body: bytes) -> None:
        channel = self.server.channel(self.team, key)
        root = self.server.post(channel, body.decode())
        self.server.post(channel, "So be it.", root=root)
        self.held[key] = (channel, root)

    def expected(self, key: str, body: bytes) -> bytes:
        channel = self.held[key][0]
        posts = [each for each in self.server.posts.values() if each["channel_id"] == channel]
        days = [f"2024-03-01T09:{(each['create_at'] // 60_000) % 60:02}:00+00:00" for each in posts]
        said: list[dict[str, Any]] = [
            {"id": each["id"], "at": at, "text": each["message"]}
            for each, at in zip(posts, days, strict=True)
        ]
        said[1] |= {"reply": True}
        said = [{**each, "bot": "Mneme"} for each in said]
        names = {self.server.me: "Mneme"}
        told = {
            "title": "",
            "place": f"~{key.title()}",
            "format": "markdown",
            "people": {},
            "names": names,
            "posts": said,
        }
        return json.dumps(told, separators=(",", ":")).encode()

    def change(self, key: str, body: bytes) -> None:
        self.server.edit(self.held[key][1], body.decode())

    def remove(self, key: str) -> None:
        self.server.delete(self.held[key][1])

    def restrict(self, key: str) -> None:
        self.server.channels[self.held[key][0]]["type"] = "P"

    def deny_reading(self, key: str) -> None:
        self.server.refused.add(self.held[key][0])

    def unreachable(self) -> None:
        self.wire.close()

    def walk_denied(self, config: SourceConfig) -> list[Change]:
        """A channel that may not be read is the failure, and not one of its conversations."""
        [channel] = self.server.refused
        [name] = [name for name, (held, _) in self.held.items() if held == channel]
        told = super().walk_denied(config)
        return [
            replace(each, ref=replace(each.ref, key=self.key(name))) if isinstance(each, Failed) else each
            for each in told
        ]


@pytest.fixture
def server() -> Iterator[FakeMattermost]:
    with mattermost() as made:
        yield made


def walk(config: SourceConfig) -> tuple[dict[str, str], list[str], Checkpoint]:
    with closing(MattermostApi(config)) as made:
        told = list(made.changes(None))
        last = told.pop()
        assert isinstance(last, Checkpoint)
        found = {each.ref.key: each.version for each in told if isinstance(each, Upserted)}
        return found, [each.ref.key for each in told if isinstance(each, Failed)], last


def fetch(config: SourceConfig, key: str) -> Content:
    with closing(MattermostApi(config)) as made:
        return made.fetch(SourceRef("mattermost_api", "chat", key))


def access(config: SourceConfig, key: str) -> Access:
    with closing(MattermostApi(config)) as made:
        return made.access(SourceRef("mattermost_api", "chat", key))


def test_threads_days_people_reactions_and_files(server: FakeMattermost, tmp_path: Path) -> None:
    jane, bo = server.user("jane", last_name="Doe"), server.user("bo", email="")
    channel = server.channel(server.team("sales"), "offers")
    server.post(channel, "joined", type="system_join_channel")
    reactions = [{"emoji_name": "+1", "user_id": bo}, {"emoji_name": "+1", "user_id": jane}]
    server.files["f" * 26] = b"a file"
    file = {"id": "f" * 26, "name": "a.txt", "size": 6, "mime_type": "text/plain"}
    root = server.post(
        channel,
        "When does it end, @Bo?",
        jane,
        metadata={"reactions": reactions, "files": [file]},
        file_ids=["f" * 26],
    )
    answer = server.post(channel, "In *March*.", bo, root)
    alone = server.post(channel, "Good morning", jane)
    hook = server.post(channel, "Built", bo, props={"from_webhook": "true", "override_username": "CI"})
    config = source(server, tmp_path / "state")
    found, failed, _ = walk(config)
    assert (set(found), failed) == ({f"{channel}/{root}", f"{channel}/2024-03-01"}, [])
    thread, day = fetch(config, f"{channel}/{root}"), fetch(config, f"{channel}/2024-03-01")
    parsed = read(thread.read(), name=thread.name, media_type=thread.media_type)
    assert [
        (each.role, each.person.name, each.person.address, each.message) for each in parsed.contributions
    ] == [
        (Role.AUTHOR, "Jane Doe", "jane@x.example", root),
        (Role.MENTIONED, "Bo", "", root),
        (Role.COMMENTER, "Bo", "", answer),
    ]
    assert "👍 2" in " ".join(each.text for each in parsed.elements)
    assert [(each.name, each.data) for each in parsed.attachments] == [("a.txt", b"a file")]
    said = [(post["id"], post.get("bot", "")) for post in json.loads(day.read())["posts"]]
    assert said == [(alone, ""), (hook, "CI")]
    assert day.title == "~Offers, 2024-03-01"


def test_a_sync_asks_for_what_is_new_only(server: FakeMattermost, tmp_path: Path) -> None:
    team, config = server.team("sales"), source(server, tmp_path / "state")
    channels = [server.channel(team, f"c{number}") for number in range(5)]
    roots = {each: [server.post(each, f"post {number}") for number in range(450)] for each in channels}
    for each in channels:
        server.post(each, "so be it", root=roots[each][0])
    found = walk(config)[0]
    server.requests.clear()
    assert walk(config)[0] == found
    assert sum("/posts" in each for each in server.requests) == 5
    assert all("since=" in each for each in server.requests if "/posts" in each)
    assert len(server.requests) == 10  # and users, teams, three lists of channels
    server.edit(roots[channels[0]][0], "another text")
    server.delete(roots[channels[1]][0])
    later = server.post(channels[2], "later")
    after = walk(config)[0]
    changed = {key for key in {*found, *after} if found.get(key) != after.get(key)}
    [day] = [key for key in changed if key.startswith(f"{channels[2]}/")]
    assert changed == {*(f"{each}/{roots[each][0]}" for each in channels[:2]), day}
    assert later in fetch(config, day).read().decode()
    # More than a thousand changes are not all told: then the channel is read whole.
    for number in range(1_200):
        server.post(channels[3], f"much {number}")
    server.requests.clear()
    walk(config)
    assert sum("before=" in each for each in server.requests) == 9
    days = [key for key in walk(config)[0] if key.startswith(f"{channels[3]}/2024")]
    assert sum(len(json.loads(fetch(config, key).read())["posts"]) for key in days) == 449 + 1_200
    # What was kept of another server, or is damaged, is not used.
    [file] = (tmp_path / "state").glob("*.sqlite")
    whole = walk(config)[0]
    file.write_bytes(b"no database at all" * 100)
    assert walk(config)[0] == whole


def test_posts_of_one_moment_are_all_read(server: FakeMattermost, tmp_path: Path) -> None:
    channel, server.most = server.channel(server.team("sales"), "offers"), 20
    for number in range(120):
        server.now -= MINUTE * (
            10 <= number < 14 or 50 <= number < 95
        )  # next() goes on by one: 4, and 45, of one moment
        server.post(channel, f"post {number}")
    assert len({each["create_at"] for each in server.posts.values()}) == 120 - 49
    config = source(server, tmp_path / "state")
    found = [json.loads(fetch(config, key).read())["posts"] for key in walk(config)[0]]
    assert sorted(each["id"] for posts in found for each in posts) == sorted(server.posts)


def test_a_post_that_goes_while_pages_are_read_takes_no_others_along(server: FakeMattermost) -> None:
    channel, server.most = server.channel(server.team("sales"), "offers"), 20
    for number in range(60):
        server.post(channel, f"post {number}")
    answer, purged = server.answer, list[str]()

    def purging(path: str, asked: dict[str, str]) -> tuple[int, Any]:
        if "before" in asked and not purged:  # a retention policy deletes for good
            purged.append(asked["before"])
            del server.posts[asked["before"]]
        return answer(path, asked)

    server.answer = purging  # type: ignore[method-assign]
    with closing(MattermostApi(source(server))) as made, pytest.raises(SourceUnavailable):
        list(made.changes(None))
    with closing(MattermostApi(source(server))) as made:
        [day] = [each for each in made.changes(None) if isinstance(each, Upserted)]
        assert len(json.loads(made.fetch(day.ref).read())["posts"]) == 59


def test_a_channel_that_is_left_out_is_not_asked_for(server: FakeMattermost, tmp_path: Path) -> None:
    team = server.team("sales")
    offers, board = server.channel(team, "offers"), server.channel(team, "board", kind="P")
    for each in (offers, board):
        server.post(each, "words")
    config = source(server, tmp_path / "state")
    assert {key.partition("/")[0] for key in walk(config)[0]} == {offers, board}
    for chosen in (
        {"exclude": ("sales/board/**",)},
        {"include": ("sales/offers/",)},
        {"exclude": ("board",)},
    ):
        server.requests.clear()
        with closing(MattermostApi(replace(config, **chosen))) as made:
            *found, last = made.changes(None)
            assert [each.ref.key.partition("/")[0] for each in found if isinstance(each, Upserted)] == [
                offers
            ]
            assert isinstance(last, Checkpoint)
            assert last.doubts is not None
            assert last.doubts(f"{board}/{'9' * 26}") == ""  # what was known of it is gone
        assert not [each for each in server.requests if board in each]
    store = PostStore(tmp_path / "state", config.location)
    assert store.channels() == [offers]
    store.close()
    # A pattern that may mean a part of it decides conversation by conversation.
    with closing(MattermostApi(replace(config, include=("sales/board/2024-*",)))) as made:
        assert [each.ref.key[:26] for each in made.changes(None) if isinstance(each, Upserted)] == [board]


def test_who_may_see_what_and_who_not_any_more(server: FakeMattermost, tmp_path: Path) -> None:
    jane, bo, gone = server.user("jane"), server.user("bo", email=""), server.user("gone", delete_at=5)
    sales = server.team("sales", jane, bo)
    closed = server.team("board", jane, allow_open_invite=False)
    keys = {}
    for name, team, kind, members in (
        ("open", sales, "O", []),
        ("secret", sales, "P", [jane, bo, gone]),
        ("minutes", closed, "O", []),
    ):
        channel = server.channel(team, name, *members, kind=kind)
        keys[name] = f"{channel}/{(root := server.post(channel, 'words'))}"
        server.post(channel, "so be it", root=root)
    config = source(server, tmp_path / "state")
    with closing(MattermostApi(config)) as made:
        assert "shows 3 channels of Sales, Board to mneme" in made.check()
    assert access(config, keys["open"]) == STAFF
    account = f"account:chat:{bo}"
    assert access(config, keys["secret"]).grant == {"person:jane@x.example", account}
    assert access(config, keys["minutes"]).grant == {"person:jane@x.example"}, "no program may ask"
    before = walk(config)[0]
    body = fetch(config, keys["secret"]).read()
    secret = keys["secret"].partition("/")[0]
    server.members[secret].remove(jane)
    after = walk(config)[0]
    assert {key for key in before if before[key] != after[key]} == {keys["secret"]}
    assert fetch(config, keys["secret"]).read() == body
    assert access(config, keys["secret"]).grant == {account}
    # The account is put out of the channel: nobody knows what becomes of it, so nothing is gone.
    server.members[secret].remove(server.me)
    found, _, last = walk(config)
    assert keys["secret"] not in found
    with closing(MattermostApi(config)) as made:
        [*_, last] = made.changes(None)
        assert isinstance(last, Checkpoint)
        assert last.doubts is not None
        server.requests.clear()
        for _ in range(3):
            assert "HTTP 403" in last.doubts(keys["secret"])
            assert "HTTP 403" in last.doubts(f"{secret}/2024-03-01")
        assert len(server.requests) == 1, "one for each channel"
        assert last.doubts(f"{keys['open'].partition('/')[0]}/{'9' * 26}") == ""
        del server.channels[secret]
        [*_, last] = made.changes(None)
        assert isinstance(last, Checkpoint)
        assert last.doubts is not None
        assert last.doubts(keys["secret"]) == ""
        with pytest.raises(NotFound):
            made.fetch(SourceRef("mattermost_api", "chat", keys["secret"]))
    # An archived channel stays what it is.
    server.channels[keys["open"].partition("/")[0]]["delete_at"] = server.now
    assert keys["open"] in walk(config)[0]


def test_direct_messages_are_taken_only_where_that_is_asked_for(
    server: FakeMattermost, tmp_path: Path
) -> None:
    """The server tells them for each of the account's teams."""
    jane, bo = server.user("jane", last_name="Doe"), server.user("bo")
    teams = [server.team("sales"), server.team("board")]
    offers = server.channel(teams[0], "offers")
    pair, three = (
        server.channel("", name, *others, kind=kind)
        for name, kind, others in (("x__y", "D", [jane]), ("abc", "G", [jane, bo]))
    )
    for each in (offers, pair, three):
        server.post(each, "words", jane)
    config = source(server, tmp_path / "state")
    asking = replace(config, options=(("direct", "yes"),))
    keys = {each: f"{each}/2024-03-01" for each in (offers, pair, three)}
    assert set(walk(config)[0]) == {keys[offers]}
    assert set(walk(asking)[0]) == set(keys.values())
    assert access(asking, keys[pair]).grant == {"person:jane@x.example"}
    assert access(asking, keys[three]).grant == {"person:jane@x.example", "person:bo@x.example"}
    body = fetch(asking, keys[pair])
    assert body.title == "Jane Doe, Mneme, 2024-03-01"
    assert len(json.loads(body.read())["posts"]) == 1
    for chosen in ({"exclude": ("direct/**",)}, {"include": ("sales/**",)}):
        assert set(walk(replace(asking, **chosen))[0]) == {keys[offers]}  # type: ignore[arg-type]
    assert set(walk(replace(asking, include=("direct/jane,mneme/**",)))[0]) == {keys[pair]}
    # Once they are not asked for any more, what was taken goes.
    with closing(MattermostApi(config)) as made:
        [*_, last] = made.changes(None)
        assert isinstance(last, Checkpoint)
        assert last.doubts is not None
        assert last.doubts(keys[pair]) == ""
    with pytest.raises(InvalidInput, match="yes or no"):
        MattermostApi(replace(config, options=(("direct", "perhaps"),)))


def test_one_original_asks_for_one_channel(server: FakeMattermost, tmp_path: Path) -> None:
    team, config = server.team("sales"), source(server, tmp_path / "state")
    channels = [server.channel(team, f"c{number}") for number in range(9)]
    for each in channels:
        server.post(each, f"words of {each}")
    walk(config)
    server.requests.clear()
    with closing(MattermostApi(config)) as made:
        for each in channels[3:5]:
            body = made.fetch(SourceRef("mattermost_api", "chat", f"{each}/2024-03-01"))
            assert f"words of {each}" in body.read().decode()
        posts = [each for each in server.requests if "/posts" in each]
        assert len({each.split("/")[4] for each in posts}) == 2
        assert len(posts) == 4
        with pytest.raises(NotFound):
            made.fetch(SourceRef("mattermost_api", "chat", f"{channels[0]}/2024-03-02"))


def test_reactions_in_another_order_are_no_change(server: FakeMattermost, tmp_path: Path) -> None:
    told = [{"emoji_name": name, "user_id": server.me} for name in ("wave", "+1", "eyes", "+1")]
    post = server.post(server.channel(server.team("sales"), "offers"), "words", metadata={"reactions": told})
    config = source(server, tmp_path / "state")
    before = walk(config)[0]
    server.edit(post, "words")
    server.posts[post] |= {"edit_at": 0, "metadata": {"reactions": told[::-1]}}
    assert walk(config)[0] == before


def test_what_cannot_work_says_so(server: FakeMattermost, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="token"):
        MattermostApi(replace(source(server), secrets=()))
    with closing(MattermostApi(replace(source(server), location=f"{server.location}/nowhere"))) as made:
        with pytest.raises(SourceError) as raised:
            list(made.changes(None))
        assert raised.value.hint
    with closing(MattermostApi(replace(source(server), secrets=(("token", SecretStr("wrong")),)))) as made:
        with pytest.raises(SourceError) as raised:
            made.check()
        assert "wrong" not in f"{raised.value} {raised.value.hint}"
    channel = server.channel(server.team("sales"), "offers")
    server.post(channel, "words", metadata={"reactions": [1]})
    fine = server.post(channel, "fine")
    server.pauses = 2
    with closing(MattermostApi(source(server))) as made:
        told = list(Patient(made, lambda _: None, PATIENCE).changes(None))
        [failed] = [each for each in told if isinstance(each, Failed)]
        assert "form of one" in failed.reason
        [day] = [each for each in told if isinstance(each, Upserted)]
        assert [each["id"] for each in json.loads(made.fetch(day.ref).read())["posts"]] == [fine]


def filled(server: FakeMattermost) -> None:
    team = server.team("sales")
    for name in range(8):
        channel = server.channel(team, f"c{name}")
        for number in range(random.Random(name).randint(20, 60)):
            root = server.post(channel, "beech and oak " * 20)
            if number % 3 == 0:
                server.post(channel, "so be it", root=root)


def read_through(server: FakeMattermost, wire: Wire, state: Path) -> dict[str, bytes]:
    return everything(MattermostApi(replace(source(server, state), location=f"http://127.0.0.1:{wire.port}")))


@pytest.mark.parametrize("seed", range(5))
def test_the_network_is_cut(server: FakeMattermost, tmp_path: Path, seed: int) -> None:
    filled(server)
    server.most = 15
    wire = Wire(server.port)
    whole = read_through(server, wire, tmp_path / "whole")
    assert len(whole) > 60
    size, made = wire.sent, wire.made
    wire.cut_after(random.Random(seed).randint(size // 10, size * 9 // 10))
    assert read_through(server, wire, tmp_path / "cut") == whole
    assert wire.made > made + 1
    wire.close()


@pytest.mark.parametrize("seed", range(5))
def test_the_server_is_stopped(server: FakeMattermost, tmp_path: Path, seed: int) -> None:
    filled(server)
    server.most = 15
    wire = Wire(server.port)
    whole = read_through(server, wire, tmp_path / "whole")
    until = wire.sent + random.Random(seed).randint(wire.sent // 10, wire.sent * 6 // 10)

    def stop() -> None:
        while wire.sent < until:
            time.sleep(0.0005)
        server.stop()
        time.sleep(0.1)
        server.start()

    stopping = threading.Thread(target=stop)
    stopping.start()
    assert read_through(server, wire, tmp_path / "stopped") == whole
    stopping.join()
    wire.close()
