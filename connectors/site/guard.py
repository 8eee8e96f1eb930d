"""Requests to the public Internet only, unless a network is allowed: no page may make us ask what only we can reach (SSRF).

A name is resolved here, the addresses are looked at, and the connection goes to one of them by number: what the name means a moment
later (DNS rebinding) makes no difference. Certificates are checked for the name.
"""

import socket
import ssl
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from memory.errors import InvalidInput, SourceError

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")


class PublicOnly(httpx.BaseTransport):
    """Sends requests to public addresses, and to those in allowed networks.

    :param context: what checks certificates.
    :param networks: addresses and networks with commas between: ``10.1.0.0/16,fd00::5``.
    :raises InvalidInput: where one of these is none.
    """

    def __init__(self, context: ssl.SSLContext, networks: str = "") -> None:
        try:
            self._allowed = [ip_network(each.strip()) for each in networks.split(",") if each.strip()]
        except ValueError as error:
            raise InvalidInput(
                f"The option networks has something that is no network: {error}.",
                hint="It reads 10.1.0.0/16,192.168.3.4.",
            ) from error
        self._inner = httpx.HTTPTransport(verify=context, trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first address of its host that answers.

        :raises SourceError: where the host has no address that may be asked.
        """
        failed: httpx.TransportError | None = None
        for address in self._addresses(request.url):
            numbered = httpx.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=request.headers,  # with the host's name
                stream=request.stream,
                extensions=_naming(request),
            )
            try:
                return self._inner.handle_request(numbered)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error
        raise failed or httpx.ConnectError("the name has no address")

    def close(self) -> None:
        """End the connections."""
        self._inner.close()

    def _addresses(self, url: httpx.URL) -> list[Address]:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("the name is not known") from error
        addresses = list(dict.fromkeys(ip_address(each[4][0]) for each in found))
        may = [each for each in addresses if self._may(each)]
        if addresses and not may:
            raise SourceError(
                f"{url.host} is at {addresses[0]}, which is no address of the public Internet.",
                hint=f"If it is a server of yours, allow it: --option networks={addresses[0]}.",
            )
        return may

    def _may(self, address: Address) -> bool:
        return is_public(address) or any(_bare(address) in network for network in self._allowed)


def is_public(address: Address) -> bool:
    """Whether anybody on the Internet could ask there; for IPv6 that stands for an IPv4 address, that one counts."""
    address = _bare(address)
    if isinstance(address, IPv6Address) and address in _NAT64:
        address = IPv4Address(int(address) & 0xFFFFFFFF)
    if isinstance(address, IPv6Address) and (
        inner := address.sixtofour or (address.teredo or (None, None))[1]
    ):
        address = inner
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _bare(address: Address) -> Address:
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _naming(request: httpx.Request) -> dict[str, object]:
    """With the name that the certificate has to be for."""
    try:
        ip_address(request.url.host)
    except ValueError:
        return {**request.extensions, "sni_hostname": request.url.host}
    return dict(request.extensions)
