"""The routes of the pages of people: forms that work without JavaScript, each answered by a page to look at."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from api.interface import page as page_of
from api.interface import pages_of
from api.page_links import Links
from api.people_views import PEOPLE_PAGE, people_page, person_page
from api.routes import As, Asked
from api.service import owner_only

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Text = Annotated[str, Form()]


@router.get("/people")
def people(
    request: Request, service: Asked, q: str = "", page: Annotated[int, Query(ge=1)] = 1, person: As = None
) -> HTMLResponse:
    """People of whom the asker may see a document."""
    offset = (page - 1) * PEOPLE_PAGE
    found = service.people.listed(q, person=person, limit=PEOPLE_PAGE + 1, offset=offset)
    return page_of(request, people_page(pages_of(request), found, page, asker=person or ""))


@router.get("/people/{person_id}")
def show(request: Request, service: Asked, person_id: str, person: As = None) -> HTMLResponse:
    """A person's page."""
    found = service.people.show(person_id, person=person)
    return page_of(request, person_page(pages_of(request), found, asker=person or ""))


@router.post("/people/{person_id}/merge")
def merge(
    service: Asked, person_id: str, other: Text = "", reason: Text = "", person: As = None
) -> RedirectResponse:
    """Make one person of two, and show who they are now."""
    owner_only(person)
    return _to(service.people.merge(person_id, other, reason)["person"])


@router.post("/people/{person_id}/split")
def split(
    service: Asked,
    person_id: str,
    identity: Annotated[list[int] | None, Form()] = None,
    reason: Text = "",
    person: As = None,
) -> RedirectResponse:
    """Make some of a person's identities another person."""
    owner_only(person)
    return _to(service.people.split(person_id, identity or [], reason)["person"])


@router.post("/people/{person_id}/name")
def rename(
    service: Asked, person_id: str, name: Text = "", reason: Text = "", person: As = None
) -> RedirectResponse:
    """Give a person another name to be shown by."""
    owner_only(person)
    return _to(service.people.rename(person_id, name, reason)["person"])


@router.post("/people/{person_id}/not-me")
def not_me(service: Asked, person_id: str, document: Text = "", person: As = None) -> RedirectResponse:
    """Say that a document names somebody else."""
    return _to(service.people.not_me(person_id, document, person=person)["person"], person)


@router.post("/people/{person_id}/undo")
def undo(
    service: Asked, person_id: str, decision: Annotated[int, Form()], person: As = None
) -> RedirectResponse:
    """Take a decision back."""
    service.people.undo(decision, person=person)
    return _to(person_id, person)


def _to(person_id: str, asker: str | None = None) -> RedirectResponse:
    return RedirectResponse(Links(asker or "").person(person_id), 303)
