"""Several sources in one sync: a slow one holds up no other, and each can be stopped by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.service import Service
from api.sync_job import State
from ingest.in_turn import InTurn
from ingest.index_writer import IndexWriter
from memory.domain import OWNER
from memory.errors import DiskFull, MemoryInUse
from tests.memories import add_folder, service

SLOW = '''
import time
from pathlib import Path
from connectors.folder import Folder

class Slow(Folder):
    """A share that is answered when a file named go lies beside it."""
    kind = "slow"

    def __init__(self, config):
        super().__init__(config)
        self._go = Path(config.location).parent / "go"

    def fetch(self, ref):
        while not self._go.exists():
            time.sleep(0.02)
        return super().fetch(ref)
'''


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A memory with a slow source of two documents, and a quick one."""
    packages = tmp_path / "packages"
    info = packages / "slow-1.0.dist-info"
    info.mkdir(parents=True)
    (packages / "slow_module.py").write_text(SLOW)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mneme.connectors]\nslow = slow_module:Slow\n")
    monkeypatch.syspath_prepend(str(packages))
    with service(tmp_path / "home") as opened:
        for name, kind in (("slow", "slow"), ("quick", "folder"), ("later", "folder")):
            folder = tmp_path / name
            folder.mkdir()
            for number in (1, 2):
                (folder / f"{number}.txt").write_text(f"The {name} harbour was dredged, part {number}.")
            add_folder(opened, folder, name, kind)
        yield opened
        (tmp_path / "go").touch()


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def found(asked: Service, words: str) -> int:
    total: int = asked.search(words, OWNER)["total"]
    return total


def test_a_slow_source_holds_up_no_other(asked: Service, tmp_path: Path) -> None:
    job = asked.jobs.start(["slow", "quick"])
    until(lambda: found(asked, '"quick harbour"') == 2)
    # Nothing comes from the slow one, so what is there is embedded meanwhile.
    until(lambda: job.embedded == 2)
    assert job.state is State.RUNNING
    assert {each["name"]: each["state"] for each in asked.upkeep.sources()}["slow"] == "syncing"
    assert asked.jobs.start(["later"]) is job, "what comes later joins it"
    with pytest.raises(MemoryInUse):
        asked.jobs.start(["slow"])
    assert asked.jobs.offer(["slow"]) == []
    until(lambda: found(asked, '"later harbour"') == 2)
    (tmp_path / "go").touch()
    asked.jobs.wait()
    assert job.state is State.DONE, job.errors
    assert sorted(each["source"] for each in job.summaries) == ["later", "quick", "slow"]
    assert job.embedded == 6
    assert asked.doctor(repair=False, rebuild=False)["well"]


def test_more_slow_sources_than_are_read_at_once_starve_nobody(asked: Service, tmp_path: Path) -> None:
    slow = [f"slow{number}" for number in range(asked.memory.settings.sync.sources_at_once + 1)]
    for name in slow:
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text("The slow harbour was dredged.")
        add_folder(asked, tmp_path / name, name, "slow")
    job = asked.jobs.start([*slow, "quick"])
    until(lambda: found(asked, '"quick harbour"') == 2)
    assert job.state is State.RUNNING
    (tmp_path / "go").touch()
    asked.jobs.wait()
    assert (job.state, len(job.summaries)) == (State.DONE, len(slow) + 1)


def test_one_source_is_stopped_and_the_others_go_on(asked: Service, tmp_path: Path) -> None:
    job = asked.jobs.start(["slow", "quick"])
    until(lambda: found(asked, '"quick harbour"') == 2)
    stopping = threading.Thread(target=asked.jobs.stop, args=["slow"])
    stopping.start()
    (tmp_path / "go").touch()
    stopping.join()
    asked.jobs.wait()
    assert (job.state, job.errors) == (State.DONE, [])
    assert [each["source"] for each in job.summaries] == ["quick"]
    assert asked.jobs.start(["slow"]) is not job
    asked.jobs.wait()
    assert found(asked, '"slow harbour"') == 2


def test_a_full_disk_ends_all_of_it(asked: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(_self: IndexWriter) -> None:
        raise DiskFull

    monkeypatch.setattr(IndexWriter, "write_pending", full)
    (tmp_path / "go").touch()
    job = asked.jobs.start([])
    asked.jobs.wait()
    assert job.state is State.FAILED
    assert [error["message"] for error in job.errors] == ["There is no space left on the disk."]
    assert not job.join([], meaning=True), "what has ended takes no more"


def test_whoever_waits_longest_comes_next() -> None:
    turn, order = InTurn(), []
    ready: list[threading.Thread] = []

    def work(name: int) -> None:
        with turn:
            order.append(name)

    with turn:
        for name in range(8):
            ready.append(threading.Thread(target=work, args=[name]))
            ready[-1].start()
            until(lambda name=name: turn._drawn == name + 2)  # type: ignore[misc]
        assert turn.free_s == 0
    for thread in ready:
        thread.join()
    assert order == list(range(8))
    assert turn.free_s > 0
