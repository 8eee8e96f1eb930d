"""Real memories for tests: the shipped wiring with the hash model, so that nothing has to be loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.service import Service
from api.settings import load
from api.sources import NewSource
from api.wiring import open_memory


@contextmanager
def service(home: Path, **settings: Any) -> Iterator[Service]:
    """A service over a memory in `home`, closed afterwards."""
    given = {"embedding": {"model": "hash"}, "parsing": {"workers": 2}} | settings
    opened = Service(open_memory(load(home=home, **given), "tests"))
    try:
        yield opened
    finally:
        opened.close()


def add_folder(asked: Service, folder: Path, name: str = "files", kind: str = "folder", **more: Any) -> None:
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
