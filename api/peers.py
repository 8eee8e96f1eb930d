"""From where a request comes: over the wire, and by what a proxy says of it."""

import ipaddress
from collections.abc import Sequence

from fastapi import Request

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Peers:
    """Tells proxies from everybody else, by the address at the other end of the connection.

    :param proxies: addresses or networks.
    """

    def __init__(self, proxies: Sequence[str]) -> None:
        self._proxies: tuple[Network, ...] = tuple(ipaddress.ip_network(each) for each in proxies)

    def is_proxy(self, request: Request) -> bool:
        """Whether a request comes from a proxy itself."""
        return request.client is not None and self._trusted(request.client.host)

    def address(self, request: Request) -> str:
        """Who a request comes from: the nearest address that is no proxy's.

        ``X-Forwarded-For`` grows to the right with every proxy: what stands left of the first stranger is the stranger's word.
        """
        came = request.client.host if request.client else ""
        hops = [
            each.strip() for line in request.headers.getlist("x-forwarded-for") for each in line.split(",")
        ]
        while self._trusted(came) and hops:
            came = hops.pop()
        return came

    def _trusted(self, address: str) -> bool:
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(known, "ipv4_mapped", None)  # how a socket for both families shows an IPv4 peer
        return any((mapped or known) in network for network in self._proxies)
