"""The connector for Confluence: the contract in both shapes of its API, who may see what, and what its search does not tell."""

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest
from pydantic import SecretStr

from connectors.base import Change, Checkpoint, Connector, Content, SourceConfig, Upserted
from connectors.confluence.connector import Confluence
from connectors.patience import Patience, Patient
from ingest.parsers.registry import read
from memory.domain import Access, Asker, Failed, Role, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError
from tests.connectors.confluence import TOKEN, FakeConfluence, Item, confluence
from tests.connectors.synced import Synced
from tests.connectors.wire import Wire

STAFF = Access(frozenset({"group:staff"}))


def source(wiki: FakeConfluence, access: Access = STAFF, **options: str) -> SourceConfig:
    secrets = (("token", SecretStr(TOKEN)),)
    return SourceConfig("wiki", wiki.location, access, options=tuple(options.items()), secrets=secrets)


class TestConfluence(Synced):
    connector_class = Confluence
    tells_access = True
    has_folders = False
    has_fingerprints = False
    cloud = False

    @pytest.fixture
    def config(self) -> Iterator[SourceConfig]:
        with ExitStack() as self.open_ones:
            self.wiki = self.open_ones.enter_context(confluence(cloud=self.cloud, most=1))
            self.items: dict[str, Item] = {}
            self.wire = Wire(self.wiki.port)
            self.open_ones.callback(self.wire.close)
            location = f"http://127.0.0.1:{self.wire.port}{self.wiki.context}"
            yield replace(source(self.wiki, Access(frozenset({"public"}))), location=location)

    def open(self, config: SourceConfig) -> Connector:
        made = Confluence(config)
        self.open_ones.callback(made.close)
        return made

    def key(self, name: str) -> str:
        return f"page/{self.items[name].id}"

    def add(self, key: str, body: bytes) -> None:
        self.items[key] = self.wiki.add(key, body)

    def expected(self, key: str, body: bytes) -> bytes:
        return json.dumps({"storage": body.decode(), "names": {}, "comments": []}).encode()

    def change(self, key: str, body: bytes) -> None:
        self.wiki.write(self.items[key], body)

    def remove(self, key: str) -> None:
        self.items[key].trashed = True

    def restrict(self, key: str) -> None:
        self.items[key].users = ["u1"]

    def deny_reading(self, key: str) -> None:
        self.items[key].mute = True

    def unreachable(self) -> None:
        self.wire.close()


class TestConfluenceCloud(TestConfluence):
    cloud = True


@pytest.fixture(params=[False, True], ids=["data center", "cloud"])
def wiki(request: pytest.FixtureRequest) -> Iterator[FakeConfluence]:
    with confluence(cloud=request.param) as made:
        yield made


def walk(config: SourceConfig) -> tuple[dict[str, Upserted], dict[str, str], Checkpoint]:
    """What a sync is told: documents, failures, and the checkpoint."""
    with closing(Confluence(config)) as made:
        told: list[Change] = list(made.changes(None))
    last = told.pop()
    assert isinstance(last, Checkpoint)
    found = {each.ref.key: each for each in told if isinstance(each, Upserted)}
    failed = {each.ref.key: each.reason for each in told if isinstance(each, Failed)}
    assert len(found) + len(failed) == len(told)
    return found, failed, last


def ref(item: Item) -> SourceRef:
    return SourceRef("confluence", "wiki", f"{item.kind}/{item.id}")


def access(config: SourceConfig, item: Item) -> Access:
    with closing(Confluence(config)) as made:
        return made.access(ref(item))


def fetch(config: SourceConfig, item: Item) -> Content:
    with closing(Confluence(config)) as made:
        found = made.fetch(ref(item))
        return replace(found, body=found.read())  # a file goes with its connector


def person(wiki: FakeConfluence, number: str) -> str:
    known = wiki.users[number]
    return f"person:{known['email'].lower()}" if wiki.cloud else f"user:{known['username']}"


def test_a_restriction_counts_for_everything_beneath(wiki: FakeConfluence) -> None:
    wiki.spaces["HR"] = ["group:staff", "user:u2"]
    wiki.spaces["OPEN"] = ["anonymous"]
    top = wiki.add("Salaries", "x", space="HR", groups=["board"], users=["u1"])
    wiki.groups["board"] = ["u1", "u3"]
    beneath = wiki.add("2024", "x", space="HR", parent=top.id)
    narrower = wiki.add("Jane's", "x", space="HR", parent=beneath.id, users=["u1"])
    nobody = wiki.add("Nobody's", "x", space="HR", parent=beneath.id, users=["u2"])
    plain = wiki.add("Plain", "x", space="HR")
    openly = wiki.add("Open", "x", space="OPEN")
    config = source(wiki)
    # Who is in the board and may view the space: Jane alone, once by herself and once by two groups.
    for page in (top, beneath, narrower):
        assert access(config, page).grant == {person(wiki, "u1")}
    assert access(config, nobody).grant == frozenset()
    assert access(config, plain).grant == {"group:staff", person(wiki, "u2")}
    assert access(config, openly) == STAFF
    # A rule of the source replaces what the wiki says.
    ruled = replace(config, rules=(("HR/Salaries/2024/Jane's", Access(frozenset({"group:legal"}))),))
    assert access(ruled, narrower).grant == {"group:legal"}
    assert access(ruled, beneath).grant == {person(wiki, "u1")}
    # Groups whose members are not told count for nobody where they meet others: less is seen, never more.
    wiki.secret_groups.add("board")
    assert access(config, beneath).grant == {person(wiki, "u1")}
    wiki.secret_groups.add("staff")
    assert access(config, beneath).grant == frozenset()
    # A group that everybody is in.
    assert access(source(wiki, everybody="staff, others"), plain) == STAFF


def test_random_restrictions_let_in_whom_the_wiki_lets_in(wiki: FakeConfluence) -> None:
    """Each user at each page, against the rule itself: who may view the space and is named at every level that names anybody."""
    dice = random.Random(11)
    people = [f"u{number}" for number in range(1, 8)]
    for number in people[2:]:
        wiki.user(
            number,
            number.upper(),
            **({"email": f"{number}@x.example"} if wiki.cloud else {"username": number}),
        )
    for name in ("a", "b c", "d,e", "f"):
        wiki.groups[name] = dice.sample(people, dice.randint(0, 5))
    pages: list[Item] = []
    for key in ("S1", "S2", "S3"):
        wiki.spaces[key] = [f"group:{dice.choice(list(wiki.groups))}", f"user:{dice.choice(people)}"]
    for number in range(60):
        key = dice.choice(["S1", "S2", "S3"])
        above = dice.choice([each for each in pages if each.space == key] or [None])  # type: ignore[list-item]
        restricted = dice.random() < 0.5
        users = dice.sample(people, dice.randint(0, 3)) if restricted else []
        groups = dice.sample(list(wiki.groups), dice.randint(0, 2)) if restricted else []
        parent = above.id if above else ""
        pages.append(wiki.add(f"P{number}", "x", space=key, parent=parent, users=users, groups=groups))

    def named(who: str, users: list[str], groups: list[str]) -> bool:
        return who in users or any(who in wiki.groups[group] for group in groups)

    def may(who: str, page: Item) -> bool:
        space = wiki.spaces[page.space]
        told = [each.partition(":")[2] for each in space if each.startswith("user:")]
        seen = named(who, told, [each.partition(":")[2] for each in space if each.startswith("group:")])
        while page is not None:
            seen = seen and (not (page.users or page.groups) or named(who, page.users, page.groups))
            page = wiki.items[page.parent] if page.parent else None  # type: ignore[assignment]
        return seen

    allowed = 0
    spelt = {
        "a": "group:a",
        "b c": "group:b%20c",
        "d,e": "group:d%2Ce",
        "f": "group:f",
        "staff": "group:staff",
    }
    with closing(Confluence(source(wiki))) as made:
        list(made.changes(None))
        for page in pages:
            found = made.access(ref(page))
            for who in people:
                tokens = {
                    person(wiki, who),
                    *(spelt[group] for group in wiki.groups if who in wiki.groups[group]),
                }
                assert found.allows(Asker(tokens=frozenset(tokens))) == may(who, page), (who, page)
                allowed += may(who, page)
    assert 50 < allowed < 370


def test_what_is_not_told_is_never_taken_for_unrestricted(wiki: FakeConfluence) -> None:
    above = wiki.add("Above", "x", mute=True)
    page = wiki.add("Page", "x", parent=above.id)
    file = wiki.add("a.txt", b"x", kind="attachment", parent=page.id)
    found, failed, _ = walk(source(wiki))
    assert found == {}
    assert set(failed) == {each.key for each in map(ref, (above, page, file))}
    assert f"who may view page {above.id}" in failed[f"page/{page.id}"]
    with pytest.raises(SourceError, match=f"who may view page {above.id}"):
        access(source(wiki), page)


def test_spaces_of_which_nobody_tells_who_may_view_them(wiki: FakeConfluence) -> None:
    wiki.secret_spaces.add("DOC")
    page = wiki.add("Page", "x")
    found, failed, _ = walk(source(wiki))
    assert not found
    assert "does not tell who may view the space DOC" in failed[f"page/{page.id}"]
    with closing(Confluence(source(wiki))) as made, pytest.raises(SourceError) as raised:
        made.check()
    assert "spaces=source" in raised.value.hint
    assert access(source(wiki, spaces="source"), page) == STAFF
    with closing(Confluence(source(wiki, spaces="source"))) as made:
        assert "shows pages to Jane Doe" in made.check()


def test_a_revoked_right_is_another_version_of_the_same_bytes(wiki: FakeConfluence) -> None:
    config = source(wiki)
    above = wiki.add("Above", "x")
    page = wiki.add("Page", "x", parent=above.id)
    other = wiki.add("Other", "x")
    before, body = walk(config)[0], fetch(config, page).read()
    above.users.append("u2")
    after = walk(config)[0]
    changed = {key for key in before if before[key].version != after[key].version}
    assert changed == {f"page/{above.id}", f"page/{page.id}"}
    assert fetch(config, page).read() == body
    assert access(config, page).grant == {person(wiki, "u2")}
    # So is a move: who may see it, and what rules apply, goes by where it stands.
    page.parent = ""
    assert walk(config)[0][f"page/{page.id}"].version != after[f"page/{page.id}"].version
    assert access(config, page) == access(config, other) == STAFF


def test_nothing_is_gone_before_the_database_says_so(wiki: FakeConfluence) -> None:
    config = source(wiki)
    page, blog = wiki.add("Page", "x"), wiki.add("News", "x", kind="blogpost")
    file = wiki.add("a.txt", b"x", kind="attachment", parent=page.id)
    assert set(walk(config)[0]) == {ref(each).key for each in (page, blog, file)}
    for each in (page, blog, file):
        each.unlisted = True
    found, _, last = walk(config)
    assert found == {}
    assert last.doubts is not None
    for each in (page, blog, file):
        with closing(Confluence(config)) as made:
            [*_, last] = made.changes(None)
            assert isinstance(last, Checkpoint)
            assert last.doubts is not None
            assert "search does not list it" in last.doubts(ref(each).key)
            each.trashed = True
            assert last.doubts(ref(each).key) == ""
            with pytest.raises(NotFound):
                made.fetch(ref(each))
    page.trashed = False
    with pytest.raises(SourceError, match="search does not find"):
        fetch(config, page)


def test_who_wrote_what_and_what_was_said(wiki: FakeConfluence) -> None:
    config = source(wiki, domain="x.example")
    mention = 'ri:account-id="u2"' if wiki.cloud else 'ri:userkey="u2"'
    page = wiki.add("100% / terms", f"<p>Ask <ac:link><ri:user {mention}/></ac:link> about %PDF-</p>")
    before = walk(config)[0][f"page/{page.id}"].version
    wiki.write(page, page.body, by="u2")
    wiki.write(page, page.body, by="gone")
    edited = walk(config)[0][f"page/{page.id}"].version
    first = wiki.add("", "<p>Is that so?</p>", kind="comment", parent=page.id, by="u2", about="30 days")
    wiki.add("", "<p>It is.</p>", kind="comment", parent=first.id, by="u1")
    said = walk(config)[0][f"page/{page.id}"].version
    assert len({before, edited, said}) == 3
    found = fetch(config, page)
    assert found.title == "100% / terms"
    assert found.url == f"{wiki.location}/display/DOC/100%25%20%2F%20terms"
    assert found.created
    assert found.modified
    parsed = read(found.read(), name=found.name, media_type=found.media_type)
    assert [(each.text, each.message) for each in parsed.elements if each.aside is None] == [
        ("Ask Bo Røe about %PDF-", None),
        ("Is that so?", first.id),
        ("It is.", str(int(first.id) + 1)),
    ]
    people = [
        (each.role, each.person.name, each.person.address, each.message) for each in found.contributions
    ]
    jane, bo, gone = ("Jane Doe", "jane@x.example"), ("Bo Røe", "bo@x.example"), ("Former user gone", "")
    if not wiki.cloud:
        gone = ("Former user gone", "gone@x.example")
    assert people == [
        (Role.AUTHOR, *jane, ""),
        (Role.EDITOR, *gone, ""),
        (Role.EDITOR, *bo, ""),
        (Role.COMMENTER, *bo, first.id),
        (Role.COMMENTER, *jane, str(int(first.id) + 1)),
        (Role.MENTIONED, *bo, ""),
    ]
    silent = fetch(source(wiki, comments="no"), page)
    assert b"Is that so" not in silent.read()


def test_files_have_the_access_of_their_page(wiki: FakeConfluence) -> None:
    page = wiki.add("Page", "x", users=["u2"])
    file = wiki.add("Größe 1.txt", b"of oak", kind="attachment", parent=page.id)
    config = source(wiki)
    found, failed, _ = walk(config)
    assert not failed
    assert found[f"attachment/{file.id}"].size == 6
    assert fetch(config, file).read() == b"of oak"
    assert fetch(config, file).name == "Größe 1.txt"
    assert access(config, file).grant == {person(wiki, "u2")}
    with closing(Confluence(config)) as made:
        list(made.changes(None))
        wiki.requests.clear()
        made.access(ref(file))
        made.fetch(ref(file))
    assert len(wiki.requests) == 2  # where it lies, and the file: who may see it the walk has told
    before = found[f"attachment/{file.id}"].version
    page.users[:] = ["u1"]
    assert walk(config)[0][f"attachment/{file.id}"].version != before
    assert set(walk(source(wiki, files="no"))[0]) == {f"page/{page.id}"}
    only = replace(config, include=("DOC/Page/*.txt",))
    assert set(walk(only)[0]) == {f"attachment/{file.id}"}


def test_long_lists_pauses_and_spaces_by_name(wiki: FakeConfluence) -> None:
    wiki.spaces["~jane"] = ["user:u1"]
    titles = [f"Page {number}" for number in range(230)]
    for number, title in enumerate(titles):
        wiki.add(title, "x", space="~jane" if number % 10 == 0 else "DOC")
    wiki.most, wiki.pauses = 7, 3
    with closing(Confluence(source(wiki))) as made:
        patient = Patient(made, lambda _: None, Patience(first_s=0, longest_s=0))
        assert sum(isinstance(each, Upserted) for each in patient.changes(None)) == 230
    wiki.most = 1000
    assert len(walk(source(wiki, space="~jane"))[0]) == 23
    wiki.requests.clear()
    walk(source(wiki, space="DOC"))
    # Two hundred and seven pages: three requests, one each for comments and files, for us and for the space.
    assert len(wiki.requests) == 7


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"space": 'X" or type = page'}, "key of a space"),
        ({"files": "some"}, "files is yes or no"),
        ({"spaces": "none"}, "spaces is follow or source"),
        ({"user": "jane"}, "a user and a password are needed"),
        ({"flies": "yes"}, "has no option flies"),
    ],
)
def test_settings_that_say_nothing_sensible(options: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Confluence(SourceConfig("wiki", "https://x.example/wiki", options=tuple(options.items())))


def test_what_is_no_confluence_says_so(wiki: FakeConfluence) -> None:
    wrong = replace(source(wiki), location=f"http://127.0.0.1:{wiki.port}/nowhere")
    with closing(Confluence(wrong)) as made:
        for asked in (made.check, lambda: list(made.changes(None))):
            with pytest.raises(SourceError, match="has no Confluence") as raised:
                asked()
            assert raised.value.hint
    locked = replace(source(wiki), secrets=(("token", SecretStr("wrong")),))
    with closing(Confluence(locked)) as made, pytest.raises(SourceError) as raised:
        made.check()
    assert "wrong" not in f"{raised.value} {raised.value.hint}"
    page = wiki.add("Page", "x")
    for key in ("page/", "page/1/2", "comment/1", f"page/{page.id} or id = 2", "blogpost/" + page.id):
        with closing(Confluence(source(wiki))) as made, pytest.raises(NotFound):
            made.fetch(SourceRef("confluence", "wiki", key))
