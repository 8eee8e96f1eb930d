"""A real OpenSSH for tests: one key of the server, one of its users."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.connectors.local_server import free_port, program, wait

_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {place}/host
PidFile none
AuthorizedKeysFile {place}/user.pub
StrictModes no
UsePAM no
MaxStartups 100
Subsystem sftp internal-sftp
"""


class OpenSsh:
    """A server on a free port of this machine."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def files(self) -> Path:
        """A folder to be read."""
        return self.place / "files"

    @property
    def key(self) -> str:
        """The user's private key."""
        return (self.place / "user").read_text()

    @property
    def fingerprint(self) -> str:
        """Of the server's key."""
        told = subprocess.run(["ssh-keygen", "-lf", self.place / "host.pub"], capture_output=True, check=True)
        return told.stdout.decode().split()[1]

    def start(self) -> None:
        """Start it, again too."""
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program("sshd", "openssh-server"), "-D", "-e", "-f", str(self.place / "sshd.conf")],
                start_new_session=True,
                stderr=log,
            )
        wait(self.port, self.process, self.place / "log", lambda each: each.recv(8).startswith(b"SSH-2.0"))

    def kill(self) -> None:
        """End it and whoever it serves at once: each of these has a session of its own."""
        assert self.process
        served = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for each in [*map(int, served), self.process.pid]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.process.wait(30)


@contextmanager
def openssh() -> Iterator[OpenSsh]:
    """Start a server and end it."""
    program("sshd", "openssh-server")
    with tempfile.TemporaryDirectory(prefix="openssh") as name:
        place = Path(name)
        place.chmod(0o755)
        server = OpenSsh(place)
        server.files.mkdir()
        (place / "sshd.conf").write_text(_CONFIG.format(place=place, port=server.port))
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / key], check=True)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        server.start()
        try:
            yield server
        finally:
            server.kill()
