"""Any tree, changed in any way: the walk lists what a plain model says is there."""
# The model names files by their bytes, which a Path does not take.
# ruff: noqa: PTH102, PTH103, PTH104, PTH108, PTH112, PTH114, PTH120, PTH123, PTH211

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors.base import Checkpoint, SourceConfig, Upserted
from connectors.file_tree import key_of, name_of
from connectors.folder import Folder

NAMES = st.one_of(
    st.sampled_from(
        [b"a", b"b", b"a b", b".hidden", b"100%", b"%41", b"line\nend", b"caf\xe9", "ü".encode(), b"x.tmp"]
    ),
    st.binary(min_size=1, max_size=12).filter(
        lambda name: not set(name) & set(b"/\0") and name not in (b".", b"..")
    ),
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)


@given(PATHS)
@example(b"%")
@example(b"%C3\xa9\xc3")
@example("\u2028\x85".encode())
@example(b"\xed\xb3\xa9")
def test_any_name_goes_into_a_key_and_back(path: bytes) -> None:
    key = key_of(os.fsdecode(path))
    assert os.fsencode(name_of(key)) == path
    assert key.encode()  # it can be written down
    assert key.splitlines() == [key]
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in key)


@given(PATHS, PATHS)
def test_two_names_have_two_keys(one: bytes, other: bytes) -> None:
    assert (key_of(os.fsdecode(one)) == key_of(os.fsdecode(other))) == (one == other)


@pytest.mark.parametrize("changed", ["st_size", "st_ino", "st_mtime_ns", "st_ctime_ns"])
def test_each_fact_alone_changes_the_version(tmp_path: Path, changed: str) -> None:
    # Asked of the inner method: no file system lets a test choose a file's inode or change time.
    folder = Folder(SourceConfig("tree", str(tmp_path)))
    versions = set()
    for value in (1, 2):
        fact = {"st_size": 7, "st_ino": 7, "st_mtime_ns": 7, "st_ctime_ns": 7, changed: value}
        nanoseconds = {"st_mtime_ns": fact["st_mtime_ns"], "st_ctime_ns": fact["st_ctime_ns"]}
        status = os.stat_result((0o100644, fact["st_ino"], 1, 1, 0, 0, fact["st_size"], 0, 0, 0), nanoseconds)
        found = folder._file("a.txt", str(tmp_path), status)
        assert isinstance(found, Upserted)
        versions.add(found.version)
    assert len(versions) == 2


class Tree(RuleBasedStateMachine):
    """A real folder beside a dict of what was put into it."""

    @initialize()
    def start(self) -> None:
        self.place = os.fsencode(tempfile.mkdtemp())
        self.root = self.place + b"/root"
        os.mkdir(self.root)
        self.model: dict[bytes, int] = {}
        self.versions: dict[str, str] = {}
        self.touched: set[bytes] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.place)

    def free(self, path: bytes) -> bool:
        """Whether a file can be put there: nothing is there, and everything above is a folder."""
        if os.path.lexists(self.root + b"/" + path):
            return False
        above = path.rpartition(b"/")[0]
        while above:
            place = self.root + b"/" + above
            if os.path.lexists(place) and (os.path.islink(place) or not os.path.isdir(place)):
                return False
            above = above.rpartition(b"/")[0]
        return True

    def make_room(self, path: bytes) -> bytes:
        place = self.root + b"/" + path
        os.makedirs(os.path.dirname(place), exist_ok=True)
        return place

    @rule(path=PATHS)
    def add(self, path: bytes) -> None:
        if self.free(path):
            with open(self.make_room(path), "wb") as file:
                file.write(b"x")
            self.model[path] = 1
            self.touched.add(path)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def append(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.model)))
        with open(self.root + b"/" + path, "ab") as file:
            file.write(b"x")
        self.model[path] += 1
        self.touched.add(path)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.model)))
        os.unlink(self.root + b"/" + path)
        del self.model[path]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), to=PATHS)
    def move(self, data: st.DataObject, to: bytes) -> None:
        path = data.draw(st.sampled_from(sorted(self.model)))
        if self.free(to):
            os.rename(self.root + b"/" + path, self.make_room(to))
            self.model[to] = self.model.pop(path)
            self.touched.add(to)

    @precondition(lambda self: any(b"/" in path for path in self.model))
    @rule(data=st.data(), to=NAMES)
    def move_a_folder(self, data: st.DataObject, to: bytes) -> None:
        folder = data.draw(st.sampled_from(sorted({p.split(b"/")[0] for p in self.model if b"/" in p})))
        if self.free(to):
            os.rename(self.root + b"/" + folder, self.root + b"/" + to)
            for path in [each for each in self.model if each.startswith(folder + b"/")]:
                moved = to + path.removeprefix(folder)
                self.model[moved] = self.model.pop(path)
                self.touched.add(moved)

    @rule(path=PATHS, to=st.sampled_from([b".", b"..", b"a", b"absent", b"/", b"/etc/passwd"]))
    def link(self, path: bytes, to: bytes) -> None:
        if self.free(path):
            os.symlink(to, self.make_room(path))

    @rule(path=PATHS)
    def pipe(self, path: bytes) -> None:
        if self.free(path):
            os.mkfifo(self.make_room(path))

    @rule(path=PATHS)
    def folder(self, path: bytes) -> None:
        if self.free(path):
            os.mkdir(self.make_room(path))

    def walk(self, **options: str) -> dict[str, Upserted]:
        config = SourceConfig("tree", os.fsdecode(self.root), options=tuple(options.items()))
        *changes, last = Folder(config).changes(None)
        assert isinstance(last, Checkpoint)
        upserted = [each for each in changes if isinstance(each, Upserted)]
        assert len(upserted) == len(changes) == len({each.ref.key for each in upserted})
        return {each.ref.key: each for each in upserted}

    @invariant()
    def the_walk_is_the_model(self) -> None:
        everything = self.walk(hidden="yes", junk="yes")
        assert {os.fsencode(name_of(key)) for key in everything} == set(self.model)
        shown = {path for path in self.model if not any(name.startswith(b".") for name in path.split(b"/"))}
        assert {os.fsencode(name_of(key)) for key in self.walk(junk="yes")} == shown

    @invariant()
    def versions_change_with_the_files_alone(self) -> None:
        versions = {key: each.version for key, each in self.walk(hidden="yes", junk="yes").items()}
        touched = {key_of(os.fsdecode(path)) for path in self.touched}
        for key in versions.keys() & self.versions.keys():
            assert (versions[key] != self.versions[key]) == (key in touched)
        self.versions = versions
        self.touched = set()

    @invariant()
    def what_is_listed_can_be_fetched(self) -> None:
        config = SourceConfig("tree", os.fsdecode(self.root), options=(("hidden", "yes"), ("junk", "yes")))
        connector = Folder(config)
        for each in connector.changes(None):
            if isinstance(each, Upserted):
                assert len(connector.fetch(each.ref).read()) == self.model[os.fsencode(name_of(each.ref.key))]


Tree.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestTree = Tree.TestCase
