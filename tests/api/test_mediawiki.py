"""A MediaWiki through the whole service: what a change costs, and what remains of syncs that are killed."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api.service import Service
from api.sources import NewSource
from memory.domain import OWNER, Asker, Stage
from tests.connectors.mediawiki import Wiki, mediawiki
from tests.memories import counts, service, sync

PAGES, KILLS = 12, 5
LEGAL = Asker("jane", frozenset({"group:legal"}))
STAFF = Asker("bob", frozenset({"group:staff"}))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiki]:
    with mediawiki(tmp_path_factory.mktemp("wiki")) as made:
        yield made


@pytest.fixture
def wiki(installed: Wiki) -> Wiki:
    """With some pages."""
    installed.reset()
    for number in range(PAGES):
        installed.write(f"Page {number}", f"The beech of hall {number}.", "Jane Doe")
    return installed


def add(asked: Service, wiki: Wiki) -> None:
    options = {"namespaces": "Main", "levels": "legal=group:legal"}
    asked.add_source(
        NewSource(kind="mediawiki", location=wiki.url, name="wiki", grant=["group:staff"], options=options)
    )


def shown(wiki: Wiki) -> int:
    """How many pages were asked for as they are shown."""
    return len(re.findall(r"action=parse", (wiki.place / "log").read_text(errors="replace")))


def found(asked: Service, query: str, asker: Asker = OWNER) -> list[str]:
    return sorted(hit["title"] for hit in asked.search(query, asker, limit=50)["results"])


def test_a_change_costs_one_fetch_and_a_permission_no_parsing(wiki: Wiki, tmp_path: Path) -> None:
    wiki.more(
        "$wgRestrictionTypes[] = 'read'; $wgRestrictionLevels[] = 'legal';"
        "$wgGroupPermissions['sysop']['legal'] = true;"
    )
    with service(tmp_path) as asked:
        add(asked, wiki)
        first = sync(asked)
        assert counts(first)["indexed"] == PAGES
        before = shown(wiki)
        wiki.write("Page 1", "The oak of another hall.", "Bob")
        wiki.move("Page 2", "Page of the hall")
        wiki.delete("Page 3")
        sync(asked)
        assert shown(wiki) - before == 2  # what was deleted is not fetched
        assert found(asked, "oak") == ["Page 1"]
        assert "Page of the hall" in found(asked, "beech")
        assert {"Page 2", "Page 3"}.isdisjoint(found(asked, "beech"))
        assert sync(asked)["summaries"][0]["indexed"] == 0
        assert shown(wiki) - before == 2
        assert "Page 4" in found(asked, "beech", STAFF)
        wiki.ask("protect", title="Page 4", protections="read=legal")
        revoked = counts(sync(asked))
        assert shown(wiki) - before == 3
        assert "indexed" not in revoked
        assert "Page 4" not in found(asked, "beech", STAFF)
        assert found(asked, "beech", LEGAL) == ["Page 4"]


SYNCING = """
import os, sys
from pathlib import Path
from tests.memories import service, sync
home = Path(sys.argv[1])
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        with service(home, parsing={"workers": 1}) as asked:
            job = sync(asked)
            os._exit(0 if job["state"] == "done" else 1)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""For each line a process of its own that syncs; what takes long to load is loaded once."""


class Syncing:
    """Processes that sync a memory and may be killed."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-c", SYNCING, str(home)]
        self._parent = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def begin(self) -> int:
        """Start one; its number."""
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write("\n")
        return int(self._parent.stdout.readline())

    def ended(self) -> int:
        """How it ended, once it has."""
        assert self._parent.stdout
        return int(self._parent.stdout.readline())

    def close(self) -> None:
        self._parent.communicate(timeout=60)


@pytest.mark.slow
def test_syncs_that_are_killed_lose_and_double_nothing(wiki: Wiki, tmp_path: Path) -> None:
    with service(tmp_path) as asked:
        add(asked, wiki)
    choose, killed = random.Random(5), 0
    with closing(Syncing(tmp_path)) as syncing:
        for number in range(KILLS):
            goal, deadline = shown(wiki) + choose.randint(1, PAGES // 2), time.monotonic() + 60
            process = syncing.begin()
            while shown(wiki) < goal and time.monotonic() < deadline and Path(f"/proc/{process}").exists():
                time.sleep(0.005)
            time.sleep(choose.random() * 0.05)
            os.kill(process, signal.SIGKILL)
            killed += syncing.ended() == -signal.SIGKILL
            if number == KILLS - 2:
                wiki.delete("Page 0")  # a killed sync may have taken it in
                wiki.write("Page 1", "The oak of another hall.", "Bob")
        assert killed == KILLS
        syncing.begin()
        assert syncing.ended() == 0
        before = shown(wiki)
        syncing.begin()
        assert syncing.ended() == 0
        assert shown(wiki) == before
    with service(tmp_path) as asked:
        assert asked.doctor(repair=False, rebuild=False)["well"]
        rows = list(asked.memory.catalogue.ledger.of_source("wiki"))
        assert len(rows) == PAGES - 1
        assert {row.stage for row in rows} == {Stage.EMBEDDED}
        assert found(asked, "beech OR oak") == sorted(f"Page {number}" for number in range(1, PAGES))
        assert found(asked, "oak") == ["Page 1"]
