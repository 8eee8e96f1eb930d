"""The routes of the pages that lead on: saved searches with their feeds, similar documents, and comparisons."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.interface import page as page_of
from api.interface import pages_of
from api.page_links import Links
from api.page_views import comparison_view
from api.routes import As, Asked
from api.wiring import asker_for

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/saved")
def saved(request: Request, service: Asked, person: As = None) -> HTMLResponse:
    """The asker's saved searches."""
    searches = service.saved.all(asker_for(service.memory, person))
    html = pages_of(request).render("saved.html", person or "", searches=searches, here="saved")
    return page_of(request, html)


@router.post("/saved")
def save(
    service: Asked, query: Annotated[str, Form()], name: Annotated[str, Form()] = "", person: As = None
) -> RedirectResponse:
    """Save a search."""
    service.saved.add(asker_for(service.memory, person), query, name)
    return RedirectResponse(Links(person or "").saved(), 303)


@router.post("/saved/{identity}/look")
def look(service: Asked, identity: str, person: As = None) -> RedirectResponse:
    """Show what a saved search finds; from now on that is no news."""
    query = service.saved.look(asker_for(service.memory, person), identity)
    return RedirectResponse(Links(person or "").search(query), 303)


@router.post("/saved/{identity}/remove")
def remove(service: Asked, identity: str, person: As = None) -> RedirectResponse:
    """Forget a saved search."""
    service.saved.remove(asker_for(service.memory, person), identity)
    return RedirectResponse(Links(person or "").saved(), 303)


@router.get("/saved/{identity}/feed")
def feed(request: Request, service: Asked, identity: str, person: As = None) -> Response:
    """A saved search as an Atom feed."""
    suffix = f"?{urlencode({'as': person})}" if person else ""
    asker = asker_for(service.memory, person)
    written = service.saved.feed(asker, identity, str(request.base_url), suffix)
    return Response(written, media_type="application/atom+xml")


@router.get("/documents/{document}/similar")
def similar(request: Request, service: Asked, document: str, person: As = None) -> HTMLResponse:
    """Documents that mean nearly the same; to htmx, only their list."""
    asker = asker_for(service.memory, person)
    found = service.discovery.similar(document, asker, 10)
    part = bool(request.headers.get("hx-request"))
    title = service.memory.catalogue.documents.get(document, asker).title
    template = "_similar.html" if part else "similar.html"
    html = pages_of(request).render(
        template, person or "", similar=found[:5] if part else found, document=document, title=title
    )
    return page_of(request, html)


@router.get("/documents/{document}/compare/{other}")
def compare(request: Request, service: Asked, document: str, other: str, person: As = None) -> HTMLResponse:
    """What differs between two versions."""
    found = service.discovery.compare(document, other, asker_for(service.memory, person))
    html = pages_of(request).render("compare.html", person or "", **comparison_view(found))
    return page_of(request, html)
