"""The pages by which sources are added, asked whether they can be reached, and given another password."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import SecretStr

from api.admission import Asked
from api.interface import page as page_of
from api.interface import pages_of
from api.page_text import Json
from api.problems import problem_of
from api.source_form import SourceForm
from memory.errors import MnemeError

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/new-source")
def new(request: Request, service: Asked, kind: str = "folder") -> HTMLResponse:
    """The form for a new source."""
    values = {"asked": SourceForm(kind=kind), "kinds": service.kinds(), "problem": None}
    return page_of(request, pages_of(request).render("new_source.html", "", here="sources", **values))


@router.post("/new-source", response_model=None)
def add(request: Request, service: Asked, asked: Annotated[SourceForm, Form()]) -> Response:
    """Add a source, or show the form again with what is wrong; secrets are to be typed again."""
    try:
        service.add_source(asked.to_new())
    except MnemeError as error:
        values = {"asked": asked, "kinds": service.kinds(), "problem": _told(error)}
        html = pages_of(request).render("new_source.html", "", here="sources", **values)
        return page_of(request, html, problem_of(error).status)
    return RedirectResponse("/sources", 303)


@router.get("/sources/{name}/settings")
def settings(request: Request, service: Asked, name: str) -> HTMLResponse:
    """What a source was added with, whether it can be reached, and which secrets it has."""
    return _settings(request, service, name)


@router.post("/sources/{name}/settings/check")
def check(request: Request, service: Asked, name: str) -> HTMLResponse:
    """Ask a source whether it can be reached, and say what it answered."""
    try:
        return _settings(request, service, name, found=service.check_source(name)["found"])
    except MnemeError as error:
        return _settings(request, service, name, problem=error)


@router.post("/sources/{name}/settings/secret")
def keep_secret(
    request: Request,
    service: Asked,
    name: str,
    secret: Annotated[str, Form(max_length=50)],
    value: Annotated[SecretStr, Form(max_length=10_000)],
) -> HTMLResponse:
    """Give a source another password or token, once it was let in with it."""
    try:
        return _settings(request, service, name, found=service.keep_secret(name, secret, value)["found"])
    except MnemeError as error:
        return _settings(request, service, name, problem=error)


def _settings(
    request: Request, service: Asked, name: str, *, found: str = "", problem: MnemeError | None = None
) -> HTMLResponse:
    source = service.memory.catalogue.sources.get(name)
    values = {
        "name": source.name,
        "kind": source.kind,
        "location": source.location,
        "given": SourceForm.of(source).shown(),
        "secrets": sorted(source.secrets),
        "found": found,
        "problem": problem and _told(problem),
    }
    html = pages_of(request).render("source.html", "", here="sources", **values)
    return page_of(request, html, problem_of(problem).status if problem else 200)


def _told(error: MnemeError) -> Json:
    return {"detail": error.message, "hint": error.hint}
