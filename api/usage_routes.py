"""Votes on documents, and what the log of searches gives the bench."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from api import usage
from api.admission import Asked, By
from api.page_links import Links
from api.roles import Permission

router = APIRouter(tags=["evaluation"])
FEW = 3
"""People of whom a query does not tell which of them asked it."""


class Vote(BaseModel):
    """Whether a document answered a search."""

    model_config = ConfigDict(extra="forbid")

    query: Annotated[str, Field(max_length=10_000)]
    helpful: bool


class Hints(BaseModel):
    """What to make of the hints that use gives."""

    model_config = ConfigDict(extra="forbid")

    pool: str = Field(
        "", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$", description="Of this name; or none."
    )
    most: int = Field(200, ge=1, le=10_000, description="So many documents at most.")
    judges: int = Field(2, ge=1, le=10, description="How many are to judge each query.")


@router.post("/api/documents/{document}/vote", status_code=204)
def vote(service: Asked, by: By, document: str, given: Vote) -> None:
    """Say whether a document answered a search."""
    usage.vote(service, document, by.asker, given.query, helpful=given.helpful)


@router.post("/documents/{document}/vote", include_in_schema=False)
def vote_on_page(service: Asked, by: By, document: str, given: Annotated[Vote, Form()]) -> RedirectResponse:
    """Keep a vote, and show the document again."""
    usage.vote(service, document, by.asker, given.query, helpful=given.helpful)
    return RedirectResponse(Links(by.place).document(document, query=given.query, voted=True), 303)


@router.get("/api/eval/sample")
def sample(
    service: Asked,
    by: By,
    number: Annotated[int, Query(ge=1, le=10_000, description="So many queries.")] = 60,
    seed: int = 0,
    askers: Annotated[int, Query(ge=1, description="Only what so many people have searched for.")] = 1,
) -> dict[str, Any]:
    """Queries from the log of searches, without personal data; to all but the owner, only what a few have asked."""
    least = askers if by.may(Permission.EVERYTHING) else max(askers, FEW)
    return usage.sampled(service, number, seed, least)


@router.post("/api/eval/candidates")
def candidates(service: Asked, given: Hints) -> dict[str, Any]:
    """Documents worth judging, as clicks, stays and votes hint."""
    return usage.hinted(service, given.pool, given.most, given.judges)
