"""The connector contract as tests, for our connectors and for those of others. Needs pytest.

    class TestWiki(ConnectorContract):
        connector_class = Wiki

        @pytest.fixture
        def config(self, server): ...  # the source that the methods below change

        def add(self, key, body): ...

and so on for every method that raises `NotImplementedError`. The source starts empty. In a test module's
package call ``pytest.register_assert_rewrite("connectors.testing")`` first to see the values that differ.
"""
# A contract suite asserts, and the name of a test is its sentence.
# ruff: noqa: S101, D102

from collections.abc import Iterator
from dataclasses import replace

import pytest

from connectors.base import Change, Checkpoint, Connector, Content, SourceConfig, Upserted
from memory.domain import Access, Failed, SourceRef
from memory.errors import NotFound, SourceError


class ConnectorContract:
    """Every rule of `Connector`, by its number. Known differences are the attributes, never an `if` in a test."""

    connector_class: type[Connector]
    has_folders = True
    """Whether keys lie in folders that can each fail to be listed."""
    walks_in_steps = True
    """Whether a source that goes away meanwhile is noticed; not where one answer holds the whole listing."""
    has_single_failures = True
    """Whether one document may be unreadable while others are not; not where one database holds them all."""
    has_fingerprints = True
    """Whether documents carry a fingerprint."""

    @pytest.fixture
    def config(self) -> SourceConfig:
        """The source, empty, that `add` and the others change."""
        raise NotImplementedError

    @pytest.fixture
    def connector(self, config: SourceConfig) -> Connector:
        """The connector on the source."""
        return self.open(config)

    @pytest.fixture
    def folders(self) -> None:
        """Leave the test out where the source has no folders."""
        if not self.has_folders:
            pytest.skip("this source has no folders that could fail to be listed")

    @pytest.fixture
    def steps(self) -> None:
        """Leave the test out where the whole listing comes at once."""
        if not self.walks_in_steps:
            pytest.skip("this source gives its whole listing in one answer")

    @pytest.fixture
    def single_failures(self) -> None:
        """Leave the test out where documents cannot be unreadable one by one."""
        if not self.has_single_failures:
            pytest.skip("this source is readable as a whole or not at all")

    @pytest.fixture
    def fingerprints(self) -> None:
        """Leave the test out where the source has no fingerprints."""
        if not self.has_fingerprints:
            pytest.skip("this source has no fingerprints")

    def open(self, config: SourceConfig) -> Connector:
        """A connector with this configuration."""
        return self.connector_class(config)

    def add(self, key: str, body: bytes) -> None:
        """Put a new document there."""
        raise NotImplementedError

    def key(self, name: str) -> str:
        """The key of what `add` and the others know by that name; override where the source gives keys of its own."""
        return name

    def expected(self, key: str, body: bytes) -> bytes:  # noqa: ARG002
        """The bytes that `Connector.fetch` gives of what `add` put there; override where they are wrapped."""
        return body

    def change(self, key: str, body: bytes) -> None:
        """Give a document other bytes, of the same length too."""
        raise NotImplementedError

    def remove(self, key: str) -> None:
        """Delete a document."""
        raise NotImplementedError

    def move(self, old: str, new: str) -> None:
        """Give a document another key."""
        raise NotImplementedError

    def deny_reading(self, key: str) -> None:
        """Take away the right to read a document or, where the key ends with ``/``, to list a folder."""
        raise NotImplementedError

    def unreachable(self) -> None:
        """Take the whole source away."""
        raise NotImplementedError

    def walk_denied(self, config: SourceConfig) -> list[Change]:
        """Walk with the rights `deny_reading` takes away; override where the tests may read everything."""
        return list(self.open(config).changes(None))

    def fetch_denied(self, config: SourceConfig, ref: SourceRef) -> Content:
        """Fetch with the rights `deny_reading` takes away; override where the tests may read everything."""
        return self.open(config).fetch(ref)

    def test_rule_1_the_walk_lists_every_document_once(self, connector: Connector) -> None:
        keys = ["a.txt", "b.txt", "c.txt"]
        for key in keys:
            self.add(key, key.encode())
        assert sorted(each.ref.key for each in _upserted(connector)) == sorted(map(self.key, keys))

    def test_rule_1_an_empty_source_has_no_documents(self, connector: Connector) -> None:
        assert [type(each) for each in connector.changes(None)] == [Checkpoint]

    def test_rule_1_a_removed_document_is_not_listed(self, connector: Connector) -> None:
        self.add("a.txt", b"a")
        self.add("b.txt", b"b")
        self.remove("a.txt")
        assert list(_versions(connector)) == [self.key("b.txt")]

    def test_rule_1_refs_name_the_connector_and_the_source(
        self, connector: Connector, config: SourceConfig
    ) -> None:
        self.add("a.txt", b"a")
        assert [each.ref for each in _upserted(connector)] == [
            SourceRef(connector.kind, config.name, self.key("a.txt"))
        ]

    @pytest.mark.usefixtures("single_failures")
    def test_rule_2_what_cannot_be_read_is_a_failure(self, config: SourceConfig) -> None:
        for key in ("a.txt", "b.txt", "c.txt"):
            self.add(key, b"text")
        self.deny_reading("b.txt")
        changes = self.walk_denied(config)
        assert [each.ref.key for each in changes if isinstance(each, Failed)] == [self.key("b.txt")]
        assert all(each.reason for each in changes if isinstance(each, Failed))
        assert sorted(each.ref.key for each in changes if isinstance(each, Upserted)) == sorted(
            [self.key("a.txt"), self.key("c.txt")]
        )

    def test_rule_3_an_unchanged_document_keeps_its_version(
        self, connector: Connector, config: SourceConfig
    ) -> None:
        self.add("a.txt", b"a")
        before = _versions(connector)
        self.add("b.txt", b"b")
        assert _versions(connector)[self.key("a.txt")] == before[self.key("a.txt")]
        assert _versions(self.open(config))[self.key("a.txt")] == before[self.key("a.txt")]

    @pytest.mark.parametrize("body", [b"other", b"longer than before"])
    def test_rule_3_other_bytes_change_the_version(self, connector: Connector, body: bytes) -> None:
        self.add("a.txt", b"bytes")
        self.add("b.txt", b"bytes")
        before = _versions(connector)
        self.change("a.txt", body)
        after = _versions(connector)
        assert after[self.key("a.txt")] != before[self.key("a.txt")]
        assert after[self.key("b.txt")] == before[self.key("b.txt")]

    def test_rule_3_other_access_changes_the_version(
        self, connector: Connector, config: SourceConfig
    ) -> None:
        self.add("a.txt", b"a")
        self.add("b.txt", b"b")
        before = _versions(connector)
        legal = Access(frozenset({"group:legal"}))
        everywhere = _versions(self.open(replace(config, access=legal)))
        assert everywhere[self.key("a.txt")] != before[self.key("a.txt")]
        assert everywhere[self.key("b.txt")] != before[self.key("b.txt")]
        ruled = _versions(self.open(replace(config, rules=(("a.txt", legal),))))
        assert ruled[self.key("a.txt")] != before[self.key("a.txt")]
        assert ruled[self.key("b.txt")] == before[self.key("b.txt")]

    def test_rule_4_a_complete_walk_ends_with_a_checkpoint(self, connector: Connector) -> None:
        self.add("a.txt", b"a")
        assert isinstance(list(connector.changes(None))[-1], Checkpoint)

    def test_rule_4_the_cursor_leads_to_what_came_after(self, connector: Connector) -> None:
        self.add("a.txt", b"a")
        last = list(connector.changes(None))[-1]
        assert isinstance(last, Checkpoint)
        self.add("b.txt", b"b")
        later = list(connector.changes(last.cursor))
        assert self.key("b.txt") in [each.ref.key for each in later if isinstance(each, Upserted)]
        assert isinstance(later[-1], Checkpoint)

    @pytest.mark.usefixtures("steps")
    def test_rule_4_a_walk_that_breaks_off_yields_no_checkpoint(self, connector: Connector) -> None:
        for key in ("a.txt", "b.txt", "c.txt"):
            self.add(key, b"text")
        walk = connector.changes(None)
        seen = [next(walk)]
        self.unreachable()
        with pytest.raises(SourceError):
            _drain(walk, seen)
        assert not [each for each in seen if isinstance(each, Checkpoint)]

    def test_rule_5_an_unreachable_source_raises_before_the_first_change(self, connector: Connector) -> None:
        self.add("a.txt", b"a")
        self.unreachable()
        seen: list[Change] = []
        with pytest.raises(SourceError) as raised:
            _drain(connector.changes(None), seen)
        assert seen == []
        assert raised.value.hint

    def test_rule_5_checking_an_unreachable_source_says_what_to_do(self, connector: Connector) -> None:
        assert connector.check()
        self.unreachable()
        with pytest.raises(SourceError) as raised:
            connector.check()
        assert raised.value.hint

    def test_rule_6_fetch_gives_the_bytes(self, connector: Connector) -> None:
        self.add("a.txt", b"some bytes")
        [listed] = _upserted(connector)
        content = connector.fetch(listed.ref)
        assert content.read() == self.expected("a.txt", b"some bytes")
        assert content.ref == listed.ref
        assert content.name
        assert content.modified is None or content.modified.tzinfo is not None

    def test_rule_6_a_document_that_is_gone_is_not_found(self, connector: Connector) -> None:
        self.add("a.txt", b"a")
        [listed] = _upserted(connector)
        self.remove("a.txt")
        with pytest.raises(NotFound):
            connector.fetch(listed.ref)

    @pytest.mark.usefixtures("single_failures")
    def test_rule_6_a_document_that_cannot_be_read_is_not_gone(
        self, connector: Connector, config: SourceConfig
    ) -> None:
        self.add("a.txt", b"a")
        [listed] = _upserted(connector)
        self.deny_reading("a.txt")
        with pytest.raises(SourceError):
            self.fetch_denied(config, listed.ref)

    def test_rule_6_an_unreachable_source_is_not_a_document_that_is_gone(self, connector: Connector) -> None:
        self.add("a.txt", b"a")
        [listed] = _upserted(connector)
        self.unreachable()
        with pytest.raises(SourceError):
            connector.fetch(listed.ref)

    @pytest.mark.usefixtures("folders")
    def test_rule_7_a_folder_that_cannot_be_listed_is_a_failure(self, config: SourceConfig) -> None:
        for key in ("a.txt", "shut/b.txt", "shut/deep/c.txt", "then/d.txt"):
            self.add(key, b"text")
        self.deny_reading("shut/")
        changes = self.walk_denied(config)
        assert [each.ref.key for each in changes if isinstance(each, Failed)] == ["shut/"]
        assert sorted(each.ref.key for each in changes if isinstance(each, Upserted)) == [
            "a.txt",
            "then/d.txt",
        ]
        assert isinstance(changes[-1], Checkpoint)

    def test_access_is_what_the_last_matching_rule_says(self, config: SourceConfig) -> None:
        all_staff, first, last = (Access(frozenset({f"group:{name}"})) for name in ("staff", "first", "last"))
        ruled = replace(config, access=all_staff, rules=(("a.txt", first), ("a.*", last)))
        connector = self.open(ruled)
        self.add("a.txt", b"a")
        self.add("b.txt", b"b")
        assert {each.ref.key: connector.access(each.ref) for each in _upserted(connector)} == {
            self.key("a.txt"): last,
            self.key("b.txt"): all_staff,
        }

    def test_include_and_exclude_choose_the_documents(self, config: SourceConfig) -> None:
        for key in ("a.txt", "b.txt", "c.pdf"):
            self.add(key, b"text")
        chosen = self.open(replace(config, include=("*.txt",), exclude=("b.*",)))
        assert list(_versions(chosen)) == [self.key("a.txt")]

    @pytest.mark.usefixtures("fingerprints")
    def test_a_fingerprint_follows_a_move_and_tells_documents_apart(self, connector: Connector) -> None:
        self.add("a.txt", b"same")
        self.add("b.txt", b"same")
        before = {each.ref.key: each.fingerprint for each in _upserted(connector)}
        self.move("a.txt", "c.txt")
        after = {each.ref.key: each.fingerprint for each in _upserted(connector)}
        assert after == {
            self.key("b.txt"): before[self.key("b.txt")],
            self.key("c.txt"): before[self.key("a.txt")],
        }
        assert len(set(after.values())) == 2


def _drain(walk: Iterator[Change], into: list[Change]) -> None:
    """Take what comes one by one, so that what came before an error is there to look at."""
    for change in walk:
        into.append(change)


def _upserted(connector: Connector) -> list[Upserted]:
    return [each for each in connector.changes(None) if isinstance(each, Upserted)]


def _versions(connector: Connector) -> dict[str, str]:
    return {each.ref.key: each.version for each in _upserted(connector)}
