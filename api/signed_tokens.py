"""Tokens that an identity provider signs (RFC 7519): whose keys are fetched, and what is believed of them.

The algorithm and the key are never the token's choice: only asymmetric algorithms that the settings allow, only keys of
the set that the settings name, whatever ``alg``, ``jku``, ``jwk`` or ``x5u`` a token brings (RFC 8725, 3.1 to 3.10).
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from api.roles import group_tokens
from api.setting_kinds import is_confidential
from memory.errors import NotAuthenticated, ProviderUnavailable

FRESH_S = 600
"""Seconds for which fetched keys are taken as they are."""

STALE_S = 24 * 3600
"""Seconds for which they are taken where the provider cannot be reached."""

PAUSE_S = 10
"""Seconds between fetches, however many unknown keys tokens name: who makes up names makes nobody fetch."""

LEEWAY_S = 60
"""Seconds that the provider's clock may be off."""

_TIMEOUT_S = 5
_PATIENCE_S = 1
_MOST_BYTES = 1_000_000
_ASYMMETRIC = frozenset({"RSA", "EC", "OKP"})

log = logging.getLogger("mneme")


def provider_address(address: str) -> str:
    """An address of the provider's, where it can be asked without anybody on the way.

    :raises ProviderUnavailable: where it cannot.
    """
    if not is_confidential(urlsplit(address)):
        raise ProviderUnavailable(f"The provider names {address[:200]!r}, which is no https address.")
    return address


def fetch_json(address: str) -> dict[str, Any]:
    """A JSON object from an address of the provider's; no redirect is followed, and no proxy of the environment asked.

    :raises ProviderUnavailable: where there is none.
    """
    url = provider_address(address)
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False) as client,
            client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise ProviderUnavailable(f"The provider answered {answer.status_code} at {address}.")
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise ProviderUnavailable(f"The provider's answer at {address} is too large.")
        told = httpx.Response(200, content=bytes(body)).json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderUnavailable(f"The provider cannot be read at {address}.") from error
    if not isinstance(told, dict):
        raise ProviderUnavailable(f"The provider's answer at {address} is no JSON object.")
    return told


class Provider:
    """An identity provider: what it says of itself (OpenID Connect Discovery 1.0), and the keys it signs with.

    :param issuer: its name, which begins every address it may be asked at.
    :param jwks_url: where its keys are; empty: where its own description says.
    :param clock: seconds that only grow.
    """

    def __init__(self, issuer: str, jwks_url: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._jwks_url = jwks_url
        self._clock = clock
        self._lock = threading.RLock()
        self._description: dict[str, Any] | None = None
        self._keys: KeySet | None = None
        self._fetched = self._tried = float("-inf")

    def description(self) -> dict[str, Any]:
        """What the provider says of itself.

        :raises ProviderUnavailable: where it cannot be read, or is another's.
        """
        # Anybody can begin a login: no more than one thread is held by a provider that answers slowly.
        if self._description is None and self._lock.acquire(timeout=_PATIENCE_S):
            try:
                self._description = self._description or self._described()
            finally:
                self._lock.release()
        if self._description is None:
            raise ProviderUnavailable("The identity provider is slow to say what it is.")
        return self._description

    def _described(self) -> dict[str, Any]:
        told = fetch_json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != self.issuer:
            raise ProviderUnavailable("The provider calls itself otherwise than the settings do.")
        return told

    def keys(self, *, anew: bool = False) -> KeySet:
        """The keys it signs with.

        :param anew: fetch them, unless that is or was just tried: a token names one that is not among them.
        :raises ProviderUnavailable: where they cannot be had.
        """
        # A provider may answer slowly, and anybody can make up the name of a key: nobody who waits for another's fetch may
        # hold a thread for longer than a moment, nor for any time where there are keys to go by.
        patience = _PATIENCE_S if self._keys is None else 0
        if (anew or self._age() > FRESH_S) and self._lock.acquire(timeout=patience):
            try:
                self._refresh()
            finally:
                self._lock.release()
        if self._keys is None or self._age() > STALE_S:
            raise ProviderUnavailable("The keys of the identity provider could not be fetched.")
        return self._keys

    def _age(self) -> float:
        return self._clock() - self._fetched

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._tried < PAUSE_S:
            return
        self._tried = now
        try:
            self._keys, self._fetched = self._fetch(), now
        except ProviderUnavailable as error:
            log.warning("%s", error)

    def _fetch(self) -> KeySet:
        told = fetch_json(self._jwks_url or str(self.description().get("jwks_uri", "")))
        given = told.get("keys")
        found = [_public_key(each) for each in given] if isinstance(given, list) else []
        if not (usable := [each for each in found if each]):
            raise ProviderUnavailable("The provider's keys cannot be read.")
        return KeySet(usable)


def _public_key(given: object) -> Key | None:
    """A key that may be believed; None for one of no use here, which must not take the others along (RFC 7517, 5)."""
    if not isinstance(given, dict):
        return None
    try:
        # A secret among public keys would make everybody who reads them a signer.
        return JWKRegistry.import_key(given) if given["kty"] in _ASYMMETRIC else None
    except (JoseError, KeyError, TypeError, AttributeError, ValueError):
        return None


class Verifier:
    """Believes tokens of one provider, for one audience.

    :param algorithms: those that are believed, asymmetric all.
    """

    def __init__(self, provider: Provider, audience: str, algorithms: Collection[str]) -> None:
        self._provider = provider
        self._registry = JWSRegistry(algorithms=list(algorithms), strict_check_header=False)
        self._claims = JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )

    def claims(self, token: str) -> Mapping[str, Any]:
        """What a token says, once it is believed.

        :raises NotAuthenticated: where it is not; the reason is told, what it says is not.
        :raises ProviderUnavailable: where the provider's keys cannot be had.
        """
        try:
            try:
                read = jwt.decode(token, self._provider.keys(), registry=self._registry)
            except InvalidKeyIdError:
                read = jwt.decode(token, self._provider.keys(anew=True), registry=self._registry)
            self._claims.validate(read.claims)
        except (JoseError, ValueError, TypeError) as error:
            reason = error.error if isinstance(error, JoseError) else "unreadable"
            raise NotAuthenticated(f"This token is not believed: {reason}.") from error
        return read.claims


def groups_of(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """The access tokens of the groups that a claim names; what cannot be written as a token grants nothing.

    :raises NotAuthenticated: where the claim is no list of names, or says that it is too long to be given: who is
        denied by a group must not get in because the list is missing.
    """
    elsewhere = claims.get("_claim_names")
    if isinstance(elsewhere, dict) and name in elsewhere:
        raise NotAuthenticated(
            "This token does not list its groups.",
            hint="Have the provider send only groups that matter here.",
        )
    given = claims.get(name, [])
    named = [given] if isinstance(given, str) else given
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise NotAuthenticated(f"The claim {name} of this token is no list of groups.")
    return group_tokens(named)


def address_of(claims: Mapping[str, Any], name: str) -> str:
    """The address that a claim names.

    :raises NotAuthenticated: where it names none, or the provider says that nobody has proven it.
    """
    address = claims.get(name)
    if not isinstance(address, str) or not address:
        raise NotAuthenticated(f"This token names no e-mail address in its claim {name}.")
    if name == "email" and claims.get("email_verified", True) not in (True, "true"):
        raise NotAuthenticated("The provider has not verified this e-mail address.")
    return address
