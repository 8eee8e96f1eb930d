"""A real server of each kind that `share` reads, behind a wire that can be cut, as the tests of all of them need it."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
from pydantic import SecretStr

from connectors.base import SourceConfig
from tests.connectors import apache, openssh, samba
from tests.connectors.local_server import free_port
from tests.connectors.wire import Wire

KINDS = ("smb", "sftp", "webdav", "s3")


class Shared:
    """Files on a server.

    :param real: what can be killed and started, with its `port` and, but for S3, a folder of `files`.
    """

    def __init__(self, kind: str, real: Any) -> None:
        self.kind, self.real = kind, real
        self.user = samba.unprivileged()
        self.wire = Wire(real.port)

    @property
    def files(self) -> Path:
        """Where the files lie on this machine."""
        found: Path = self.real.files
        return found

    @property
    def secret(self) -> str:
        """What must never be shown."""
        return {"smb": samba.PASSWORD, "webdav": apache.PASSWORD}.get(self.kind) or str(self.real.key)

    def config(self, **more: str) -> SourceConfig:
        """The whole of it as a source named by its kind."""
        here = f"127.0.0.1:{self.wire.port}"
        options, secrets, location = {"user": self.user}, {"password": self.secret}, f"smb://{here}/plain"
        if self.kind == "sftp":
            location, secrets = f"sftp://{here}{self.files}", {"private_key": self.secret}
            options["fingerprint"] = self.real.fingerprint
        elif self.kind == "webdav":
            location, options = f"webdav://{here}/", {"user": "jane"}
        elif self.kind == "s3":
            location, options = "s3://bench", {"endpoint": f"http://{here}"}
            secrets = {"access_key": "key", "secret_key": self.secret}
        given = tuple((name, SecretStr(value)) for name, value in secrets.items())
        return SourceConfig(self.kind, location, options=tuple({**options, **more}.items()), secrets=given)

    def put(self, key: str, body: str) -> None:
        """A file with these bytes, whatever was there."""
        if self.kind == "s3":
            self.real.client.put_object(Bucket="bench", Key=key, Body=body.encode())
            return
        path = self.files / key
        for each in (path.parent, path):
            if each == path:
                path.write_text(body)
            elif not each.exists():
                each.mkdir(parents=True)
            samba.give(each, self.user)

    def fill(self, count: int, text: str = "") -> None:
        """So many files in seven folders; given another text, each of them changes."""
        for number in range(count):
            key = f"{number % 7}/{number:02}.txt"
            self.put(key, f"Note {number} on pallet {number} of beech boards.{text}")
            if (
                self.kind == "sftp"
            ):  # it tells whole seconds, so files that change at once must not have the same
                when = 1_700_000_000 + len(text)
                os.utime(self.files / key, (when, when))

    @contextmanager
    def killed_after(self, size: int) -> Iterator[None]:
        """The server is killed once it has sent so many bytes more, and starts anew a moment later."""
        goal = self.wire.sent + size
        over = threading.Event()
        fell = threading.Event()

        def watch() -> None:
            while self.wire.sent < goal and not over.is_set():
                time.sleep(0.001)
            if not over.is_set():
                self.real.kill()
                fell.set()
                time.sleep(0.1)
                self.real.start()

        watching = threading.Thread(target=watch)
        watching.start()
        yield
        over.set()
        watching.join(60)
        assert fell.is_set(), "it was over before the server fell"


class Moto:
    """A local S3 server in this process; what is in it outlives its end."""

    key = "hunter2hunter2"

    def __init__(self) -> None:
        self.port = free_port()
        self.start()
        self.client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key=self.key,
        )

    def start(self) -> None:
        """Start it, again too."""
        import logging

        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def kill(self) -> None:
        """End it."""
        self._server.stop()


@contextmanager
def shared(kind: str) -> Iterator[Shared]:
    """A server of that kind, empty."""
    with ExitStack() as opened:
        if kind == "s3":
            real: Any = Moto()
            opened.callback(real.kill)
            opened.callback(real.client.close)
            real.client.create_bucket(Bucket="bench")
        else:
            starts = {"smb": samba.samba, "sftp": openssh.openssh, "webdav": apache.apache}
            real = opened.enter_context(starts[kind]())  # type: ignore[operator]
        made = Shared(kind, real)
        opened.callback(made.wire.close)
        yield made
