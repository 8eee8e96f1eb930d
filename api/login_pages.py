"""The pages to log in and out: forms that work without JavaScript and are taken from this service's own pages only."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from api.admission import Asked, caller_of
from api.by_session import SessionCookie
from api.identify import from_our_page
from api.interface import page, pages_of
from api.login import safe_place
from api.problems import problem_of
from api.service import Service
from api.witness import unnoted
from memory.errors import (
    InvalidInput,
    MnemeError,
    NotAuthenticated,
    NotFound,
    ProviderUnavailable,
    TooManyRequests,
)

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Text = Annotated[str, Form()]


@router.get("/login")
def login_page(request: Request, service: Asked, next: str = "/") -> HTMLResponse:
    """The page to log in."""
    _offered(service)
    return _page(request, service, next)


@router.post("/login", response_model=None)
def log_in(
    request: Request, service: Asked, address: Text = "", password: Text = "", next: Text = "/"
) -> HTMLResponse | RedirectResponse:
    """Log somebody in with a password, under a session that was nobody's before."""
    if not service.login.by_password:
        raise NotFound("There is nothing at this address.")
    serve, came = service.memory.settings.serve, service.peers.address(request)
    try:
        service.login.try_from(came)
        from_our_page(request)
        token = service.login.with_password(address, password, came)
    except (NotAuthenticated, TooManyRequests) as error:
        return _page(request, service, next, error)
    answer = RedirectResponse(safe_place(next), 303)
    SessionCookie(serve).keep(request, answer, token)
    return answer


@router.get("/login/oidc")
def to_provider(request: Request, service: Asked, next: str = "/") -> RedirectResponse:
    """Send somebody to the identity provider."""
    if service.login.oidc is None:
        raise NotFound("There is nothing at this address.")
    service.login.try_from(service.peers.address(request))
    address, kept = service.login.oidc.begin(_address(request, service, "/login/return"), safe_place(next))
    answer = RedirectResponse(address, 303)
    _begun(service).keep(request, answer, kept)
    return answer


@router.get("/login/return", response_model=None)
def from_provider(request: Request, service: Asked) -> HTMLResponse | RedirectResponse:
    """Log somebody in who comes back from the identity provider."""
    begun, serve = _begun(service), service.memory.settings.serve
    try:
        given = dict(request.query_params)
        service.login.try_from(service.peers.address(request))
        token, place = service.login.at_provider(begun.read(request), given)
    except (NotAuthenticated, TooManyRequests, ProviderUnavailable) as error:
        answer: HTMLResponse | RedirectResponse = _page(request, service, "/", error)
    else:
        answer = RedirectResponse(safe_place(place), 303)
        SessionCookie(serve).keep(request, answer, token)
    begun.forget(request, answer)
    return answer


@router.post("/logout")
def log_out(request: Request, service: Asked) -> RedirectResponse:
    """End the session."""
    cookie = SessionCookie(service.memory.settings.serve)
    service.login.end(cookie.read(request))
    answer = RedirectResponse("/login" if service.login.offered else "/", 303)
    cookie.forget(request, answer)
    return answer


@router.get("/password")
def password_page(request: Request, service: Asked) -> HTMLResponse:
    """The page to change one's password."""
    return _password_page(request, service)


@router.post("/password", response_model=None)
def change_password(
    request: Request, service: Asked, password: Text = "", other: Text = ""
) -> HTMLResponse | RedirectResponse:
    """Change one's password; whoever is logged in with the old one elsewhere is logged out."""
    address, came = _own_address(request, service), service.peers.address(request)
    try:
        token = service.login.change_password(address, password, other, came)
    except (NotAuthenticated, TooManyRequests, InvalidInput) as error:
        return _password_page(request, service, error)
    answer = RedirectResponse("/", 303)
    SessionCookie(service.memory.settings.serve).keep(request, answer, token)
    return answer


def _own_address(request: Request, service: Service) -> str:
    caller = caller_of(request)
    if not caller.session or not service.login.by_password:
        raise NotFound("There is nothing at this address.")
    return caller.name


def _password_page(request: Request, service: Service, error: MnemeError | None = None) -> HTMLResponse:
    address = _own_address(request, service)
    problem = {"detail": error.message, "hint": error.hint} if error else None
    html = pages_of(request).render("password.html", "", user=address, problem=problem)
    # Whoever mistypes their password stays logged in: the status is not 401.
    return page(request, html, 422 if error else 200)


def _begun(service: Service) -> SessionCookie:
    """The cookie of a login that goes on at the provider."""
    return SessionCookie(service.memory.settings.serve, "mneme_login")


def _address(request: Request, service: Service, path: str) -> str:
    """The address of a page as the browser has it, which `api.security.Guard` has looked at."""
    url, host = service.memory.settings.serve.url, request.headers["host"]
    return f"{url}{path}" if host == urlsplit(url).netloc else f"http://{host}{path}"


def _offered(service: Service) -> None:
    if not service.login.offered:
        raise NotFound("There is nothing at this address.")


def _page(request: Request, service: Service, next: str, error: MnemeError | None = None) -> HTMLResponse:
    problem = {"detail": error.message, "hint": error.hint} if error else None
    html = pages_of(request).render(
        "login.html",
        "",
        next=safe_place(next),
        by_password=service.login.by_password,
        by_provider=service.login.oidc is not None,
        problem=problem,
    )
    answer = page(request, html, problem_of(error).status if error else 200)
    if isinstance(error, TooManyRequests):
        unnoted()
        answer.headers["Retry-After"] = str(error.after_s)
    return answer
