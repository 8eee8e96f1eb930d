"""What Prometheus is told: how much is asked, how long it takes, and whether all is well. Never what, and never by whom."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/."""

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The figures of one service.

    :param searching: how many searches run or wait now.
    :param ready, meaning, syncing: whether searches are answered, meaning counts, a sync runs.
    """

    def __init__(
        self,
        *,
        searching: Callable[[], float],
        ready: Callable[[], float],
        meaning: Callable[[], float],
        syncing: Callable[[], float],
    ) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "mneme_requests",
            "Requests by their route as it is declared.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "mneme_request_seconds",
            "Seconds from a request to the end of its answer.",
            ["route"],
            registry=self._registry,
            buckets=_BUCKETS,
        )
        now = {
            "mneme_searches": ("Searches that run or wait.", searching),
            "mneme_ready": ("1 while searches are answered.", ready),
            "mneme_meaning": ("1 while searches count meaning.", meaning),
            "mneme_sync_running": ("1 while a sync runs.", syncing),
        }
        for name, (said, value) in now.items():
            Gauge(name, said, registry=self._registry).set_function(value)
        ProcessCollector(registry=self._registry)

    def answered(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count a request.

        :param route: as it is declared, so that no name of anybody or anything is kept.
        """
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(took_s)

    def text(self) -> bytes:
        """All figures as they are now."""
        return generate_latest(self._registry)
