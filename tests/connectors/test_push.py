"""The push connector: documents that other programs put into a store of its own."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Checkpoint, Deleted, SourceConfig, Upserted
from connectors.push import Push, Pushed, PushStore
from memory.domain import Access, SourceRef
from memory.errors import SourceError
from tests.connectors.synced import Synced


class TestPush(Synced):
    connector_class = Push
    has_folders = False
    walks_in_steps = False
    has_single_failures = False
    has_fingerprints = False
    removals_are_explicit = True

    @pytest.fixture
    def config(self, tmp_path: Path) -> SourceConfig:
        self.folder = tmp_path / "pushed"
        self.store = PushStore(self.folder)
        self.store.create()
        return SourceConfig("crm", str(self.folder))

    def add(self, key: str, body: bytes) -> None:
        self.store.put(Pushed(key, body, {}))

    def change(self, key: str, body: bytes) -> None:
        self.add(key, body)

    def remove(self, key: str) -> None:
        self.store.delete(key)

    def unreachable(self) -> None:
        self.folder.rename(self.folder.with_name("elsewhere"))


def test_a_cursor_leads_to_each_document_once_as_it_is_last(tmp_path: Path) -> None:
    store = PushStore(tmp_path)
    store.create()
    source = Push(SourceConfig("crm", str(tmp_path)))
    assert [store.put(Pushed("a", text, {})) for text in (b"1", b"1", b"2")] == [
        "created",
        "unchanged",
        "changed",
    ]
    store.put(Pushed("b", b"b", {}))
    *_, last = source.changes(None)
    assert isinstance(last, Checkpoint)
    assert [type(each) for each in source.changes(last.cursor)] == [Checkpoint], "one change costs one look"
    store.put(Pushed("a", b"3", {}))
    assert (store.delete("b"), store.delete("b"), store.delete("c")) == ("deleted", "absent", "absent")
    told = [
        (type(each), each.ref.key) for each in source.changes(last.cursor) if not isinstance(each, Checkpoint)
    ]
    assert told == [(Upserted, "a"), (Deleted, "b")]
    assert store.put(Pushed("b", b"b", {})) == "created"


def test_a_documents_own_tokens_replace_the_sources_and_a_rule_replaces_both(tmp_path: Path) -> None:
    store = PushStore(tmp_path)
    with pytest.raises(SourceError):
        store.last()
    store.create()
    config = SourceConfig("crm", str(tmp_path), access=Access(frozenset({"staff"})))
    store.put(Pushed("own", b"x", {"grant": ["sales"], "deny": ["temp"]}))
    store.put(Pushed("plain", b"x", {}))
    own, plain = (SourceRef("push", "crm", key) for key in ("own", "plain"))
    assert Push(config).access(own) == Access(frozenset({"sales"}), frozenset({"temp"}))
    assert Push(config).access(plain) == Access(frozenset({"staff"}))
    legal = Access(frozenset({"legal"}))
    assert Push(replace(config, rules=(("own", legal),))).access(own) == legal


def test_what_is_put_after_the_folder_was_restored_from_an_older_copy_is_told(tmp_path: Path) -> None:
    store = PushStore(tmp_path / "pushed")
    store.create()
    source = Push(SourceConfig("crm", str(tmp_path / "pushed")))
    store.put(Pushed("a", b"1", {}))
    shutil.copytree(tmp_path / "pushed", tmp_path / "copy")
    for key in "bc":
        store.put(Pushed(key, b"1", {}))
    *_, last = source.changes(None)
    assert isinstance(last, Checkpoint)
    shutil.rmtree(tmp_path / "pushed")
    shutil.copytree(tmp_path / "copy", tmp_path / "pushed")
    store.put(Pushed("new", b"1", {}))
    *told, last = source.changes(last.cursor)
    assert sorted(each.ref.key for each in told if isinstance(each, Upserted)) == ["a", "new"]
    assert isinstance(last, Checkpoint)
    assert last.whole, "what the older copy lacks is missing from the source, and weighed as such"
