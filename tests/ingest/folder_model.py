"""Syncs against a model of a folder: whatever happens to it between syncs, the memory says what the model says.

A state machine for hypothesis, so that a failure comes with the shortest history that leads to it. The tests
run it for seconds (`tests/ingest/test_folder_model.py`), `bench/syncs.py` for as long as one likes.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import update

from api.service import Service
from memory.catalogue.ledger import LedgerRow
from memory.catalogue.schema import sources
from memory.domain import SourceRef, Stage
from tests.memories import add_folder, sync

KEYS = st.sampled_from(
    [
        "a.txt",
        "b.txt",
        "c.md",
        "sub/a.txt",
        "sub/d.txt",
        "sub/deep/e.txt",
        "share/f.txt",
        "share/g.txt",
        "new/h.txt",
    ]
)
PICKS = st.integers(0, 30)
"""Which of the files there are."""
KINDS = st.sampled_from(["text", "text", "text", "empty", "broken", "huge"])
STAGES = {
    "text": (Stage.INDEXED, Stage.EMBEDDED),
    "empty": (Stage.SKIPPED,),
    "broken": (Stage.FAILED,),
    "huge": (Stage.SKIPPED,),
}
RULE = "sub/**=group:b"


@dataclass(frozen=True)
class File:
    """A file as the model knows it."""

    kind: str
    token: str

    def content(self) -> bytes:
        """Its bytes: each text has a word that no other has."""
        if self.kind == "empty":
            return b""
        if self.kind == "broken":
            return b"%PDF-1.7 " + self.token.encode()
        text = f"Minutes about {self.token}\n\nThe board of the company discussed {self.token} at length.\n"
        return text.encode() * (1 if self.kind == "text" else 20_000)


class FolderModel(RuleBasedStateMachine):
    """Rules change the folder and the model alike; `synchronise` compares them with the memory."""

    service: ClassVar[Callable[[], Service]]
    """The memory to sync with; it is shared by all runs, each of which adds a source of its own."""
    runs: ClassVar[int] = 0

    @initialize()
    def start(self) -> None:
        FolderModel.runs += 1
        self.asked = type(self).service()
        self.name = f"files{FolderModel.runs}"
        self.place = Path(tempfile.mkdtemp())
        self.root, self.outside = self.place / "root", self.place / "outside"
        self.root.mkdir()
        self.outside.mkdir()
        (self.root / "share").symlink_to(self.outside)
        self.files: dict[str, File] = {}
        self.mounted, self.ruled, self.count = True, False, 0
        add_folder(self.asked, self.root, self.name, grant=["group:a"], options={"symlinks": "follow"})
        for key in ("a.txt", "sub/d.txt", "share/f.txt"):
            self._write(key, "text")

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.asked.remove_source(self.name)
            assert self.asked.memory.catalogue.documents.count() == 0
            shutil.rmtree(self.place)

    # What happens to the folder

    def _path(self, key: str) -> Path:
        return self.outside / key.removeprefix("share/") if key.startswith("share/") else self.root / key

    def _pick(self, pick: int) -> str:
        return sorted(self.files)[pick % len(self.files)]

    def _reachable(self, key: str) -> bool:
        return self.mounted or not key.startswith("share/")

    def _write(self, key: str, kind: str) -> None:
        self.count += 1
        self.files[key] = File(kind, f"token{self.count}of{self.name}")
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.files[key].content())

    @rule(key=KEYS, kind=KINDS)
    def write(self, key: str, kind: str) -> None:
        if self._reachable(key):
            self._write(key, kind)

    @precondition(lambda self: self.files)
    @rule(pick=PICKS, to=KEYS)
    def copy(self, pick: int, to: str) -> None:
        key = self._pick(pick)
        if self._reachable(key) and self._reachable(to) and key != to:
            self.files[to] = self.files[key]
            self._path(to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._path(key), self._path(to))

    @precondition(lambda self: self.files)
    @rule(pick=PICKS, to=KEYS)
    def rename(self, pick: int, to: str) -> None:
        key = self._pick(pick)
        if self._reachable(key) and self._reachable(to) and key != to:
            self._path(to).parent.mkdir(parents=True, exist_ok=True)
            self._path(key).rename(self._path(to))
            self.files[to] = self.files.pop(key)

    @precondition(lambda self: self.files)
    @rule(pick=PICKS, to=KEYS)
    def link(self, pick: int, to: str) -> None:
        """A second name of the same file: one fingerprint, two documents."""
        key = self._pick(pick)
        if to not in self.files and self._reachable(key) and self._reachable(to):
            self._path(to).parent.mkdir(parents=True, exist_ok=True)
            os.link(self._path(key), self._path(to))
            self.files[to] = self.files[key]

    @precondition(lambda self: self.files)
    @rule(pick=PICKS)
    def touch(self, pick: int) -> None:
        key = self._pick(pick)
        if self._reachable(key):
            os.utime(self._path(key))

    @precondition(lambda self: self.files)
    @rule(pick=PICKS)
    def remove(self, pick: int) -> None:
        key = self._pick(pick)
        if self._reachable(key):
            self._path(key).unlink()
            del self.files[key]

    @rule()
    def rename_a_folder(self) -> None:
        if (self.root / "sub").is_dir() and not (self.root / "new").exists():
            (self.root / "sub").rename(self.root / "new")
            for key in [key for key in self.files if key.startswith("sub/")]:
                self.files["new" + key.removeprefix("sub")] = self.files.pop(key)

    @rule()
    def unmount_or_mount(self) -> None:
        away = self.place / "away"
        (self.outside.rename(away)) if self.mounted else away.rename(self.outside)
        self.mounted = not self.mounted

    @rule()
    def change_who_may_see(self) -> None:
        self.ruled = not self.ruled
        config = {"grant": ["group:a"], "options": {"symlinks": "follow"}, "rules": [RULE] * self.ruled}
        with self.asked.memory.catalogue.transaction() as connection:
            connection.execute(update(sources).where(sources.c.name == self.name).values(config=config))

    # What the memory must say of it

    @precondition(lambda self: self.files)
    @rule(after=st.floats(0, 0.1))
    def stop_a_sync_on_its_way(self, after: float) -> None:
        timer = threading.Timer(after, self.asked.jobs.stop)
        timer.start()
        job = self.asked.jobs.start([self.name], accept_removals=False, meaning=True)
        self.asked.jobs.wait()
        timer.join()
        assert job.state.value in ("done", "stopped"), job.to_json()

    @rule(accepted=st.booleans(), meaning=st.booleans())
    def synchronise(self, accepted: bool, meaning: bool) -> None:
        before = self._rows()
        job = sync(self.asked, self.name, accept_removals=accepted, meaning=meaning)
        assert job["state"] == "done", job
        visible = {key: file for key, file in self.files.items() if self._reachable(key)}
        self._ledger_is_the_model(visible)
        self._summary_adds_up(job["summaries"][0], before, set(visible))
        self._texts_are_the_files(visible)
        self._index_is_the_catalogue()
        self._everybody_sees_what_they_may(visible)
        self._ids_last(before, visible)

    def _rows(self) -> dict[str, LedgerRow]:
        return {row.ref.key: row for row in self.asked.memory.catalogue.ledger.of_source(self.name)}

    def _ledger_is_the_model(self, visible: dict[str, File]) -> None:
        """Every file that was seen has a row that says how far it came, and why no further."""
        rows = self._rows()
        assert set(visible) <= set(rows), set(visible) - set(rows)
        for key, file in visible.items():
            assert rows[key].stage in STAGES[file.kind], (key, file, rows[key])
            assert bool(rows[key].reason) == (file.kind != "text"), (key, rows[key])

    def _summary_adds_up(
        self, summary: dict[str, int], before: dict[str, LedgerRow], visible: set[str]
    ) -> None:
        """Each document that was known or seen counts once; a link that leads nowhere is a failure of its own."""
        seen = visible if self.mounted else visible | {"share"}
        known = {key for key in before if not key.endswith("/")} | seen
        unseen = (
            set() if self.mounted else {key for key in before if key.startswith("share/") and key != "share/"}
        )
        moved = summary["moved"]
        assert summary["known"] == len(known) - moved + (not self.mounted), (summary, known)
        gone = known - seen - unseen
        rows = {key for key in self._rows() if not key.endswith("/")}
        assert summary["held"] + summary["removed"] == len(gone) - moved, (summary, gone)
        if summary["held"]:
            assert rows > seen | unseen
        else:
            assert rows == seen | unseen
        kinds = [self.files[key].kind for key in visible]
        assert summary["skipped"] == kinds.count("empty") + kinds.count("huge"), summary
        assert summary["failed"] == kinds.count("broken") + len(unseen) + 2 * (not self.mounted), summary

    def _texts_are_the_files(self, visible: dict[str, File]) -> None:
        catalogue, rows = self.asked.memory.catalogue, self._rows()
        for key, file in visible.items():
            if file.kind == "text":
                found = catalogue.documents.by_ref(SourceRef("folder", self.name, key))
                assert found is not None
                assert found == rows[key].document
                assert catalogue.documents.text(found) == file.content().decode().strip(), key
        held = [row for row in rows.values() if row.document]
        assert len(held) == len({row.document for row in held})
        # Every document that is there has a row that knows it.
        known = sum(catalogue.documents.by_ref(row.ref) == row.document for row in held)
        assert known == catalogue.documents.count()

    def _index_is_the_catalogue(self) -> None:
        told = self.asked.doctor(repair=False, rebuild=False)
        assert told["well"], told
        assert told["found"]["pending"] == 0
        assert self.asked.memory.catalogue.passages.stale() == []
        assert self.asked.memory.catalogue.documents.removed() == []

    def _everybody_sees_what_they_may(self, visible: dict[str, File]) -> None:
        prefix = f"folder:{self.name}/"
        seen = {}
        for person in ("ann@x.example", "ben@x.example"):
            hits = self.asked.search(
                "board company", self.asked.memory.catalogue.people.asker(person), limit=50
            )["results"]
            seen[person] = {hit["ref"].removeprefix(prefix) for hit in hits}
        texts = {key for key, file in visible.items() if file.kind == "text"}
        for_ben = {key for key in texts if self.ruled and key.startswith("sub/")}
        assert seen["ben@x.example"] & texts == for_ben
        assert seen["ann@x.example"] & texts == texts - for_ben
        # What cannot be read any more stays found as it was, but by nobody who may not see it now.
        assert (
            not any(key.startswith("sub/") for key in seen["ann@x.example"] & set(visible)) or not self.ruled
        )

    def _ids_last(self, before: dict[str, LedgerRow], visible: dict[str, File]) -> None:
        rows = self._rows()
        for key, file in visible.items():
            if file.kind == "text" and key in before and before[key].document:
                assert rows[key].document == before[key].document, key
        for key, row in before.items():
            alike = [each for each in before.values() if each.fingerprint == row.fingerprint]
            if key in rows or not row.document or row.stage not in STAGES["text"] or len(alike) > 1:
                continue
            heirs = [
                rows[new].document
                for new in visible
                if new not in before and rows[new].fingerprint == row.fingerprint
            ]
            assert not heirs or heirs.count(row.document) == 1, (key, heirs)
