"""Who asked what and saw what, noted before it is shown.

Every request passes `Witness`. What shows a document says so with `saw`, what else is worth keeping with `tell`: a
new way to show documents is noted with its path all the same once it calls `saw`, and a test asks every route.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from anyio import CancelScope
from anyio.to_thread import run_sync
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MEDIA_TYPE, problem_json, problem_of
from api.security import SAFE
from memory.catalogue.audit import Audit
from memory.errors import MnemeError

_REFUSED = 400


@dataclass
class _Seen:
    """What one request has shown so far."""

    actor: str = ""
    place: str = ""
    unnoted: bool = False
    documents: dict[str, None] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    def take(self) -> dict[str, Any]:
        """What was not taken before, as JSON values."""
        documents, self.documents = list(self.documents), {}
        about, self.about = self.about, {}
        return about | ({"documents": documents} if documents else {})


_seen: ContextVar[_Seen | None] = ContextVar("seen", default=None)


def identified(actor: str) -> None:
    """Say who sent the request at hand, as the audit names them."""
    if seen := _seen.get():
        seen.actor = actor


def unnoted() -> None:
    """Say that the request at hand is not worth an entry: who guesses on and on is not to fill the audit."""
    if seen := _seen.get():
        seen.unnoted = True


def takes_place(asker: str) -> None:
    """Say whose place the request at hand is asked in, by the asker's lasting key."""
    if seen := _seen.get():
        seen.place = asker


def saw(documents: Iterable[str]) -> None:
    """Say that the request at hand shows something of these documents."""
    if seen := _seen.get():
        seen.documents.update(dict.fromkeys(documents))


def tell(**about: Any) -> None:
    """Say what the request at hand is about, as JSON values; never a secret."""
    if seen := _seen.get():
        seen.about.update(about)


class Witness:
    """Notes requests where the audit is on: those that show something, ask, change something or are refused.

    An answer begins only after it was noted. Where that fails, the failure is the answer. What a long answer shows
    on its way is noted at its end, and its beginning says that there was one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, and note it."""
        audit = _audit(scope)
        if audit is None or not audit.on:
            await self._app(scope, receive, send)
            return
        seen = _Seen()
        token = _seen.set(seen)
        request = f"{scope['method']} {scope['path']}"
        failed = False

        async def note(**more: Any) -> None:
            # Whoever goes away or ends the service in the midst has seen it all the same.
            with CancelScope(shield=True):
                await run_sync(audit.note, seen.actor, seen.place, request, seen.take() | more)

        async def send_noted(message: Message) -> None:
            nonlocal failed
            if failed:
                return
            if message["type"] == "http.response.start" and _worth(scope["method"], seen, message["status"]):
                try:
                    await note(status=message["status"])
                except MnemeError as error:
                    failed = True
                    await _fail(error, scope, receive, send)
                    return
            elif message["type"] == "http.response.body" and not message.get("more_body") and seen.documents:
                await note()
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            if seen.documents:  # whoever was shown these went away before the end
                await note(ended="early")
            _seen.reset(token)


def _audit(scope: Scope) -> Audit | None:
    service = getattr(scope["app"].state, "service", None) if scope["type"] == "http" else None
    return service.memory.catalogue.audit if service else None


def _worth(method: str, seen: _Seen, status: int) -> bool:
    if seen.unnoted:
        return False
    return method not in SAFE or bool(seen.documents or seen.about) or status >= _REFUSED


async def _fail(error: MnemeError, scope: Scope, receive: Receive, send: Send) -> None:
    body = problem_json(error, scope["path"])
    status = problem_of(error).status
    await JSONResponse(body, status, media_type=MEDIA_TYPE)(scope, receive, send)
