"""A conversation by one of its documents: as JSON, and as a page."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.admission import Asked, By
from api.conversation_views import conversation_page
from api.conversations import PAGE, conversation
from api.interface import page as page_of
from api.interface import pages_of
from api.page_text import Spans
from api.schemas import ConversationOut
from api.service import Service
from memory.errors import MnemeError

router = APIRouter()
AtPassage = Annotated[int | None, Query(ge=0, description="Ordinal of the passage to be in view.")]
AtPage = Annotated[int | None, Query(ge=1, description="The page; else the one that holds the document.")]


@router.get(
    "/api/documents/{document}/thread",
    tags=["documents"],
    response_model=None,
    responses={200: {"model": ConversationOut}},
)
def thread(
    service: Asked,
    by: By,
    document: str,
    passage: AtPassage = None,
    page: AtPage = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Messages on a page.")] = PAGE,
    q: Annotated[str, Query(description="The search that led there, for measuring it.")] = "",
) -> dict[str, Any]:
    """The conversation of a message, or of what is attached to one: the messages the asker may see, oldest first."""
    asker = by.asker
    return conversation(service.memory, document, asker, passage=passage, page=page, limit=limit, query=q)


@router.get("/documents/{document}/thread", include_in_schema=False)
def thread_page(
    request: Request,
    service: Asked,
    by: By,
    document: str,
    passage: AtPassage = None,
    page: AtPage = None,
    q: str = "",
) -> HTMLResponse:
    """A conversation's page, with the passage in view and the search's words marked."""
    found = conversation(service.memory, document, by.asker, passage=passage, page=page, query=q)
    marks = _marks(service, q, found["messages"]) if q.strip() else {}
    html = conversation_page(pages_of(request), found, marks, query=q, asker=by.place)
    return page_of(request, html)


def _marks(service: Service, query: str, messages: list[dict[str, Any]]) -> dict[str, Spans]:
    marks: dict[str, Spans] = {}
    for each in messages:
        try:
            found = service.searcher.highlights(
                query, each["language"], [{"ordinal": 0, "text": each["text"]}]
            )
        except MnemeError:
            return {}  # a search that cannot be understood marks nothing; the messages are shown all the same
        marks[each["document"]] = found[0]
    return marks
