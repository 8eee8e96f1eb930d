"""Whoever searches goes first: what works in the background gives way at each of its steps.

Python's global lock is one for the process: a sync that splits texts, weighs words or writes to the index holds it for milliseconds at a
time, and a search, which takes it some hundred times, would wait as often. Only threads of one process meet here, so this
is one for the process, too.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_S = 0.05
"""How long one step waits at most: searches that never pause slow a sync down, and do not stop it."""


class Courtesy:
    """Counts those who are waited for. Safe for threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ahead = 0

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Go first until this ends."""
        with self._changed:
            self._ahead += 1
        try:
            yield
        finally:
            with self._changed:
                self._ahead -= 1
                if not self._ahead:
                    self._changed.notify_all()

    def give_way(self) -> None:
        """Wait until nobody goes first any more, for `LONGEST_S` at most; to be called where nobody waits for a lock of the caller's."""
        if self._ahead:
            with self._changed:
                self._changed.wait_for(lambda: not self._ahead, LONGEST_S)


COURTESY = Courtesy()
"""The one of this process."""
