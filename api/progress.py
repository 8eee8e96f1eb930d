"""Following a sync from the command line."""

import time
from collections.abc import Set
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from api.gateway import Gateway

_SECONDS = 0.3
"""Between two looks: often enough to see it move, rarely enough to cost nothing."""


def follow(gateway: Gateway, *, quiet: bool, until_read: Set[str] = frozenset()) -> dict[str, Any]:
    """Wait until the running sync has ended, drawing its progress.

    :param quiet: draw nothing.
    :param until_read: wait only until these sources have been read; the sync may go on.
    :returns: the job as it was then.
    """

    def goes_on(job: dict[str, Any]) -> bool:
        ahead = not until_read or not until_read.isdisjoint((*job["reading"], *job["waiting"]))
        return job["state"] == "running" and ahead

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True, quiet=quiet)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Looking at the sources", total=None, count="")
        try:
            while goes_on(job := gateway.call("GET", "/api/sync")):
                progress.update(task, **_shown(job))
                time.sleep(_SECONDS)
        except KeyboardInterrupt:
            progress.update(task, description="Stopping at the next document")
            job = gateway.call("DELETE", "/api/sync")
    result: dict[str, Any] = job
    return result


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    doing = {"words": f"Reading {job['source']}", "pictures": f"Recognising pages of {job['source']}"}
    what = doing.get(job["phase"], "Making it findable by meaning")
    total = job["total"]
    count = f"{job['done']:,} of {total:,}" if total else f"{job['done']:,}"
    # Before the first sync nobody knows how much there is: then the bar only shows that it moves.
    known = total if total and job["done"] <= total else None
    return {"description": what, "completed": job["done"], "total": known, "count": count}
