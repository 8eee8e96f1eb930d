"""How the command line reaches a memory: the running service if there is one, else the same app in-process.

Either way a command is one request, so that HTTP and command line cannot answer differently.
"""

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from api.lock import read_owner, read_token
from api.settings import Settings
from memory.errors import InvalidInput, MnemeError, ServiceGone

_PATIENCE_S = 600
"""Longer than loading a model or rebuilding a large index takes."""


_TOO_LONG = "What is asked is too long to be sent."


class Refused(MnemeError):
    """The service refused.

    :param problem: the problem answer.
    """

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail") or problem.get("title", ""), hint=problem.get("hint", ""))
        self.problem = problem


class Gateway:
    """Sends requests to a memory.

    :param send: takes what `httpx.Client.request` takes.
    :param stream: takes what `httpx.Client.stream` takes; None where answers come whole.
    :param served: whether a service of its own answers.
    """

    def __init__(
        self,
        send: Callable[..., httpx.Response],
        stream: Callable[..., AbstractContextManager[httpx.Response]] | None = None,
        *,
        served: bool,
    ) -> None:
        self._send = send
        self._open = stream
        self.served = served

    def call(self, method: str, path: str, **request: Any) -> Any:
        """Send a request and give the JSON of its answer.

        :raises Refused: where the answer is a problem.
        :raises ServiceGone: where the service ends before it has answered.
        """
        given = {
            key: value for key, value in (request.pop("params", None) or {}).items() if value is not None
        }
        try:
            response = self._send(method, path, params=given, **request)
        except httpx.InvalidURL as error:
            raise InvalidInput(_TOO_LONG, hint="A search has 10,000 characters at most.") from error
        except httpx.TransportError as error:
            raise ServiceGone from error
        body = response.json()
        if response.is_error:
            raise Refused(body)
        return body

    def stream(self, path: str, params: dict[str, Any]) -> Iterator[str]:
        """The text of an answer, piece by piece as it comes.

        :raises Refused: where the answer is a problem.
        """
        decoder = getincrementaldecoder("utf-8")("replace")
        for piece in self.receive(path, params):
            yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)

    def receive(self, path: str, params: dict[str, Any] | None = None) -> Iterator[bytes]:
        """The bytes of an answer, piece by piece as they come.

        :raises Refused: where the answer is a problem.
        """
        given = {key: value for key, value in (params or {}).items() if value is not None}
        if self._open is None:
            response = self._send("GET", path, params=given)
            if response.is_error:
                raise Refused(response.json())
            yield response.content
            return
        try:
            with self._open("GET", path, params=given) as response:
                if response.is_error:
                    response.read()
                    raise Refused(response.json())
                yield from response.iter_bytes()
        except httpx.TransportError as error:
            raise ServiceGone from error


@contextmanager
def connect(settings: Settings, doing: str) -> Iterator[Gateway]:
    """Reach the memory in the home folder.

    :param doing: what the command does, for others to see while it owns the memory.
    :raises MemoryInUse: where a process owns it that is no service.
    """
    address = read_owner(settings.home).get("address")
    if address and _answers(address):
        headers = _as_owner(read_token(settings.home))
        with httpx.Client(base_url=address, timeout=_PATIENCE_S, trust_env=False, headers=headers) as client:
            yield Gateway(client.request, client.stream, served=True)
        return
    with _in_process(settings, doing) as client:
        yield Gateway(client.request, served=False)


def _as_owner(token: str) -> dict[str, str]:
    """Commands are the owner's: whoever may read the token may read all there is."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


class _InProcess:
    """Requests to an app in this process."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient) -> None:
        self._portal = portal
        self._client = client

    def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            return await self._client.request(method, path, **request)

        return self._portal.call(send)


@contextmanager
def _in_process(settings: Settings, doing: str) -> Iterator[_InProcess]:
    from api.lean import import_haystack

    import_haystack()
    from api.app import create_app
    from api.service import Service
    from api.wiring import open_memory

    service = Service(open_memory(settings, doing))
    app = create_app(lambda: service)
    # The transport runs no lifespan: the service is opened and closed here.
    app.state.service = service
    try:
        with start_blocking_portal() as portal:
            transport = httpx.ASGITransport(app)
            client = httpx.AsyncClient(
                transport=transport,
                base_url="http://localhost",
                timeout=_PATIENCE_S,
                headers=_as_owner(service.owner.token),
            )
            yield _InProcess(portal, client)
            portal.call(client.aclose)
    finally:
        service.close()
