"""Legal holds over HTTP: the JSON API, the archive of what is kept, and their page."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from api.admission import Asked, By
from api.hold_export import write_archive
from api.interface import page as page_of
from api.interface import pages_of
from memory.catalogue.holds import HoldKind

router = APIRouter(tags=["holds"])
Text = Annotated[str, Form(max_length=10_000)]


class HoldIn(BaseModel):
    """A hold to be placed, on documents, on what a search finds, or on what somebody has a part in."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200, description="What to call it.")
    reason: str = Field(max_length=10_000, description="Why; for the record.")
    documents: list[str] = Field(default_factory=list, description="Ids or refs.")
    query: str = Field(
        "", description="A search: whatever has any of its words now or later, by its filters."
    )
    person: str = Field("", description="Id, address or name: whatever they have any part in, now or later.")


class ReleaseIn(BaseModel):
    """Why a hold ends."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=10_000)


@router.get("/api/holds")
def holds(service: Asked, by: By) -> list[dict[str, Any]]:
    """Every hold, with how much of what it is on the asker may see."""
    return service.holding.listed(by.asker)


@router.post("/api/holds", status_code=201)
def place(service: Asked, by: By, given: HoldIn) -> dict[str, Any]:
    """Place a hold: nothing that it is on is removed before it ends."""
    named = {
        HoldKind.DOCUMENTS: given.documents,
        HoldKind.QUERY: [given.query],
        HoldKind.PERSON: [given.person],
    }
    return service.holding.place(given.name, given.reason, named, asker=by.asker, actor=by.caller.actor)


@router.get("/api/holds/{which}")
def show(service: Asked, by: By, which: str) -> dict[str, Any]:
    """A hold with those of its documents that the asker may see."""
    return service.holding.show(which, asker=by.asker)


@router.post("/api/holds/{which}/release")
def release(service: Asked, by: By, which: str, given: ReleaseIn) -> dict[str, Any]:
    """End a hold; what is gone at its source and kept by no other hold is removed."""
    return service.holding.release(which, given.reason, actor=by.caller.actor)


@router.get("/api/holds/{which}/export", response_class=FileResponse)
def export(service: Asked, by: By, which: str) -> FileResponse:
    """What is kept for a hold as a ZIP archive, as far as the asker may see it."""
    told = service.holding.show(which, asker=by.asker)
    documents = [each["document"] for each in told.pop("held")]
    with tempfile.NamedTemporaryFile(dir=service.memory.settings.home, suffix=".zip", delete=False) as file:
        made = Path(file.name)
    try:
        write_archive(made, service.memory.catalogue.keeping, told, documents)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    done = BackgroundTask(made.unlink, missing_ok=True)
    return FileResponse(
        made, media_type="application/zip", filename=f"hold-{told['id'][:8]}.zip", background=done
    )


@router.get("/holds", include_in_schema=False)
def holds_page(request: Request, service: Asked, by: By) -> HTMLResponse:
    """The holds."""
    listed = service.holding.listed(by.asker)
    html = pages_of(request).render("holds.html", by.place, holds=listed, here="holds")
    return page_of(request, html)


@router.post("/holds", include_in_schema=False)
def place_on_page(
    service: Asked, by: By, name: Text = "", reason: Text = "", kind: Text = "query", on: Text = ""
) -> RedirectResponse:
    """Place a hold, and show all."""
    chosen = HoldKind(kind) if kind in set(HoldKind) else HoldKind.QUERY
    named = {chosen: on.split() if chosen is HoldKind.DOCUMENTS else [on]}
    service.holding.place(name, reason, named, asker=by.asker, actor=by.caller.actor)
    return RedirectResponse("/holds", 303)


@router.post("/holds/{which}/release", include_in_schema=False)
def release_on_page(service: Asked, by: By, which: str, reason: Text = "") -> RedirectResponse:
    """End a hold, and show all."""
    service.holding.release(which, reason, actor=by.caller.actor)
    return RedirectResponse("/holds", 303)
