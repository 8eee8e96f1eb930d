"""A real Apache for tests: with WebDAV for one folder, or with pages for everybody."""

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.connectors.local_server import free_port, program, wait

PASSWORD = "correct-horse=battery"

_CONFIG = """
ServerRoot {place}
PidFile {place}/run/pid
Listen 127.0.0.1:{port}
ServerName 127.0.0.1
ErrorLog {place}/log
{user}
Mutex posixsem
LoadModule mpm_event_module {modules}/mod_mpm_event.so
AllowEncodedSlashes NoDecode
DocumentRoot {place}/files
LoadModule authz_core_module {modules}/mod_authz_core.so
"""

_DAV = """
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authn_file_module {modules}/mod_authn_file.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule auth_basic_module {modules}/mod_auth_basic.so
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
DavLockDB {place}/run/locks
<Directory {place}/files>
  Dav On
  Options FollowSymLinks
  AuthType Basic
  AuthName files
  AuthUserFile {place}/users
  Require valid-user
</Directory>
"""

PAGES = """
LoadModule alias_module {modules}/mod_alias.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule rewrite_module {modules}/mod_rewrite.so
TypesConfig /dev/null
CustomLog {place}/requests %U
AddType text/html .html
AddType text/plain .txt
AddType application/xml .xml
AddType application/gzip .gz
<Directory {place}/files>
  AllowOverride All
  DirectoryIndex index.html
  Options FollowSymLinks
  Require all granted
</Directory>
"""
"""Serves a folder to everybody, by the rules in its ``.htaccess``."""


class Apache:
    """A server on a free port of this machine; `jane` may read all that its system lets it read."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def files(self) -> Path:
        """What it serves."""
        return self.place / "files"

    def start(self) -> None:
        """Start it, again too."""
        self.process = subprocess.Popen(
            [program("apache2", "apache2"), "-DFOREGROUND", "-f", str(self.place / "apache.conf")],
            start_new_session=True,
        )
        wait(self.port, self.process, self.place / "log", lambda _: True)

    def kill(self) -> None:
        """End it and all its children at once."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        (self.place / "run" / "pid").unlink(missing_ok=True)


@contextmanager
def apache(serving: str = _DAV) -> Iterator[Apache]:
    """Start a server and end it.

    :param serving: what its settings say of its folder.
    """
    binary = program("apache2", "apache2")
    with tempfile.TemporaryDirectory(prefix="apache") as name:
        place = Path(name)
        place.chmod(0o755)
        server = Apache(place)
        server.files.mkdir()
        (place / "run").mkdir()
        user = ""
        if os.geteuid() == 0:
            account = pwd.getpwnam("www-data")
            os.chown(place / "run", account.pw_uid, account.pw_gid)
            user = "User www-data\nGroup www-data"
        (place / "users").write_text(f"jane:{_hashed(PASSWORD)}\n")
        modules = Path(binary).parents[1] / "lib" / "apache2" / "modules"
        settings = (_CONFIG + serving).format(place=place, port=server.port, user=user, modules=modules)
        (place / "apache.conf").write_text(settings)
        server.start()
        try:
            yield server
        finally:
            server.kill()


def _hashed(password: str) -> str:
    """As Apache's own form for passwords has it."""
    import base64
    import hashlib

    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()  # noqa: S324  a form of Apache's
