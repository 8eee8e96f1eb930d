"""The pages: the same functions as the API, rendered for people; they work without JavaScript."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.admission import IN_TURN, Asked, By
from api.interface import page as page_of
from api.interface import pages_of
from api.page_text import Spans
from api.page_views import LAST_PAGE
from api.problems import problem_of
from api.service import Service
from memory.errors import InvalidInput, MnemeError

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
PAGE = 10
"""Results on a page."""


@router.get("/", dependencies=[IN_TURN])
def search_page(
    request: Request,
    service: Asked,
    by: By,
    q: str = "",
    page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    explain: bool = False,
    exact: bool = False,
    apart: bool = False,
) -> HTMLResponse:
    """The search page; to htmx, only its results.

    :param exact: count exactly, which takes longer where much is found.
    :param apart: show each version of a document in its own place.
    """
    answer, problem, status = None, None, 200
    if q.strip():
        try:
            answer = service.search(q, asker=by.asker, limit=PAGE, offset=(page - 1) * PAGE, explain=explain)
            asker = by.asker
            answer = service.discovery.fold(answer, asker, apart=apart)
            if exact and not answer["total_is_exact"]:
                answer |= {
                    "total": service.discovery.count(q, asker),
                    "total_is_exact": True,
                    "counted": True,
                }
        except InvalidInput as error:
            told = problem_of(error)
            problem = {"title": told.title, "detail": error.message, "hint": error.hint}
            status = told.status
    ready = None if answer else service.ready(by.asker)
    pages = pages_of(request)
    if request.headers.get("hx-request") and not request.headers.get("hx-history-restore-request"):
        # htmx shows no answer that is an error; a search that cannot be understood is one to be shown.
        part = pages.results_fragment(q, answer, ready, asker=by.place, explain=explain, problem=problem)
        return page_of(request, part)
    html = pages.search_page(q, answer, by.place, ready, explain=explain, problem=problem)
    return page_of(request, html, status)


@router.get("/documents/{document}")
def document_page(
    request: Request,
    service: Asked,
    by: By,
    document: str,
    passage: int | None = None,
    q: str = "",
    voted: bool = False,
) -> HTMLResponse:
    """A document's page, with the passage in view and the search's words marked."""
    found = service.document(document, asker=by.asker, query=q)
    marks = _marks(service, q, found) if q.strip() else {}
    html = pages_of(request).document_page(
        found | {"voted": voted, "votes": service.memory.catalogue.events.on},
        found["passages"],
        found["people"],
        marks,
        passage,
        query=q,
        asker=by.place,
        versions=service.discovery.versions(document, by.asker),
    )
    return page_of(request, html)


def _marks(service: Service, query: str, found: dict[str, Any]) -> Mapping[int, Spans]:
    try:
        marks: Mapping[int, Spans] = service.searcher.highlights(query, found["language"], found["passages"])
    except MnemeError:
        return {}  # a search that cannot be understood marks nothing; the document is shown all the same
    return marks
