"""A lock that is given in the order in which it was asked for."""

import threading
import time
from types import TracebackType


class InTurn:
    """Held by one at a time; whoever waits longest comes next.

    A lock of `threading` may be taken again by whoever just let go of it before another that waits has woken up: a
    source that is read quickly would keep a slower one from being written at all.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._drawn = 0
        self._served = 0
        self._free_since = time.monotonic()

    @property
    def free_s(self) -> float:
        """For how many seconds nobody has held it or waited for it; 0 while somebody does."""
        with self._changed:
            return 0.0 if self._drawn > self._served else time.monotonic() - self._free_since

    def __enter__(self) -> None:
        with self._changed:
            mine = self._drawn
            self._drawn += 1
            self._changed.wait_for(lambda: self._served == mine)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._served += 1
            self._free_since = time.monotonic()
            self._changed.notify_all()
