"""Git repositories for tests, made by git itself, and a real HTTP server in front of one (`git http-backend`)."""

import base64
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

JANE, BO = ("Jane Doe", "jane@x.example"), ("Bo Roe", "bo@x.example")


class Repo:
    """A repository with its files checked out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._day = 0
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *args: str, who: tuple[str, str] = JANE, stdin: bytes = b"") -> bytes:
        when = f"2026-01-{self._day % 28 + 1:02}T12:00:00Z"
        people = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in zip(("NAME", "EMAIL", "DATE"), (*who, when), strict=True)
        }
        environment = {"PATH": os.defpath, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", **people}
        return subprocess.run(
            ["git", *args], cwd=self.path, env=environment, input=stdin, capture_output=True, check=True
        ).stdout

    def put(self, name: str | bytes, body: bytes | str) -> None:
        path = os.path.join(os.fsencode(self.path), os.fsencode(name))  # noqa: PTH118
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        Path(os.fsdecode(path)).write_bytes(body.encode() if isinstance(body, str) else body)

    def commit(self, message: str = "change", who: tuple[str, str] = JANE) -> str:
        self._day += 1
        self.git("add", "-A", who=who)
        self.git("commit", "-q", "--allow-empty", "-m", message, who=who)
        return self.git("rev-parse", "HEAD").decode().strip()


class Server:
    """Serves the repositories of a folder by git's own program for HTTP.

    :ivar password: where there is one, whoever comes must show it (user ``jane``).
    :ivar cut_after: the connection is cut after so many bytes of an answer with objects in it.
    :ivar late_s: seconds until a request is answered.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password = ""
        self.cut_after: int | None = None
        self.late_s = 0.0
        self.seen: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        self.seen.append(asked.path)
        time.sleep(self.late_s)
        wanted = "Basic " + base64.b64encode(f"jane:{self.password}".encode()).decode()
        if self.password and asked.headers.get("Authorization") != wanted:
            asked.send_response(401)
            asked.send_header("WWW-Authenticate", 'Basic realm="git"')
            asked.end_headers()
            return
        if asked.path.startswith("/elsewhere"):
            asked.send_response(302)
            asked.send_header("Location", asked.path.replace("elsewhere", "wiki"))
            asked.end_headers()
            return
        path, _, query = asked.path.partition("?")
        body = asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
        environment = {
            "PATH": os.defpath,
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": asked.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": asked.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": asked.headers.get("Git-Protocol") or "",
            "HTTP_CONTENT_ENCODING": asked.headers.get("Content-Encoding") or "",
            "REMOTE_ADDR": "127.0.0.1",
        }
        made = subprocess.run(
            ["git", "http-backend"], check=False, env=environment, input=body, capture_output=True
        )
        head, _, said = made.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        asked.send_response(int(fields.pop("Status", "200 OK").split()[0]))
        for name, value in fields.items():
            asked.send_header(name, value)
        asked.send_header("Content-Length", str(len(said)))
        asked.end_headers()
        cut = self.cut_after if b"packfile" in said else None
        with suppress(OSError):
            asked.wfile.write(said if cut is None else said[:cut])
            if cut is not None:
                asked.wfile.flush()
                asked.connection.shutdown(socket.SHUT_RDWR)
        asked.close_connection = True


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()
