"""The JSON API of what leads on from a search: counts, exports, saved searches, versions, similar documents."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.admission import IN_TURN, Asked, By
from api.export import as_csv, as_json_lines

router = APIRouter()
Searched = Annotated[str, Query(description="Words and filters, as the search field takes them.")]


class SavedIn(BaseModel):
    """A search to be saved."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(description="As the search field takes it.")
    name: str = Field("", description="What to call it; empty: itself.")


@router.get("/api/search/count", tags=["search"], dependencies=[IN_TURN])
def count(service: Asked, by: By, q: Searched) -> dict[str, Any]:
    """Exactly how many documents a search finds that the asker may see."""
    return {"query": q, "total": service.discovery.count(q, by.asker)}


@router.get(
    "/api/search/export",
    tags=["search"],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}, "application/jsonl": {}}}},
    dependencies=[IN_TURN],
)
def export(
    service: Asked,
    by: By,
    q: Searched,
    format: Literal["csv", "jsonl"] = "csv",
    mark: Annotated[bool, Query(description="Begin CSV with a byte order mark, for Excel.")] = False,
) -> StreamingResponse:
    """The whole list of what a search finds, best first, as a file."""
    service.memory.wait_for_model()
    rows = service.discovery.rows(q, by.asker)
    lines = as_csv(rows, mark=mark) if format == "csv" else as_json_lines(rows)
    kind = "text/csv" if format == "csv" else "application/jsonl"
    headers = {"Content-Disposition": f'attachment; filename="mneme.{format}"'}
    return StreamingResponse(lines, media_type=f"{kind}; charset=utf-8", headers=headers)


@router.get("/api/documents/{document}/similar", tags=["documents"], dependencies=[IN_TURN])
def similar(
    service: Asked, by: By, document: str, limit: Annotated[int, Query(ge=1, le=50)] = 10
) -> list[dict[str, Any]]:
    """The documents nearest in meaning to one, other versions of it left out."""
    return service.discovery.similar(document, by.asker, limit)


@router.get("/api/documents/{document}/versions", tags=["documents"])
def versions(service: Asked, by: By, document: str) -> list[dict[str, Any]]:
    """The other versions and near-duplicates of a document, newest first."""
    return service.discovery.versions(document, by.asker)


@router.get("/api/documents/{document}/compare/{other}", tags=["documents"])
def compare(service: Asked, by: By, document: str, other: str) -> dict[str, Any]:
    """What differs between two documents, word by word."""
    return service.discovery.compare(document, other, by.asker)


@router.get("/api/saved", tags=["search"], dependencies=[IN_TURN])
def saved(service: Asked, by: By) -> list[dict[str, Any]]:
    """The asker's saved searches, with what is new since they last looked."""
    return service.saved.all(by.asker)


@router.post("/api/saved", tags=["search"], status_code=201)
def save(service: Asked, by: By, given: SavedIn) -> dict[str, Any]:
    """Save a search."""
    return service.saved.add(by.asker, given.query, given.name)


@router.post("/api/saved/{identity}/look", tags=["search"])
def look(service: Asked, by: By, identity: str) -> dict[str, Any]:
    """Note that the asker has seen what a saved search finds."""
    return {"query": service.saved.look(by.asker, identity)}


@router.delete("/api/saved/{identity}", tags=["search"])
def forget(service: Asked, by: By, identity: str) -> dict[str, Any]:
    """Forget a saved search."""
    service.saved.remove(by.asker, identity)
    return {"removed": identity}
