"""A real Dovecot for tests: every user exists, with the password `PASSWORD`, and nothing outlives the tests."""

import base64
import grp
import hashlib
import hmac
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imap_tools import BaseMailBox, MailBoxUnencrypted

from tests.connectors.local_server import free_port, own_certificate, program, wait

PASSWORD = "correct-horse=battery"
TOKEN_KEY = b"what signs the tokens of the test"

WITHOUT_QRESYNC = "imap_capability = IMAP4rev1 UIDPLUS MOVE UNSELECT SPECIAL-USE LIST-EXTENDED"

_CONFIG = """
base_dir = {place}/run
state_dir = {place}/run
log_path = {place}/log
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{place}/server.pem
ssl_key = <{place}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain xoauth2
auth_failure_delay = 0
mail_location = maildir:~/mail:LAYOUT=fs
mail_max_userip_connections = 100
first_valid_uid = 1
first_valid_gid = 1
{more}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {place}/oauth2.conf
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={place}/users/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Bin {{
    auto = create
    special_use = \\Trash
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """A server on two free ports of this machine: without TLS or by STARTTLS, and TLS from the start."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.port, self.tls_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Have it listen, with all that it held before."""
        words = [program("dovecot", "dovecot-imapd"), "-F", "-c", str(self.place / "dovecot.conf")]
        self._process = subprocess.Popen(words, start_new_session=True)
        wait(
            self.port,
            self._process,
            self.place / "log",
            lambda talking: talking.recv(100).startswith(b"* OK"),
        )

    def kill(self) -> None:
        """End it and all its processes at once, as a crash does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:  # one of its children takes its time
            self.kill()

    @property
    def authority(self) -> Path:
        """The certificate to trust, for `localhost`."""
        return self.place / "server.pem"

    def mail_of(self, user: str) -> Path:
        """Where somebody's mail lies: a Maildir, with a folder in it for each of theirs."""
        return self.place / "users" / user / "mail"

    @contextmanager
    def client(self, user: str) -> Iterator[BaseMailBox]:
        """Somebody's mail program."""
        box = MailBoxUnencrypted("127.0.0.1", self.port, timeout=30)
        try:
            yield box.login_utf8(user, PASSWORD, None)
        finally:
            box.logout()


@contextmanager
def dovecot(more: str = "", mail_of: Dovecot | None = None) -> Iterator[Dovecot]:
    """Start a server and end it.

    :param more: settings besides.
    :param mail_of: another server, whose mail it serves too.
    """
    program("dovecot", "dovecot-imapd")
    place = Path(tempfile.mkdtemp(prefix="dovecot"))  # a short path: sockets lie in it
    place.chmod(0o711)
    server = Dovecot(place)
    if mail_of:
        (place / "users").symlink_to(mail_of.place / "users")
    _write(server, more)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(place)


def access_token(user: str, *, valid_s: int = 300) -> str:
    """An OAuth2 access token as an identity provider would sign it (JWT, HS256)."""
    now = int(time.time())
    told = {"sub": user, "iat": now - 600, "nbf": now - 600, "exp": now + valid_s}
    parts = [_base64url(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, told)]
    signed = hmac.new(TOKEN_KEY, ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, _base64url(signed)])


def _write(server: Dovecot, more: str) -> None:
    """Settings, passwords, the certificate, and the key that tokens are checked by."""
    place = server.place
    (place / "run").mkdir()
    (place / "users").mkdir(exist_ok=True)
    uid, gid = os.getuid(), os.getgid()
    who = {"internal": pwd.getpwuid(uid).pw_name, "group": grp.getgrgid(gid).gr_name}
    who["login"] = who["internal"]
    if uid == 0:  # it refuses to read mail as root
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
        os.chown(place / "users", uid, gid)
        who = {"internal": "dovecot", "group": "dovecot", "login": "dovenull"}
    settings = _CONFIG.format(
        place=place,
        port=server.port,
        tls_port=server.tls_port,
        password=PASSWORD,
        more=more,
        uid=uid,
        gid=gid,
        **who,
    )
    (place / "dovecot.conf").write_text(settings)
    keys = place / "keys" / "default" / "HS256"
    keys.mkdir(parents=True)
    (keys / "default").write_bytes(base64.b64encode(TOKEN_KEY))
    (place / "oauth2.conf").write_text(
        f"introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={place}/keys/\nusername_attribute = sub\n"
    )
    own_certificate(place)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
