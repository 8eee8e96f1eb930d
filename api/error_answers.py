"""The one place where errors become answers: problems for programs, pages for people."""

import math

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from api.interface import page, pages_of
from api.problems import MEDIA_TYPE, problem_json, problem_of
from memory.errors import MnemeError, TooManyRequests


def answer_of(request: Request, error: MnemeError) -> Response:
    """An error as the answer to a request (RFC 9457)."""
    told = problem_json(error, instance=request.url.path)
    headers = _later(error)
    if wants_page(request):
        html = pages_of(request).error_page(
            told["status"],
            told["title"],
            error.message,
            error.hint,
            asker=request.query_params.get("as", ""),
        )
        answer = page(request, html, told["status"])
        answer.headers.update(headers)
        return answer
    return JSONResponse(told, told["status"], headers, media_type=MEDIA_TYPE)


def _later(error: MnemeError) -> dict[str, str]:
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(math.ceil(error.after_s))}
    return {"Retry-After": "5"} if error.retryable and problem_of(error).status in (409, 503) else {}


def wants_page(request: Request) -> bool:
    """Whether a person reads the answer."""
    api = request.url.path.startswith(("/api/", "/healthz", "/readyz", "/metrics", "/openapi"))
    return not api and "text/html" in request.headers.get("accept", "")
