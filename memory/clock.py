"""What to make of moments noted by a clock that was wrong for a while: it may leap, forwards and back."""

from datetime import datetime, timedelta

ASIDE = timedelta(hours=1)
"""By how much a clock may be set right without anybody minding."""


def ahead(moment: datetime, now: datetime) -> bool:
    """Whether something is noted of a moment that is still to come: the clock was wrong then, or is wrong now."""
    return moment > now + ASIDE
