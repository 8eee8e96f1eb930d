"""The routes of the pages that lead on: saved searches with their feeds, similar documents, and comparisons."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.admission import IN_TURN, Asked, By
from api.interface import page as page_of
from api.interface import pages_of
from api.page_links import Links
from api.page_views import comparison_view

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/saved", dependencies=[IN_TURN])
def saved(request: Request, service: Asked, by: By) -> HTMLResponse:
    """The asker's saved searches."""
    searches = service.saved.all(by.asker)
    html = pages_of(request).render("saved.html", by.place, searches=searches, here="saved")
    return page_of(request, html)


@router.post("/saved")
def save(
    service: Asked, by: By, query: Annotated[str, Form()], name: Annotated[str, Form()] = ""
) -> RedirectResponse:
    """Save a search."""
    service.saved.add(by.asker, query, name)
    return RedirectResponse(Links(by.place).saved(), 303)


@router.post("/saved/{identity}/look")
def look(service: Asked, by: By, identity: str) -> RedirectResponse:
    """Show what a saved search finds; from now on that is no news."""
    query = service.saved.look(by.asker, identity)
    return RedirectResponse(Links(by.place).search(query), 303)


@router.post("/saved/{identity}/remove")
def remove(service: Asked, by: By, identity: str) -> RedirectResponse:
    """Forget a saved search."""
    service.saved.remove(by.asker, identity)
    return RedirectResponse(Links(by.place).saved(), 303)


@router.get("/saved/{identity}/feed", dependencies=[IN_TURN])
def feed(request: Request, service: Asked, by: By, identity: str) -> Response:
    """A saved search as an Atom feed."""
    suffix = f"?{urlencode({'as': by.place})}" if by.place else ""
    base = service.memory.settings.serve.url or str(request.base_url)
    written = service.saved.feed(by.asker, identity, base, suffix)
    return Response(written, media_type="application/atom+xml")


@router.get("/documents/{document}/similar", dependencies=[IN_TURN])
def similar(request: Request, service: Asked, by: By, document: str) -> HTMLResponse:
    """Documents that mean nearly the same; to htmx, only their list."""
    asker = by.asker
    found = service.discovery.similar(document, asker, 10)
    part = bool(request.headers.get("hx-request"))
    title = service.memory.catalogue.documents.get(document, asker).title
    template = "_similar.html" if part else "similar.html"
    html = pages_of(request).render(
        template, by.place, similar=found[:5] if part else found, document=document, title=title
    )
    return page_of(request, html)


@router.get("/documents/{document}/compare/{other}")
def compare(request: Request, service: Asked, by: By, document: str, other: str) -> HTMLResponse:
    """What differs between two versions."""
    found = service.discovery.compare(document, other, by.asker)
    html = pages_of(request).render("compare.html", by.place, **comparison_view(found))
    return page_of(request, html)
