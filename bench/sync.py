"""How much of the embedder's speed a sync keeps: `python -m bench.sync FOLDER [--files N]`.

FOLDER holds documents, contracts for instance. They are synced into a memory of their own by the shipped model: until
they are found by their words, then until they are found by meaning. The same passages are embedded once
more by the same process and nothing beside it; then the folder is synced again with nothing changed.
"""

import argparse
import shutil
import tempfile
import threading
import time
from pathlib import Path

import psutil

from api.service import Service
from api.settings import load
from api.sources import NewSource
from api.wiring import open_memory
from ingest.index_writer import spoken
from ingest.pace import MOST


class Peak:
    """The most memory that this process and its children have at once, in bytes (PSS)."""

    def __init__(self) -> None:
        self.bytes = 0
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Peak":
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watch.join()

    def _look(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(2):
            size = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    size += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.bytes = max(self.bytes, size)


def main() -> None:
    """Sync, embed once more, sync again, and print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--files", type=int, default=20)
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as place:
        chosen = Path(place, "files")
        chosen.mkdir()
        found = sorted(path for path in given.folder.rglob("*") if path.is_file())
        for path in found[:: max(1, len(found) // given.files)][: given.files]:
            shutil.copy(path, chosen)
        service = Service(open_memory(load(home=Path(place, "home")), "bench"))
        try:
            service.add_source(NewSource(kind="folder", location=str(chosen), name="files", grant=["public"]))
            service.memory.wait_for_model()  # as in the service, which answers meanwhile
            measured(service)
        finally:
            service.close()


def measured(service: Service) -> None:
    """Print the figures of both syncs and of the embedder alone."""
    with Peak() as peak:
        words, meaning = synced(service)
    files = len(list(service.memory.catalogue.ledger.of_source("files")))
    texts = [spoken(stored) for stored in service.memory.catalogue.passages.after(0, 1_000_000)]
    print(f"{files} files, {len(texts):,} passages, service, workers and models {peak.bytes / 1e6:,.0f} MB")
    print(f"until found by words      {words:6.1f} s   {files / words:.1f} files/s")
    began = time.perf_counter()
    for first in range(0, len(texts), MOST):
        service.memory.passage_embedder.embed_passages(texts[first : first + MOST])
    alone = time.perf_counter() - began
    print(f"embedder alone            {alone:6.1f} s   {len(texts) / alone:.1f} passages/s")
    print(f"until found by meaning    {meaning:6.1f} s   {alone / meaning:.2f} of the embedder alone")
    print(
        f"both                      {words + meaning:6.1f} s   {alone / (words + meaning):.2f} of the embedder alone"
    )
    words, meaning = synced(service)
    print(f"nothing changed           {words + meaning:6.2f} s")


def synced(service: Service) -> tuple[float, float]:
    """Seconds until everything is found by words, and from then on by meaning."""
    began = time.perf_counter()
    job = service.jobs.start([], accept_removals=False, meaning=True)
    while not job.words_done:
        time.sleep(0.02)
    words = time.perf_counter()
    service.jobs.wait()
    if job.errors:
        raise RuntimeError(str(job.errors))
    return words - began, time.perf_counter() - words


if __name__ == "__main__":
    main()
