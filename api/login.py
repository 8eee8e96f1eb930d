"""Logging in to the pages: who has proven who they are gets a session of their own, and is sent to where they were going."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api.auth_settings import AuthSettings
from api.tries import LoginTries
from api.ways_in import WITH_SESSION
from api.witness import identified, tell
from memory.catalogue.catalogue import Catalogue
from memory.errors import InvalidInput, NotAuthenticated, NotFound, TooManyRequests

if TYPE_CHECKING:
    from api.oidc import OidcLogin

_AT_ONCE = 2
"""Passwords that are hashed at a time: each takes 64 MB and a processor."""

_PATIENCE_S = 3


class Login:
    """Begins and ends sessions.

    :param catalogue: of the memory.
    """

    def __init__(self, auth: AuthSettings, catalogue: Catalogue) -> None:
        self._auth = auth
        self._catalogue = catalogue
        self._tries = LoginTries()
        self._hashing = threading.BoundedSemaphore(_AT_ONCE)

    @property
    def offered(self) -> bool:
        """Whether there is a page to log in."""
        return bool(WITH_SESSION & {*self._auth.methods})

    @property
    def by_password(self) -> bool:
        """Whether people log in with a password."""
        return "password" in self._auth.methods

    @cached_property
    def oidc(self) -> "OidcLogin | None":
        """How people log in at an identity provider, where they do."""
        if "oidc" not in self._auth.methods:
            return None
        from api.oidc import OidcLogin  # only where it is needed

        return OidcLogin(self._auth.oidc)

    def try_from(self, caller: str) -> None:
        """Count a try to log in from an address.

        :raises TooManyRequests: where there were too many.
        """
        self._tries.count_caller(caller)

    def at_provider(self, kept: str, given: Mapping[str, str]) -> tuple[str, str]:
        """Begin a session for whoever comes back from the provider; gives its token, and where they were going.

        :param kept, given: as `OidcLogin.finish` takes them.
        :raises NotAuthenticated: where nobody was let in.
        """
        if self.oidc is None:
            raise NotFound("There is nothing at this address.")
        try:
            proven = self.oidc.finish(kept, given)
            return self.begin(proven.address, "oidc", proven.groups), proven.next
        except InvalidInput as error:
            raise NotAuthenticated(error.message) from error
        except NotAuthenticated:
            tell(login="refused")
            raise

    def with_password(self, address: str, password: str, caller: str) -> str:
        """Begin a session for whoever knows the password; gives its token.

        :param caller: the address that the request comes from.
        :raises NotAuthenticated: where it is another; whether there is such a user is not told.
        :raises TooManyRequests: where too much was tried, or too many try at once.
        """
        self._check(address, password, caller)
        return self.begin(address, "password")

    def change_password(self, address: str, password: str, other: str, caller: str) -> str:
        """Give somebody who is logged in another password, for the one they have; logs them out everywhere but here.

        :param other: the new one.
        :returns: the token of a new session.
        :raises NotAuthenticated: where the old one is another.
        :raises InvalidInput: where the new one will not do.
        :raises TooManyRequests: where too much was tried.
        """
        self._check(address, password, caller)
        self._catalogue.users.change(address, other)
        return self.begin(address, "password")

    def _check(self, address: str, password: str, caller: str) -> None:
        self._tries.count(caller, address)
        if not self._hashing.acquire(timeout=_PATIENCE_S):
            raise TooManyRequests(after_s=_PATIENCE_S)
        try:
            right = self._catalogue.users.verify(address, password)
        finally:
            self._hashing.release()
        if not right:
            # Not what was typed: people type their password into the field above it.
            tell(login="refused")
            raise NotAuthenticated("The address or the password is not right.", hint="Try again.")
        self._tries.forget(caller, address)

    def begin(self, address: str, method: str, tokens: frozenset[str] = frozenset()) -> str:
        """Begin a session for somebody whose address is proven; gives its token."""
        asker = self._catalogue.people.asker_at(address)
        identified(asker.key)
        tell(login=method)
        lasts = timedelta(hours=self._auth.session_hours)
        return self._catalogue.sessions.begin(address, method=method, lasts=lasts, tokens=tokens)

    def end(self, token: str) -> None:
        """End a session."""
        self._catalogue.sessions.end(token)


def safe_place(address: str) -> str:
    """Where to go after logging in: a path of this service, and the search page instead of anything else.

    Browsers read a backslash as a slash and leave out tabs and line ends, so that what begins with one slash here may begin
    with two there, which is another host (WHATWG URL, 4.4).
    """
    plain = address.isprintable() and "\\" not in address and len(address) <= _LONGEST
    if not plain or not address.startswith("/") or address.startswith("//"):
        return "/"
    parts = urlsplit(address)
    return address if not parts.scheme and not parts.netloc and not parts.path.startswith("/login") else "/"


_LONGEST = 4000
