"""Real memories for tests: the shipped wiring with the hash model, so that nothing has to be loaded.

They share one pool of parsers: its workers take seconds to start, and most tests read a file or two.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from api.service import Service
from api.settings import load
from api.sources import NewSource
from api.wiring import open_memory
from ingest.parsers.workers import ParserPool


@cache
def parsers() -> ParserPool:
    """The pool they share; `tests/conftest.py` closes it."""
    return ParserPool()


@contextmanager
def service(home: Path, **settings: Any) -> Iterator[Service]:
    """A service over a memory in `home`, closed afterwards; with its own parsers where settings speak of them."""
    given = {"embedding": {"model": "hash"}} | settings
    lent = None if "parsing" in settings else parsers()
    opened = Service(open_memory(load(home=home, **given), "tests", parsers=lent))
    try:
        yield opened
    finally:
        opened.close()


def add_folder(
    asked: Service, folder: Path | str, name: str = "files", kind: str = "folder", **more: Any
) -> None:
    """Add a folder, or what else lies at a path, as a source everybody may see, unless told otherwise."""
    more.setdefault("grant", ["public"])
    asked.add_source(NewSource(kind=kind, location=str(folder), name=name, **more))


def sync(asked: Service, *names: str, accept_removals: bool = False, meaning: bool = True) -> dict[str, Any]:
    """Sync and wait; gives the job as it ended."""
    job = asked.jobs.start(list(names), accept_removals=accept_removals, meaning=meaning)
    asked.jobs.wait()
    return job.to_json()


def counts(job: dict[str, Any]) -> dict[str, int]:
    """The counts of a job's first source that are not zero."""
    summary = job["summaries"][0]
    return {name: value for name, value in summary.items() if isinstance(value, int) and value}
