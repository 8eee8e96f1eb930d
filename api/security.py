"""What every request must pass and every answer carries: no rebinding, no forgery, no foreign content."""

from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MEDIA_TYPE, identified
from api.setting_kinds import LOOPBACK
from api.settings import ServeSettings

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of our pages: nothing inline, nothing from elsewhere."""

ORIGINAL_POLICY = "default-src 'none'; sandbox"
"""Content-Security-Policy of original files: whatever they hold, it runs and loads nothing."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""

_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses what no page of ours can have sent, then adds the headers that keep browsers careful.

    A page on another site can point its own name at 127.0.0.1 (DNS rebinding): its requests carry that
    name as Host. It can also post here without reading the answer (CSRF): such requests carry its Origin.

    Plain ASGI: FastAPI's ``middleware("http")`` starts a task and copies the answer for every request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it with the reason why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if refusal := _refuse(request, _known_by(scope)):
            await _refused(refusal)(scope, receive, send)
            return
        cacheable = request.url.path.startswith("/static/")

        async def send_carefully(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if not cacheable:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_carefully)


def _refused(why: str) -> JSONResponse:
    body = {
        "type": "urn:mneme:problem:foreign-request",
        "title": "Not allowed",
        "status": 403,
        "detail": why,
        "hint": "Open the address that `mneme serve` printed.",
        **identified(),
    }
    return JSONResponse(body, status_code=403, media_type=MEDIA_TYPE)


def _known_by(scope: Scope) -> ServeSettings:
    service = getattr(scope["app"].state, "service", None)
    return service.memory.settings.serve if service else ServeSettings()


def _refuse(request: Request, known: ServeSettings) -> str:
    hosts = request.headers.getlist("host")
    host = hosts[0] if len(hosts) == 1 else ""
    ours = urlsplit(known.url)
    if not (host and host == ours.netloc) and _name(f"//{host}") not in LOOPBACK | {known.host}:
        return f"The host {host[:100]!r} is not this machine."
    origin = request.headers.get("origin")
    # Where others come through TLS, a page that came without may be anybody's on the way.
    if origin is not None and origin != (known.url if host == ours.netloc else f"http://{host}"):
        return f"The request comes from {origin[:100]!r}, which is another site."
    if request.method not in SAFE:
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
