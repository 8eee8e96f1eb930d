"""How a request becomes a caller: the ways in that the settings name, and no other."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from fastapi import Request

from api.roles import OWNING, Caller, RoleHolders
from api.security import SAFE
from memory.catalogue.people import People
from memory.errors import AccessDenied, InvalidInput, NotAuthenticated

BEARER = 'Bearer realm="mneme"'
"""The challenge of every way in that takes a bearer token."""

OWNER_PREFIX = "mneme_owner_"
"""What the owner's token begins with."""


class Identify(Protocol):
    """One way to say who sent a request."""

    challenge: str
    """What ``WWW-Authenticate`` says of it (RFC 9110, 11.6.1); empty for what a browser keeps by itself."""

    ambient: bool
    """Whether a browser brings it along with whatever request another site has it make."""

    blocking: bool
    """Whether it looks something up, so that it must not be asked in the event loop."""

    def __call__(self, request: Request) -> Caller | None:
        """Who sent a request; None where it says nothing in this way.

        :raises NotAuthenticated: where it says something in this way that does not hold.
        """


class OwnerToken:
    """The owner, by a token that only this process and whoever may read its home folder know.

    The token is new with every process, so that one that was kept or caught is worth nothing later.
    """

    challenge = ""
    blocking = False
    ambient = False

    def __init__(self) -> None:
        self.token = OWNER_PREFIX + secrets.token_urlsafe(32)

    def __call__(self, request: Request) -> Caller | None:
        """The owner, where the token is theirs."""
        given = bearer(request)
        if given is None or not given.startswith(OWNER_PREFIX):
            return None
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            raise NotAuthenticated("This is not the owner's token of the service that runs now.")
        return OWNING


class NoLogin:
    """Everybody is the owner, where nobody logs in: on loopback only, as `api/settings.py` sees to."""

    challenge = ""
    blocking = False
    ambient = False

    def __call__(self, request: Request) -> Caller | None:
        """The owner. Who shows a key to a memory that knows none means to be less, so they are refused."""
        if request.headers.get("authorization"):
            raise NotAuthenticated(
                "Nobody logs in to this memory, so it takes no credentials.",
                hint="Set MNEME_AUTH__METHODS, or leave the Authorization header out.",
            )
        return OWNING


class Callers:
    """Makes callers of those who have proven an address: what they may see comes from the directory and their groups.

    :param people: of the memory.
    :param holders: who has which role.
    """

    def __init__(self, people: People, holders: RoleHolders) -> None:
        self._people = people
        self._holders = holders

    def of(self, address: str, groups: frozenset[str] = frozenset()) -> Caller:
        """Whoever has proven that an address is theirs.

        :param groups: access tokens that the same proof gives them.
        :raises NotAuthenticated: where it is no address.
        """
        try:
            known = self._people.asker_at(address)
        except InvalidInput as error:
            raise NotAuthenticated(error.message) from error
        asker = replace(known, tokens=known.tokens | groups)
        return Caller(asker, self._holders.permissions(asker.tokens), asker.key, address)


class Identification:
    """Asks each way in turn; the first that knows the caller decides.

    :param ways: in this order. What one refuses, no other is asked about.
    """

    def __init__(self, ways: Sequence[Identify]) -> None:
        self._ways = tuple(ways)
        self.blocking = any(way.blocking for way in ways)

    def challenge(self, request: Request) -> str:
        """What ``WWW-Authenticate`` says to a request that was refused (RFC 6750, 3)."""
        failed = ', error="invalid_token"' if request.headers.get("authorization") else ""
        offered = dict.fromkeys(way.challenge for way in self._ways if way.challenge)
        return ", ".join(each + failed if each == BEARER else each for each in offered)

    def __call__(self, request: Request) -> Caller:
        """Who sent a request.

        :raises NotAuthenticated: where nobody known did.
        :raises AccessDenied: where another site may have had a browser send it.
        """
        for way in self._ways:
            if (caller := way(request)) is not None:
                if way.ambient:
                    from_our_page(request)
                return caller
        raise NotAuthenticated


def from_our_page(request: Request) -> None:
    """What changes something by what a browser brings along must say that it comes from a page of ours.

    `api.security.Guard` has refused what says otherwise; here, what says nothing is refused too.

    :raises AccessDenied: where it does not.
    """
    if request.method in SAFE or request.headers.get("origin"):
        return
    if request.headers.get("sec-fetch-site") != "same-origin":
        raise AccessDenied("Nothing shows that this request comes from a page of this service.")


def bearer(request: Request) -> str | None:
    """The token of ``Authorization: Bearer ...`` (RFC 6750, 2.1), or None.

    :raises NotAuthenticated: where the header comes twice: a proxy may have read another one than we do.
    """
    given = request.headers.getlist("authorization")
    if len(given) > 1:
        raise NotAuthenticated("More than one Authorization header.")
    scheme, _, token = (given[0] if given else "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
