"""People who have logged in to the pages, by the session that their browser keeps."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import Request, Response

from api.auth_settings import AuthSettings
from api.identify import Callers
from api.roles import Caller
from api.settings import ServeSettings
from memory.catalogue.sessions import Sessions


class BySession:
    """Whoever is logged in. A session that has ended is nobody's, so that the page to log in can be shown.

    :param sessions: of the memory.
    :param callers: for whom they ask; groups of the directory count as they are now.
    """

    challenge = ""
    blocking = True
    ambient = True

    def __init__(
        self, auth: AuthSettings, serve: ServeSettings, sessions: Sessions, callers: Callers
    ) -> None:
        self._idle = timedelta(minutes=auth.idle_minutes)
        self._methods = frozenset(auth.methods)
        self._cookie = SessionCookie(serve)
        self._sessions = sessions
        self._callers = callers

    def __call__(self, request: Request) -> Caller | None:
        """Whose session the request brings along."""
        token = self._cookie.read(request)
        session = self._sessions.known(token, self._idle) if token else None
        if session is None or session.method not in self._methods:
            return None
        return replace(self._callers.of(session.address, session.tokens), session=True)


class SessionCookie:
    """A cookie that keeps who somebody is: no script reads it, no other site has it sent with what changes something.

    Where others come through TLS it is sent through TLS only, and its name begins with ``__Host-``, so that no other
    host of the same domain can set it (RFC 6265bis, 4.1.3.2).

    :param name: without that.
    """

    def __init__(self, serve: ServeSettings, name: str = "mneme_session") -> None:
        self._public = urlsplit(serve.url)
        self._plain = name

    def read(self, request: Request) -> str:
        """The token, or an empty text."""
        return request.cookies.get(self._name(request), "")

    def keep(self, request: Request, response: Response, token: str) -> None:
        """Have the browser keep a token until it is closed; the session itself may end before."""
        response.set_cookie(
            self._name(request), token, httponly=True, samesite="lax", secure=self._secure(request), path="/"
        )

    def forget(self, request: Request, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(
            self._name(request), httponly=True, samesite="lax", secure=self._secure(request), path="/"
        )

    def _secure(self, request: Request) -> bool:
        return self._public.scheme == "https" and request.headers.get("host") == self._public.netloc

    def _name(self, request: Request) -> str:
        return f"__Host-{self._plain}" if self._secure(request) else self._plain
