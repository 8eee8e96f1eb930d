"""In which language a request is answered: asked for by ``?ui=``, remembered in a cookie, or the browser's own."""

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.pages import Pages
from api.roles import CALLER, Caller
from api.wording import LANGUAGES, negotiate, wording

COOKIE = "mneme_ui"
_YEAR_S = 365 * 24 * 3600


def language_of(request: Request) -> str:
    """The language of the interface for a request, one of `LANGUAGES`."""
    for asked in (request.query_params.get("ui"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return asked
    return negotiate(request.headers.get("accept-language", ""))


def pages_of(request: Request) -> Pages:
    """What renders the pages for a request."""
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    caller: Caller | None = request.scope.get(CALLER)
    words = wording(language_of(request))
    if caller is None:
        return Pages(words, address, ())
    reader = caller.name if caller.session else ""
    passwords = request.app.state.service.login.by_password
    return Pages(words, address, caller.permissions, reader, passwords=passwords)


def page(request: Request, html: str, status: int = 200) -> HTMLResponse:
    """A page as the answer; a language that was asked for by ``?ui=`` is remembered from then on."""
    response = HTMLResponse(html, status)
    asked = request.query_params.get("ui")
    if asked in LANGUAGES:
        response.set_cookie(COOKIE, asked, max_age=_YEAR_S, httponly=True, samesite="lax")
    return response
