"""A scanned page: as JSON, as its picture, and as a page with the words of a search marked on it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from api.admission import IN_TURN, Asked, By
from api.interface import page as page_of
from api.interface import pages_of
from api.scan_views import scan_page
from api.schemas import ScanOut
from api.security import ORIGINAL_POLICY
from api.service import Service
from memory.domain import Asker
from memory.errors import MnemeError

router = APIRouter()
Number = Annotated[int, Path(ge=1, le=1_000_000, description="The page, from 1.")]
AtPassage = Annotated[int | None, Query(ge=0, description="Ordinal of the passage to be in view.")]


@router.get(
    "/api/documents/{document}/pages/{page}",
    tags=["documents"],
    response_model=None,
    responses={200: {"model": ScanOut}},
)
def scan(
    service: Asked,
    by: By,
    document: str,
    page: Number,
    passage: AtPassage = None,
    q: Annotated[str, Query(description="The search that led there: its words are marked.")] = "",
) -> dict[str, Any]:
    """A page that was read as a picture: its words in reading order, each with its place and confidence."""
    return _page(service, by.asker, document, page, passage, q)


@router.get(
    "/api/documents/{document}/pages/{page}/picture",
    tags=["documents"],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
    dependencies=[IN_TURN],
)
def picture(service: Asked, by: By, document: str, page: Number) -> Response:
    """The picture of a scanned page, drawn from the original as its source holds it now."""
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": ORIGINAL_POLICY}
    return Response(service.scans.picture(document, page, by.asker), media_type="image/jpeg", headers=headers)


@router.get("/documents/{document}/pages/{page}", include_in_schema=False)
def scan_view(
    request: Request,
    service: Asked,
    by: By,
    document: str,
    page: Number,
    passage: AtPassage = None,
    q: str = "",
) -> HTMLResponse:
    """A scanned page for people."""
    found = _page(service, by.asker, document, page, passage, q)
    return page_of(request, scan_page(pages_of(request), found, passage, query=q, asker=by.place))


def _page(
    service: Service, asker: Asker, document: str, page: int, passage: int | None, query: str
) -> dict[str, Any]:
    def marks(language: str, passages: list[dict[str, Any]]) -> dict[int, Any]:
        if not query.strip():
            return {}
        try:
            return dict(service.searcher.highlights(query, language, passages))
        except MnemeError:
            return {}  # a search that cannot be understood marks nothing; the page is shown all the same

    return service.scans.page(document, page, asker, marks, passage, query)
