"""The one way in which connectors ask a source on the web: within bounds, and telling its secrets to nobody else.

    web = web_of(config, {"Authorization": bearer(token)})
    told = web.json("rest/api/content", {"limit": "100"})

What goes wrong comes as the errors of `connectors.base`; the sync waits and tries again (`connectors.patience`), this does not.
"""

import json
import ssl
import tempfile
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import httpx
from pydantic import SecretStr

from connectors.http_errors import AnswerTooLarge, complain, shown, unreachable
from connectors.internet_address import certificates
from memory.errors import InvalidInput, SourceError, SourceUnavailable

ANSWER_BYTES = 64_000_000
"""No answer that is read into memory is longer."""
ANSWER_S = 120.0
"""No such answer takes longer, however steadily it trickles."""
FILE_BYTES = 1_000_000_000
FILE_S = 3_600.0
KEPT = 64
"""Files of the newest answers that stay: a sync parses 32 documents at a time, and reads on meanwhile."""

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_HOPS = 5
_AGENT = f"Mneme/{version('mneme')}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source answered.

    :param url: where it came from in the end.
    :param status: 2xx, or another that was said to be an answer.
    :param cut: nothing said how long the body is, so that it may end too early.
    """

    url: str
    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)
    cut: bool = False

    def json(self) -> Any:
        """The body as JSON values.

        :raises SourceUnavailable: where it breaks off and nothing had said how long it is.
        :raises SourceError: where it is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            if self.cut:
                raise SourceUnavailable(f"The answer of {shown(self.url)} breaks off.") from error
            raise SourceError(
                f"What {shown(self.url)} answers is no JSON but {self._kind()}.",
                hint="Check the address; a page to log in, or a proxy's, may have come instead.",
            ) from error

    def _kind(self) -> str:
        kind = self.headers.get("content-type", "").partition(";")[0]
        return kind if kind.isascii() and kind.isprintable() and 0 < len(kind) < 60 else "something else"


class Web:
    """A source on the web. Secrets go to its origin (scheme, host and port), and nowhere else.

    Redirects are followed within the origin; cookies are kept for as long as this is open. The environment is not asked for
    proxies or certificates: what the settings say is all there is.

    :param base: the address that others are relative to; a path is a folder, with or without a slash at its end.
    :param secrets: headers that say who asks.
    :param context: what checks the certificate; the system's authorities, unless given.
    :param proxy: the address of a proxy.
    :param transport: another way to send requests, such as one that refuses private addresses.
    :param onwards: other hosts that redirects may lead to, encrypted: no secret is sent there.
    :raises InvalidInput: where a secret cannot stand in a header.
    """

    def __init__(
        self,
        base: str,
        secrets: Mapping[str, SecretStr] | None = None,
        *,
        context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
        onwards: Collection[str] = (),
    ) -> None:
        for name, secret in (secrets or {}).items():
            if not (secret.get_secret_value().isascii() and secret.get_secret_value().isprintable()):
                raise InvalidInput(
                    f"What is to be sent as {name} has characters that no header can carry.",
                    hint="Give the password or token again, without a line's end.",
                )
        self._base = httpx.URL(base if base.endswith("/") else f"{base}/")
        self._secrets = dict(secrets or {})
        self._onwards = frozenset(onwards)
        self._client = httpx.Client(
            headers={"User-Agent": _AGENT, "Accept-Encoding": "gzip"},
            verify=context or certificates(None),
            proxy=proxy,
            transport=transport,
            timeout=timeout,
            trust_env=False,
        )
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: deque[Path] = deque()

    @property
    def host(self) -> str:
        """The source as people read it: host, and port where it is not the usual one."""
        return self._base.netloc.decode("ascii")

    def address(self, path: str) -> str:
        """An address within the source's origin, from one that is relative to its base, or from a whole one.

        :raises SourceError: where it leads to another origin, or is none.
        """
        try:
            url = self._base.join(path)
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise SourceError(f"{self.host} gives an address that is none.") from error
        if _origin(url) != _origin(self._base) or url.userinfo:
            raise SourceError(
                f"{self.host} sends us on to {shown(url)}.",
                hint=f"Give {_origin(url)} as the source's address if that is right; nothing was sent there.",
            )
        return str(url)

    def json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Ask for JSON values; see `ask` and `Answer.json` for the errors."""
        return self.ask("GET", path, params=params).json()

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        values: Any = None,
        headers: Mapping[str, str] | None = None,
        also: Collection[int] = (),
        max_bytes: int = ANSWER_BYTES,
    ) -> Answer:
        """Ask, and read the answer into memory.

        :param params: the query of the address.
        :param form: sent as a form; `values`: sent as JSON, bytes as they are.
        :param headers: such as ``If-None-Match``: nothing secret.
        :param also: statuses that are answers too, such as 304 where something newer was asked for.
        :raises NotFound: 404 and 410.
        :raises Refused: 401 and 403.
        :raises RateLimited: 429, and 503 with ``Retry-After``.
        :raises ServerFault: 500: it answers, and fails over just this.
        :raises SourceUnavailable: any other 5xx, no answer, one that breaks off or takes too long.
        :raises AnswerTooLarge: more than `max_bytes`.
        :raises SourceError: anything else that is no answer, such as a redirect to another host.
        """
        request = self._request(method, path, params, headers, data=form, **_body(values))
        body = bytearray()
        with self._answered(request, also) as answer:
            for piece in _pieces(answer, max_bytes, ANSWER_S):
                body += piece
        return Answer(
            str(answer.url), answer.status_code, answer.headers, bytes(body), cut=_open_ended(answer)
        )

    def file(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        size: int | None = None,
        max_bytes: int = FILE_BYTES,
    ) -> Path:
        """Ask for something that may be large, and write it to a file.

        The file is there until 64 others have been asked for, or this is closed.

        :param size: how many bytes there must be, where the source has said so before.
        :raises NotFound, Refused, RateLimited, ServerFault, SourceUnavailable, AnswerTooLarge, SourceError: as `ask`.
        """
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="mneme-")
        request = self._request("GET", path, params, {"Accept-Encoding": "identity"})
        with tempfile.NamedTemporaryFile(dir=self._folder.name, delete=False) as target:
            self._files.append(Path(target.name))
            while len(self._files) > KEPT:
                self._files.popleft().unlink(missing_ok=True)
            with self._answered(request) as answer:
                for piece in _pieces(answer, max_bytes, FILE_S):
                    target.write(piece)
            if size is not None and target.tell() != size:
                raise SourceUnavailable(f"{shown(answer.url)} breaks off.")
        return self._files[-1]

    def close(self) -> None:
        """End the connections, forget cookies and remove files; whatever is asked afterwards needs a new one."""
        self._client.close()
        if self._folder:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        **body: Any,
    ) -> httpx.Request:
        url = httpx.URL(self.address(path))
        secrets = {name: secret.get_secret_value() for name, secret in self._secrets.items()}
        return self._client.build_request(
            method,
            url.copy_merge_params(params) if params else url,
            headers={**(headers or {}), **secrets},
            **body,
        )

    def _onward(self, request: httpx.Request) -> httpx.Request:
        """The request that a redirect asks for, if it may be sent there."""
        if request.url.scheme == "https" and request.url.netloc.decode("ascii") in self._onwards:
            for name in (*self._secrets, "Cookie"):
                request.headers.pop(name, None)
        else:
            self.address(str(request.url))
        return request

    @contextmanager
    def _answered(self, request: httpx.Request, also: Collection[int] = ()) -> Iterator[httpx.Response]:
        """An answer that is none of the errors, not yet read."""
        try:
            answer = self._client.send(request, stream=True)
            for _ in range(_HOPS):
                if answer.next_request is None:
                    break
                answer.close()
                answer = self._client.send(self._onward(answer.next_request), stream=True)
            try:
                complain(answer, also)
                yield answer
            finally:
                answer.close()
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise unreachable(self.host, error) from error


def _body(values: Any) -> dict[str, Any]:
    return {"content": values} if isinstance(values, bytes) else {"json": values}


def _origin(url: httpx.URL) -> str:
    """As `httpx.URL` writes it: in lower case, and without the usual port."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _open_ended(answer: httpx.Response) -> bool:
    return "content-length" not in answer.headers and "transfer-encoding" not in answer.headers


def _pieces(answer: httpx.Response, max_bytes: int, longest_s: float) -> Iterator[bytes]:
    """The body, unpacked, within bounds of bytes and time."""
    too_large = AnswerTooLarge(f"{shown(answer.url)} answers more than {max_bytes // 1_000_000} MB.")
    declared = answer.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large
    if answer.headers.get("content-encoding", "identity").lower() not in ("gzip", "identity"):
        raise SourceError(f"{shown(answer.url)} answers in a packing that nobody asked for.")
    until, size = time.monotonic() + longest_s, 0
    for piece in answer.iter_bytes():
        size += len(piece)
        if size > max_bytes:
            raise too_large
        if time.monotonic() > until:
            raise SourceUnavailable(f"{shown(answer.url)} took more than {longest_s:.0f} s to answer.")
        yield piece
