"""The one place where errors become answers: problems for programs, pages for people."""

import math
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from api.interface import page, pages_of
from api.problems import MEDIA_TYPE, problem_json, problem_of
from api.scim.refusals import InvalidFilter, InvalidPath, InvalidSyntax
from memory.errors import MnemeError, Taken, TooManyRequests

SCIM = "application/scim+json"
_SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_SCIM_TYPES: dict[type[MnemeError], str] = {
    Taken: "uniqueness",
    InvalidFilter: "invalidFilter",
    InvalidPath: "invalidPath",
    InvalidSyntax: "invalidSyntax",
}


def answer_of(request: Request, error: MnemeError) -> Response:
    """An error as the answer to a request (RFC 9457)."""
    told = problem_json(error, instance=request.url.path)
    headers = _later(error)
    if request.url.path.startswith("/scim/"):
        status = 400 if told["status"] == 422 else told["status"]  # there is no 422 in SCIM
        return JSONResponse(_for_scim(error, status), status, headers, media_type=SCIM)
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


def _for_scim(error: MnemeError, status: int) -> dict[str, Any]:
    """As identity providers read it (RFC 7644, 3.12)."""
    kind = next((word for each, word in _SCIM_TYPES.items() if isinstance(error, each)), "")
    kind = kind or ("invalidValue" if status == 400 else "")
    told = {
        "schemas": [_SCIM_ERROR],
        "status": str(status),
        "detail": f"{error.message} {error.hint}".strip(),
    }
    return told | ({"scimType": kind} if kind else {})


def _later(error: MnemeError) -> dict[str, str]:
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(math.ceil(error.after_s))}
    return {"Retry-After": "5"} if error.retryable and problem_of(error).status in (409, 503) else {}


def wants_page(request: Request) -> bool:
    """Whether a person reads the answer."""
    api = request.url.path.startswith(("/api/", "/scim/", "/healthz", "/readyz", "/metrics", "/openapi"))
    return not api and "text/html" in request.headers.get("accept", "")
