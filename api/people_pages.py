"""The routes of the pages of people: forms that work without JavaScript, each answered by a page to look at."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from api.admission import Asked, By
from api.interface import page as page_of
from api.interface import pages_of
from api.page_links import Links
from api.people_views import PEOPLE_PAGE, people_page, person_page
from api.roles import Permission

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Text = Annotated[str, Form()]


@router.get("/people")
def people(
    request: Request, service: Asked, by: By, q: str = "", page: Annotated[int, Query(ge=1)] = 1
) -> HTMLResponse:
    """People of whom the asker may see a document."""
    offset = (page - 1) * PEOPLE_PAGE
    found = service.people.listed(q, asker=by.asker, limit=PEOPLE_PAGE + 1, offset=offset)
    return page_of(request, people_page(pages_of(request), found, page, asker=by.place))


@router.get("/people/{person_id}")
def show(request: Request, service: Asked, by: By, person_id: str) -> HTMLResponse:
    """A person's page."""
    found = service.people.show(person_id, asker=by.asker, decides=by.may(Permission.CURATE))
    return page_of(request, person_page(pages_of(request), found, asker=by.place))


@router.post("/people/{person_id}/merge")
def merge(service: Asked, by: By, person_id: str, other: Text = "", reason: Text = "") -> RedirectResponse:
    """Make one person of two, and show who they are now."""
    return _to(service.people.merge(person_id, other, reason, asker=by.asker)["person"])


@router.post("/people/{person_id}/split")
def split(
    service: Asked,
    by: By,
    person_id: str,
    identity: Annotated[list[int] | None, Form()] = None,
    reason: Text = "",
) -> RedirectResponse:
    """Make some of a person's identities another person."""
    return _to(service.people.split(person_id, identity or [], reason, asker=by.asker)["person"])


@router.post("/people/{person_id}/name")
def rename(service: Asked, by: By, person_id: str, name: Text = "", reason: Text = "") -> RedirectResponse:
    """Give a person another name to be shown by."""
    return _to(service.people.rename(person_id, name, reason, asker=by.asker)["person"])


@router.post("/people/{person_id}/not-me")
def not_me(service: Asked, by: By, person_id: str, document: Text = "") -> RedirectResponse:
    """Say that a document names somebody else."""
    return _to(service.people.not_me(person_id, document, asker=by.asker)["person"], by.place)


@router.post("/people/{person_id}/undo")
def undo(service: Asked, by: By, person_id: str, decision: Annotated[int, Form()]) -> RedirectResponse:
    """Take a decision back."""
    service.people.undo(decision, asker=by.asker)
    return _to(person_id, by.place)


def _to(person_id: str, asker: str | None = None) -> RedirectResponse:
    return RedirectResponse(Links(asker or "").person(person_id), 303)
