"""How many passages are embedded in one run of the pipeline: as many as take some seconds on this machine at this moment."""

MOST = 256
"""Passages in one run of the pipeline: sorted by length, they make even batches; a kill loses this much work."""

FEWEST = 16

RUN_S = 4.0
"""How long a run is to take: whoever stops the sync, and whoever has something to write, waits for its end."""


class Pace:
    """Learns from each run how large the next may be; begins small, since nothing is known of the machine yet."""

    def __init__(self) -> None:
        self.limit = 4 * FEWEST

    def took(self, passages: int, seconds: float) -> None:
        """Note a run.

        :param passages: how many got a vector; 0 tells nothing.
        :param seconds: of the run alone, without what it waited for its turn.
        """
        if passages:
            self.limit = round(min(MOST, max(FEWEST, passages * RUN_S / max(seconds, 1e-3))))
