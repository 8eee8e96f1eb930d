"""A real Samba for tests: one share, kept as an account whom permissions bind."""

import grp
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.connectors.local_server import free_port, program, wait

PASSWORD = "correct-horse=battery"

_CONFIG = """
[global]
  server role = standalone server
  netbios name = OFFICE
  workgroup = ACME
  smb ports = {port}
  bind interfaces only = yes
  interfaces = 127.0.0.1
  disable netbios = yes
  load printers = no
  private dir = {place}/private
  lock directory = {place}/lock
  state directory = {place}/state
  cache directory = {place}/cache
  pid directory = {place}/pid
  ncalrpc dir = {place}/ncalrpc
  log file = {place}/log
  passdb backend = tdbsam:{place}/private/passdb.tdb
[files]
  path = {place}/files
  read only = no
  vfs objects = acl_xattr
  acl_xattr:ignore system acls = yes
  acl_xattr:security_acl_name = user.NTACL
[plain]
  path = {place}/files
  read only = no
"""


class Samba:
    """A server on a free port of this machine.

    :param user: who logs in; all of `files` is theirs.
    """

    def __init__(self, place: Path, user: str) -> None:
        self.place, self.user = place, user
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def files(self) -> Path:
        """Where the files of both shares lie: `files` has Windows' permissions, `plain` those of the system."""
        return self.place / "files"

    def start(self) -> None:
        """Start it, again too."""
        command = [program("smbd", "samba"), "-F", "--no-process-group", "-s", str(self.place / "smb.conf")]
        self.process = subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait(self.port, self.process, self.place / "log", lambda _: True)

    def kill(self) -> None:
        """End it and all its children at once."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        # What answers its pipes leaves the group: it would stay for good, one for each server of the tests.
        for each in psutil.process_iter(["cmdline"]):
            if any(str(self.place) in word for word in each.info["cmdline"] or ()):
                with suppress(psutil.NoSuchProcess):
                    each.kill()


@contextmanager
def samba() -> Iterator[Samba]:
    """Start a server and end it."""
    program("smbd", "samba")
    place = Path(tempfile.mkdtemp(prefix="samba"))
    place.chmod(0o755)
    user = unprivileged()
    server = Samba(place, user)
    for name in ("private", "lock", "state", "cache", "pid", "ncalrpc", "files"):
        (place / name).mkdir()
    (place / "smb.conf").write_text(_CONFIG.format(place=place, port=server.port))
    give(server.files, user)
    subprocess.run(
        [program("smbpasswd", "samba-common-bin"), "-c", place / "smb.conf", "-s", "-a", user],
        input=f"{PASSWORD}\n{PASSWORD}\n".encode(),
        capture_output=True,
        check=True,
    )
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(place)


def unprivileged() -> str:
    """An account of the system whom permissions bind: `games` where the tests run as root, else whoever runs them."""
    return "games" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def give(path: Path, user: str, group: str = "") -> None:
    """Make it that user's; only root can give to somebody else."""
    if os.geteuid() == 0:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, grp.getgrnam(group).gr_gid if group else account.pw_gid)
