"""The connector for DokuWiki: the contract, and what the real program writes and decides."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.dokuwiki.acl import Acl, cleaned, encoded
from connectors.dokuwiki.connector import DokuWiki
from connectors.dokuwiki.settings import Settings, User, read_settings
from ingest.parsers.base import ElementKind
from ingest.parsers.registry import read
from memory.domain import Access, Asker, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError
from tests.connectors.as_nobody import without_rights
from tests.connectors.dokuwiki import Wiki, make, may, save
from tests.connectors.synced import Synced
from tests.connectors.test_folder import after_a_tick, put, root  # noqa: F401 - a fixture

PUBLIC = Access(frozenset({"public"}))


def ref(key: str) -> SourceRef:
    return SourceRef("dokuwiki", "wiki", key)


def listed(config: SourceConfig) -> dict[str, Upserted]:
    changes = list(DokuWiki(config).changes(None))
    assert isinstance(changes[-1], Checkpoint)
    return {each.ref.key: each for each in changes if isinstance(each, Upserted)}


class TestDokuWiki(Synced):
    connector_class = DokuWiki
    tells_access = True

    @pytest.fixture
    def config(self, root: Path) -> SourceConfig:  # noqa: F811
        self.wiki = root
        (root / "data" / "pages").mkdir(parents=True)
        (root / "conf").mkdir()
        (root / "conf" / "local.php").write_text("<?php\n$conf['useacl'] = 0;\n")
        return SourceConfig("wiki", str(root))

    def place(self, key: str) -> Path:
        pages = self.wiki / "data" / "pages"
        return pages / key if key.endswith("/") else pages / f"{key}.txt"

    def add(self, key: str, body: bytes) -> None:
        put(self.place(key), body)

    def change(self, key: str, body: bytes) -> None:
        path = self.place(key)
        after_a_tick(path, lambda: path.write_bytes(body))

    def remove(self, key: str) -> None:
        self.place(key).unlink()

    def move(self, old: str, new: str) -> None:
        self.place(old).rename(self.place(new))

    def restrict(self, key: str) -> None:
        (self.wiki / "conf" / "local.php").write_text("<?php\n$conf['useacl'] = 1;\n")
        (self.wiki / "conf" / "acl.auth.php").write_text(f"* @ALL 1\n{key} @ALL 0\n{key} @staff 1\n")
        (self.wiki / "conf" / "users.auth.php").write_text("")

    def deny_reading(self, key: str) -> None:
        self.place(key).chmod(0)

    def unreachable(self) -> None:
        self.wiki.rename(self.wiki.with_name("elsewhere"))

    def walk_denied(self, config: SourceConfig) -> list[Change]:
        found: list[Change] = without_rights(config, kind=DokuWiki)
        return found

    def fetch_denied(self, config: SourceConfig, ref: SourceRef) -> Content:
        found: Content = without_rights(config, ref, DokuWiki)
        return found


@pytest.fixture
def wiki(tmp_path: Path) -> Wiki:
    return Wiki(tmp_path / "wiki")


@pytest.fixture
def source(wiki: Wiki) -> SourceConfig:
    return SourceConfig("wiki", str(wiki.place), PUBLIC)


def test_who_wrote_what_comes_from_the_changes(wiki: Wiki, source: SourceConfig) -> None:
    wiki.do(
        make("jane", "Jane: Doe \\ Ltd", "user", "legal team"),
        make("bo", "Bo Røe", "user"),
        save("legal:contract", "====== The contract ======\n\nFirst.", "jane"),
        save("legal:contract", "====== The contract ======\n\nSecond.", "bo"),
        save("legal:contract", "====== The contract ======\n\nThird."),  # nobody in particular
        save("legal:contract", "====== The contract ======\n\nFourth.", "gone"),
        save("again", "first", "jane"),
        save("again", ""),
        save("again", "second", "bo"),
        save("deleted", "x", "jane"),
        save("deleted", "", "jane"),
        save("über:straße", "Größe", "bo"),
    )
    pages = listed(source)
    assert {"legal/contract", "again"} < set(pages)
    assert "deleted" not in pages
    assert len(pages) == 3
    connector = DokuWiki(replace(source, options=(("url", "https://wiki.x.example/doku.php"),)))
    found = connector.fetch(ref("legal/contract"))
    assert found.read().endswith(b"Fourth.")
    assert found.url == "https://wiki.x.example/doku.php?id=legal:contract"
    assert found.created
    people = [(c.role.value, c.person.name, c.person.address, c.person.account) for c in found.contributions]
    assert people[0] == ("author", "Jane: Doe \\ Ltd", "jane@x.example", "wiki:jane")
    assert sorted(people[1:]) == [
        ("editor", "", "", "wiki:gone"),
        ("editor", "Bo Røe", "bo@x.example", "wiki:bo"),
    ]
    assert [c.person.account for c in connector.fetch(ref("again")).contributions] == ["wiki:bo"]
    [other] = set(pages) - {"legal/contract", "again"}
    assert connector.fetch(ref(other)).read() == "Größe".encode()
    assert "pass" not in repr(read_settings(wiki.place / "conf"))
    assert "$2y$" not in repr(read_settings(wiki.place / "conf"))


def test_names_that_are_not_ascii_and_what_is_no_page(
    wiki: Wiki, source: SourceConfig, tmp_path: Path
) -> None:
    pages = wiki.place / "data" / "pages"
    for name in (
        "日本語".encode(),
        b"%E4%B8%AD%E6%96%87",
        b"x%2F..%2F..%2Fconf%2Flocal",
        b"_template",
        b"a:b",
        b"100%",
    ):
        Path(os.fsdecode(os.fsencode(pages) + b"/" + name + b".txt")).write_text("text")
    wiki.do(save("playground:中国", "text"))
    (pages / "notes.bak").write_text("no page")
    (pages / "_drafts").mkdir()
    (pages / "_drafts" / "x.txt").write_text("x")
    (pages / "link.txt").symlink_to("/etc/passwd")
    found = listed(source)
    assert set(found) == {"日本語", "中文", "x%252F..%252F..%252Fconf%252Flocal", "100%25", "playground/中国"}
    connector = DokuWiki(source)
    assert {connector.fetch(each.ref).read() for each in found.values()} == {b"text"}
    for key in (
        "../conf/local",
        "_template",
        "link",
        "notes.bak",
        "a:b",
        "media:x.pdf",
        "nothing",
        "a/../日本語",
    ):
        with pytest.raises(NotFound):
            connector.fetch(ref(key))


def test_files_beside_the_pages_by_option(wiki: Wiki, source: SourceConfig) -> None:
    wiki.allow("* @ALL 1\nlegal:* @ALL 0\nlegal:open @ALL 1\n")
    put(wiki.place / "data" / "media" / "legal" / "terms.pdf", b"%PDF-")
    put(wiki.place / "data" / "media" / "logo.png", b"png")
    put(
        wiki.place / "data" / "media_meta" / "logo.png.changes",
        b"1700000000\t192.0.2.1\tC\tlogo.png\tjane\tcreated\t\t3\n",
    )
    assert listed(source) == {}
    config = replace(source, options=(("media", "yes"),))
    assert set(listed(config)) == {"media:legal/terms.pdf", "media:logo.png"}
    connector = DokuWiki(config)
    assert connector.fetch(ref("media:legal/terms.pdf")).read() == b"%PDF-"
    assert connector.fetch(ref("media:logo.png")).contributions[0].person.account == "wiki:jane"
    assert connector.access(ref("media:logo.png")) == PUBLIC
    assert connector.access(ref("media:legal/terms.pdf")).grant == {"group:admin", "user:root"}


RULES = """
# comments and empty lines

*               @ALL        1
start           @ALL        0   # not even that
start           @staff      1
legal:*         @ALL        0
legal:*         @legal%20team 8
legal:*         @legal%5fteam 8
board:*         @fuehrung   1
board:*         @Führung    0
legal:*         bo          1
legal:open:*    @ALL        1
legal:open:*    @interns    0
legal:open:for  @interns    1
board:*         @interns    0
board:*         @staff      16
board:minutes:* @ALL        0
board:minutes:* carl%2ec    2
user:%USER%:*   %USER%      16
user:*          @ALL        0
team:%GROUP%:*  %GROUP%     4
team:*          @user       0
nobody:*        @none       1
nobody:*        @a%5fb%5ftest%5fmore 2
top:*           @staff      0
top:*           @interns    1
"""
PAGES = [
    *(
        "start",
        "other",
        "legal:a",
        "legal:open:a",
        "legal:open:for",
        "legal:open:deep:a",
        "board:a",
        "board:minutes:a",
    ),
    *(
        "user:jane:notes",
        "user:bo:x:y",
        "user:x",
        "team:staff:a",
        "team:interns:a",
        "nobody:a",
        "top:a",
        "legal",
        "*",
        "legal:*",
    ),
]
USERS = {
    "jane": ("user", "legal team", "staff"),
    "bo": ("user", "Führung", "A/B Test & more"),
    "ann": ("user", "interns"),
    "carl.c": ("user", "staff", "interns"),
    "root": ("user",),
    "boss": ("user", "admin", "interns"),
}


def test_who_may_read_is_what_the_wiki_itself_decides(wiki: Wiki, source: SourceConfig) -> None:
    """Each user and nobody at each page, asked of the real `auth_aclcheck`."""
    wiki.allow(RULES)
    wiki.do(*(make(login, login, *groups) for login, groups in USERS.items()))
    asked = [(page, user) for page in PAGES for user in ("", *USERS)]
    levels = wiki.do(*(may(page, user) for page, user in asked))
    assert {level >= 1 for level in levels} == {True, False}
    settings = read_settings(wiki.place / "conf")
    acl = Acl(settings, PUBLIC)
    for (page, user), level in zip(asked, levels, strict=True):
        tokens = frozenset({f"person:{user}@x.example"} if user else ())
        assert acl.of(page).allows(Asker(tokens=tokens)) == (level >= 1), (page, user, level)
    # By name some may see less than there, where a denial meets a right; nobody sees more.
    named = Acl(settings, PUBLIC, by_name=True)
    less = []
    for (page, user), level in zip(asked, levels, strict=True):
        groups = {f"group:{encoded(cleaned(group))}" for group in USERS.get(user, ())}
        own = {f"user:{encoded(cleaned(user))}"} if user else set()
        sees = named.of(page).allows(Asker(tokens=frozenset(groups | own)))
        assert not sees or level >= 1, (page, user, level)
        if level >= 1 and not sees:
            less.append((page, user))
    assert len(less) <= 11, less


def test_everybody_is_whoever_the_source_is_for_and_its_rules_come_first(
    wiki: Wiki, source: SourceConfig
) -> None:
    wiki.allow("* @ALL 1\nsecret:* @ALL 0\nsecret:* jane 1\n")
    wiki.do(make("jane", "Jane", "user"), save("a", "a"), save("secret:a", "a"))
    office, legal = (
        Access(frozenset({"group:office"}), frozenset({"group:temp"})),
        Access(frozenset({"group:legal"})),
    )
    config = replace(source, access=office, rules=(("secret/b*", legal),))
    connector = DokuWiki(config)
    assert connector.access(ref("a")) == office
    assert connector.access(ref("secret/a")) == Access(frozenset({"person:jane@x.example"}), office.deny)
    assert connector.access(ref("secret/b")) == legal
    before = listed(config)
    wiki.allow("* @ALL 1\nsecret:* @ALL 0\n")
    after = listed(config)
    assert [key for key in before if before[key].version != after[key].version] == ["secret/a"]
    assert not DokuWiki(config).access(ref("secret/a")).grant
    (wiki.place / "conf" / "acl.auth.php").unlink()
    assert not DokuWiki(config).access(ref("a")).grant, "rules are asked for, and none are there: nobody"


def test_settings_that_cannot_be_read_are_an_error_and_no_open_door(wiki: Wiki, source: SourceConfig) -> None:
    wiki.do(save("a", "a"))
    conf = wiki.place / "conf"
    conf.rename(wiki.place / "elsewhere")
    with pytest.raises(SourceError, match="no settings"):
        list(DokuWiki(source).changes(None))
    moved = replace(source, options=(("conf", str(wiki.place / "elsewhere")),))
    assert list(listed(moved)) == ["a"]
    assert list(listed(replace(source, options=(("acl", "ignore"),)))) == ["a"]
    data = replace(moved, location=str(wiki.place / "data"))
    assert list(listed(data)) == ["a"]
    for option in (("acl", "off"), ("url", "javascript:x"), ("groups", "all")):
        with pytest.raises(InvalidInput):
            DokuWiki(replace(source, options=(option,)))
    (wiki.place / "elsewhere" / "local.php").write_text(
        "<?php\n$conf['useacl'] = 1;\n$conf['authtype'] = \"authldap\";\n"
    )
    assert read_settings(wiki.place / "elsewhere").users == {}


def test_two_accounts_of_one_address_and_addresses_that_are_none() -> None:
    users = {
        "a": User("a", "A", "one@x.example", frozenset({"in"})),
        "b": User("b", "B", "one@x.example", frozenset({"out"})),
        "c": User("c", "C", "", frozenset({"in"})),
        "d": User("d", "D", "no, address", frozenset({"out"})),
    }
    acl = Acl(Settings(("* @ALL 1", "x:* @in 1", "x:* @out 0", "y:* @out 0"), users), PUBLIC)
    assert acl.of("x:p") == PUBLIC, "who may by one account, may"
    assert Acl(Settings(("* @in 1",), users), PUBLIC).of("p").grant == {"person:one@x.example"}


SYNTAX = """====== Supplier contract ======
~~NOTOC~~
The **supplier** delivers //beech// and __oak__ (see [[legal:terms|the terms]], [[wiki:other_page]] and
https://x.example/a//b) ''monospaced''\\\\ second line((A note.)).

===== Delivery =====
  * first [[doku>item|item]]
  * second item
    - nested
> quoted words
----
^ Part ^ Price ^
| Beech | 12 EUR |
| {{:img.png|A board}} [[a|b|c]] | ::: |

<code php order.php>
$x = "**not bold**";
</code>
  indented ''code''

Raw <nowiki>**stars**</nowiki> and %%//slashes//%% {{ :files:terms.pdf |Terms as PDF}} {{picture.png}}
<html><script>x</script><b>bold</b></html>
== Smallest ==
end
"""


def test_the_syntax_is_read_with_its_headings() -> None:
    parsed = read(SYNTAX.encode(), name="contract.dokuwiki")
    assert (parsed.media_type, parsed.title) == ("text/x-dokuwiki", "Supplier contract")
    found = [(element.kind, element.level, element.text) for element in parsed.elements]
    heading, text, items, table, code = (
        *(ElementKind.HEADING, ElementKind.TEXT, ElementKind.LIST),
        *(ElementKind.TABLE, ElementKind.CODE),
    )
    assert found[0] == (heading, 1, "Supplier contract")
    assert found[1][2] == (
        "The supplier delivers beech and oak (see the terms, other page and\n"
        "https://x.example/a//b) monospaced\nsecond line (A note.)."
    )
    assert found[2:5] == [
        (heading, 2, "Delivery"),
        (items, 0, "- first item\n- second item\n- nested"),
        (text, 0, "quoted words"),
    ]
    assert found[5][0] == table
    assert "Part: Beech; Price: 12 EUR" in found[5][2]
    assert "A board" in found[5][2]
    assert found[6] == (code, 0, '$x = "**not bold**";')
    assert found[7] == (code, 0, "indented ''code''")
    assert "**stars** and //slashes// Terms as PDF" in found[8][2]
    assert "<b>" not in found[8][2]
    assert (heading, 5, "Smallest") in found


@pytest.mark.parametrize(
    "bad",
    [
        "[[" * 20_000,
        "<code" * 20_000,
        "((" * 20_000,
        "//a " * 20_000,
        "**a " * 20_000,
        "|" * 40_000,
        "{{" * 20_000,
        "''a " * 20_000,
        "<code>" * 20_000,
        "==a" + " " * 40_000,
        " " * 40_000 + "x",
        "{{rss>" * 20_000,
    ],
)
def test_no_page_takes_long(bad: str) -> None:
    began = time.process_time()
    read(bad.encode(), name="a.dokuwiki")
    assert time.process_time() - began < 5, "twice as long is twice as much work, not four times"
