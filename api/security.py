"""What every request must pass and every answer carries: no rebinding, no forgery, no foreign content."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from api.settings import LOOPBACK

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of our pages: nothing inline, nothing from elsewhere."""

ORIGINAL_POLICY = "default-src 'none'; sandbox"
"""Content-Security-Policy of original files: whatever they hold, it runs and loads nothing."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
Next = Callable[[Request], Awaitable[Response]]


async def guard(request: Request, call_next: Next) -> Response:
    """Refuse what no page of ours can have sent, then add the headers that keep browsers careful.

    A page on another site can point its own name at 127.0.0.1 (DNS rebinding): its requests carry that
    name as Host. It can also post here without reading the answer (CSRF): such requests carry its Origin.
    """
    if refusal := _refuse(request):
        return JSONResponse(
            {
                "type": "urn:mneme:problem:foreign-request",
                "title": "Not allowed",
                "status": 403,
                "detail": refusal,
                "hint": "Open the address that `mneme serve` printed.",
            },
            status_code=403,
            media_type="application/problem+json",
        )
    response = await call_next(request)
    headers = response.headers
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if not request.url.path.startswith("/static/"):
        headers.setdefault("Cache-Control", "no-store")
    return response


def _refuse(request: Request) -> str:
    host = request.headers.get("host", "")
    if _name(f"//{host}") not in LOOPBACK:
        return f"The host {host[:100]!r} is not this machine."
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return f"The request comes from {origin[:100]!r}, which is another site."
    if request.method not in _SAFE:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "The request comes from another site."
        kind = request.headers.get("content-type", "application/json").partition(";")[0]
        if kind in ("text/plain", "multipart/form-data"):
            # The types another site may send without asking first; our own forms are urlencoded and carry Origin.
            return f"Requests that change something are not taken as {kind}."
    return ""


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
