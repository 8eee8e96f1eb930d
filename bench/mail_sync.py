"""Mails a second until they are found by words, through the whole service, and a second sync after 10 new mails.

    python -m bench.mail_sync CORPUS [MESSAGES]

CORPUS is a folder of mail; where more messages are asked for than it has, they are repeated under new Message-IDs.
No model is loaded: words need none.
"""

import argparse
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from api.service import Service
from api.settings import load
from api.sources import NewSource
from api.wiring import open_memory
from bench.mailbox import originals, write


def main() -> None:
    """Sync the mailbox twice in a memory of its own and print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("corpus")
    ask.add_argument("messages", nargs="?", type=int, default=2000)
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "all.mbox")
        found = originals(given.corpus)
        write(path, found, range(given.messages))
        megabytes = path.stat().st_size / 1e6
        print(f"{given.messages:,} messages, {megabytes:,.1f} MB, from {len(found):,} originals")
        settings = load(home=Path(place, "home"), embedding={"model": "hash"})
        service = Service(open_memory(settings, "bench"))
        try:
            service.add_source(NewSource(kind="mailbox", location=str(path), name="mail", grant=["public"]))
            synced(service, "first sync")
            write(path, found, range(given.messages, given.messages + 10))
            synced(service, "10 appended")
        finally:
            service.close()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak RSS: service {peak:,.0f} MB, largest worker {workers:,.0f} MB")


def synced(service: Service, what: str) -> None:
    """Sync until everything is found by its words; print how long that took and what was fetched."""
    at, began = datetime.now(UTC), time.perf_counter()
    service.jobs.start([], accept_removals=False, meaning=False)
    service.jobs.wait()
    took = time.perf_counter() - began
    job = service.jobs.current
    assert job is not None
    assert not job.errors, job.errors
    summary = job.summaries[0]
    written = [row for row in service.memory.catalogue.ledger.of_source("mail") if row.at >= at]
    mails = sum(row.parent is None for row in written)
    print(
        f"{what}: {took:.1f} s, {summary['known'] / took:,.0f} mails/s looked at, {mails} mails fetched"
        f" ({mails / took:.1f}/s), {len(written) - mails} attachments, {summary['failed']} failed"
    )


if __name__ == "__main__":
    main()
