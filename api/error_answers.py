"""The one place where errors become answers: problems for programs, pages for people."""

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from api.interface import page, pages_of
from api.problems import problem_json, problem_of
from memory.errors import MnemeError


def answer_of(request: Request, error: MnemeError) -> Response:
    """An error as the answer to a request (RFC 9457)."""
    told = problem_json(error, instance=request.url.path)
    if _wants_page(request):
        html = pages_of(request).error_page(
            told["status"],
            told["title"],
            error.message,
            error.hint,
            asker=request.query_params.get("as", ""),
        )
        return page(request, html, told["status"])
    headers = {"Retry-After": "5"} if error.retryable and problem_of(error).status in (409, 503) else None
    return JSONResponse(told, told["status"], headers, media_type="application/problem+json")


def _wants_page(request: Request) -> bool:
    api = request.url.path.startswith(("/api/", "/healthz", "/openapi"))
    return not api and "text/html" in request.headers.get("accept", "")
