"""The JSON API of the audit: who asked what and saw what, and whether its chain holds."""

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.admission import Asked
from api.schemas import Offset
from memory.catalogue.audit import Entry, Wanted
from memory.catalogue.people import People
from memory.errors import InvalidInput, NotFound

router = APIRouter(tags=["audit"])


@router.get("/api/audit")
def entries(
    service: Asked,
    reader: Annotated[
        str | None, Query(alias="for", description="Only what was asked in this person's place.")
    ] = None,
    document: Annotated[str, Query(description="Only where this document was shown: its id.")] = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Offset = 0,
) -> dict[str, Any]:
    """Requests that were noted, newest first."""
    audit = service.memory.catalogue.audit
    place = service.memory.catalogue.people.asker(reader).key if reader else ""
    wanted = Wanted(place, document, _aware(since), _aware(until))
    found = audit.entries(wanted, limit=limit, offset=offset)
    named = _names(service.memory.catalogue.people, {key for one in found for key in (one.actor, one.place)})
    entries = [_to_json(entry) for entry in found]
    return {"on": audit.on, "total": audit.total(wanted), "entries": entries, "names": named}


@router.get("/api/audit/verify")
def verify(
    service: Asked, noted: Annotated[str, Query(description="A newest seal of before, as NUMBER:SEAL.")] = ""
) -> dict[str, Any]:
    """Compute every seal anew; says where the first fails."""
    verdict = service.memory.catalogue.audit.verify(noted)
    return {"holds": verdict.broken is None, **asdict(verdict)}


def _aware(moment: datetime | None) -> datetime | None:
    """A moment without a time zone is meant as this machine has it."""
    try:
        return moment.astimezone() if moment else None
    except (
        OverflowError,
        ValueError,
        OSError,
    ) as error:  # in another zone it lies before the first year, or after the last
        raise InvalidInput("No time can be told that far away.") from error


def _names(people: People, keys: set[str]) -> dict[str, str]:
    """How those are called now who are noted by their lasting keys."""
    found = {}
    for key in keys:
        with suppress(NotFound):  # the owner, a program's key, or nobody
            found[key] = people.get(key).name
    return found


def _to_json(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "at": entry.at.isoformat()}
