"""Which IMAP server, how encrypted, and as whom: from a source's settings."""

import base64
import re
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.base import SourceConfig
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
        try:
            return ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise InvalidInput(
                f"The certificates in {self.ca} cannot be read: {error.strerror or error}.",
                hint="Give a PEM file by --option ca=FILE.",
            ) from error


@dataclass(frozen=True, slots=True)
class Login:
    """An account.

    :param token: an OAuth2 access token (SASL XOAUTH2); None: the password is used.
    """

    user: str
    secret: SecretStr | None
    token: SecretStr | None = None

    @property
    def password(self) -> str:
        """In clear: only for the server."""
        return self.secret.get_secret_value() if self.secret else ""

    def without_secrets(self, text: str) -> str:
        """What a server says, or only that it refuses where it repeats what it was given."""
        said = _letters(text)
        for secret in filter(None, (self.secret, self.token)):
            value = secret.get_secret_value()
            sent = (f"\0{self.user}\0{value}", f"user={self.user}\1auth=Bearer {value}\1\1")
            told = [value, *(base64.b64encode(each.encode()).decode() for each in sent)]
            if any(each in text or _letters(each) in said for each in told if _letters(each)):
                return "it refuses the login"
        return text or "it refuses the login"


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
    default = "implicit" if parts.scheme == "imaps" else "off" if _is_here(host) else "starttls"
    tls = config.option("tls", default)
    known = ("implicit",) if parts.scheme == "imaps" else ("starttls", "off")
    if tls not in known:
        raise InvalidInput(
            f"With {parts.scheme}://, tls is {' or '.join(known)}, not {tls}.",
            hint="imaps:// is encrypted from the start, imap:// by STARTTLS.",
        )
    ca = config.option("ca")
    return Address(host, port or _PORTS[tls], tls, Path(ca) if ca else None)


def login_of(config: SourceConfig) -> Login:
    """Who asks, and by what secret.

    :raises InvalidInput: where there is no user, or neither password nor token.
    """
    user = config.option("user")
    login = Login(user, config.secret("password"), config.secret("token"))
    if not user:
        raise InvalidInput("An imap source needs a user.", hint="Give --option user=NAME.")
    if (login.secret is None) == (login.token is None):
        raise InvalidInput(
            "An imap source needs a password or an OAuth2 token, one of them.",
            hint="Give --secret password or --secret token.",
        )
    return login


def _letters(text: str) -> str:
    """Without what quoting adds or escapes."""
    return re.sub(r"\W", "", text)


def _is_here(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
