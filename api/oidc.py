"""Logging in at an identity provider: OpenID Connect Core 1.0, the authorization code flow with PKCE (RFC 7636).

What a login is about travels with the browser, encrypted for this process alone: nothing is kept here that somebody who
begins many could fill, and what is begun in one browser ends in no other.
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from cryptography.fernet import Fernet, InvalidToken

from api.auth_settings import OidcSettings
from api.signed_tokens import Provider, Verifier, address_of, groups_of, provider_address
from memory.errors import NotAuthenticated, ProviderUnavailable

BEGUN_S = 600
"""Seconds in which a login is to be finished."""

_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Proven:
    """What the provider says of somebody who has logged in.

    :param groups: access tokens.
    :param next: where they were going.
    """

    address: str
    groups: frozenset[str]
    next: str


@dataclass(frozen=True, slots=True)
class _Begun:
    state: str
    nonce: str
    verifier: str
    redirect: str
    next: str


class OidcLogin:
    """Sends people to the provider and believes what it says of those who come back."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._provider = Provider(settings.issuer)
        self._verifier = Verifier(self._provider, settings.client_id, settings.algorithms)
        self._sealing = Fernet(Fernet.generate_key())

    def begin(self, redirect: str, next: str) -> tuple[str, str]:
        """Begin a login: the address at the provider to go to, and what the browser is to keep meanwhile.

        :param redirect: the address to come back to, as the provider knows it.
        :param next: where the person was going.
        :raises ProviderUnavailable: where the provider does not say where to go.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun = _Begun(state, nonce, verifier, redirect, next)
        with self._client(redirect) as client:
            address, _ = client.create_authorization_url(
                self._endpoint("authorization_endpoint"),
                state=begun.state,
                nonce=begun.nonce,
                code_verifier=begun.verifier,
            )
        return address, self._sealing.encrypt(json.dumps(asdict(begun)).encode()).decode()

    def finish(self, kept: str, given: Mapping[str, str]) -> Proven:
        """Who has come back.

        :param kept: what the browser kept.
        :param given: the parameters that the provider sent it back with.
        :raises NotAuthenticated: where that was not begun in this browser, or the provider let nobody in.
        :raises ProviderUnavailable: where it cannot be asked.
        """
        begun = self._begun(kept)
        if not secrets.compare_digest(given.get("state", "").encode(), begun.state.encode()):
            raise NotAuthenticated(_ELSEWHERE, hint=_AGAIN)
        if given.get("iss", self._settings.issuer) != self._settings.issuer:  # RFC 9207
            raise NotAuthenticated("This login was at another provider.", hint=_AGAIN)
        if not given.get("code"):
            reason = given.get("error", "")
            told = reason if re.fullmatch(r"[a-z_]{1,40}", reason) else "no reason"
            raise NotAuthenticated(f"The identity provider let nobody in: {told}.", hint=_AGAIN)
        claims = self._verifier.claims(self._exchange(given["code"], begun))
        self._ours(claims, begun)
        address = address_of(claims, self._settings.address_claim)
        return Proven(address, groups_of(claims, self._settings.groups_claim), begun.next)

    def _begun(self, kept: str) -> _Begun:
        try:
            return _Begun(**json.loads(self._sealing.decrypt(kept.encode(), ttl=BEGUN_S)))
        except (InvalidToken, UnicodeError) as error:
            raise NotAuthenticated(_ELSEWHERE, hint=_AGAIN) from error

    def _exchange(self, code: str, begun: _Begun) -> str:
        """The ID token for a code, which the provider gives only once and only to whoever began this login."""
        try:
            with self._client(begun.redirect) as client:
                told = client.fetch_token(
                    self._endpoint("token_endpoint"),
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=begun.verifier,
                    redirect_uri=begun.redirect,
                )
        except AuthlibBaseError as error:
            raise NotAuthenticated(
                "The identity provider did not confirm this login.", hint=_AGAIN
            ) from error
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderUnavailable("The identity provider cannot be asked for this login.") from error
        token = told.get("id_token")
        if not isinstance(token, str):
            raise ProviderUnavailable("The identity provider says nothing of who has logged in.")
        return token

    def _ours(self, claims: Mapping[str, Any], begun: _Begun) -> None:
        """Whether an ID token was made for this login and no other (OpenID Connect Core 1.0, 3.1.3.7)."""
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not secrets.compare_digest(nonce.encode(), begun.nonce.encode()):
            raise NotAuthenticated(_ELSEWHERE, hint=_AGAIN)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self._settings.client_id:
            raise NotAuthenticated("The identity provider made this login for another service.", hint=_AGAIN)

    def _endpoint(self, name: str) -> str:
        return provider_address(str(self._provider.description().get(name, "")))

    def _client(self, redirect: str) -> OAuth2Client:
        secret = self._settings.client_secret.get_secret_value()
        return OAuth2Client(
            self._settings.client_id,
            secret or None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=" ".join(self._settings.scopes),
            redirect_uri=redirect,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            trust_env=False,
        )


_ELSEWHERE = "This login was begun elsewhere, or too long ago."
_AGAIN = "Sign in again."
