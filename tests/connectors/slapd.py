"""A real slapd for tests: an empty directory `dc=x,dc=example`, with the schema of Active Directory's users beside the usual."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ldap3 import MODIFY_REPLACE, NONE, Connection, Server

from tests.connectors.local_server import free_port, own_certificate

BASE, ADMIN, READER, PASSWORD = (
    "dc=x,dc=example",
    "cn=admin,dc=x,dc=example",
    "cn=reader,dc=x,dc=example",
    "correct-horse=battery",
)

_CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/msuser.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {place}/server.pem
TLSCertificateKeyFile {place}/server.key
database mdb
directory {place}/data
maxsize 268435456
suffix {base}
rootdn {admin}
rootpw {password}
dbnosync
sizelimit size.soft=100 size.hard=100 size.prtotal=unlimited
index objectClass eq
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=secret,{base}" by * none
access to * by dn.exact="{reader}" read by dn.exact="{admin}" write by peername.regex="^$" none by anonymous {anonymous}
"""

Entry = Mapping[str, str | bytes | Sequence[str | bytes]]


class Slapd:
    """A server on two free ports of this machine: plain or by StartTLS, and TLS from the start."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.port, self.tls_port = free_port(), free_port()
        self.authority, _ = own_certificate(place)
        self._held: dict[str, Entry] = {}

    @contextmanager
    def admin(self) -> Iterator[Connection]:
        """A connection that may change everything."""
        server = Server("127.0.0.1", self.port, get_info=NONE)
        connection = Connection(server, ADMIN, PASSWORD, auto_bind=True, raise_exceptions=True)
        try:
            yield connection
        finally:
            connection.unbind()

    def fill(self, entries: Mapping[str, Entry]) -> None:
        """Have these entries, and no others but those every directory begins with; what stays the same is not touched."""
        with self.admin() as admin:
            for dn in sorted(self._held.keys() - entries.keys(), key=len, reverse=True):
                admin.delete(f"{dn},{BASE}")
                del self._held[dn]
            for dn, entry in entries.items():
                before = self._held.get(dn)
                if before is None:
                    admin.add(f"{dn},{BASE}", attributes=dict(entry))
                elif before != entry:
                    changed = {name: [(MODIFY_REPLACE, entry.get(name, []))] for name in {**before, **entry}}
                    admin.modify(f"{dn},{BASE}", changed)
                self._held[dn] = entry

    def kill(self) -> None:
        """End it at once."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        binary = shutil.which("slapd") or "/usr/sbin/slapd"
        urls = f"ldap://localhost:{self.port} ldaps://localhost:{self.tls_port}"
        self._process = subprocess.Popen(
            [binary, "-f", str(self.place / "slapd.conf"), "-h", urls, "-d", "0"], stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self._process.poll() is None, "slapd did not start"
            time.sleep(0.05)
        raise TimeoutError


@contextmanager
def slapd(anonymous: str = "none") -> Iterator[Slapd]:
    """Start a server and end it.

    :param anonymous: what nobody may do: ``none``, or ``read``.
    """
    if not (shutil.which("slapd") or Path("/usr/sbin/slapd").exists()):
        pytest.skip("left out: there is no directory server here; `apt-get install slapd` brings one")
    place = Path(tempfile.mkdtemp(prefix="slapd"))
    (place / "data").mkdir()
    server = Slapd(place)
    names = {"base": BASE, "admin": ADMIN, "reader": READER, "password": PASSWORD, "anonymous": anonymous}
    (place / "slapd.conf").write_text(_CONFIG.format(place=place, **names))
    server.start()
    try:
        with server.admin() as admin:
            admin.add(BASE, ["dcObject", "organization"], {"dc": "x", "o": "X"})
            kinds = ["organizationalRole", "simpleSecurityObject"]
            admin.add(READER, kinds, {"cn": "reader", "userPassword": PASSWORD})
        yield server
    finally:
        server.kill()
        shutil.rmtree(place)
