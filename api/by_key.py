"""Programs, by the keys they were given."""

from dataclasses import replace

from fastapi import Request

from api.identify import BEARER, Callers, bearer
from api.roles import Caller, Permission
from memory.catalogue.api_keys import PREFIX, ApiKeys
from memory.domain import Asker
from memory.errors import NotAuthenticated


class ByApiKey:
    """A program, by the key it was given: for a person, whose groups and roles count as they are now, or for itself.

    :param keys: of the memory.
    :param callers: for whom a key asks.
    """

    challenge = BEARER
    blocking = True
    ambient = False

    def __init__(self, keys: ApiKeys, callers: Callers) -> None:
        self._keys = keys
        self._callers = callers

    def __call__(self, request: Request) -> Caller | None:
        """Whose key the request shows."""
        given = bearer(request)
        if given is None or not given.startswith(PREFIX):
            return None
        key = self._keys.known(given)
        if key is None:
            raise NotAuthenticated(
                "This key is unknown, expired or revoked.", hint="`mneme keys list` shows those there are."
            )
        actor, scopes = f"key:{key.id}", frozenset(map(Permission, key.scopes))
        if not key.address:
            asker = Asker(tokens=key.tokens, key=actor)
            return Caller(asker, scopes, actor, key.name, source=key.source)
        person = self._callers.of(key.address)
        return replace(
            person,
            permissions=scopes & person.permissions,
            actor=actor,
            name=key.name,
            source=key.source,
        )
