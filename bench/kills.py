"""Service, sync, parsers, backups and restores killed at random moments: `python -m bench.kills [KILLS] [--seed N]`.

The source changes before each kill. After it the doctor looks, and nothing may be there twice; after every tenth a sync
runs to its end, and the memory is compared with one that was made at once from what the source has then.
"""

import argparse
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.api.test_killed_syncs import finish, parted, state
from tests.commands import start
from tests.mailboxes import BO, JANE, as_mbox, message
from tests.memories import add_folder, service

WORDS = [
    "budget",
    "contract",
    "supplier",
    "invoice",
    "delivery",
    "warranty",
    "notice",
    "clause",
    "board",
    "meeting",
    "Kündigung",
    "résumé",
]
EVERY, LONGEST_S = 10, 4.0


class Killed:
    """A memory whose processes are killed."""

    def __init__(self, place: Path, seed: int) -> None:
        self.place, self.dice = place, random.Random(seed)
        self.home, self.files, self.said = place / "home", place / "files", place / "said"
        self.files.mkdir()
        self.mails = 0
        self.change()
        _sources(self.home, place)

    def change(self) -> None:
        """Write, change, move and remove documents, and get another mail with a file of its own."""
        for _ in range(self.dice.randint(3, 12)):
            name = f"{self.dice.randrange(60):02}.txt"
            text = "\n\n".join(
                " ".join(self.dice.choices(WORDS, k=100)) for _ in range(self.dice.randint(1, 8))
            )
            (self.files / name).write_text(f"Note {self.dice.random()}\n\n{text}\n", encoding="utf-8")
        there = sorted(self.files.iterdir())
        for path in self.dice.sample(there, min(2, len(there) - 1)):
            path.unlink()
        self.mails += 1
        mails = [
            message(
                f"{n:03}@x.example",
                JANE,
                BO,
                f"Delivery {n}",
                f"Pallet {n} is on its way to the supplier.",
                day=n % 28,
                answers=[f"{n - n % 5:03}@x.example"] if n % 5 else [],
                files={f"list{n}.txt": b"Beech and oak, %d boards" % n},
            )
            for n in range(self.mails)
        ]
        as_mbox(self.place / "new.mbox", mails).replace(self.place / "all.mbox")

    def sync(self) -> bool:
        """A sync is killed."""
        return self._kill(start(self.home, self.said, "sync"))

    def service(self) -> bool:
        """A service that syncs and is asked is killed; whoever waits for it is told."""
        self.said.write_text("")
        serving = start(self.home, self.said, "serve", "--port", "0", "--json")
        while '"address"' not in self.said.read_text(errors="replace") and serving.is_alive():
            time.sleep(0.02)
        words = [("sync",), ("search", "supplier notice")]
        asking = [start(self.home, self.place / f"asked{n}", *each) for n, each in enumerate(words)]
        killed = self._kill(serving)
        for number, process in enumerate(asking):
            process.join(120)
            said = (self.place / f"asked{number}").read_text(errors="replace")
            assert process.exitcode is not None
            assert "Traceback" not in said, said
        return killed

    def worker(self) -> bool:
        """A parser of a sync is killed: the sync goes on."""
        process, killed = start(self.home, self.said, "sync"), False
        while process.is_alive() and not (found := _parsers(process.pid or 0)):
            time.sleep(0.005)
        time.sleep(self.dice.random() * LONGEST_S / 4)
        if process.is_alive() and (found := _parsers(process.pid or 0)):
            os.kill(self.dice.choice(found), signal.SIGKILL)
            killed = True
        process.join(120)
        said = self.said.read_text(errors="replace")
        assert process.exitcode in (0, 69), said
        assert "Traceback" not in said, said
        return killed

    def backup(self) -> bool:
        """A backup is killed; what has its name is whole."""
        target = self.place / "backups" / f"{self.dice.randrange(10**9)}{self.dice.choice(['', '.tar'])}"
        target.parent.mkdir(exist_ok=True)
        killed = self._kill(start(self.home, self.said, "backup", str(target)), 0.7)
        if target.exists():
            self._restored(target, 60)
        return killed

    def restore(self) -> bool:
        """A restore is killed, once and again; then it is ended."""
        target = self.place / "backups" / "whole.tar"
        target.parent.mkdir(exist_ok=True)
        target.unlink(missing_ok=True)
        process = start(self.home, self.said, "backup", str(target))
        process.join(120)
        assert process.exitcode == 0, self.said.read_text()
        assert [path.name for path in target.parent.iterdir() if path.name.startswith(".")] == []
        killed = self._kill(start(self.place / "elsewhere", self.said, "restore", str(target)), 0.5)
        self._restored(target, 60)
        return killed

    def _restored(self, backup: Path, seconds: float) -> None:
        home = self.place / "elsewhere"
        if not (home / "catalogue.db").exists():
            process = start(home, self.said, "restore", str(backup))
            process.join(seconds)
            assert process.exitcode == 0, self.said.read_text()
        with service(home) as asked:
            assert asked.doctor(repair=False, rebuild=False)["well"]
        assert not (home / "restoring").exists()
        assert not (home / "restored").exists()
        shutil.rmtree(home)
        shutil.rmtree(backup) if backup.is_dir() else backup.unlink()

    def _kill(self, process: BaseProcess, longest: float = LONGEST_S) -> bool:
        process.join(self.dice.random() * longest)
        process.kill()
        process.join(60)
        return process.exitcode == -signal.SIGKILL

    def examine(self) -> bool:
        """Whether the doctor finds all well; what is not is repaired, or this fails."""
        assert parted(self.home) == []
        with service(self.home) as asked:
            told = asked.doctor(repair=False, rebuild=False)
            if not told["well"]:
                print(json.dumps(told["found"]), flush=True)
                assert asked.doctor(repair=True, rebuild=False)["well"]
        return bool(told["well"])

    def compare(self) -> None:
        """Sync to the end, and compare with a memory made at once."""
        # What several killed syncs did not come to remove may be more than a fifth by now, and would be held.
        process = start(self.home, self.said, "sync", "--accept-removals")
        process.join(120)
        assert process.exitcode == 0, self.said.read_text()
        other = self.place / "at once"
        _sources(other, self.place)
        finish(other)
        held, once = state(self.home), state(other)
        for key in sorted(held.keys() | once.keys()):
            if held.get(key) != once.get(key):
                print(key, held.get(key), once.get(key), sep="\n  ", flush=True)
        assert held == once
        shutil.rmtree(other)


def _sources(home: Path, place: Path) -> None:
    with service(home) as asked:
        add_folder(asked, place / "files")
        add_folder(asked, place / "all.mbox", "mail", "mailbox")


def _parsers(pid: int) -> list[int]:
    """Of what a process has started, the parsers."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            with suppress(OSError):  # it has just ended
                if b"ingest.parsers.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(child)
    return found


def main() -> None:
    """Kill, and print how often whom, and what the doctor found."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("kills", nargs="?", type=int, default=200)
    given.add_argument("--seed", type=int, default=1)
    asked = given.parse_args()
    killed: Counter[str] = Counter()
    ended = well = rounds = compared = 0
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mneme-kills-") as place:
        memory = Killed(Path(place), asked.seed)
        kinds: list[Callable[[], bool]] = [memory.sync, memory.sync, memory.service, memory.worker]
        kinds += [memory.backup, memory.restore]
        while killed.total() < asked.kills:
            memory.change()
            kind = memory.dice.choice(kinds)
            if kind():
                killed[kind.__name__] += 1
            else:
                ended += 1
            rounds += 1
            well += memory.examine()
            if rounds % EVERY == 0 or killed.total() >= asked.kills:
                memory.compare()
                compared += 1
                took = time.perf_counter() - began
                print(
                    f"{killed.total()} kills {dict(killed)}, {ended} ended before, doctor: well {well} of {rounds},"
                    f" {compared} comparisons without a difference, {took:.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
