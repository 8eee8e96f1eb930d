"""Which IMAP server, and how encrypted: from a source's settings."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from connectors.base import SourceConfig
from connectors.internet_address import certificates, is_here
from memory.errors import InvalidInput

_PORTS = {"implicit": 993, "starttls": 143, "off": 143}
_FORM = "It reads imaps://HOST or imap://HOST, with :PORT where that is another one."


@dataclass(frozen=True, slots=True)
class Address:
    """A server.

    :param tls: ``implicit`` (encrypted from the start), ``starttls`` or ``off``.
    :param ca: a file with the certificates of the authorities to trust instead of the system's.
    """

    host: str
    port: int
    tls: str
    ca: Path | None = None

    @property
    def name(self) -> str:
        """As people read it."""
        return f"{self.host}:{self.port}"

    def context(self) -> ssl.SSLContext:
        """What checks the server's certificate and name.

        :raises InvalidInput: where the file of authorities cannot be read.
        """
        return certificates(self.ca)


def address_of(config: SourceConfig) -> Address:
    """Read ``imaps://HOST:PORT``; a host alone is encrypted from the start.

    :raises InvalidInput: where it is no such address, or would send a password unencrypted through a network.
    """
    location = config.location if "://" in config.location else f"imaps://{config.location}"
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput(f"Not an address of a mail server: {config.location}.", hint=_FORM) from error
    if parts.scheme not in ("imaps", "imap") or not host or parts.path.strip("/") or parts.query:
        hint = f"{_FORM} Folders are chosen by --include." if parts.path.strip("/") else _FORM
        raise InvalidInput(f"Not an address of a mail server: {config.location}.", hint=hint)
    if parts.username is not None:
        raise InvalidInput("A user's name stands in the address.", hint="Give it by --option user=NAME.")
    default = "implicit" if parts.scheme == "imaps" else "off" if is_here(host) else "starttls"
    tls = config.option("tls", default)
    known = ("implicit",) if parts.scheme == "imaps" else ("starttls", "off")
    if tls not in known:
        raise InvalidInput(
            f"With {parts.scheme}://, tls is {' or '.join(known)}, not {tls}.",
            hint="imaps:// is encrypted from the start, imap:// by STARTTLS.",
        )
    ca = config.option("ca")
    return Address(host, port or _PORTS[tls], tls, Path(ca) if ca else None)
