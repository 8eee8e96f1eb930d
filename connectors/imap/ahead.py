"""Messages fetched together: a sync asks for them in the order in which they were told, and a far server answers slowly."""

from collections import deque

AHEAD = 16
"""Messages that are fetched at a time at most."""

AHEAD_BYTES = 131_072
"""A message of this size or more is fetched alone."""

_REMEMBERED = 1_000
"""Messages that were told last: a sync asks for what is new in each 500."""


class ReadAhead:
    """What is fetched along with a message. The more were asked for one after the other, the more; one alone brings nothing."""

    def __init__(self) -> None:
        self._told: deque[str] = deque(maxlen=_REMEMBERED)
        self._run = 0
        self._held: dict[str, bytes] = {}

    def tell(self, key: str) -> None:
        """This message may be asked for after those before it."""
        self._told.append(key)

    def take(self, key: str) -> bytes | None:
        """The message where it was fetched along with another one; after it others are held no longer than to the next miss."""
        following = bool(self._told) and self._told[0] == key
        self._run = min(self._run + 1, AHEAD) if following else 0
        if key in self._told:
            while self._told.popleft() != key:
                pass
        return self._held.pop(key, None)

    def next(self) -> list[str]:
        """What to fetch along with the message that was asked for last."""
        return [key for key, _ in zip(self._told, range(min(AHEAD, 2**self._run) - 1), strict=False)]

    def hold(self, bodies: dict[str, bytes]) -> None:
        """Keep these, and nothing else."""
        self._held = bodies
