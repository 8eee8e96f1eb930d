"""Connectors in a limited process: what it is given, and what it costs when it dies, grows, hangs or lies."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.limited import asked
from connectors.limited.connector import LimitedConnector, limited
from connectors.limited.shapes import (
    Nonsense,
    change_to_json,
    changes_from_json,
    config_from_json,
    config_to_json,
    content_from_json,
    content_to_json,
)
from connectors.limited.wire import packed
from connectors.patience import Patience, Patient
from connectors.registry import class_of, kinds
from memory.domain import Access, Contribution, Failed, Identity, Role, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable

OURS = ["confluence_export", "mailbox", "mattermost", "mediawiki_dump", "people", "slack", "teams", "yammer"]
"""The kinds that read files of others. `pst` has such a process within, since there a single message may end it."""


class Hostile:
    """A source whose one file does to the process what its location says."""

    kind = "hostile"
    reports_deletions = False

    def __init__(self, config: SourceConfig) -> None:
        self.does = config.location

    def check(self) -> str:
        if self.does == "loop":
            while True:
                pass
        if self.does == "sleep":
            threading.Event().wait()
        if self.does == "babble":
            socket.socket(fileno=os.dup(0)).sendall(os.urandom(4096))
        if self.does == "grow":
            return "x" * len(bytearray(3 << 30))
        if self.does == "raise":
            raise RecursionError("deep")
        if self.does == "flood":
            return "x" * (17 << 20)
        return Path("/proc/self/environ").read_text()

    def changes(self, since: str | None) -> Iterator[Change]:
        if self.does == "away":
            raise SourceUnavailable("It is away.")
        for number in range(9):
            if self.does == "abort" and number == 5:
                os.abort()
            yield Upserted(SourceRef("slack", "other", str(number)), "1")
        yield Checkpoint("", doubts=lambda key: f"{key} may be there")

    def fetch(self, ref: SourceRef) -> Content:
        if self.does == "abort in fetch" and ref.key == "3":
            os.abort()
        if ref.key == "none":
            raise NotFound("There is none.", hint="Look elsewhere.")
        return Content(ref, "a.txt", b"text")

    def access(self, ref: SourceRef) -> Access:
        return Access(frozenset({"public"}))


@pytest.fixture
def made() -> Iterator[Any]:
    opened: list[LimitedConnector] = []

    def make(does: str) -> LimitedConnector:
        found = limited(Hostile, SourceConfig("src", does))
        assert isinstance(found, LimitedConnector)
        opened.append(found)
        return found

    yield make
    for each in opened:
        each.close()


def pid(of: LimitedConnector) -> int:
    process = of._asked._process
    assert process
    return process.pid


def test_every_kind_that_reads_files_of_others_runs_in_one() -> None:
    assert [kind for kind in kinds() if getattr(class_of(kind), "reads_files_of_others", False)] == OURS


def test_it_has_no_network_and_none_of_our_secrets(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEME_SECRET", "hidden")
    found = made("nothing")
    given = {each.partition("=")[0] for each in found.check().split("\N{REPLACEMENT CHARACTER}") if each}
    assert given == {"LC_ALL", "PYTHONPATH", "TMPDIR"}
    own = Path(f"/proc/{pid(found)}")
    limits = (own / "limits").read_text().splitlines()
    assert str(asked.MEMORY) in next(line for line in limits if "data size" in line)
    assert str(asked.WRITTEN) in next(line for line in limits if "file size" in line)
    if os.geteuid() == 0:
        assert (own / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("grow", "there is more in it than memory is given for"),
        ("loop", "it takes too long"),
        ("sleep", "it takes too long"),
        ("babble", "cannot be read: "),
        ("raise", "it is broken (RecursionError: deep)"),
        ("flood", "more is said of it than is taken"),
    ],
)
def test_what_it_does_is_an_error_and_the_next_question_is_answered(
    made: Any, monkeypatch: pytest.MonkeyPatch, does: str, says: str
) -> None:
    if does in ("loop", "sleep"):
        monkeypatch.setattr(asked, "SECONDS", 1.0)
    found = made(does)
    with pytest.raises(SourceError) as raised:
        found.check()
    assert says in raised.value.message
    assert "Get the files" in raised.value.hint
    assert found.access(SourceRef("hostile", "src", "1")) == Access(frozenset({"public"}))


def test_it_speaks_for_its_own_source_only(made: Any) -> None:
    told = list(made("nothing").changes(None))
    assert [each.ref for each in told[:-1]] == [SourceRef("hostile", "src", str(n)) for n in range(9)]
    assert told[-1].doubts("a") == "a may be there"


def test_what_ends_it_on_a_walk_is_the_source_s_failure(made: Any) -> None:
    walk = made("abort").changes(None)
    assert [next(walk).ref.key for _ in range(3)] == ["0", "1", "2"], "ever more are told at once"
    with pytest.raises(SourceError, match="stopped at it") as raised:
        next(walk)
    assert not isinstance(raised.value, SourceUnavailable), "nobody begins it again at once"


def test_what_ends_it_in_a_fetch_is_that_documents_failure_and_the_walk_goes_on(made: Any) -> None:
    patient = Patient(made("abort in fetch"), lambda _: None, Patience(attempts=2))
    got, failed = [], []
    for change in patient.changes(None):
        if isinstance(change, Checkpoint):
            assert change.doubts
            assert change.doubts("a") == "a may be there"
            continue
        try:
            got.append(patient.fetch(change.ref).ref.key)
        except SourceError:
            failed.append(change.ref.key)
    assert (got, failed) == (["0", "1", "2", "4", "5", "6", "7", "8"], ["3"])


def test_what_the_connector_raises_is_raised_here(made: Any) -> None:
    found = made("away")
    with pytest.raises(NotFound) as raised:
        found.fetch(SourceRef("hostile", "src", "none"))
    assert (raised.value.message, raised.value.hint) == ("There is none.", "Look elsewhere.")
    with pytest.raises(SourceUnavailable):
        next(found.changes(None))


def test_a_doubt_is_not_told_by_another_process(made: Any) -> None:
    found = made("nothing")
    last = list(found.changes(None))[-1]
    found.close()
    with pytest.raises(SourceUnavailable):
        last.doubts("a")


def test_wrong_settings_are_told_before_a_process_is_started() -> None:
    with pytest.raises(InvalidInput):
        limited(class_of("slack"), SourceConfig("acme", ""))


def test_it_ends_with_whoever_started_it(made: Any) -> None:
    found = made("nothing")
    thread = threading.Thread(target=found.check)
    thread.start()
    thread.join()
    before = pid(found)
    assert found.fetch(SourceRef("hostile", "src", "1")).read() == b"text"
    assert pid(found) != before


def test_it_ends_with_a_service_that_is_killed() -> None:
    """Though it is in the midst of something that never ends."""
    made = f"limited({Hostile.__name__}, SourceConfig('src', 'loop'))"
    code = f"from {__name__} import *; found = {made}; found.access(SourceRef('hostile', 'src', '1')); print(pid(found), flush=True); found.check()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout
        started = Path("/proc", service.stdout.readline().strip())
        assert started.exists()
        service.kill()
    deadline = time.monotonic() + 10
    while started.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not started.exists()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)
KEYS = TEXTS.map(lambda text: SourceRef("slack", "acme", text.replace("\0", "0")))
CHANGES = st.one_of(
    st.builds(Upserted, KEYS, TEXTS, TEXTS, st.none() | st.integers()),
    st.builds(Failed, KEYS, st.sampled_from(Stage), TEXTS, st.booleans()),
    st.builds(Checkpoint, TEXTS, TEXTS, st.booleans()),
)


@given(st.lists(CHANGES))
def test_changes_arrive_as_they_were_but_for_what_no_database_keeps(told: list[Any]) -> None:
    read = changes_from_json(packed(list(map(change_to_json, told))), "slack", "acme", str)
    for one, other in zip(read, told, strict=True):
        names = [each.name for each in fields(one)]
        assert [_kept(getattr(other, name)) for name in names] == [getattr(one, name) for name in names]


def _kept(value: Any) -> Any:
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if type(value) is str else value


def test_content_and_settings_arrive_as_they_were() -> None:
    at, ref = datetime(2024, 3, 1, tzinfo=UTC), SourceRef("slack", "acme", "a")
    by = Contribution(Identity("Jane", "jane@x.example"), Role.EDITOR, at, "page")
    content = Content(ref, "a.txt", b"\0\xff", "text/plain", "https://x", at, None, (by,), "Title")
    assert content_from_json(content_to_json(content), ref, b"\0\xff") == content
    legal = Access(frozenset({"group:legal"}), frozenset({"person:a"}))
    config = SourceConfig(
        "acme", "/x", legal, (("a/*", legal),), ("a",), ("b",), (("url", "x"),), state=Path("/s")
    )
    assert config_from_json(config_to_json(config)) == config


@pytest.mark.parametrize(
    "made_up",
    [b"", b"{}", b"[[]]", b'[["upserted","","1","",null]]', b'[["upserted","a","1","","9"]]', b'[["failed","a","none","",true]]',
     b'[["upserted","\\ud800","1","",null]]', b'[["checkpoint",1,"",false,false]]', b"[" * 9_999],
)  # fmt: skip
def test_what_no_connector_says_is_refused(made_up: bytes) -> None:
    with pytest.raises(Nonsense):
        changes_from_json(made_up, "slack", "acme", str)


@pytest.mark.parametrize(
    "made_up",
    [None, [], {}, {"name": 1}, {"name": "a", "created": "2024-03-01T09:00:00"},
     {"name": "a", "contributions": [{"person": {}, "role": "author"}]}],
)  # fmt: skip
def test_no_content_of_that_is_refused(made_up: Any) -> None:
    with pytest.raises(Nonsense):
        content_from_json(made_up, SourceRef("slack", "acme", "a"), b"")
