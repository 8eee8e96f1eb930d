"""The JSON API of people: who they are, what they wrote, and decisions about who is who."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field

from api.admission import Asked, By
from api.roles import Permission
from api.schemas import Offset

router = APIRouter(tags=["people"])


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=2000, description="Why, for the trail.")


class MergeIn(_Decision):
    """Whom to make one with a person."""

    other: str = Field(description="Id, address, account or full name.")


class SplitIn(_Decision):
    """What to take away from a person."""

    identities: list[int] = Field(description="Numbers of identities, as the person's page shows them.")


class NotMeIn(_Decision):
    """A document that names somebody else."""

    document: str = Field(description="The document's id.")


class NameIn(_Decision):
    """A name to be shown by."""

    name: str


@router.get("/api/people")
def people(
    service: Asked,
    by: By,
    q: Annotated[str, Query(description="A name, an address or an account; empty: everybody.")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Offset = 0,
) -> dict[str, Any]:
    """People of whom the asker may see a document, those with most first."""
    return service.people.listed(q, asker=by.asker, limit=limit, offset=offset)


@router.post("/api/people")
def import_people(service: Asked, text: Annotated[str, Body(media_type="text/csv")]) -> dict[str, Any]:
    """Take in a directory of people: CSV with name, address, aliases, department and groups."""
    return service.people.import_directory(text)


@router.get("/api/people/decisions")
def decisions(service: Asked) -> list[dict[str, Any]]:
    """Every decision by hand, newest first."""
    return service.people.trail()


@router.post("/api/people/decisions/{decision}/undo")
def undo(service: Asked, by: By, decision: int) -> dict[str, Any]:
    """Take a decision back."""
    return service.people.undo(decision, asker=by.asker)


@router.get("/api/people/{person_id}")
def person_page(service: Asked, by: By, person_id: str) -> dict[str, Any]:
    """A person, with what they had a part in as far as the asker may see it."""
    return service.people.show(person_id, asker=by.asker, decides=by.may(Permission.CURATE))


@router.get("/api/people/{person_id}/trail")
def trail(service: Asked, person_id: str) -> list[dict[str, Any]]:
    """The decisions by hand about a person, newest first."""
    return service.people.trail(person_id)


@router.post("/api/people/{person_id}/merge")
def merge(service: Asked, by: By, person_id: str, given: MergeIn) -> dict[str, Any]:
    """Make one person of two."""
    return service.people.merge(person_id, given.other, given.reason, asker=by.asker)


@router.post("/api/people/{person_id}/split")
def split(service: Asked, by: By, person_id: str, given: SplitIn) -> dict[str, Any]:
    """Make some of a person's identities another person."""
    return service.people.split(person_id, given.identities, given.reason, asker=by.asker)


@router.post("/api/people/{person_id}/name")
def rename(service: Asked, by: By, person_id: str, given: NameIn) -> dict[str, Any]:
    """Give a person another name to be shown by."""
    return service.people.rename(person_id, given.name, given.reason, asker=by.asker)


@router.post("/api/people/{person_id}/not-me")
def not_me(service: Asked, by: By, person_id: str, given: NotMeIn) -> dict[str, Any]:
    """Say that a document names somebody else; the person themselves may, and the owner."""
    return service.people.not_me(person_id, given.document, given.reason, asker=by.asker)
