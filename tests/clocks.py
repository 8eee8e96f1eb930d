"""A clock that leaps: libfaketime beneath a process whose monotonic clock, timers and files' dates stay as they are."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
"""Where Debian's package libfaketime puts it; None where that is not installed."""

DAY = 86_400


class LeapingClock:
    """The clock of the processes that are started with its variables; right until it is told otherwise.

    :param folder: where it may keep a file.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.leap(0)

    def leap(self, seconds: int) -> None:
        """Have it be ahead by so many seconds within two, behind by negative ones."""
        half = self._file.with_suffix(".half")
        half.write_text(f"{seconds:+d}\n")
        half.replace(self._file)

    @property
    def variables(self) -> dict[str, str]:
        """What a process has in its environment that goes by this clock."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # read at every look at the clock, the file would cost more than all else
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    @contextmanager
    def leaping(self, seed: int, every_s: float = 1.2) -> Iterator[None]:
        """Have it leap again and again, by seconds or by years, forwards or back; it is right afterwards."""
        dice, over = random.Random(seed), threading.Event()

        def leap() -> None:
            while not over.wait(every_s):
                self.leap(dice.choice((1, -1)) * dice.choice((2, 90, 3 * DAY, 400 * DAY, 3650 * DAY)))

        leaps = threading.Thread(target=leap)
        leaps.start()
        try:
            yield
        finally:
            over.set()
            leaps.join()
            self.leap(0)
