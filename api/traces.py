"""Traces of requests and of the steps of a search, sent to an OpenTelemetry collector where the settings name one.

What the libraries would put into them is left out: Haystack's tags and FastAPI's attributes hold the query, and messages of
exceptions may hold texts. A trace has the names of routes and steps, times and status.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from haystack.tracing.tracer import Span, Tracer, enable_tracing
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from memory.errors import NotInstalled

_STEP = "haystack.component.name"
_PATIENCE_S = 2
"""Seconds for a collector that is away: the service ends so much later, searches wait for none of it."""


def begin(endpoint: str) -> Callable[[], None]:
    """Send traces from now on, once for a process; gives what sends the last of them and ends that.

    :param endpoint: where a collector takes OTLP over HTTP, as in ``http://127.0.0.1:4318/v1/traces``.
    :raises NotInstalled: without the packages of the extra.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"Traces need the package {error.name}.", hint='Run: pip install "mneme[traces]".'
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "mneme"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=_PATIENCE_S)))
    trace.set_tracer_provider(provider)
    enable_tracing(_Steps(trace.get_tracer("mneme")))
    return provider.shutdown


class _Step(Span):
    """A step whose tags are dropped: they hold what was asked and found."""

    def set_tag(self, key: str, value: Any) -> None:
        """Drop it."""


class _Steps(Tracer):
    """Haystack's steps as spans that have a name and a time."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def trace(
        self, operation_name: str, tags: dict[str, Any] | None = None, parent_span: Span | None = None
    ) -> Iterator[Span]:
        """A span around a step, below the one at hand."""
        del parent_span  # the one at hand is it
        name = str((tags or {}).get(_STEP) or operation_name)
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield _Step()
            except BaseException:
                span.set_status(Status(StatusCode.ERROR))
                raise

    def current_span(self) -> Span | None:
        """None: whoever wants to add to it has nothing to add that is kept."""
        return None
