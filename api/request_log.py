"""Every request has an id, by which its answer, its lines in the log and its problem are known to belong together."""

import logging
import time

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.request_id import HEADER, request_id, take_over

_QUIET = frozenset({"/healthz", "/readyz", "/metrics", ""})
"""Routes that are asked all day, and static files, which have none: counted, and logged only where they fail."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

_TRACE_CONTEXT = TraceContextTextMapPropagator()
"""Reads ``traceparent`` (https://www.w3.org/TR/trace-context/), so that a trace goes on that began elsewhere."""

_tracer = get_tracer("mneme")
"""Makes spans that cost nothing unless `api.traces` sends them somewhere."""

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
        headers = Headers(scope=scope)
        given = take_over(headers.getlist(HEADER))
        status, began = 500, time.perf_counter()

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = given
            await send(message)

        # Neither a query nor the text of an exception is put into the span: see `api/traces.py`.
        with _tracer.start_as_current_span(
            _method(scope),
            context=_TRACE_CONTEXT.extract(
                {name: value for name, value in headers.items() if name == "traceparent"}
            ),
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self._app(scope, receive, send_named)
            finally:
                _note(scope, status, time.perf_counter() - began, span)


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def _note(scope: Scope, status: int, took_s: float, span: Span) -> None:
    route, method = route_of(scope), _method(scope)
    if span.is_recording():
        span.update_name(f"{method} {route or '-'}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "mneme.request_id": request_id(),
            }
        )
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
    metrics: Metrics | None = getattr(getattr(scope["app"].state, "service", None), "metrics", None)
    if metrics:
        metrics.answered(method, route, status, took_s)
    if route not in _QUIET or status >= 400:
        known = {"method": method, "route": route, "status": status, "took_ms": round(took_s * 1000, 1)}
        log.info("%s %s %d %.0f ms", method, route or "-", status, took_s * 1000, extra=known)
