"""The id of the request at hand: in its answer, its problem and every line that is logged on its behalf."""

import re
import uuid
from collections.abc import Sequence
from contextvars import ContextVar

HEADER = "X-Request-ID"

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
"""What is taken over from a proxy or a program; anything else could forge lines of the log."""

_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the request at hand; empty where there is none."""
    return _current.get()


def take_over(given: Sequence[str]) -> str:
    """Begin a request with the id that came with it, where that is one and has a safe shape, else with a new one.

    It is not ended: the answer to an unexpected error is made after everything else, and names it too.
    """
    chosen = given[0] if len(given) == 1 and _SAFE.fullmatch(given[0]) else uuid.uuid4().hex
    _current.set(chosen)
    return chosen
