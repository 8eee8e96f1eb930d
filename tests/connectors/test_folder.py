"""The folder connector: the contract, and what real folders hold that no contract thinks of."""

import errno
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.base import Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.file_tree import key_of
from connectors.folder import Folder
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError
from tests.connectors.as_nobody import without_rights
from tests.connectors.synced import Synced


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that nobody can enter too: pytest's own lies in one that only its user can."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place, "source")
        folder.mkdir()
        yield folder


@pytest.fixture
def source(root: Path) -> SourceConfig:
    return SourceConfig(name="files", location=str(root))


def walk(config: SourceConfig, **options: str) -> list[Change]:
    return list(Folder(replace(config, options=tuple(options.items()))).changes(None))


def keys(config: SourceConfig, **options: str) -> list[str]:
    changes = walk(config, **options)
    assert not [each for each in changes if isinstance(each, Failed)]
    return [each.ref.key for each in changes if isinstance(each, Upserted)]


def only(config: SourceConfig) -> Upserted:
    [found] = [each for each in walk(config) if isinstance(each, Upserted)]
    return found


def ref(key: str) -> SourceRef:
    return SourceRef("folder", "files", key)


def put(path: Path, body: bytes = b"text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def after_a_tick(path: Path, action: Callable[[], object]) -> None:
    """Do it until the change time shows it: the clock of a file system ticks only every few milliseconds."""
    before = path.stat().st_ctime_ns
    action()
    while path.stat().st_ctime_ns == before:
        time.sleep(0.001)
        action()


class TestFolder(Synced):
    connector_class = Folder

    @pytest.fixture
    def config(self, source: SourceConfig) -> SourceConfig:
        self.root = Path(source.location)
        return source

    def add(self, key: str, body: bytes) -> None:
        put(self.root / key, body)

    def change(self, key: str, body: bytes) -> None:
        path = self.root / key
        after_a_tick(path, lambda: path.write_bytes(body))

    def remove(self, key: str) -> None:
        (self.root / key).unlink()

    def move(self, old: str, new: str) -> None:
        (self.root / old).rename(self.root / new)

    def deny_reading(self, key: str) -> None:
        (self.root / key).chmod(0)

    def unreachable(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))

    def walk_denied(self, config: SourceConfig) -> list[Change]:
        found: list[Change] = without_rights(config)
        return found

    def fetch_denied(self, config: SourceConfig, ref: SourceRef) -> Content:
        found: Content = without_rights(config, ref)
        return found


class TestWhatIsListed:
    def test_files_before_folders_by_name_at_any_depth(self, root: Path, source: SourceConfig) -> None:
        for key in ("b/z.txt", "a/deep/er/x.txt", "c.txt", "a.txt", "a/y.txt"):
            put(root / key)
        assert keys(source) == ["a.txt", "c.txt", "a/y.txt", "a/deep/er/x.txt", "b/z.txt"]

    def test_hidden_names_only_when_asked_for(self, root: Path, source: SourceConfig) -> None:
        for key in (".secret", ".git/config", "seen.txt"):
            put(root / key)
        assert keys(source) == ["seen.txt"]
        assert keys(source, hidden="yes") == [".secret", "seen.txt", ".git/config"]

    @pytest.mark.parametrize(
        "key",
        [
            *("~$lock.docx", ".~lock.x.odt#", "Thumbs.db", "desktop.ini", "a.tmp", "a.crdownload"),
            *("__MACOSX/a.txt", "deep/@eaDir/a.txt", "lost+found/a", "$RECYCLE.BIN/a"),
            "System Volume Information/a",
        ],
    )
    def test_junk_only_when_asked_for(self, root: Path, source: SourceConfig, key: str) -> None:
        put(root / key)
        assert keys(source, hidden="yes") == []
        assert keys(source, hidden="yes", junk="yes") == [key]
        with pytest.raises(NotFound):
            Folder(replace(source, options=(("hidden", "yes"),))).fetch(ref(key))

    def test_special_files_are_never_opened(self, root: Path, source: SourceConfig) -> None:
        os.mkfifo(root / "pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(root / "socket"))
            put(root / "a.txt")
            assert keys(source) == ["a.txt"]
            for name in ("pipe", "socket"):
                with pytest.raises(NotFound):
                    Folder(source).fetch(ref(name))

    def test_a_tree_deeper_than_the_stack(self, root: Path, source: SourceConfig) -> None:
        top = os.fspath(root)
        for depth in range(1, 1501):  # neither pathlib nor shutil goes so deep
            os.mkdir(top + "/d" * depth)  # noqa: PTH102
        put(Path(top + "/d" * 1500, "a.txt"))
        try:
            assert keys(source) == ["d/" * 1500 + "a.txt"]
        finally:
            subprocess.run(["rm", "-rf", top], check=True)

    def test_a_path_longer_than_the_system_takes_is_a_failure(self, root: Path, source: SourceConfig) -> None:
        put(root / "z.txt")
        here = os.open(root, os.O_RDONLY)
        for _ in range(20):  # one step at a time, since the whole path can no longer be named
            os.mkdir("d" * 250, dir_fd=here)
            inner = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(here)
        changes = walk(source)
        [failed] = [each for each in changes if isinstance(each, Failed)]
        assert failed.ref.key.endswith("/")
        assert failed.reason == os.strerror(errno.ENAMETOOLONG).lower()
        assert isinstance(changes[-1], Checkpoint)

    def test_excluded_folders_are_not_even_entered(self, root: Path, source: SourceConfig) -> None:
        put(root / "shut" / "a.txt")
        put(root / "b.txt")
        (root / "shut").chmod(0)
        changes = without_rights(replace(source, exclude=("shut/",)))
        assert [type(each) for each in changes] == [Upserted, Checkpoint]

    def test_names_that_can_be_listed_but_not_looked_at(self, root: Path, source: SourceConfig) -> None:
        put(root / "half" / "a.txt")
        put(root / "half" / "sub" / "b.txt")
        (root / "half").chmod(0o444)
        changes = without_rights(source)
        failed = {each.ref.key: each for each in changes if isinstance(each, Failed)}
        assert set(failed) == {"half/a.txt", "half/sub/"}
        assert {each.stage for each in failed.values()} == {Stage.SEEN}
        assert all(each.retryable and each.reason == "no permission to read" for each in failed.values())

    def test_a_file_that_may_not_be_read_was_seen_but_not_fetched(
        self, root: Path, source: SourceConfig
    ) -> None:
        put(root / "a.txt").chmod(0)
        assert without_rights(source)[0] == Failed(ref("a.txt"), Stage.FETCHED, "no permission to read", True)

    def test_a_folder_removed_during_the_walk_is_gone(self, root: Path, source: SourceConfig) -> None:
        put(root / "a.txt")
        put(root / "sub" / "b.txt")
        changes = Folder(source).changes(None)
        next(changes)
        shutil.rmtree(root / "sub")
        assert [type(each) for each in changes] == [Checkpoint]

    def test_another_folder_in_the_place_of_the_root_breaks_the_walk_off(
        self, root: Path, source: SourceConfig
    ) -> None:
        put(root / "a.txt")
        changes = Folder(source).changes(None)
        next(changes)
        root.rename(root.with_name("elsewhere"))
        root.mkdir()
        with pytest.raises(SourceError, match="became another folder"):
            list(changes)


class TestLinks:
    @pytest.fixture
    def outside(self, root: Path) -> Path:
        put(root.with_name("outside") / "o.txt")
        put(root / "in" / "a.txt")
        return root.with_name("outside")

    def test_links_are_not_followed(self, root: Path, source: SourceConfig, outside: Path) -> None:
        (root / "file").symlink_to(outside / "o.txt")
        (root / "folder").symlink_to(outside)
        (root / "inner").symlink_to(root / "in")
        assert keys(source) == ["in/a.txt"]
        for key in ("file", "folder/o.txt", "inner/a.txt"):
            with pytest.raises(NotFound):
                Folder(source).fetch(ref(key))

    def test_followed_links_to_the_outside(self, root: Path, source: SourceConfig, outside: Path) -> None:
        (root / "file").symlink_to(outside / "o.txt")
        (root / "folder").symlink_to(outside)
        (root / "inner").symlink_to(root / "in")
        (root / "innerfile").symlink_to(root / "in" / "a.txt")
        assert keys(source, symlinks="follow") == ["file", "folder/o.txt", "in/a.txt"]
        connector = Folder(replace(source, options=(("symlinks", "follow"),)))
        assert connector.fetch(ref("folder/o.txt")).read() == b"text"
        with pytest.raises(NotFound):
            connector.fetch(ref("inner/a.txt"))

    def test_loops_end(self, root: Path, source: SourceConfig, outside: Path) -> None:
        (root / "self").symlink_to(root / "self")
        (root / "up").symlink_to(root.parent)  # holds the root again
        (root / "in" / "top").symlink_to(root)
        (outside / "back").symlink_to(outside)
        (outside / "home").symlink_to(root)
        (root / "out").symlink_to(outside)
        assert keys(source) == ["in/a.txt"]
        assert sorted(keys(source, symlinks="follow")) == ["in/a.txt", "out/o.txt"]

    def test_a_link_to_what_is_missing_may_be_a_share(self, root: Path, source: SourceConfig) -> None:
        (root / "share").symlink_to(root.with_name("not-mounted"))
        assert keys(source) == []
        failed = [each.ref.key for each in walk(source, symlinks="follow") if isinstance(each, Failed)]
        assert failed == ["share", "share/"]

    def test_the_root_itself_may_be_a_link(self, root: Path, source: SourceConfig) -> None:
        put(root / "a.txt")
        (link := root.with_name("link")).symlink_to(root)
        linked = replace(source, location=str(link))
        assert keys(linked) == ["a.txt"]
        assert Folder(linked).fetch(ref("a.txt")).url == (link / "a.txt").as_uri()


class TestFetch:
    @pytest.mark.parametrize(
        "key",
        [
            *("../outside.txt", "/etc/passwd", "sub/../a.txt", "./a.txt", "sub//a.txt", "sub/", "sub"),
            *("%61.txt", "%2E%2E/outside.txt", "..%2Foutside.txt", "a.txt%00", ".hidden"),
            *("absent", "absent/a.txt", "a.txt/b"),
        ],
    )
    def test_what_the_walk_would_not_list_is_not_found(
        self, root: Path, source: SourceConfig, key: str
    ) -> None:
        for name in ("a.txt", "../outside.txt", "sub/a.txt", ".hidden"):
            put(root / name)
        with pytest.raises(NotFound):
            Folder(source).fetch(ref(key))

    @pytest.mark.parametrize("other", [SourceRef("folder", "other", "a"), SourceRef("mailbox", "files", "a")])
    def test_a_document_of_another_source_is_not_found(
        self, root: Path, source: SourceConfig, other: SourceRef
    ) -> None:
        put(root / "a")
        with pytest.raises(NotFound):
            Folder(source).fetch(other)
        with pytest.raises(NotFound):
            Folder(source).access(other)

    def test_another_spelling_does_not_get_round_an_access_rule(
        self, root: Path, source: SourceConfig
    ) -> None:
        put(root / "legal" / "a.txt")
        legal = Access(frozenset({"group:legal"}))
        connector = Folder(replace(source, rules=(("legal/", legal),)))
        assert connector.access(ref("legal/a.txt")) == legal
        for key in ("%6Cegal/a.txt", "x/../legal/a.txt", "./legal/a.txt"):
            with pytest.raises(NotFound):
                connector.access(ref(key))

    def test_excluded_documents_are_not_found(self, root: Path, source: SourceConfig) -> None:
        put(root / "a.txt")
        with pytest.raises(NotFound):
            Folder(replace(source, exclude=("*.txt",))).fetch(ref("a.txt"))
        with pytest.raises(NotFound):
            Folder(replace(source, include=("*.pdf",))).fetch(ref("a.txt"))

    def test_what_is_known_of_a_file(self, root: Path, source: SourceConfig) -> None:
        path = put(root / "Verträge" / "Müller & Söhne 100%.txt")
        os.utime(path, (0, 1_000_000_000))
        content = Folder(source).fetch(only(source).ref)
        assert content.ref.key == "Verträge/Müller & Söhne 100%25.txt"
        assert content.name == "Müller & Söhne 100%.txt"
        assert content.body == path
        assert content.url == path.as_uri()
        assert content.modified == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
        assert content.contributions == ()

    def test_a_name_that_is_no_text_is_fetched_and_shown(self, root: Path, source: SourceConfig) -> None:
        put(Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9\n.txt")))
        content = Folder(source).fetch(ref("caf%E9%0A.txt"))
        assert content.name == "caf\ufffd\ufffd.txt"
        assert content.read() == b"text"
        content.url.encode("ascii")


class TestVersions:
    def test_a_file_restored_with_its_old_date_is_noticed(self, root: Path, source: SourceConfig) -> None:
        path = put(root / "a.txt", b"first")
        before, old = only(source), path.stat().st_mtime_ns

        def restore() -> None:
            path.write_bytes(b"other")
            os.utime(path, ns=(old, old))

        after_a_tick(path, restore)
        assert path.stat().st_mtime_ns == old
        assert only(source).version != before.version

    def test_a_file_replaced_by_one_of_the_same_size_and_date(self, root: Path, source: SourceConfig) -> None:
        path = put(root / "a.txt", b"first")
        before, old = only(source), path.stat().st_mtime_ns
        other = put(root.with_name("new"), b"other")
        os.utime(other, ns=(old, old))
        other.replace(path)
        after = only(source)
        assert after.version != before.version
        assert after.fingerprint != before.fingerprint

    def test_a_moved_folder_keeps_the_fingerprints(self, root: Path, source: SourceConfig) -> None:
        put(root / "old" / "a.txt")
        before = only(source)
        (root / "old").rename(root / "new")
        after = only(source)
        assert (after.ref.key, after.fingerprint) == ("new/a.txt", before.fingerprint)

    def test_hard_links_share_their_fingerprint(self, root: Path, source: SourceConfig) -> None:
        (root / "b.txt").hardlink_to(put(root / "a.txt"))
        first, second, _ = walk(source)
        assert isinstance(first, Upserted)
        assert isinstance(second, Upserted)
        assert first.fingerprint == second.fingerprint

    def test_two_unicode_forms_are_two_documents(self, root: Path, source: SourceConfig) -> None:
        names = ["u\u0308.txt", "\u00fc.txt"]
        for name in names:
            put(root / name)
        assert keys(source) == names == [key_of(name) for name in names]


class TestConfiguration:
    @pytest.mark.parametrize("option", [("hiden", "yes"), ("hidden", "maybe"), ("symlinks", "")])
    def test_an_unknown_option_names_the_known_ones(
        self, source: SourceConfig, option: tuple[str, str]
    ) -> None:
        with pytest.raises(InvalidInput, match=r"hidden=no\|yes; junk=no\|yes; symlinks=skip\|follow"):
            Folder(replace(source, options=(option,)))

    @pytest.mark.parametrize("location", ["", "a\0b"])
    def test_no_path_is_no_source(self, source: SourceConfig, location: str) -> None:
        with pytest.raises(InvalidInput):
            Folder(replace(source, location=location))

    def test_a_file_is_no_source(self, root: Path, source: SourceConfig) -> None:
        with pytest.raises(SourceError, match="is not a folder"):
            Folder(replace(source, location=str(put(root / "a.txt")))).changes(None)

    def test_a_root_that_may_not_be_listed(self, root: Path, source: SourceConfig) -> None:
        root.chmod(0)
        with pytest.raises(SourceError, match="no permission to list"):
            without_rights(source)

    def test_the_check_counts_the_top(self, root: Path, source: SourceConfig) -> None:
        put(root / "a.txt")
        assert Folder(source).check() == f"{root} is a folder with 1 entry at its top."
