"""A source on the web as its settings describe it: where it is, whom to trust, and as whom to ask."""

import base64
from collections.abc import Collection, Mapping

import httpx
from pydantic import SecretStr

from connectors.base import SourceConfig
from connectors.http import Web
from connectors.http_errors import shown
from connectors.internet_address import certificates, is_here
from memory.errors import InvalidInput

OPTIONS = ("ca", "proxy", "tls")
"""The options of every source on the web, for `SourceConfig.only`."""


def web_of(
    config: SourceConfig,
    secrets: Mapping[str, SecretStr] | None = None,
    *,
    transport: httpx.BaseTransport | None = None,
    onwards: Collection[str] = (),
) -> Web:
    """The source at the location ``https://HOST/PATH``, by the options ``ca``, ``proxy`` and ``tls``.

    :param secrets: headers that say who asks. They are sent unencrypted only within this machine, or with ``tls=off``;
        so are passwords in forms, which is why any secret of the source counts.
    :param transport: see `Web`; goes with no proxy.
    :param onwards: see `Web`.
    :raises InvalidInput: where the location is no such address, or an option has no such value.
    """
    location = config.location
    form = "It reads https://HOST/PATH."
    try:
        url = httpx.URL(location)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise InvalidInput("The location is not an address on the web.", hint=form) from error
    if url.scheme not in ("https", "http") or not url.host or not 0 < (url.port or 1) < 65_536:
        raise InvalidInput("The location is not an address on the web.", hint=form)
    if url.userinfo or url.query or url.fragment:
        raise InvalidInput(
            f"The location has more than an address: {shown(url)}.",
            hint=f"{form} Names are options and passwords secrets.",
        )
    tls = config.option("tls", "on")
    if tls not in ("on", "off"):
        raise InvalidInput(f"tls is on or off, not {tls}.")
    if config.secrets and url.scheme == "http" and not is_here(url.host) and tls == "on":
        raise InvalidInput(
            f"{shown(url)} would be sent a secret unencrypted.",
            hint="Give its https:// address, or --option tls=off if everybody on the way may read it.",
        )
    return Web(
        location,
        secrets,
        context=certificates(config.option("ca")),
        proxy=_proxy(config.option("proxy")),
        transport=transport,
        onwards=onwards,
    )


def basic(user: str, password: SecretStr) -> SecretStr:
    """The value of ``Authorization`` for a user and a password (RFC 7617)."""
    return SecretStr(f"Basic {base64.b64encode(f'{user}:{password.get_secret_value()}'.encode()).decode()}")


def bearer(token: SecretStr) -> SecretStr:
    """The value of ``Authorization`` for a token (RFC 6750)."""
    return SecretStr(f"Bearer {token.get_secret_value()}")


def _proxy(given: str) -> str | None:
    try:
        url = httpx.URL(given)
        usable = not given or (url.scheme in ("http", "https") and bool(url.host) and not url.userinfo)
    except (httpx.InvalidURL, UnicodeError):
        usable = False
    if not usable:
        raise InvalidInput(
            "The option proxy is not an address of a proxy.",
            hint="It reads http://HOST:PORT, without a password.",
        )
    return given or None
