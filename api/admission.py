"""Who is let in: every request is given its caller, and every route asks whether they may.

Two layers, each of which refuses by itself. `Admission` stands before routing: what nobody known sent goes no further,
before its body is read. `admit` stands at each route, whatever path led there: it looks up what that route needs.
"""

from collections.abc import AsyncIterator
from functools import cached_property
from typing import Annotated
from urllib.parse import urlencode

from anyio.to_thread import run_sync
from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.error_answers import answer_of, wants_page
from api.roles import CALLER, FOR_A_SOURCE, Caller, Permission
from api.rules import OPEN, RULES, is_open
from api.security import SAFE
from api.service import Service
from api.witness import identified, takes_place, unnoted
from memory.domain import Asker
from memory.errors import AccessDenied, MnemeError, NotAuthenticated, NotFound, TooLarge, TooManyRequests

MOST_UNASKED = 16_000
"""Bytes of a request that nobody known has sent."""

MOST_ASKED = 1_000_000
"""Bytes of a request of somebody who brings in no documents, lists or queries: routes look at permissions after the body."""

MOST_BROUGHT = 65_000_000
"""Bytes of a request of anybody else: a document that is pushed has 64 million at most, and nothing else has as many."""

_MUCH = frozenset(
    {
        Permission.PUSH,
        Permission.EVALUATE,
        Permission.MANAGE_ACCESS,
        Permission.PROVISION,
        Permission.EVERYTHING,
    }
)


class Admission:
    """Gives each request its caller, or answers it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass whose caller is known, or that needs none."""
        if scope["type"] != "http" or is_open(scope["method"], scope["path"]):
            await self._within(MOST_UNASKED, scope, receive, send)
            return
        request = Request(scope)
        if _opened(request):
            await self._app(scope, _counted(receive), send)
            return
        service: Service = request.app.state.service
        identify = service.identify
        try:
            caller = await run_sync(identify, request) if identify.blocking else identify(request)
            identified(caller.actor)
            if Permission.EVERYTHING not in caller.permissions:
                service.limits.count(caller.actor)
        except MnemeError as error:
            answer = _to_login(request, error) or self._refusal(request, service, error)
            await answer(scope, receive, send)
            return
        scope[CALLER] = caller
        if caller.asker.key != caller.actor:  # a key that asks for a person
            takes_place(caller.asker.key)
        if caller.permissions & _MUCH:
            await self._app(scope, _counted(receive), send)
        else:
            await self._within(MOST_ASKED, scope, receive, send)

    async def _within(self, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        """What anybody may send is small, so that nobody fills the memory of this machine with it."""
        if scope["type"] != "http" or scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > most:
                if CALLER not in scope:
                    unnoted()
                error = TooLarge(f"This takes {most // 1000} KB at most.")
                await answer_of(Request(scope), error)(scope, receive, send)
                return
        given = iter([{"type": "http.request", "body": bytes(body), "more_body": False}])

        async def replay() -> Message:
            return next(given, None) or await receive()

        await self._app(scope, replay, send)

    @staticmethod
    def _refusal(request: Request, service: Service, error: MnemeError) -> Response:
        """Somebody known is never refused for what others from the same address have guessed."""
        if not isinstance(error, NotAuthenticated):
            return answer_of(request, error)
        if wait := service.limits.refused(service.peers.address(request)):
            unnoted()
            return answer_of(request, TooManyRequests(after_s=wait))
        answer = answer_of(request, error)
        if challenge := service.identify.challenge(request):
            answer.headers["WWW-Authenticate"] = challenge
        return answer


def _counted(receive: Receive) -> Receive:
    """What is received as it comes, until it is too much."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MOST_BROUGHT:
            # FastAPI takes any other error of reading a body for one in the body.
            raise HTTPException(413, f"This takes {MOST_BROUGHT // 1_000_000} MB at most.")
        return message

    return counted


def _to_login(request: Request, error: MnemeError) -> Response | None:
    """To whom a page is shown that is not theirs to see yet, the page to log in."""
    offered = request.app.state.service.login.offered and isinstance(error, NotAuthenticated)
    part = "hx-request" in request.headers
    if not offered or request.method != "GET" or not (part or wants_page(request)):
        return None
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    there = f"/login?{urlencode({'next': address})}"
    unnoted()
    # A part of a page is no place for the form: htmx goes there as a whole.
    return Response(status_code=401, headers={"HX-Redirect": there}) if part else RedirectResponse(there, 303)


def _opened(request: Request) -> bool:
    """Whether the settings open this to everybody who reaches the service."""
    service: Service = request.app.state.service
    asked = (request.method, request.scope["path"])
    return asked == ("GET", "/metrics") and service.memory.settings.serve.metrics


async def admit(request: Request) -> None:
    """Refuse a route to a caller without the permission it needs; every route has this as a dependency.

    :raises NotAuthenticated: where nobody is known and the route is not open.
    :raises AccessDenied: where the caller may not, and where nobody said what the route needs.
    :raises NotFound: where a program that may not list the sources names none that it may bring something to: it is not told which there are.
    """
    at = (request.method, request.scope["route"].path)
    if at in OPEN or _opened(request):
        return
    caller, needed = caller_of(request), RULES.get(at)
    if needed is None or needed not in caller.permissions:
        raise AccessDenied(
            "Only the owner of this memory may do that."
            if needed in {None, Permission.EVERYTHING}
            else f"This needs the permission {needed}."
        )
    lists = Permission.OPERATE in caller.permissions
    if needed in FOR_A_SOURCE and (caller.source or not lists):
        await _need_source(request, caller.source, FOR_A_SOURCE[needed])
    if "as" in request.query_params and needed not in _IN_ANOTHERS_PLACE:
        raise AccessDenied("Only the owner of this memory may do that.")


async def _need_source(request: Request, only: str, kind: str) -> None:
    name = request.path_params["name"]
    service: Service = request.app.state.service
    if (only and name != only) or await run_sync(service.memory.catalogue.sources.kind_of, name) != kind:
        raise NotFound(f"There is no source named {name}.")


_IN_ANOTHERS_PLACE = frozenset({Permission.READ, Permission.CONTRIBUTE})


def caller_of(request: Request) -> Caller:
    """Who sent a request.

    :raises NotAuthenticated: where nobody known did.
    """
    caller: Caller | None = request.scope.get(CALLER)
    if caller is None:
        raise NotAuthenticated
    return caller


class Asking:
    """On whose behalf a request asks.

    :param caller: who sent it.
    :param place: whose place the owner takes, as it came in ``as``; empty for nobody's.
    """

    def __init__(self, caller: Caller, place: str, service: Service) -> None:
        if place and Permission.EVERYTHING not in caller.permissions:
            raise AccessDenied("Only the owner of this memory may take another's place.")
        self.caller = caller
        self.place = place
        self._service = service

    def may(self, permission: Permission) -> bool:
        """Whether the caller may do this, in their own place."""
        return not self.place and permission in self.caller.permissions

    @cached_property
    def asker(self) -> Asker:
        """Who is asked for: the caller, or the person whose place the owner takes.

        :raises NotFound: where that person is not known.
        """
        if not self.place:
            return self.caller.asker
        asker = self._service.memory.catalogue.people.asker(self.place)
        takes_place(asker.key)
        return asker


async def service_of(request: Request) -> Service:
    """The service of this process; asynchronous, since FastAPI sends what is not to a thread of its own."""
    service: Service = request.app.state.service
    return service


Asked = Annotated[Service, Depends(service_of)]


async def in_turn(service: Asked) -> AsyncIterator[None]:
    """Hold one of the turns for searching until the answer is sent.

    :raises TooBusy: where there is none.
    """
    with service.turns.turn():
        yield


IN_TURN = Depends(in_turn)
"""What a route that searches has among its dependencies; asynchronous, so that who is refused needs no thread."""


async def asking_of(
    request: Request,
    service: Asked,
    place: Annotated[
        str,
        Query(alias="as", description="A person whose place the owner takes: id, address or full name."),
    ] = "",
) -> Asking:
    """On whose behalf a request asks."""
    return Asking(caller_of(request), place, service)


By = Annotated[Asking, Depends(asking_of)]
