"""Looking after a memory: the sources with their state, the ledger, and new tries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.causes import advice
from api.jobs import Jobs
from api.schedule import Schedule
from ingest.sync import Phase
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.ledger import LedgerRow, Wanted
from memory.catalogue.sources import Source
from memory.domain import SourceRef, Stage
from memory.errors import InvalidInput

A_YEAR = 366 * 24 * 60
"""Minutes; a source that is synced more rarely is synced by hand."""


class Upkeep:
    """What an owner sees and does about sources and documents."""

    def __init__(self, catalogue: Catalogue, jobs: Jobs, schedule: Schedule) -> None:
        self._catalogue = catalogue
        self._jobs = jobs
        self._schedule = schedule

    def sources(self) -> list[dict[str, Any]]:
        """Every source with its state, its counts and, while it is synced, how far that is."""
        listed = self._catalogue.directories.counts()
        return [self._source(source, listed) for source in self._catalogue.sources.all()]

    def schedule(self, name: str, every: int | None) -> dict[str, Any]:
        """Have a source synced every so many minutes, or not any more.

        :raises InvalidInput: where that is more than a year.
        """
        if every is not None and not 1 <= every <= A_YEAR:
            raise InvalidInput("A source is synced once a minute at most, and once a year at least.")
        self._catalogue.sources.schedule(name, every)
        return self._source(self._catalogue.sources.get(name), self._catalogue.directories.counts())

    def ledger(self, wanted: Wanted, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
        """What became of the documents the connectors saw, newest first, and how many there are in all."""
        if wanted.source:
            self._catalogue.sources.get(wanted.source)
        rows = self._catalogue.ledger.rows(wanted, limit=limit, offset=offset)
        return [ledger_json(row) for row in rows], self._catalogue.ledger.total(wanted)

    def retry(self, wanted: Wanted, refs: Sequence[str]) -> dict[str, Any]:
        """Have failed and skipped documents read again: now, or with its next sync where a source is being synced.

        :param refs: only these; none: all that are wanted.
        :raises InvalidInput: where none of them failed or was skipped.
        """
        found = self._catalogue.ledger.retry(wanted, [SourceRef.parse(ref) for ref in refs])
        if not found:
            raise InvalidInput(
                "None of these documents failed or was left out.", hint="Only such documents are tried again."
            )
        started = self._jobs.offer(sorted(found))
        return {"documents": sum(found.values()), "sources": sorted(found), "started": bool(started)}

    def _source(self, source: Source, listed: Mapping[str, dict[str, int]]) -> dict[str, Any]:
        counts = self._catalogue.sources.counts(source.name)
        job = self._jobs.running
        step = job.reading(source.name) if job else None
        held = int((source.summary or {}).get("held", 0))
        return {
            "name": source.name,
            "kind": source.kind,
            "location": source.location,
            "state": _state(source, held, step is not None, job is not None and job.waits(source.name)),
            "paused": source.paused,
            "held": held,
            "stopped": source.stopped,
            "every_minutes": source.every,
            "next_sync": _iso(self._schedule.next_sync(source)),
            "last_sync": _iso(source.synced),
            "progress": {"done": step.done, "total": step.total}
            if step and step.phase is Phase.WORDS
            else None,
            "directory": listed.get(source.name),
            "counts": {
                "indexed": counts.get("indexed", 0) + counts.get("embedded", 0),
                "embedded": counts.get("embedded", 0),
                "skipped": counts.get("skipped", 0),
                "failed": counts.get("failed", 0),
                "pending": sum(counts.get(stage, 0) for stage in ("seen", "fetched", "parsed")),
            },
        }


def wanted_rows(source: str, stages: Sequence[str], text: str) -> Wanted:
    """Which rows of the ledger are meant.

    :raises InvalidInput: where there is no such stage.
    """
    try:
        return Wanted(source, tuple(Stage(stage) for stage in stages), text.strip())
    except ValueError as error:
        known = ", ".join(stage.value for stage in Stage)
        raise InvalidInput(
            f"There is no such stage: {', '.join(stages)}.", hint=f"Stages: {known}."
        ) from error


def ledger_json(row: LedgerRow) -> dict[str, Any]:
    """A row of the ledger as JSON values, with what to do about it."""
    return {
        "ref": str(row.ref),
        "source": row.ref.source,
        "document": row.document,
        "stage": row.stage.value,
        "reason": row.reason,
        "retryable": row.retryable,
        "advice": advice(row.stage, row.reason, row.retryable),
        "at": _iso(row.at),
    }


def _state(source: Source, held: int, syncing: bool, waits: bool) -> str:
    states = {
        "removing": source.removing,
        "syncing": syncing,
        "queued": waits,
        "paused": source.paused,
        "stopped": source.stopped,
        "held": held,
        "ready": source.synced,
    }
    return next((name for name, holds in states.items() if holds), "new")


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
