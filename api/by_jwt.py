"""People and programs, by tokens that an identity provider has signed for this service."""

from fastapi import Request

from api.auth_settings import JwtSettings
from api.identify import BEARER, Callers, bearer
from api.roles import Caller
from api.signed_tokens import Provider, Verifier, address_of, groups_of


class ByJwt:
    """Whoever a signed token names (RFC 6750 with RFC 7519), with the groups that it lists.

    :param callers: for whom tokens ask.
    """

    challenge = BEARER
    blocking = True
    ambient = False

    def __init__(self, settings: JwtSettings, callers: Callers) -> None:
        provider = Provider(settings.issuer, settings.jwks_url)
        self._verifier = Verifier(provider, settings.audience, settings.algorithms)
        self._settings = settings
        self._callers = callers

    def __call__(self, request: Request) -> Caller | None:
        """Whose token the request shows."""
        given = bearer(request)
        if given is None or given.count(".") != _DOTS:
            return None
        claims = self._verifier.claims(given)
        address = address_of(claims, self._settings.address_claim)
        return self._callers.of(address, groups_of(claims, self._settings.groups_claim))


_DOTS = 2
"""Between the three parts of a signed token (RFC 7515, 7.1)."""
