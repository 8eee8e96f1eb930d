"""As whom to log in to an IMAP server: by a password, an OAuth2 access token, or one that is fetched when it is needed."""

import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from connectors.base import SourceConfig
from connectors.http_errors import retry_after
from connectors.internet_address import is_here
from memory.errors import InvalidInput, RateLimited, SourceError, SourceUnavailable

OPTIONS = ("user", "token_url", "client_id", "scope")
SECRETS = ("password", "token", "refresh_token", "client_secret")

_TIMEOUT_S = 30.0
_EARLY_S = 60.0
"""A token that ends this soon is not used any more."""


@dataclass(slots=True)
class TokenEndpoint:
    """Where access tokens come from (RFC 6749): by a refresh token (section 6), or for a program itself (section 4.4).

    :param url: of the identity provider.
    :param refresh_token: of somebody who let this client read their mail; None: the client has rights of its own.
    :param renew: keeps the refresh token that a provider gives in the place of the one it was shown.
    """

    url: str
    client_id: str
    scope: str = ""
    refresh_token: SecretStr | None = None
    client_secret: SecretStr | None = None
    renew: Callable[[str, SecretStr], None] = field(default=lambda _name, _value: None, repr=False)
    _token: SecretStr | None = field(default=None, init=False)
    _ends: float = field(default=0.0, init=False)

    def token(self) -> SecretStr:
        """An access token that is valid for a while.

        :raises SourceUnavailable: where the provider cannot be reached for now.
        :raises SourceError: where it gives none.
        """
        if self._token is None or time.monotonic() > self._ends - _EARLY_S:
            told = self._ask()
            self._take(told.get("refresh_token"))
            self._token = SecretStr(str(told["access_token"]))
            self._ends = time.monotonic() + float(told.get("expires_in") or 0)
        return self._token

    def _take(self, refresh_token: object) -> None:
        """Many providers let a refresh token count once, and give the next one with each access token."""
        before = self.refresh_token
        if before and isinstance(refresh_token, str) and refresh_token not in ("", before.get_secret_value()):
            self.refresh_token = SecretStr(refresh_token)
            self.renew("refresh_token", self.refresh_token)

    @property
    def given(self) -> str:
        """The secret that decides, by its name."""
        return "refresh_token" if self.refresh_token else "client_secret"

    def forget(self) -> None:
        """Fetch another one next time."""
        self._token = None

    def _ask(self) -> dict[str, Any]:
        form = {"grant_type": "client_credentials", "client_id": self.client_id}
        if self.refresh_token:
            form |= {"grant_type": "refresh_token", "refresh_token": self.refresh_token.get_secret_value()}
        if self.client_secret:
            form["client_secret"] = self.client_secret.get_secret_value()
        if self.scope:
            form["scope"] = self.scope
        host = urlsplit(self.url).hostname
        try:
            # Not through a proxy that the environment names: it would see the secrets.
            answer = httpx.post(self.url, data=form, timeout=_TIMEOUT_S, trust_env=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceUnavailable(f"{host} cannot be reached for a token: {error}.") from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise RateLimited(f"{host} asks for a pause.", after_s=retry_after(answer.headers))
        if answer.is_server_error:
            raise SourceUnavailable(f"{host} gives no token for now: HTTP {answer.status_code}.")
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict) or not told.get("access_token"):
            raise self._refusal(host, answer.status_code, told)
        return told

    def _refusal(self, host: str | None, status: int, told: object) -> SourceError:
        """Only the error's name: what else a provider says may repeat what it was sent."""
        name = str(told.get("error", "")) if isinstance(told, dict) else ""
        said = name if re.fullmatch(r"[a-z_]{1,40}", name) else f"HTTP {status}"
        another = f"give another {self.given} by `mneme sources secret NAME {self.given}`"
        return SourceError(
            f"{host} gives no token: {said}.", hint=f"Check client_id and scope, or {another}."
        )


@dataclass(frozen=True, slots=True)
class Login:
    """An account.

    :param password: None where a token is used.
    :param fixed: an OAuth2 access token as it was given.
    :param endpoint: where access tokens are fetched.
    """

    user: str
    password: SecretStr | None = None
    fixed: SecretStr | None = None
    endpoint: TokenEndpoint | None = field(default=None, repr=False)

    @property
    def given(self) -> str:
        """The secret by its name."""
        if self.endpoint:
            return self.endpoint.given
        return "password" if self.password else "token"

    def token(self) -> SecretStr | None:
        """An OAuth2 access token (SASL XOAUTH2); None: the password is used.

        :raises SourceError: where none can be fetched.
        """
        return self.endpoint.token() if self.endpoint else self.fixed

    def without_secrets(self, text: str, used: SecretStr) -> str:
        """What a server says, or only that it refuses where it repeats what it was given."""
        said, value = _letters(text), used.get_secret_value()
        sent = (f"\0{self.user}\0{value}", f"user={self.user}\1auth=Bearer {value}\1\1")
        told = [value, *(base64.b64encode(each.encode()).decode() for each in sent)]
        if any(each in text or _letters(each) in said for each in told if _letters(each)):
            return "it refuses the login"
        return text or "it refuses the login"


def login_of(config: SourceConfig) -> Login:
    """Who asks, and by what secret.

    :raises InvalidInput: where there is no user, or not one way to log in.
    """
    user = config.option("user")
    if not user:
        raise InvalidInput("An imap source needs a user.", hint="Give --option user=NAME.")
    login = Login(user, config.secret("password"), config.secret("token"), _endpoint_of(config))
    if sum(way is not None for way in (login.password, login.fixed, login.endpoint)) != 1:
        raise InvalidInput(
            "An imap source needs one way to log in: a password, a token, or where to fetch tokens.",
            hint="Give --secret password, --secret token, or --option token_url with --secret refresh_token.",
        )
    return login


def _endpoint_of(config: SourceConfig) -> TokenEndpoint | None:
    url, client = config.option("token_url"), config.option("client_id")
    refresh, secret = config.secret("refresh_token"), config.secret("client_secret")
    if not (url or client or refresh or secret):
        return None
    parts = urlsplit(url)
    if not parts.hostname or not (
        parts.scheme == "https" or (parts.scheme == "http" and is_here(parts.hostname))
    ):
        raise InvalidInput(
            f"Not an address to fetch tokens from: {url or 'none'}.",
            hint="Give --option token_url=https://...",
        )
    if not client or not (refresh or secret):
        raise InvalidInput(
            "To fetch tokens, a client and its secret or a refresh token are needed.",
            hint="Give --option client_id=ID with --secret refresh_token, --secret client_secret, or both.",
        )
    return TokenEndpoint(url, client, config.option("scope"), refresh, secret, config.renew)


def _letters(text: str) -> str:
    """Without what quoting adds or escapes."""
    return re.sub(r"\W", "", text)
