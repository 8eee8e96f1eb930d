"""The JSON API of a memory's upkeep: sources and their schedule, the ledger, new tries, and why."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.admission import IN_TURN, Asked, By
from api.schemas import Offset
from api.upkeep import A_YEAR, wanted_rows
from api.witness import tell

router = APIRouter()


class ScheduleIn(BaseModel):
    """How often a source is synced by the service."""

    model_config = ConfigDict(extra="forbid")

    every_minutes: Annotated[int, Field(ge=1, le=A_YEAR)] | None = Field(
        description="Minutes between syncs; null: never."
    )


class BackupIn(BaseModel):
    """Where a backup is to be made."""

    model_config = ConfigDict(extra="forbid")

    path: Path = Field(description="Absolute; one file where it ends in .tar, else a folder.")
    keys: bool = Field(False, description="Take in the keys of the sources' passwords and tokens.")


class RetryIn(BaseModel):
    """Which failed and skipped documents are to be tried again."""

    model_config = ConfigDict(extra="forbid")

    refs: list[str] = Field(default_factory=list, description="Refs; empty: all that the rest fits.")
    source: str = ""
    stage: list[str] = Field(default_factory=list)
    text: str = ""


@router.get("/api/sources", tags=["sources"])
def sources(service: Asked) -> list[dict[str, Any]]:
    """Every source with its state, its counts and how far its sync is."""
    return service.upkeep.sources()


@router.put("/api/sources/{name}/schedule", tags=["sources"])
def schedule(service: Asked, name: str, given: ScheduleIn) -> dict[str, Any]:
    """Have the service sync a source regularly, or not any more."""
    return service.upkeep.schedule(name, given.every_minutes)


@router.get("/api/ledger", tags=["sources"])
def ledger(
    service: Asked,
    response: Response,
    source: str = "",
    stage: Annotated[list[str] | None, Query()] = None,
    text: Annotated[str, Query(description="What the ref or the reason has in it.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Offset = 0,
) -> list[dict[str, Any]]:
    """What became of every document the connectors saw, newest first; `X-Total-Count` says how many there are."""
    rows, total = service.upkeep.ledger(wanted_rows(source, stage or [], text), limit, offset)
    response.headers["X-Total-Count"] = str(total)
    return rows


@router.post("/api/ledger/retry", tags=["sources"], status_code=202)
def retry(service: Asked, given: RetryIn) -> dict[str, Any]:
    """Have failed and skipped documents read again."""
    return service.upkeep.retry(wanted_rows(given.source, given.stage, given.text), given.refs)


@router.post("/api/backup", tags=["health"], status_code=201)
def backup(service: Asked, given: BackupIn) -> dict[str, Any]:
    """Make a backup on this machine; it is whole when this answers."""
    told = service.backups.make(given.path, keys=given.keys)
    tell(backup=told["path"], keys=told["keys"])
    return told


@router.get("/api/why", tags=["sources"], dependencies=[IN_TURN])
def why(
    service: Asked,
    by: By,
    q: Annotated[
        str, Query(description="The document: its ref, path, title, id, or the end of ref or path.")
    ],
    query: Annotated[str, Query(description="A search it is missed in.")] = "",
    reader: Annotated[
        str, Query(alias="for", description="Whom it should be found by; the owner may ask.")
    ] = "",
) -> dict[str, Any]:
    """Why a document is found or not; what the asker may not see looks as if it did not exist."""
    if query:
        service.memory.wait_for_model()
    return service.why.explain(q, by.asker, query, reader)
