"""The connector for exports of a Confluence: the contract, the same documents as by REST, and exports that are broken."""

import os
import random
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Change, Checkpoint, SourceConfig, Upserted
from connectors.confluence.connector import Confluence
from connectors.confluence.export import ConfluenceExport
from ingest.parsers.registry import read
from memory.domain import Access, Asker, Failed, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError
from tests.connectors import confluence_export as export
from tests.connectors.confluence import FakeConfluence, Item, confluence
from tests.connectors.synced import Synced
from tests.connectors.test_confluence import source

STAFF = Access(frozenset({"group:staff"}))


class TestConfluenceExport(Synced):
    connector_class = ConfluenceExport
    tells_access = True
    has_folders = False
    has_fingerprints = False
    walks_in_steps = False

    @pytest.fixture
    def config(self, tmp_path: Path) -> Iterator[SourceConfig]:
        with confluence() as self.wiki:
            self.items: dict[str, Item] = {}
            self.path = tmp_path / "export.zip"
            self.write()
            yield SourceConfig(
                "wiki", str(self.path), Access(frozenset({"public"})), state=tmp_path / "state"
            )

    def write(self) -> None:
        half = export.write(self.wiki, self.path.with_suffix(".new"))
        half.replace(self.path)

    def key(self, name: str) -> str:
        return f"page/{self.items[name].id}"

    def expected(self, key: str, body: bytes) -> bytes:
        return b'{"storage": "%s", "names": {}, "comments": []}' % body

    def add(self, key: str, body: bytes) -> None:
        self.items[key] = self.wiki.add(key, body)
        self.write()

    def change(self, key: str, body: bytes) -> None:
        self.wiki.write(self.items[key], body)
        self.write()

    def remove(self, key: str) -> None:
        self.items[key].trashed = True
        self.write()

    def restrict(self, key: str) -> None:
        self.items[key].users = ["u1"]
        self.write()

    def deny_reading(self, key: str) -> None:
        self.items[key].parent = "1"  # a page above it that is not in the export
        self.write()

    def unreachable(self) -> None:
        self.path.unlink()


def told(config: SourceConfig) -> tuple[dict[str, Upserted], dict[str, str]]:
    with closing(ConfluenceExport(config)) as made:
        changes: list[Change] = list(made.changes(None))
    assert isinstance(changes.pop(), Checkpoint)
    failed = {each.ref.key: each.reason for each in changes if isinstance(each, Failed)}
    return {each.ref.key: each for each in changes if isinstance(each, Upserted)}, failed


def of(wiki: FakeConfluence, place: Path, **options: str) -> SourceConfig:
    path = export.write(wiki, place / "export.zip")
    return SourceConfig("wiki", str(path), STAFF, options=tuple(options.items()), state=place / "state")


def test_an_export_has_the_documents_that_its_wiki_has(tmp_path: Path) -> None:
    """Text, people, dates and files of both; access too, but for groups whose members only the wiki tells."""
    dice = random.Random(7)
    with confluence() as wiki:
        wiki.groups["board"] = ["u1"]
        wiki.spaces["HR"] = ["group:staff", "user:u2"]
        pages: list[Item] = []
        for number in range(40):
            space = dice.choice(["DOC", "HR"])
            above = dice.choice([each for each in pages if each.space == space] or [None])  # type: ignore[list-item]
            mention = '<ac:link><ri:user ri:userkey="u2"/></ac:link>'
            code = "<ac:structured-macro ac:name='code'><ac:plain-text-body><![CDATA[a[b[1]] > 2]]></ac:plain-text-body></ac:structured-macro>"
            restricted = {"groups": ["staff"]} if dice.random() < 0.3 else {}
            page = wiki.add(
                f"Page {number}/ü",
                f"<p>&auml; {mention} {number}</p>{code}",
                space=space,
                parent=above.id if above else "",
                **restricted,
            )
            pages.append(page)
            for _ in range(dice.randint(0, 2)):
                wiki.write(page, page.body, by=dice.choice(["u1", "u2"]))
            if number % 4 == 0:
                first = wiki.add(
                    "", "<p>So?</p>", kind="comment", space=space, parent=page.id, by="u2", about="30 days"
                )
                wiki.add("", "<p>So.</p>", kind="comment", space=space, parent=first.id)
                wiki.add("a ü.txt", b"of oak", kind="attachment", space=space, parent=page.id)
        wiki.add("News", "<p>x</p>", kind="blogpost")
        wiki.add("In the bin", "<p>x</p>", trashed=True)
        config = of(wiki, tmp_path, url=wiki.location)
        with (
            closing(Confluence(source(wiki, domain="x.example"))) as live,
            closing(ConfluenceExport(config)) as exported,
        ):
            there = {each.ref.key: each for each in live.changes(None) if isinstance(each, Upserted)}
            here = {each.ref.key: each for each in exported.changes(None) if isinstance(each, Upserted)}
            assert set(there) == set(here)
            assert len(here) == 51
            for key, by_rest in there.items():
                ours, theirs = exported.fetch(here[key].ref), live.fetch(by_rest.ref)
                assert (ours.read(), ours.name, ours.title) == (theirs.read(), theirs.name, theirs.title)
                assert (ours.media_type, ours.created, ours.modified) == (
                    theirs.media_type,
                    theirs.created,
                    theirs.modified,
                )
                assert ours.contributions == theirs.contributions
                assert exported.access(here[key].ref) == live.access(by_rest.ref)
            assert {each.size for key, each in here.items() if key.startswith("attachment/")} == {6}
            first = exported.fetch(here[f"page/{pages[0].id}"].ref)
            words = read(first.read(), name=first.name, media_type=first.media_type)
            assert "a[b[1]] > 2" in [each.text for each in words.elements]


def test_who_may_see_what(tmp_path: Path) -> None:
    with confluence() as wiki:
        wiki.spaces["HR"] = ["group:staff"]
        wiki.groups["board"] = ["u1"]
        page = wiki.add("Salaries", "x", space="HR", groups=["board"])
        own = wiki.add("Jane's", "x", space="HR", users=["u1"])
        plain = wiki.add("Plain", "x", space="HR")
        beneath = wiki.add("Beneath", "x", space="DOC", parent=wiki.add("Above", "x", users=["u2"]).id)
        config = of(wiki, tmp_path)

        def access(item: Item, config: SourceConfig = config) -> Access:
            with closing(ConfluenceExport(config)) as made:
                return made.access(SourceRef("confluence_export", "wiki", f"page/{item.id}"))

        assert access(beneath).grant == {"person:bo@x.example"}
        assert access(plain).grant == {"group:staff"}
        # Who is in which group is not in an export: where different ones meet, nobody is let in.
        assert access(page).grant == access(own).grant == frozenset()
        for option in (("everybody", "staff"), ("spaces", "source")):
            opened = replace(config, options=(option,))
            assert access(page, opened).grant == {"group:board"}
            assert access(own, opened).grant == {"person:jane@x.example"}
            assert access(plain, opened) == STAFF
        assert not access(own).allows(Asker(tokens=frozenset({"group:staff"})))
        before = told(config)[0]
        page.groups.append("staff")
        after = told(of(wiki, tmp_path))[0]
        assert {key for key in before if before[key].version != after[key].version} == {f"page/{page.id}"}


def test_a_space_whose_viewers_are_not_told_is_for_nobody(tmp_path: Path) -> None:
    with confluence() as wiki:
        wiki.secret_spaces.add("DOC")
        page = wiki.add("Page", "x")
        found, failed = told(of(wiki, tmp_path))
        assert not found
        assert "who may view the space DOC" in failed[f"page/{page.id}"]
        assert set(told(of(wiki, tmp_path, spaces="source"))[0]) == {f"page/{page.id}"}


def test_exports_that_are_broken(tmp_path: Path) -> None:
    with confluence() as wiki:
        page = wiki.add("Page", "x", users=["u1"])
        file = wiki.add("a.txt", b"x", kind="attachment", parent=page.id)
        whole = export.text(wiki)
        config = of(wiki, tmp_path)
    path = Path(config.location)

    def attempt(text: str | bytes | None, says: str) -> None:
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("other.txt", "x")
            if text is not None:
                packed.writestr("entities.xml", text)
        with closing(ConfluenceExport(config)) as made, pytest.raises(SourceError, match=says) as raised:
            list(made.changes(None))
        assert raised.value.hint

    attempt(None, "has no entities.xml")
    attempt(whole[: len(whole) // 2], "breaks off")
    attempt("<html></html>", "no export of a Confluence")
    attempt(
        whole.replace("<hibernate", '<!DOCTYPE x [<!ENTITY a "aaaa">]><hibernate', 1),
        "no export of a Confluence",
    )
    attempt(
        whole.replace("owningContent", "else").replace("contentPermissionSets", "else"),
        "does not say of what",
    )
    path.write_bytes(b"no zip")
    with closing(ConfluenceExport(config)) as made, pytest.raises(SourceError, match="not a zip"):
        made.check()
    # What was read before stays usable for nobody; the next whole export is read anew.
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("entities.xml", whole)
    found = told(config)[0]
    assert set(found) == {f"page/{page.id}", f"attachment/{file.id}"}
    with closing(ConfluenceExport(config)) as made:
        assert "1 pages, 0 posts and 1 files" in made.check()
        with pytest.raises(SourceError, match="not in the export"):
            made.fetch(found[f"attachment/{file.id}"].ref)
        for key in ("page/1", f"blogpost/{page.id}", "comment/1", "../x"):
            with pytest.raises(NotFound):
                made.fetch(SourceRef("confluence_export", "wiki", key))
    with pytest.raises(InvalidInput, match="url"):
        ConfluenceExport(replace(config, options=(("url", "javascript:x"),)))


def test_two_may_take_in_one_export_at_once(tmp_path: Path) -> None:
    """A sync, and somebody who opens an original; what a killed process left is not in the way, and goes in time."""
    with confluence() as wiki:
        pages = {f"page/{wiki.add(f'Page {number}', 'x').id}" for number in range(300)}
        config = of(wiki, tmp_path)
    (tmp_path / "state").mkdir()
    old, new = (tmp_path / "state" / f"{name}.half" for name in ("old", "new"))
    for each in (old, new):
        each.write_bytes(b"half of it")
    os.utime(old, (1, 1))
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: set(told(config)[0]), range(4)))
    assert found == [pages] * 4
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["export.sqlite", "new.half"]


def test_an_unpacked_export_and_one_without_a_folder_of_its_own(tmp_path: Path) -> None:
    with confluence() as wiki:
        page = wiki.add("Page", "<p>words</p>")
        config = of(wiki, tmp_path, space="DOC")
        other = of(wiki, tmp_path / "b", space="HR")
    with zipfile.ZipFile(config.location) as packed:
        packed.extractall(tmp_path / "unpacked")
    unpacked = replace(config, location=str(tmp_path / "unpacked"), state=None)
    assert set(told(unpacked)[0]) == {f"page/{page.id}"}
    assert told(other)[0] == {}
