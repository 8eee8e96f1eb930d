"""A server on the web for tests, in a thread of theirs, which can be stopped in the midst of its answers and started again."""

import socket
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, bytes, dict[str, str]]
"""Status, body and headers."""


class Listening(ABC):
    """A server that answers at the same port whenever it runs.

    :param requests: the addresses that were asked for.
    :param stopped: how often it was stopped.
    """

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[str] = []
        self.stopped = 0
        self._server: _Server | None = None

    @abstractmethod
    def got(self, path: str, asked: dict[str, str], token: str) -> Answer:
        """What is answered to a request.

        :param asked: the query of the address.
        :param token: what was sent as ``Authorization``.
        """

    def start(self) -> None:
        """Answer, at the same port as before."""
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Answer no more, and break off what is being answered."""
        assert self._server
        self.stopped += 1
        self._server.shutdown()
        self._server.server_close()
        self._server.break_off()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *about: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*about)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def handle_error(self, *_: Any) -> None:
        pass

    def break_off(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _handler(server: Listening) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            server.requests.append(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, body, headers = server.got(parts.path, asked, self.headers.get("Authorization", ""))
            told = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
            self.send_response(status)
            for name, text in told.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
