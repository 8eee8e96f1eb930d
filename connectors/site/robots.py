"""What a site asks of programs: which pages they leave alone, how slowly they go, where its sitemaps are (RFC 9309)."""

from protego import Protego

from connectors.http import Web
from connectors.http_errors import Refused
from memory.errors import NotFound

AGENT = "Mneme"
_MOST_BYTES = 500_000
_SLOWEST_S = 30.0


class Robots:
    """The rules of one site.

    :param text: of ``robots.txt``.
    :param obeyed: whether its prohibitions count: not for a site of one's own.
    """

    def __init__(self, text: str = "", *, obeyed: bool = True) -> None:
        self._rules = Protego.parse(text)
        self._obeyed = obeyed

    @classmethod
    def read(cls, web: Web, *, obeyed: bool = True) -> "Robots":
        """Ask for the rules; a site without any lets everything be read.

        :raises SourceUnavailable: where the site cannot say: then nothing may be read.
        """
        try:
            body = web.ask("GET", "/robots.txt", max_bytes=_MOST_BYTES).body
        except (NotFound, Refused):
            return cls(obeyed=obeyed)
        return cls(body.decode("utf-8", "replace"), obeyed=obeyed)

    def allow(self, url: str) -> bool:
        """Whether a page may be read."""
        return not self._obeyed or bool(self._rules.can_fetch(url, AGENT))

    @property
    def delay_s(self) -> float:
        """Seconds between two requests."""
        asked = self._rules.crawl_delay(AGENT) or 0.0
        rate = self._rules.request_rate(AGENT)
        if rate is not None and rate.requests:
            asked = max(asked, rate.seconds / rate.requests)
        return min(float(asked), _SLOWEST_S) if self._obeyed else 0.0

    @property
    def sitemaps(self) -> list[str]:
        """Addresses of sitemaps."""
        return [str(each) for each in self._rules.sitemaps]
