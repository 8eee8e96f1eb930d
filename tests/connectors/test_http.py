"""The client by which connectors ask the web, against a real server that answers as servers do on bad days."""

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from connectors import http
from connectors.base import SourceConfig
from connectors.http import Answer, Web
from connectors.http_errors import AnswerTooLarge, Refused, ServerFault, retry_after, shown
from connectors.http_settings import basic, bearer, web_of
from memory.errors import InvalidInput, MnemeError, NotFound, RateLimited, SourceError, SourceUnavailable
from tests.connectors.local_server import own_certificate

SECRET = "s3cret-of-ours"
MEGABYTE = b"x" * 1_000_000


class Server:
    """Answers by functions that write what they like.

    :param paths: what is done for a path; any other is 404.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.paths: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 5

            def do_GET(self) -> None:
                told.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                told.paths.get(self.path.partition("?")[0], answering(404))(self)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"https://localhost:{self.port}" if context else f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)
        to.close_connection = headers.get("Content_Length", str(len(body))) != str(len(body))

    return answer


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(context)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


@pytest.fixture
def web(server: Server) -> Iterator[Web]:
    with Web(f"{server.url}/wiki", {"Authorization": bearer(SecretStr(SECRET))}) as asking:
        server.asked.clear()
        yield asking


def said(error: BaseException | None) -> str:
    """Everything an error and those behind it say."""
    texts = []
    while error is not None:
        texts.append(f"{error} {error!r} {getattr(error, 'hint', '')}")
        error = error.__cause__ or error.__context__
    return " ".join(texts)


def test_an_answer_is_read_by_its_address_below_the_base(server: Server, web: Web) -> None:
    server.paths["/wiki/api"] = answering(200, b'{"pages": ["\xc3\x9cbersicht"]}')
    server.paths["/top"] = answering(200, b"[]")
    assert web.json("api", {"title": "Ü & b"}) == {"pages": ["Übersicht"]}
    assert web.json("/top") == web.json(f"{server.url}/top") == []
    path, headers = server.asked[0]
    assert path == "/wiki/api?title=%C3%9C+%26+b"
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["user-agent"].startswith("Mneme/")


def test_secrets_stay_within_the_origin(server: Server, web: Web) -> None:
    with serving() as other:
        other.paths["/trap"] = answering(200, b"[]")
        server.paths["/wiki/away"] = answering(302, Location=f"{other.url}/trap")
        server.paths["/wiki/up"] = answering(301, Location=f"https://127.0.0.1:{server.port}/wiki/up")
        server.paths["/wiki/moved"] = answering(307, Location="/wiki/here")
        server.paths["/wiki/here"] = answering(200, b'"here"')
        server.paths["/wiki/round"] = answering(302, Location="round")
        assert web.json("moved") == "here"
        assert all(headers["authorization"] == f"Bearer {SECRET}" for _, headers in server.asked)
        for ask in (
            lambda: web.json("away"),
            lambda: web.file("away"),
            lambda: web.json(f"{other.url}/trap?next=1"),
            lambda: web.json(f"http://eve@127.0.0.1:{server.port}/wiki/here"),
            lambda: web.json("up"),
        ):
            with pytest.raises(SourceError, match="sends us on to") as raised:
                ask()
            assert raised.value.hint
        assert other.asked == []
        with pytest.raises(SourceError, match="in circles"):
            web.json("round")


def test_a_host_that_redirects_may_lead_to_is_told_nothing(tmp_path: Path, server: Server) -> None:
    certificate, key = own_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(context) as files:
        files.paths["/a"] = answering(200, b"a file")
        files.paths["/back"] = answering(302, Location=f"http://localhost:{files.port}/a")
        server.paths["/wiki/a"] = answering(
            302, Location=f"{files.url}/a?once=1", Set_Cookie="session=s3cret"
        )
        server.paths["/wiki/plain"] = answering(302, Location=f"http://localhost:{files.port}/a")
        server.paths["/wiki/back"] = answering(302, Location=f"{files.url}/back")
        trusted = ssl.create_default_context(cafile=str(certificate))
        secrets = {"Authorization": bearer(SecretStr(SECRET)), "X-Key": SecretStr(SECRET)}
        with Web(f"{server.url}/wiki", secrets, context=trusted, onwards=(f"localhost:{files.port}",)) as web:
            assert web.file("a").read_bytes() == b"a file"
            for path in ("plain", "back"):
                with pytest.raises(SourceError, match="sends us on to"):
                    web.file(path)
    assert [path for path, _ in files.asked] == ["/a?once=1", "/back"]
    assert all({"authorization", "x-key", "cookie"}.isdisjoint(headers) for _, headers in files.asked)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotFound),
        (410, NotFound),
        (401, Refused),
        (403, Refused),
        (429, RateLimited),
        (500, ServerFault),
        (502, SourceUnavailable),
        (503, SourceUnavailable),
        (400, SourceError),
        (304, SourceError),
    ],
)
def test_what_a_status_means(server: Server, web: Web, status: int, kind: type[MnemeError]) -> None:
    server.paths["/wiki/it"] = answering(status, SECRET.encode(), Set_Cookie="a=b")
    with pytest.raises(MnemeError) as raised:
        web.json("it", {"token": SECRET})
    assert type(raised.value) is kind
    assert raised.value.hint
    assert SECRET not in said(raised.value)
    assert web.ask("GET", "it", also=(status,)).status == status


def test_a_source_asks_for_a_pause(server: Server, web: Web) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    server.paths["/wiki/busy"] = answering(503, Retry_After="7")
    with pytest.raises(RateLimited) as raised:
        web.json("busy")
    assert raised.value.after_s == 7
    # By the source's own clock, which may be years behind.
    assert retry_after(httpx.Headers({"retry-after": later, "date": format_datetime(now)})) == 90
    assert retry_after(httpx.Headers({"retry-after": later})) == 0
    soon = retry_after(
        httpx.Headers({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=60))})
    )
    assert soon is not None
    assert 55 < soon <= 60
    for odd in ("", "soon", "-3", "1.5", "²", "9" * 400):
        assert retry_after(httpx.Headers({"retry-after": odd.encode()})) is None
    # What some tell in its place, in seconds or as a moment.
    for reset in ("90", str(int(now.timestamp()) + 90)):
        told = {"x-ratelimit-reset": reset, "date": format_datetime(now)}
        assert retry_after(httpx.Headers(told)) == 90
        assert retry_after(httpx.Headers(told | {"retry-after": "7"})) == 7
    for odd in ("", "soon", "-3", "9" * 11):
        assert retry_after(httpx.Headers({"x-ratelimit-reset": odd})) is None


def test_a_slow_source_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def trickle(to: BaseHTTPRequestHandler) -> None:
        answering(200, b"", Content_Length="1000")(to)
        for _ in range(1000):
            to.wfile.write(b"x")
            time.sleep(0.02)

    server.paths["/never"] = lambda _to: time.sleep(1)
    server.paths["/trickle"] = trickle
    monkeypatch.setattr(http, "ANSWER_S", 0.2)
    with Web(server.url, timeout=httpx.Timeout(0.1)) as web:
        with pytest.raises(SourceUnavailable, match="in time"):
            web.json("never")
        with pytest.raises(SourceUnavailable, match="took more than"):
            web.json("trickle")


def test_an_answer_that_breaks_off_is_none(server: Server, web: Web) -> None:
    def open_ended(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Connection", "close")
        to.end_headers()
        to.wfile.write(b'{"pages": [1, 2')

    def hang_up(to: BaseHTTPRequestHandler) -> None:
        to.connection.shutdown(socket.SHUT_RDWR)

    server.paths["/wiki/half"] = answering(200, b'{"a": 1', Content_Length="100")
    server.paths["/wiki/open"] = open_ended
    server.paths["/wiki/hung"] = hang_up
    for ask in (
        lambda: web.json("half"),
        lambda: web.json("open"),
        lambda: web.json("hung"),
        lambda: web.file("half"),
        lambda: web.file("open", size=100),
    ):
        with pytest.raises(SourceUnavailable):
            ask()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with (
            Web(f"http://127.0.0.1:{nobody.getsockname()[1]}") as gone,
            pytest.raises(SourceUnavailable, match="cannot be reached") as raised,
        ):
            gone.json("", {"token": SECRET})
        assert SECRET not in said(raised.value)


def test_what_is_no_json_is_said_to_be_none(server: Server, web: Web) -> None:
    server.paths["/wiki/page"] = answering(200, b"<html>Log in", Content_Type="text/html; charset=utf-8")
    server.paths["/wiki/deep"] = answering(200, b"[" * 100_000)
    with pytest.raises(SourceError, match="no JSON but text/html") as raised:
        web.json("page")
    assert not isinstance(raised.value, SourceUnavailable)
    with pytest.raises(SourceError, match="something else"):
        web.json("deep")


def test_a_large_answer_goes_into_a_file_or_is_refused(server: Server, web: Web) -> None:
    def many(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Connection", "close")
        to.end_headers()
        for _ in range(50):
            to.wfile.write(MEGABYTE)

    server.paths["/wiki/large"] = many
    server.paths["/wiki/declared"] = answering(200, Content_Length="50000000")
    server.paths["/wiki/bomb"] = answering(200, gzip.compress(MEGABYTE * 20), Content_Encoding="gzip")
    server.paths["/wiki/packed"] = answering(200, b"[]", Content_Encoding="br")
    tracemalloc.start()
    path = web.file("large", size=50_000_000)
    assert path.stat().st_size == 50_000_000
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    for each in ("large", "declared", "bomb"):
        with pytest.raises(AnswerTooLarge, match="more than 10 MB"):
            web.ask("GET", each, max_bytes=10_000_000)
        with pytest.raises(AnswerTooLarge):
            web.file(each, max_bytes=10_000_000)
    with pytest.raises(SourceError, match="packing"):
        web.json("packed")


def test_files_do_not_heap_up(server: Server) -> None:
    server.paths["/file"] = answering(200, b"text")
    with Web(server.url) as web:
        files = [web.file("file") for _ in range(http.KEPT + 2)]
        assert [path.exists() for path in files[:4]] == [False, False, True, True]
        assert files[-1].read_bytes() == b"text"
    assert not files[-1].exists()


def test_only_trusted_certificates_are_believed(tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(context) as server:
        server.paths["/"] = answering(200, b"[]")
        config = SourceConfig("wiki", server.url)
        with web_of(config) as web, pytest.raises(SourceError, match="not trusted") as raised:
            web.json("")
        assert "ca=FILE" in raised.value.hint
        assert server.asked == []
        trusting = SourceConfig("wiki", server.url, options=(("ca", str(certificate)),))
        with web_of(trusting) as web:
            assert web.json("") == []
    with pytest.raises(InvalidInput, match="cannot be read"):
        web_of(SourceConfig("wiki", server.url, options=(("ca", str(key.with_name("none"))),)))


def test_the_environment_decides_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.paths["/it"] = answering(200, b'"direct"')
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with web_of(SourceConfig("wiki", server.url)) as web:
        assert web.json("it") == "direct"
    with serving() as proxy:
        proxy.paths[f"{server.url}/it"] = answering(200, b'"by proxy"')
        with web_of(SourceConfig("wiki", server.url, options=(("proxy", proxy.url),))) as web:
            assert web.json("it") == "by proxy"


@pytest.mark.parametrize(
    ("location", "options"),
    [
        ("wiki.x.example", {}),
        ("ftp://wiki.x.example", {}),
        ("https://", {}),
        ("https://jane:s3cret-of-ours@wiki.x.example", {}),
        ("https://wiki.x.example/?token=s3cret-of-ours", {}),
        ("https://wiki.x.example:99999999/", {}),
        ("http://wiki.x.example/", {}),
        ("https://wiki.x.example/", {"tls": "perhaps"}),
        ("https://wiki.x.example/", {"proxy": "socks://x"}),
        ("https://wiki.x.example/", {"proxy": "http://jane:s3cret-of-ours@proxy"}),
    ],
)
def test_settings_that_cannot_work_are_refused(location: str, options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as raised:
        web_of(
            SourceConfig(
                "wiki", location, options=tuple(options.items()), secrets=(("token", SecretStr(SECRET)),)
            )
        )
    assert SECRET not in said(raised.value)


def test_what_may_be_sent_in_the_clear(server: Server) -> None:
    token = (("token", SecretStr(SECRET)),)
    web_of(SourceConfig("wiki", server.url, secrets=token)).close()
    web_of(SourceConfig("wiki", "http://wiki.x.example/")).close()
    web_of(SourceConfig("wiki", "http://wiki.x.example/", options=(("tls", "off"),), secrets=token)).close()
    with pytest.raises(InvalidInput, match="no header can carry") as raised:
        Web(server.url, {"X-Token": SecretStr(f"{SECRET}\r\nX-Other: 1")})
    assert SECRET not in said(raised.value)
    assert basic("jane", SecretStr("x")).get_secret_value() == "Basic amFuZTp4"


def test_addresses_are_shown_without_what_is_secret() -> None:
    assert shown(f"https://jane:{SECRET}@x.example/a%0Ab?token={SECRET}#{SECRET}") == "https://x.example/a?b"
    assert len(shown("https://x.example/" + "a" * 5_000)) < 300
    assert "body" not in repr(Answer("https://x.example/", 200, httpx.Headers(), SECRET.encode()))
