"""Every request has an id, by which its answer, its lines in the log and its problem are known to belong together."""

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.request_id import HEADER, take_over

_QUIET = frozenset({"/healthz", "/readyz", "/metrics", ""})
"""Routes that are asked all day, and static files, which have none: counted, and logged only where they fail."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

log = logging.getLogger("mneme.requests")


def route_of(scope: Scope) -> str:
    """The route of a request as it is declared, ``/api/documents/{document}``: names nobody and nothing; empty for none."""
    return str(getattr(scope.get("route"), "path", ""))


class RequestLog:
    """Gives each request its id, and afterwards logs and counts it: by its route, never by what was asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = take_over(Headers(scope=scope).getlist(HEADER))
        status, began = 500, time.perf_counter()

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = given
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        finally:
            _note(scope, status, time.perf_counter() - began)


def _note(scope: Scope, status: int, took_s: float) -> None:
    route = route_of(scope)
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    metrics: Metrics | None = getattr(getattr(scope["app"].state, "service", None), "metrics", None)
    if metrics:
        metrics.answered(method, route, status, took_s)
    if route not in _QUIET or status >= 400:
        known = {"method": method, "route": route, "status": status, "took_ms": round(took_s * 1000, 1)}
        log.info("%s %s %d %.0f ms", method, route or "-", status, took_s * 1000, extra=known)
