"""What the bench asks of a memory that exists already: lists for queries."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.routes import As, Asked
from api.service import owner_only
from api.wiring import NAME
from eval import live
from search.pipeline import HYBRID

router = APIRouter(tags=["evaluation"])


class AskedQuery(BaseModel):
    """A query of a collection."""

    model_config = ConfigDict(extra="forbid")

    id: str
    text: str
    metadata: dict[str, str] = Field(default_factory=dict)


class ManyQueries(BaseModel):
    """Queries to be asked of a pipeline."""

    model_config = ConfigDict(extra="forbid")

    queries: list[AskedQuery]
    pipeline: str = Field("", description="The YAML of a search pipeline; empty: the one in use.")
    name: str = Field("hybrid", description="What to call the run.")
    depth: int = Field(100, ge=1, le=10_000)
    rank: Literal["documents", "persons"] = "documents"


@router.post("/api/eval/ask")
def ask(service: Asked, given: ManyQueries, person: As = None) -> dict[str, Any]:
    """What a pipeline finds in this memory for each query, and how long it takes."""
    owner_only(person)
    _ = service.searcher  # opened first: the pipeline looks for its parts
    service.memory.wait_for_model()
    return live.ask(
        NAME,
        [query.model_dump() for query in given.queries],
        given.depth,
        pipeline=given.pipeline or HYBRID,
        name=given.name,
        weight=None if given.pipeline else service.memory.settings.search.weight,
        rank=given.rank,
    )
