"""What the bench asks of a memory that exists already: lists for queries, and which pipeline searches."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.admission import IN_TURN, Asked
from api.search_setup import active_pipeline
from api.wiring import NAME
from eval import live
from eval.pipelines import Fusion
from search.fuse import Method

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
    pipeline: str = Field(description="The YAML of a search pipeline.")
    name: str = Field(description="What to call the run.")
    depth: int = Field(100, ge=1, le=10_000)
    rank: Literal["documents", "persons"] = "documents"


class HowToFuse(BaseModel):
    """One way to fuse."""

    model_config = ConfigDict(extra="forbid")

    method: Method
    weight: float = Field(ge=0, le=1)
    half: float = Field(gt=0)


class ManyFusions(BaseModel):
    """Queries to be asked once, and fused in several ways."""

    model_config = ConfigDict(extra="forbid")

    queries: list[AskedQuery]
    pipeline: str = Field(description="The YAML of a search pipeline.")
    fusions: list[HowToFuse] = Field(max_length=200)
    depth: int = Field(100, ge=1, le=1000)


class Candidate(BaseModel):
    """A pipeline to be promoted."""

    model_config = ConfigDict(extra="forbid")

    name: str
    pipeline: str = Field("", description="Its YAML; empty: the shipped one.")
    ungated: bool = Field(False, description="Promote it though it has not passed the gate.")


@router.post("/api/eval/ask", dependencies=[IN_TURN])
def ask(service: Asked, given: ManyQueries) -> dict[str, Any]:
    """What a pipeline finds in this memory for each query, and how long it takes."""
    service.memory.wait_for_model()
    queries = [query.model_dump() for query in given.queries]
    return live.ask(NAME, queries, given.depth, pipeline=given.pipeline, name=given.name, rank=given.rank)


@router.post("/api/eval/vary", dependencies=[IN_TURN])
def vary(service: Asked, given: ManyFusions) -> list[dict[str, Any]]:
    """What each way to fuse finds in this memory for each query."""
    service.memory.wait_for_model()
    queries = [query.model_dump() for query in given.queries]
    fusions = [Fusion(one.method, one.weight, one.half) for one in given.fusions]
    return live.vary(NAME, queries, given.depth, pipeline=given.pipeline, fusions=fusions)


@router.get("/api/eval/documents")
def documents(
    service: Asked,
    after: Annotated[str, Query(description="The id of the last one of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[dict[str, Any]]:
    """Every document with its text, page by page, as the documents of a collection."""
    catalogue = service.memory.catalogue
    ids = catalogue.documents.after(after, limit)
    cards, bodies = catalogue.cards.of_documents(ids), catalogue.documents.bodies(ids)
    return [
        {
            "document": one,
            "id": cards[one].ref,
            "title": cards[one].title,
            "text": bodies[one][0],
            "metadata": {"language": cards[one].language, "source": cards[one].source},
        }
        for one in ids
        if one in cards and one in bodies
    ]


@router.get("/api/eval/active")
def active(service: Asked) -> dict[str, Any]:
    """The pipeline that answers searches."""
    return active_pipeline(service.memory).to_json()


@router.post("/api/eval/promote")
def promote(service: Asked, given: Candidate) -> dict[str, Any]:
    """Have another pipeline answer searches from now on, once it has passed the gate."""
    return service.promote(given.name, given.pipeline, ungated=given.ungated)
