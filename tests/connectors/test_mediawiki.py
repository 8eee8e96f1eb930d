"""The mediawiki connector against a real MediaWiki: what is written, moved, deleted and restricted there, and when it fails."""

import json
import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from connectors.base import Change, Checkpoint, Connector, Content, Deleted, SourceConfig, Upserted
from connectors.http_errors import Refused
from connectors.mediawiki import MediaWiki
from connectors.mediawiki.history import written
from connectors.mediawiki.shapes import Revision
from connectors.patience import Patience, Patient
from memory.domain import Access, Role, SourceRef
from memory.errors import InvalidInput, NotFound, RateLimited, SourceError, SourceUnavailable
from tests.connectors.mediawiki import BASE, BOT_PASSWORD, PASSWORD, Wiki
from tests.connectors.synced import Synced
from tests.connectors.wire import Wire

LEGAL = Access(frozenset({"group:legal"}))
STAFF = Access(frozenset({"group:staff"}))


def source(port: int, **options: str) -> SourceConfig:
    given = tuple({"namespaces": "Main", **options}.items())
    return SourceConfig("wiki", f"http://127.0.0.1:{port}/api.php", access=STAFF, options=given)


class TestMediaWiki(Synced):
    connector_class = MediaWiki
    has_folders = False
    has_fingerprints = False
    # Whether a page can be shown is known when it is asked for; a test of its own is below.
    has_single_failures = False

    @pytest.fixture
    def config(self, wiki: Wiki) -> Iterator[SourceConfig]:
        self.wiki, self.numbers = wiki, dict[str, int]()
        self.wire = Wire(wiki.port)
        with ExitStack() as self.open_ones:
            self.open_ones.callback(self.wire.close)
            yield replace(source(self.wire.port), access=Access())

    def open(self, config: SourceConfig) -> Connector:
        made = MediaWiki(config)
        self.open_ones.callback(made.close)
        return made

    def key(self, name: str) -> str:
        return str(self.numbers[name])

    def add(self, key: str, body: bytes) -> None:
        self.numbers[key] = self.wiki.write(key, body.decode())

    def expected(self, key: str, body: bytes) -> bytes:
        head = f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{key}</title></head>'
        return (
            f'{head}<body><div class="mw-parser-output"><p>{body.decode()}\n</p></div></body></html>'.encode()
        )

    def change(self, key: str, body: bytes) -> None:
        self.wiki.write(key, body.decode())

    def remove(self, key: str) -> None:
        self.wiki.delete(key)

    def unreachable(self) -> None:
        self.wire.close()


class Source:
    """A source, with the cursor it came to."""

    def __init__(self, config: SourceConfig) -> None:
        self.config = config
        self.cursor: str | None = None
        self.whole = False

    def sync(self) -> list[Change]:
        """What changed since the last one, as a process of its own would see it."""
        with closing(MediaWiki(self.config)) as made:
            told = list(made.changes(self.cursor))
        last = told.pop()
        assert isinstance(last, Checkpoint)
        self.cursor, self.whole = last.cursor, last.whole
        return told

    def fetch(self, number: int | str) -> Content:
        with closing(MediaWiki(self.config)) as made:
            return made.fetch(ref(number))

    def access(self, number: int | str) -> Access:
        with closing(MediaWiki(self.config)) as made:
            return made.access(ref(number))


def ref(key: int | str) -> SourceRef:
    return SourceRef("mediawiki", "wiki", str(key))


def keys(told: list[Change], kind: type[Upserted] | type[Deleted]) -> list[str]:
    return [each.ref.key for each in told if isinstance(each, kind)]


def test_only_what_changed_is_told(wiki: Wiki) -> None:
    numbers = {
        title: str(wiki.write(title, "text"))
        for title in ("Edited", "Moved", "Deleted", "Gone for a while", "Turned", "Kept")
    }
    wiki.write("Redirect", "#REDIRECT [[Kept]]")
    files = Source(source(wiki.port))
    assert sorted(keys(files.sync(), Upserted)) == sorted(numbers.values())
    assert files.sync() == []
    assert files.sync() == []
    wiki.write("Edited", "other")
    wiki.move("Moved", "Moved away")
    wiki.move("Moved away", "Moved again")
    wiki.delete("Deleted")
    wiki.delete("Gone for a while")
    wiki.write("Turned", "#REDIRECT [[Kept]]")
    new = wiki.write("New", "text")
    told = files.sync()
    assert sorted(keys(told, Upserted)) == sorted([numbers["Edited"], numbers["Moved"], str(new)])
    assert {numbers["Deleted"], numbers["Gone for a while"], numbers["Turned"]} <= set(keys(told, Deleted))
    assert numbers["Kept"] not in keys(told, Deleted)
    assert files.fetch(numbers["Moved"]).title == "Moved again"
    for gone in ("Deleted", "Turned"):
        with pytest.raises(NotFound):
            files.fetch(numbers[gone])
    wiki.ask("undelete", title="Gone for a while")
    assert keys(files.sync(), Upserted) == [numbers["Gone for a while"]]
    assert not files.whole


def test_what_moves_while_the_pages_are_listed_is_not_missed(wiki: Wiki) -> None:
    wiki.more("$wgAPIMaxResultSize = 1200;")  # a page or two in each answer
    numbers = [str(wiki.write(f"M{number}", "text")) for number in range(6)]
    with closing(MediaWiki(source(wiki.port))) as made:
        walk = made.changes(None)
        first = next(walk)
        wiki.move("M5", "A5")  # the list is past that already
        new = str(wiki.write("A6", "text"))
        wiki.write("M0", "edited after it was told")
        told = [first, *walk]
        last = told.pop()
        assert sorted(keys(told, Upserted)) == sorted([*numbers, new])
        assert isinstance(last, Checkpoint)
        later = list(made.changes(last.cursor))
        assert numbers[0] in keys(later, Upserted)


def test_where_recent_changes_do_not_reach_back_everything_is_listed(wiki: Wiki) -> None:
    kept, gone = wiki.write("Kept", "text"), wiki.write("Gone", "text")
    pages = Source(source(wiki.port))
    pages.sync()
    wiki.delete("Gone")
    execute(wiki, "DELETE FROM recentchanges")  # as MediaWiki does after `$wgRCMaxAge`
    wiki.write("Kept", "other")
    told = pages.sync()
    assert (keys(told, Upserted), pages.whole) == ([str(kept)], True)
    assert str(gone) not in keys(told, Upserted)
    execute(wiki, "UPDATE recentchanges SET rc_timestamp = '2020' || substr(rc_timestamp, 5)")
    wiki.write("Kept", "third")
    assert keys(pages.sync(), Upserted) == [str(kept)]
    assert not pages.whole
    for other in (replace(pages.config, exclude=("K*",)), replace(pages.config, access=LEGAL)):
        changed = Source(other)
        changed.cursor = pages.cursor
        changed.sync()
        assert changed.whole
    told_before = json.loads(pages.cursor or "")
    for cursor in ("", "?", "{}", json.dumps({**told_before, "at": "2099-01-01T00:00:00+00:00"}),
                   json.dumps({**told_before, "whole": "2020-01-01T00:00:00+00:00"})):  # fmt: skip
        pages.cursor = cursor
        assert keys(pages.sync(), Upserted) == [str(kept)]
        assert pages.whole == bool(cursor)


def execute(wiki: Wiki, statement: str, file: str = "wiki") -> None:
    """What nobody can do from outside."""
    with closing(sqlite3.connect(wiki.place / "data" / f"{file}.sqlite")) as database, database:
        database.execute(statement)


def test_everybody_who_wrote_a_page_is_named(wiki: Wiki) -> None:
    title = "Verträge/Über „A & B“ 100% (2024)?"
    number = wiki.write(title, "One", "Jane Doe")
    wiki.write(title, "Two", "Bob")
    wiki.write(title, "Three", "")
    wiki.write(title, "Four", "Jane Doe")
    wiki.ask("protect", title=title, protections="edit=sysop")
    wiki.move(title, f"{title} neu")
    content = Source(source(wiki.port)).fetch(number)
    assert [(each.role, each.person.name, each.person.account[:5]) for each in content.contributions] == [
        (Role.AUTHOR, "Jane Doe", "wiki:"),
        (Role.EDITOR, "Bob", "wiki:"),
    ]
    assert content.title == f"{title} neu"
    assert content.url == BASE + "wiki/Vertr%C3%A4ge/%C3%9Cber_%E2%80%9EA_%26_B%E2%80%9C_100%25_(2024)%3F_neu"
    assert b"<p>Four\n</p>" in content.read()
    assert content.created
    assert content.modified
    assert content.created <= content.modified <= datetime.now(UTC)


def test_a_history_names_people_only() -> None:
    def version(second: int, sha1: str, user: str | None, userid: int = 0, temp: bool = False) -> Revision:
        at = datetime(2024, 1, 1, 0, 0, second, tzinfo=UTC)
        return Revision(timestamp=at, user=user, userid=userid, sha1=sha1, temp=temp)

    versions = [
        version(1, "a", "import>Jane  Doe"),
        version(2, "b", "192.0.2.7"),
        version(3, "c", "2001:db8::1"),
        version(4, "d", None),
        version(5, "e", "~2024-17", 9, temp=True),
        version(6, "f", "Fixer", 8),
        version(7, "g", "Maintenance script", 7),
        version(8, "h", "Bob", 2),
        version(9, "h", "Eve", 3),
        version(10, "i", "Ann", 4),
        version(11, "j", "Bob", 2),
    ]
    told = written(versions, "wiki", frozenset({"Fixer"}))
    assert [
        (each.role, each.person.name, each.person.account, each.at and each.at.second)
        for each in told.contributions
    ] == [
        (Role.AUTHOR, "Jane Doe", "", 1),
        (Role.EDITOR, "Bob", "wiki:2", 11),
        (Role.EDITOR, "Ann", "wiki:4", 10),
    ]
    assert written([], "wiki").contributions == ()


def test_who_may_read_is_what_the_wiki_says(wiki: Wiki) -> None:
    wiki.more(
        "$wgRestrictionTypes[] = 'read'; array_push( $wgRestrictionLevels, 'legal', 'board' );"
        "$wgGroupPermissions['sysop']['legal'] = $wgGroupPermissions['sysop']['board'] = true;"
    )
    number = wiki.write("Lease", "text")
    pages = Source(
        replace(source(wiki.port, levels="legal=group:legal,legal=group:audit"), rules=(("Draft*", LEGAL),))
    )
    pages.sync()
    before = pages.fetch(number)
    assert pages.access(number) == STAFF
    wiki.ask("protect", title="Lease", protections="read=legal")
    told = pages.sync()
    assert keys(told, Upserted) == [str(number)]
    assert pages.access(number) == Access(frozenset({"group:legal", "group:audit"}))
    # Nothing is read again: neither the bytes nor who wrote them differ.
    after = pages.fetch(number)
    assert (after.read(), after.contributions) == (before.read(), before.contributions)
    wiki.ask("protect", title="Lease", protections="read=board")
    pages.sync()
    assert pages.access(number) == Access()  # nobody is known for that level
    wiki.ask("protect", title="Lease", protections="")
    wiki.move("Lease", "Draft lease")
    assert keys(pages.sync(), Upserted) == [str(number)]
    assert pages.access(number) == LEGAL


def test_protected_namespaces_may_stand_for_access(wiki: Wiki) -> None:
    wiki.more(
        "$wgExtraNamespaces[3000] = 'Legal_desk'; $wgNamespaceProtection[3000] = [ 'legal' ];"
        "$wgGroupPermissions['sysop']['legal'] = true; $wgNamespaceAliases['LD'] = 3000;"
    )
    number = wiki.write("Legal desk:Lease", "text")
    talk = wiki.write("Talk:Lease", "text")
    plain = Source(source(wiki.port, namespaces="LD, talk"))
    assert keys(plain.sync(), Upserted) == [str(talk), str(number)]
    assert plain.access(number) == STAFF
    pages = Source(source(wiki.port, namespaces="3000,Main", restriction="edit", levels="legal=group:legal"))
    assert keys(pages.sync(), Upserted) == [str(number)]
    assert pages.access(number) == LEGAL
    assert keys(Source(source(wiki.port, namespaces="")).sync(), Upserted) == [str(number)]
    assert keys(Source(source(wiki.port, namespaces="*")).sync(), Upserted) == [str(talk), str(number)]
    with pytest.raises(SourceError, match="no namespace Nothing") as raised:
        Source(source(wiki.port, namespaces="Nothing")).sync()
    assert "Legal desk" in raised.value.hint


def test_a_private_wiki_is_read_after_a_login(wiki: Wiki) -> None:
    number = wiki.write("Secret", "text")
    wiki.more("$wgGroupPermissions['*']['read'] = false;")
    with pytest.raises(Refused) as raised:
        Source(source(wiki.port)).sync()
    assert "--secret password" in raised.value.hint
    for user, password in (("Admin@mneme", BOT_PASSWORD), ("Admin", PASSWORD)):
        pages = Source(replace(source(wiki.port, user=user), secrets=(("password", SecretStr(password)),)))
        assert keys(pages.sync(), Upserted) == [str(number)]
    with closing(MediaWiki(pages.config)) as made:
        assert "MediaWiki 1." in made.check()
        execute(wiki, "DELETE FROM objectcache", "wikicache")  # everybody is logged out
        wiki.forget_users()
        assert made.fetch(ref(number)).title == "Secret"
    wrong = replace(pages.config, secrets=(("password", SecretStr("not-this-one")),))
    with pytest.raises(Refused) as raised:
        Source(wrong).sync()
    error: BaseException | None = raised.value
    while error is not None:
        assert "not-this-one" not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_uploaded_files_are_documents_where_that_is_wanted(wiki: Wiki) -> None:
    wiki.upload("Lease.txt", b"Lease", "Jane Doe")
    page = wiki.write("Page", "text")
    files = Source(source(wiki.port, files="yes"))
    told = files.sync()
    [key] = [each for each in keys(told, Upserted) if each != str(page)]
    content = files.fetch(key)
    assert (content.name, content.media_type, content.title) == ("Lease.txt", "text/plain", "File:Lease.txt")
    with closing(MediaWiki(files.config)) as made:
        assert made.fetch(ref(key)).read() == b"Lease"
    wiki.upload("Lease.txt", b"Longer lease", "Bob")
    assert keys(files.sync(), Upserted) == [key]
    with closing(MediaWiki(files.config)) as made:
        content = made.fetch(ref(key))
        assert content.read() == b"Longer lease"
    assert [each.person.name for each in content.contributions] == ["Jane Doe", "Bob"]
    (path,) = (wiki.place / "root" / "images").glob("?/??/Lease.txt")
    path.unlink()
    with pytest.raises(SourceError, match="There is nothing at"):
        files.fetch(key)  # the wiki lists it, so it has failed, and is not gone
    wiki.delete("File:Lease.txt")
    assert key in keys(files.sync(), Deleted)


def test_answers_in_parts_are_put_together(wiki: Wiki) -> None:
    numbers = [wiki.write(f"Page {number}", "text") for number in range(3)]
    for number in range(4):
        wiki.write("Page 0", f"version {number}", "Bob" if number % 2 else "Jane Doe")
    wiki.more("$wgAPIMaxResultSize = 700;")
    pages = Source(source(wiki.port))
    assert keys(pages.sync(), Upserted) == list(map(str, numbers))
    assert [each.person.name for each in pages.fetch(numbers[0]).contributions] == [
        "Admin",
        "Bob",
        "Jane Doe",
    ]
    wiki.write("Page 1", "other")
    assert keys(pages.sync(), Upserted) == [str(numbers[1])]


def test_the_wiki_asks_for_patience_or_fails(wiki: Wiki) -> None:
    good, bad = wiki.write("Good", "text"), wiki.write("Bad", "EXPLODE")
    with pytest.raises(RateLimited) as asked:
        Source(source(wiki.port, maxlag="-2")).sync()  # the databases are always more up to date than that
    assert asked.value.after_s == 5
    wiki.more(
        "$wgParserCacheType = CACHE_NONE; $wgHooks['ParserBeforeInternalParse'][] = function ( $parser, &$text ) {"
        " if ( strpos( $text, 'EXPLODE' ) !== false ) throw new Exception( 'it does' ); };"
    )
    pages = Source(source(wiki.port))
    assert sorted(keys(pages.sync(), Upserted)) == [str(good), str(bad)]
    with pytest.raises(SourceError, match="fails over page") as failed:
        pages.fetch(bad)
    assert not isinstance(failed.value, SourceUnavailable)
    assert pages.fetch(good).read()


@pytest.mark.parametrize(
    ("options", "secrets"),
    [
        ({"user": "Jane"}, {}),
        ({}, {"password": "x"}),
        ({"user": "Jane"}, {"password": "x", "token": "x"}),
        ({"files": "perhaps"}, {}),
        ({"levels": "sysop"}, {}),
        ({"levels": "sysop=a b"}, {}),
        ({"maxlag": "soon"}, {}),
        ({"colour": "red"}, {}),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, str], secrets: dict[str, str]) -> None:
    given = tuple((name, SecretStr(value)) for name, value in secrets.items())
    with pytest.raises(InvalidInput):
        MediaWiki(replace(source(80, **options), secrets=given))


def test_what_is_no_wiki_is_said_to_be_none(wiki: Wiki) -> None:
    for place in (f"{wiki.url}/nowhere", f"{wiki.url}/nowhere/api.php"):
        with pytest.raises(SourceError) as raised:
            Source(replace(source(wiki.port), location=place)).sync()
        assert "api.php" in raised.value.hint
    with pytest.raises(NotFound):
        Source(source(wiki.port)).fetch("../1")


PAGES = 6
SEEDED = random.Random(6)


@pytest.fixture(scope="module")
def filled(installed: Wiki) -> dict[str, bytes]:
    """Some pages, by number with what they show, kept as ``full``."""
    installed.reset()
    made = {str(installed.write(f"Page {n}", f"text {n} " * 20)): b"text %d " % n for n in range(PAGES)}
    installed.save("full")
    return made


@pytest.fixture
def full(installed: Wiki, filled: dict[str, bytes]) -> dict[str, bytes]:
    """The same pages, there now."""
    installed.reset("full")
    return filled


@pytest.mark.parametrize("share", [SEEDED.random() for _ in range(5)])
def test_a_connection_that_is_cut_loses_and_doubles_nothing(
    installed: Wiki, full: dict[str, bytes], share: float
) -> None:
    wire = Wire(installed.port)
    with closing(wire), closing(MediaWiki(source(wire.port))) as made:
        wire.cut_after(int(share * 16_000))
        pauses: list[float] = []
        check(Patient(made, pauses.append, Patience()), full)
        assert len(pauses) == 1


@pytest.mark.parametrize("after", [SEEDED.randrange(PAGES) for _ in range(5)])
def test_a_server_that_is_killed_loses_and_doubles_nothing(
    installed: Wiki, full: dict[str, bytes], after: int
) -> None:
    """It is killed while it answers, and is there again after a while."""
    kill = threading.Timer(SEEDED.random() * 0.03, installed.stop)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        kill.join()
        if len(pauses) % 3 == 0:
            installed.start()

    with closing(MediaWiki(source(installed.port))) as made:
        check(Patient(made, pause, Patience()), full, {after: kill.start})
    assert len(pauses) == 3


def check(patient: Patient, wanted: dict[str, bytes], then: dict[int, object] | None = None) -> None:
    told = []
    for change in patient.changes(None):
        told.append(change)
        if isinstance(change, Upserted):
            if act := (then or {}).get(len(told) - 1):
                act()  # type: ignore[operator]
            assert wanted[change.ref.key] in patient.fetch(change.ref).read()
    last = told.pop()
    assert sorted(keys(told, Upserted)) == sorted(wanted)
    assert isinstance(last, Checkpoint)
    assert [type(each) for each in patient.changes(last.cursor)] == [Checkpoint]
