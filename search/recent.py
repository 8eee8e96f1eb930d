"""Values that may be a second old."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_SHARE = 50  # reading it takes a fiftieth of the time at most


class Recent(Generic[T]):
    """A value that is read anew when it is too old; nobody waits while another reads. Safe for threads.

    :param read: reads the value.
    :param seconds: how old it may be; longer where reading it is slow.
    """

    def __init__(self, read: Callable[[], T], seconds: float = 1.0) -> None:
        self._read = read
        self._seconds = seconds
        self._reading = threading.Lock()
        self._held: tuple[T] | None = None
        self._until = 0.0

    def get(self) -> T:
        """The value."""
        held = self._held
        if held is not None and time.monotonic() < self._until:
            return held[0]
        if held is not None and not self._reading.acquire(blocking=False):
            return held[0]
        if held is None:
            self._reading.acquire()
        try:
            began = time.monotonic()
            fresh = self._read()
            ended = time.monotonic()
            self._held, self._until = (fresh,), ended + max(self._seconds, _SHARE * (ended - began))
            return fresh
        finally:
            self._reading.release()
