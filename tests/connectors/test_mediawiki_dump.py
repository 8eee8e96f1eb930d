"""The connector of MediaWiki's dumps: by the contract, on what a real MediaWiki writes, and on what nobody should."""

import bz2
import gzip
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Change, Checkpoint, SourceConfig, Upserted
from connectors.mediawiki import dump_file
from connectors.mediawiki_dump import MediaWikiDump
from memory.domain import Failed, Role, SourceRef
from memory.errors import NotFound, SourceError, SourceUnavailable
from tests.connectors.mediawiki import BASE, Wiki
from tests.connectors.synced import Synced
from tests.connectors.wiki_dumps import HEAD, TAIL, Paged, dump, page


class TestMediaWikiDump(Synced):
    connector_class = MediaWikiDump
    has_folders = False
    has_fingerprints = False
    # One file holds all pages: it can be read, or it cannot.
    has_single_failures = False

    @pytest.fixture
    def config(self, tmp_path: Path) -> SourceConfig:
        self.path = tmp_path / "dump.xml"
        self.pages = dict[str, Paged]()
        self.versions = 0
        self.write()
        return SourceConfig("wiki", str(self.path))

    def write(self) -> None:
        write(self.path, self.pages.values())

    def key(self, name: str) -> str:
        return str(self.pages[name].id)

    def add(self, key: str, body: bytes) -> None:
        self.versions += 1
        self.pages[key] = Paged(100 + self.versions, key, (("Jane Doe", body.decode()),), self.versions)
        self.write()

    def change(self, key: str, body: bytes) -> None:
        self.versions += 1
        old = self.pages[key]
        self.pages[key] = replace(old, versions=(("Jane Doe", body.decode()),), number=self.versions)
        self.write()

    def remove(self, key: str) -> None:
        del self.pages[key]
        self.write()

    def unreachable(self) -> None:
        self.path.unlink()


def write(path: Path, pages: Iterable[Paged], pack: Callable[[bytes], bytes] = bytes) -> None:
    path.write_bytes(pack("".join(dump(pages)).encode()))


def source(path: Path, **options: str) -> MediaWikiDump:
    return MediaWikiDump(SourceConfig("wiki", str(path), options=tuple(options.items())))


def ref(key: object) -> SourceRef:
    return SourceRef("mediawiki_dump", "wiki", str(key))


def keys(told: list[Change]) -> list[str]:
    return [each.ref.key for each in told if isinstance(each, Upserted)]


def test_what_a_real_wiki_dumps_is_read(wiki: Wiki, tmp_path: Path) -> None:
    title = "Verträge/„A & B“ 100%?"
    number = wiki.write(title, "One [[link|shown]] &amp;\n", "Jane Doe")
    wiki.write(title, "Two [[link|shown]] &amp; < end", "Bob")
    wiki.write(title, "Three [[link|shown]] &amp; < end", "")
    wiki.ask("protect", title=title, protections="edit=sysop")
    wiki.write("Elsewhere", f"#REDIRECT [[{title}]]")
    talk = wiki.write(f"Talk:{title}", "Talk")
    path = tmp_path / "dump.xml"
    wiki.php("maintenance/dumpBackup.php", "--full", f"--output=file:{path}", "--quiet")
    with closing(source(path)) as made:
        assert "dump of Test wiki" in made.check()
        told = list(made.changes(None))
        assert keys(told) == [str(number)]
        content = made.fetch(ref(number))
    assert content.read() == b"Three [[link|shown]] &amp; < end"
    assert (content.title, content.name, content.media_type) == (title, f"{title}.wiki", "text/x-wiki")
    assert content.url == BASE + "wiki/Vertr%C3%A4ge/%E2%80%9EA_%26_B%E2%80%9C_100%25%3F"
    assert [(each.role, each.person.name) for each in content.contributions] == [
        (Role.AUTHOR, "Jane Doe"),
        (Role.EDITOR, "Bob"),
    ]
    with closing(source(path, namespaces="Main,Talk")) as made:
        assert sorted(keys(list(made.changes(None)))) == sorted([str(number), str(talk)])


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress], ids=["xml", "gz", "bz2"])
def test_a_dump_is_read_again_when_it_is_another_one(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "dump"
    pages = [
        Paged(number, f"Page {number}", (("Jane Doe", f"text {number}"),), number) for number in (1, 2, 3)
    ]
    write(path, pages, pack)
    with closing(source(path)) as made:
        told = list(made.changes(None))
        last = told[-1]
        assert isinstance(last, Checkpoint)
        assert [type(each) for each in made.changes(last.cursor)] == [Checkpoint]
        write(
            path, [pages[0], replace(pages[2], versions=(*pages[2].versions, ("Bob", "longer text")))], pack
        )
        told = list(made.changes(last.cursor))
        assert keys(told) == ["1", "3"]
        assert told[-1].whole  # type: ignore[union-attr]  # so that what is not in it any more is gone
        assert made.fetch(ref(3)).read() == b"longer text"
        with pytest.raises(NotFound):
            made.fetch(ref(2))
    with closing(source(path)) as made:  # another process, which has walked through nothing
        assert made.fetch(ref(1)).read() == b"text 1"
        assert made.access(ref(3)) == made.access(ref(1))


def test_a_page_waits_on_the_disk_and_is_found_after_a_long_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.mediawiki_dump.KEPT", 500)
    path = tmp_path / "dump.xml"
    text = "words " * 500
    write(path, (Paged(n, f"Page {n}", (("Jane Doe", f"{n} {text}"),), n) for n in range(1, 2_001)))
    with closing(source(path)) as made:
        tracemalloc.start()
        for count, change in enumerate(made.changes(None), 1):
            if isinstance(change, Upserted) and count % 500 == 0:
                assert made.fetch(change.ref).read().startswith(b"%d words" % count)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert path.stat().st_size > 6_000_000
        assert peak < 3_000_000
        assert made.fetch(ref(7)).read().startswith(b"7 words")  # that has made way for others


def test_the_newest_version_counts_and_its_model(tmp_path: Path) -> None:
    path = tmp_path / "dump.xml"
    texts = (("192.0.2.7", "one"), ("", "two"), ("Jane & Co", "three <x>"), ("Bob", "three <x>"))
    write(path, [
        Paged(1, "A & B", texts, 10),
        Paged(2, "Project:Style.css", (("Jane Doe", "a {}"),), 20, ns=4, model="css"),
        Paged(3, "Template:T", (("Jane Doe", "t"),), 30, ns=10),
        Paged(4, "R", (("Jane Doe", "#REDIRECT [[A]]"),), 40, redirect=True),
        Paged(5, "Empty", (), 50),
        Paged(1, "A & B", texts, 60),
    ])  # fmt: skip
    with closing(source(path)) as made:
        told = list(made.changes(None))
        assert keys(told) == ["1", "2", "5"]
        assert [each.ref.key for each in told if isinstance(each, Failed)] == ["1 A & B"]
        content = made.fetch(ref(1))
        assert (content.title, content.read()) == ("A & B", b"three <x>")
        assert [(each.role, each.person.name) for each in content.contributions] == [
            (Role.EDITOR, "Jane & Co")
        ]
        style = made.fetch(ref(2))
        assert (style.name, style.media_type, style.url) == (
            "Project:Style.css", "text/plain", "https://wiki.x.example/wiki/Project:Style.css",
        )  # fmt: skip
        assert made.fetch(ref(5)).read() == b""


ONE = page(Paged(1, "A", (("Jane Doe", "text"),), 1))
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + ONE, "breaks off"),
        (HEAD + ONE[:200], "breaks off"),
        (HEAD + ONE + "<page><title>", "breaks off"),
        (HEAD + "<page><title>No number</title></page>" + TAIL, "without a number"),
        (HEAD + f"<page><title>{'x' * 300_000}</title></page>" + TAIL, "too long"),
        (HEAD + "<a>" * 50, "no dump"),
        (LAUGHS + HEAD.replace("Test wiki", "&b;") + TAIL, "document type"),
        ("<mediawiki></mediawiki>", "no dump"),
        ("<html></html>", "no dump"),
        ("", "breaks off"),
        ("BZh9 and so on", "breaks off"),
    ],
)
def test_what_is_no_dump_is_an_error_and_no_empty_wiki(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "dump.xml"
    path.write_text(text, encoding="utf-8")
    with closing(source(path)) as made, pytest.raises(SourceError, match=reason) as raised:
        list(made.changes(None))
    assert raised.value.hint


def test_a_packed_dump_that_is_cut_off_or_replaced_takes_nothing_away(tmp_path: Path) -> None:
    path = tmp_path / "dump.xml.gz"
    pages = [Paged(n, f"Page {n}", (("Jane Doe", f"text {n} " * 50_000),), n) for n in range(1, 5)]
    write(path, pages, gzip.compress)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with closing(source(path)) as made:
        with pytest.raises(SourceError, match="breaks off"):
            list(made.changes(None))
        path.write_bytes(whole)
        walk = made.changes(None)
        next(walk)
        write(path, pages[:1], gzip.compress)
        with pytest.raises(SourceError) as raised:
            list(walk)
        assert isinstance(raised.value, SourceUnavailable) or "breaks off" in str(raised.value)


def test_a_text_that_is_too_long_is_one_page_s_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_file, "TEXT_CHARS", 1_000)
    path = tmp_path / "dump.xml"
    write(
        path, [Paged(1, "Long", (("Jane Doe", "x" * 1_001),), 1), Paged(2, "Short", (("Jane Doe", "x"),), 2)]
    )
    with closing(source(path)) as made:
        assert keys(list(made.changes(None))) == ["1", "2"]
        assert made.fetch(ref(2)).read() == b"x"
        with pytest.raises(SourceError, match="longer than any"):
            made.fetch(ref(1))
