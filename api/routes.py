"""The JSON API: one route for each thing that can be asked, errors as problems."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import to_json

from api.admission import IN_TURN, Asked, By
from api.metrics import CONTENT_TYPE
from api.schemas import DocumentOut, Offset, SearchOut
from api.security import ORIGINAL_POLICY
from api.sources import NewSource

router = APIRouter()
PLAIN_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
INLINE = PLAIN_IMAGES | {"application/pdf"}
"""Types a browser shows without running anything of theirs; everything else is downloaded."""


class SyncRequest(BaseModel):
    """Which sources to sync, and how far."""

    model_config = ConfigDict(extra="forbid")

    sources: list[str] = Field(default_factory=list, description="Names; empty: all that are not paused.")
    wait: Literal["words", "meaning"] = Field("meaning", description="How far to go.")
    accept_removals: bool = Field(False, description="Remove also more than a fifth of a source.")


class SecretIn(BaseModel):
    """A password or token."""

    model_config = ConfigDict(extra="forbid")

    value: SecretStr


@router.get("/healthz", tags=["health"])
async def healthz(service: Asked) -> dict[str, Any]:
    """That the service lives; asynchronous, so that it is said however busy the service is."""
    return service.health.live()


@router.get("/readyz", tags=["health"])
def readyz(service: Asked, response: Response) -> dict[str, Any]:
    """Whether searches are answered, with status 503 where they are not."""
    told = service.health.ready()
    response.status_code = 200 if told["ready"] else 503
    return told


@router.get("/metrics", tags=["health"], response_class=Response)
def metrics(service: Asked) -> Response:
    """How much is asked and how long it takes, in Prometheus' text format: no names, no queries, nothing of who asks."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/api/health", tags=["health"])
def health(service: Asked) -> dict[str, Any]:
    """Whether searches are answered, what is wrong, and the room on the disk."""
    return service.health.details()


@router.get(
    "/api/search",
    tags=["search"],
    response_model=None,
    responses={200: {"model": SearchOut}},
    dependencies=[IN_TURN],
)
def search(
    service: Asked,
    by: By,
    q: Annotated[str, Query(description="Words and filters, as the search field takes them.")] = "",
    limit: int = 10,
    offset: Offset = 0,
    explain: bool = False,
    wait: Annotated[bool, Query(description="Wait for the model, so that meaning counts too.")] = False,
) -> Response:
    """Search by words and meaning, within what the asker may see."""
    answer = service.search(q, asker=by.asker, limit=limit, offset=offset, explain=explain, wait=wait)
    # Given as bytes: FastAPI would walk through every value of it once more, and `json` takes ten times as long.
    return Response(to_json(answer), media_type="application/json")


@router.get(
    "/api/documents/{document}",
    tags=["documents"],
    response_model=None,
    responses={200: {"model": DocumentOut}},
)
def document(
    service: Asked,
    by: By,
    document: str,
    q: Annotated[str, Query(description="The search that led there, for measuring it.")] = "",
) -> dict[str, Any]:
    """A document with its passages and the people behind it."""
    return service.document(document, asker=by.asker, query=q)


@router.get(
    "/api/documents/{document}/original",
    tags=["documents"],
    response_class=Response,
    responses={200: {"description": "The file, of whatever type it is.", "content": {"*/*": {}}}},
)
def original(service: Asked, by: By, document: str) -> Response:
    """The original file, as its source holds it now."""
    content, media_type = service.original(document, asker=by.asker)
    inline = media_type in INLINE
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": ORIGINAL_POLICY}
    kind = media_type if inline else "application/octet-stream"
    disposition = "inline" if inline else "attachment"
    if isinstance(content.body, bytes):
        named = f"{disposition}; filename*=utf-8''{quote(content.name, errors='replace')}"
        return Response(content.body, media_type=kind, headers=headers | {"Content-Disposition": named})
    return FileResponse(
        content.body,
        media_type=kind,
        filename=content.name,
        content_disposition_type=disposition,
        headers=headers,
    )


@router.get("/api/kinds", tags=["sources"])
def kinds(service: Asked) -> dict[str, str]:
    """The connectors there are, each with what it reads."""
    return service.kinds()


@router.post("/api/sources", tags=["sources"], status_code=201)
def add_source(service: Asked, new: NewSource) -> dict[str, Any]:
    """Add a source, after its connector has found it."""
    return service.add_source(new)


@router.delete("/api/sources/{name}", tags=["sources"])
def remove_source(service: Asked, name: str) -> dict[str, Any]:
    """Remove a source and everything that came from it; the originals stay where they are."""
    return service.remove_source(name)


@router.put("/api/sources/{name}/secrets/{secret}", tags=["sources"])
def keep_secret(service: Asked, name: str, secret: str, given: SecretIn) -> dict[str, Any]:
    """Give a source another password or token; it is tried first, and kept encrypted."""
    return service.keep_secret(name, secret, given.value)


@router.post("/api/secrets/renew", tags=["sources"])
def renew_keys(service: Asked) -> dict[str, int]:
    """Encrypt the secrets of all sources by a new key."""
    return service.renew_keys()


@router.post("/api/sources/{name}/{action}", tags=["sources"])
def act_on_source(service: Asked, name: str, action: Literal["check", "pause", "resume"]) -> dict[str, Any]:
    """Ask whether a source can be reached, leave it out of syncs, or take it in again."""
    if action == "check":
        return service.check_source(name)
    return service.pause_source(name, action == "pause")


@router.post("/api/sync", tags=["sync"], status_code=202)
def start_sync(service: Asked, asked: SyncRequest) -> dict[str, Any]:
    """Begin a sync; ask `GET /api/sync` how far it is."""
    job = service.jobs.start(
        asked.sources, accept_removals=asked.accept_removals, meaning=asked.wait == "meaning"
    )
    return job.to_json()


@router.get("/api/sync", tags=["sync"])
def sync_state(service: Asked) -> dict[str, Any]:
    """How far the running sync is, or how the last one ended."""
    job = service.jobs.current
    return job.to_json() if job else {"state": "none"}


@router.delete("/api/sync", tags=["sync"])
def stop_sync(service: Asked) -> dict[str, Any]:
    """Stop the running sync; what it has written stays."""
    service.jobs.stop()
    return sync_state(service)


@router.post("/api/doctor", tags=["health"])
def doctor(
    service: Asked, repair: bool = False, rebuild: bool = False, ungated: bool = False
) -> dict[str, Any]:
    """Compare catalogue and index; with `repair`, mend what differs."""
    return service.doctor(repair=repair, rebuild=rebuild, ungated=ungated)
