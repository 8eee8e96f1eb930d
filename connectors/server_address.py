"""Which server, and how encrypted: from a source's settings."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from connectors.base import SourceConfig
from connectors.internet_address import certificates, is_here
from memory.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Scheme:
    """How addresses of one kind of server read.

    :param sealed, plain: the scheme that is encrypted from the start, and the one of STARTTLS, with their usual ports.
    :param what: as in ``a mail server``.
    :param path_hint: what to do about what stands behind the host.
    """

    sealed: str
    plain: str
    sealed_port: int
    plain_port: int
    what: str
    path_hint: str

    @property
    def form(self) -> str:
        """How an address reads."""
        return f"It reads {self.sealed}://HOST or {self.plain}://HOST, with :PORT where that is another one."


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


def address_of(config: SourceConfig, scheme: Scheme) -> Address:
    """Read ``imaps://HOST:PORT``, say; a host alone is encrypted from the start.

    :raises InvalidInput: where it is no such address, or would send a password unencrypted through a network.
    """
    location = config.location if "://" in config.location else f"{scheme.sealed}://{config.location}"
    wrong = f"Not an address of {scheme.what}: {config.location}."
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput(wrong, hint=scheme.form) from error
    if parts.scheme not in (scheme.sealed, scheme.plain) or not host or parts.path.strip("/") or parts.query:
        hint = f"{scheme.form} {scheme.path_hint}" if parts.path.strip("/") else scheme.form
        raise InvalidInput(wrong, hint=hint)
    if parts.username is not None:
        raise InvalidInput("A user's name stands in the address.", hint="Give it by --option user=NAME.")
    sealed = parts.scheme == scheme.sealed
    tls = config.option("tls", "implicit" if sealed else "off" if is_here(host) else "starttls")
    known = ("implicit",) if sealed else ("starttls", "off")
    if tls not in known:
        raise InvalidInput(
            f"With {parts.scheme}://, tls is {' or '.join(known)}, not {tls}.",
            hint=f"{scheme.sealed}:// is encrypted from the start, {scheme.plain}:// by STARTTLS.",
        )
    ca = config.option("ca")
    usual = scheme.sealed_port if sealed else scheme.plain_port
    return Address(host, port or usual, tls, Path(ca) if ca else None)
