"""A server and a path on it, from a source's location."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from connectors.base import SourceConfig
from memory.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Address:
    """Where a tree lies.

    :param port: 0 where none was given.
    :param path: without slashes at its ends, ``%XX`` read.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def server(self) -> str:
        """The server as it stands in an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


def address_of(config: SourceConfig, form: str) -> Address:
    """Read ``SCHEME://HOST:PORT/PATH``.

    :param form: how such an address reads, for the error.
    :raises InvalidInput: where it is none, or has a name or password in it.
    """
    try:
        parts = urlsplit(config.location)
        host, port = parts.hostname or "", parts.port or 0
    except ValueError as error:
        raise InvalidInput("The location is no address of a share.", hint=form) from error
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "A name or password stands in the address.",
            hint="Give them by --option user=NAME and --secret password.",
        )
    path = unquote(parts.path).strip("/")
    if not host or parts.query or parts.fragment or "\0" in path or ".." in path.split("/"):
        raise InvalidInput(f"Not an address of a share: {config.location}.", hint=form)
    return Address(parts.scheme.lower(), host, port, path)
