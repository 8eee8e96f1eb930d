"""People whom a proxy in front of the service has let in, by the headers it adds."""

import secrets

from fastapi import Request

from api.auth_settings import ProxySettings
from api.identify import Callers
from api.peers import Peers
from api.roles import Caller, group_tokens
from memory.errors import NotAuthenticated


class ByProxy:
    """Whoever the proxy names. From any other address its headers are refused, not ignored: somebody tries something.

    :param peers: which addresses are proxies.
    :param callers: for whom it asks.
    """

    challenge = ""
    blocking = True
    ambient = True

    def __init__(self, settings: ProxySettings, peers: Peers, callers: Callers) -> None:
        self._settings = settings
        self._secret = settings.secret.get_secret_value().encode()
        self._peers = peers
        self._callers = callers

    def __call__(self, request: Request) -> Caller | None:
        """Whom the proxy names."""
        addresses = request.headers.getlist(self._settings.address_header)
        groups = request.headers.getlist(self._settings.groups_header)
        if not addresses and not groups:
            return None
        if not self._peers.is_proxy(request) or not self._knows_the_secret(request):
            raise NotAuthenticated("These headers are believed from the proxy only.")
        if len(addresses) != 1 or len(groups) > 1:
            # A proxy that adds its header to the client's leaves open which one is whose.
            raise NotAuthenticated(
                "The proxy must send each of its headers once, and drop those it was sent."
            )
        named = ",".join(groups).split(",")
        return self._callers.of(addresses[0], group_tokens(each.strip() for each in named if each.strip()))

    def _knows_the_secret(self, request: Request) -> bool:
        given = request.headers.get(SECRET_HEADER, "").encode()
        return not self._secret or secrets.compare_digest(given, self._secret)


SECRET_HEADER = "X-Mneme-Proxy"  # noqa: S105 - the header's name, not what it holds
"""The header in which a proxy shows that it is the one in the settings."""
