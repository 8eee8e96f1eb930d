"""How often something may be tried: in a window that moves with the time, by whoever tries it."""

import ipaddress
import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter, SlidingWindowCounterRateLimiter

from memory.errors import TooManyRequests
from memory.people.addresses import address_key

_PER_CALLER = "40 per minute"
_PER_ACCOUNT = ("5 per minute", "30 per hour")


class _Counts:
    """What the limiters count by. A leap of the clock makes them forget: else what was counted while it was ahead would count for years."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        self._apart = time.time() - time.monotonic()

    def look(self) -> None:
        """See whether the clock has leapt since the last look."""
        apart = time.time() - time.monotonic()
        if abs(apart - self._apart) > _LEAP_S:
            self.storage.reset()
        self._apart = apart


_LEAP_S = 5.0


class LoginTries:
    """Counts tries to log in: of one address on one account, and of one address on any.

    Nobody is locked out by what others try: an account is counted for each address by itself.
    """

    def __init__(self) -> None:
        self._counts = _Counts()
        self._limiter = MovingWindowRateLimiter(self._counts.storage)
        self._per_caller = parse(_PER_CALLER)
        self._per_account = [parse(each) for each in _PER_ACCOUNT]

    def count(self, caller: str, account: str) -> None:
        """Count a try on an account; `count_caller` has counted it already.

        :param caller: where it comes from.
        :param account: whose it is.
        :raises TooManyRequests: where there were too many.
        """
        place = _place(caller)
        for limit in self._per_account:
            self._hit(limit, place, _account(account))

    def count_caller(self, caller: str) -> None:
        """Count a try on whatever account.

        :raises TooManyRequests: where there were too many.
        """
        self._hit(self._per_caller, _place(caller))

    def forget(self, caller: str, account: str) -> None:
        """Who has logged in begins anew."""
        for limit in self._per_account:
            self._limiter.clear(limit, _place(caller), _account(account))

    def _hit(self, limit: RateLimitItem, *whose: str) -> None:
        self._counts.look()
        if not self._limiter.hit(limit, *whose):
            raise TooManyRequests(after_s=_wait(self._limiter, limit, *whose))


def _wait(limiter: RateLimiter, limit: RateLimitItem, *whose: str) -> int:
    """Seconds until there is room again."""
    return max(1, math.ceil(limiter.get_window_stats(limit, *whose).reset_time - time.time()))


def _account(written: str) -> str:
    """Whose account is meant, however it is written; cut, so that nobody fills the memory of this machine with it."""
    return address_key(written)[:200]


def _place(address: str) -> str:
    """What one household or machine has: of IPv6 addresses, a whole /64."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{known}/64", strict=False)) if known.version == _IPV6 else str(known)


_IPV6 = 6


class CallerLimits:
    """How much one caller may ask, and how often one address may be refused.

    The count of the minute before is taken in part (a sliding window counter), so that memory and time do not grow with it.

    :param per_minute: requests of one caller; 0: any number.
    """

    def __init__(self, per_minute: int) -> None:
        self._counts = _Counts()
        self._limiter = SlidingWindowCounterRateLimiter(self._counts.storage)
        self._per_caller = RateLimitItemPerMinute(per_minute) if per_minute else None

    def count(self, actor: str) -> None:
        """Count a request of somebody known.

        :param actor: as the audit names them.
        :raises TooManyRequests: where there were too many.
        """
        self._counts.look()
        if self._per_caller and not self._limiter.hit(self._per_caller, "caller", actor):
            raise TooManyRequests(after_s=_wait(self._limiter, self._per_caller, "caller", actor))

    def refused(self, address: str) -> int:
        """Count a request from an address that nobody known sent.

        :returns: for how many seconds no more are worth a word; mostly 0.
        """
        self._counts.look()
        place = _place(address)
        refused = not self._limiter.hit(_REFUSALS, "refused", place)
        return _wait(self._limiter, _REFUSALS, "refused", place) if refused else 0


_REFUSALS = RateLimitItemPerMinute(100)
