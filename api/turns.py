"""How many searches run or wait at a time; whoever comes beyond that is told at once to come back.

Searches share the processors: with more of them each takes longer and none is answered sooner, until callers
give up and ask again, which adds to the load. Requests that do not search keep threads of their own to run in.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from memory.errors import TooBusy


class Turns:
    """Counts the searches at hand. Safe for threads.

    :param most: so many at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """Searches that run or wait now."""
        return self._taken

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One search's turn, from its beginning to the last byte of its answer.

        :raises TooBusy: where there are as many as may be.
        """
        with self._lock:
            if self._taken >= self._most:
                raise TooBusy
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1
