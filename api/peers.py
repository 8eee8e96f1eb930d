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
        came = _plain(came)
        while self._trusted(came) and hops:
            came = _plain(hops.pop())
        return came

    def _trusted(self, address: str) -> bool:
        try:
            known = ipaddress.ip_address(_plain(address))
        except ValueError:
            return False
        return any(known in network for network in self._proxies)


def _plain(written: str) -> str:
    """An address without the port that some proxies write after it, and an IPv4 one as such.

    A socket for both families shows an IPv4 peer as ``::ffff:192.0.2.1``: all of them would be one network of IPv6.
    """
    if written.startswith("["):
        written = written[1:].partition("]")[0]
    elif written.count(":") == 1:
        written = written.partition(":")[0]
    try:
        known = ipaddress.ip_address(written)
    except ValueError:
        return written
    return str(getattr(known, "ipv4_mapped", None) or known)
