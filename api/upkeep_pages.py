"""The routes of a memory's upkeep pages: forms that work without JavaScript, each answered by a page to look at."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from api.admission import IN_TURN, Asked, By
from api.interface import page as page_of
from api.interface import pages_of
from api.page_links import Links
from api.problems import problem_of
from api.service import Service
from api.upkeep import wanted_rows
from api.upkeep_views import LEDGER_PAGE, ledger_page, sources_page, why_page
from memory.errors import InvalidInput, NotFound

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Action = Literal["sync", "stop", "pause", "resume", "accept"]


@router.get("/sources")
def sources(request: Request, service: Asked) -> HTMLResponse:
    """The sources; to htmx, only what changes while a sync runs."""
    job = service.jobs.current
    told = job.to_json() if job else {"state": "none"}
    part = bool(request.headers.get("hx-request"))
    return page_of(request, sources_page(pages_of(request), service.upkeep.sources(), told, fragment=part))


@router.post("/sources/{name}/{action}")
def act(service: Asked, name: str, action: Action) -> RedirectResponse:
    """Do something with a source, and show the sources again."""
    _act(service, name, action)
    return RedirectResponse("/sources", 303)


@router.post("/sources/{name}/schedule/set")
def set_schedule(service: Asked, name: str, every: Annotated[str, Form()] = "") -> RedirectResponse:
    """Have a source synced regularly, or not any more."""
    if every and not every.isdecimal():
        raise InvalidInput(f"Not a number of minutes: {every[:20]!r}.")
    service.upkeep.schedule(name, int(every) if every else None)
    return RedirectResponse("/sources", 303)


@router.get("/ledger")
def ledger(
    request: Request,
    service: Asked,
    source: str = "",
    stage: Annotated[list[str] | None, Query()] = None,
    text: str = "",
    page: Annotated[int, Query(ge=1)] = 1,
) -> HTMLResponse:
    """The ledger, narrowed and page by page."""
    wanted = wanted_rows(source, [each for each in stage or [] if each], text)
    rows, total = service.upkeep.ledger(wanted, LEDGER_PAGE, (page - 1) * LEDGER_PAGE)
    names = [each.name for each in service.memory.catalogue.sources.all()]
    return page_of(request, ledger_page(pages_of(request), rows, total, wanted, page, names))


@router.post("/ledger/retry")
def retry(
    service: Asked,
    ref: Annotated[list[str] | None, Form()] = None,
    source: Annotated[str, Form()] = "",
    stage: Annotated[list[str] | None, Form()] = None,
    text: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Have failed and skipped documents read again, and show the ledger as it was narrowed."""
    stages = [each for each in stage or [] if each]
    service.upkeep.retry(wanted_rows(source, stages, text), ref or [])
    return RedirectResponse(Links().ledger(source, stages, text), 303)


@router.get("/why", dependencies=[IN_TURN])
def why(
    request: Request,
    service: Asked,
    by: By,
    q: str = "",
    query: str = "",
    reader: Annotated[str, Query(alias="for")] = "",
) -> HTMLResponse:
    """Why a document is found or not."""
    found, problem, status = [], None, 200
    if q.strip():
        try:
            found = service.why.explain(q, by.asker, query, reader)["found"]
        except (InvalidInput, NotFound) as error:
            told = problem_of(error)
            problem = {"title": told.title, "detail": error.message, "hint": error.hint}
            status = told.status
    asked = {"q": q, "query": query, "for": reader}
    html = why_page(pages_of(request), asked, found, problem, by.place)
    return page_of(request, html, status)


def _act(service: Service, name: str, action: Action) -> None:
    if action in {"pause", "resume"}:
        service.pause_source(name, action == "pause")
    if action in {"stop", "pause"}:
        service.jobs.stop(name)
    if action in {"sync", "accept"}:
        service.jobs.start([name], accept_removals=action == "accept")
    if action == "resume":
        service.jobs.offer([name])
