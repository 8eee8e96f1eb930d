"""A real PostgreSQL for tests: a cluster of its own on a free port, and a fresh database for each who asks."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.connectors.local_server import free_port

HOW = "`apt-get install postgresql` brings it"


class Postgres:
    """A cluster.

    :param place: its folder; it belongs to who may run it, which root may not.
    """

    def __init__(self, place: Path, programs: Path) -> None:
        self.port = free_port()
        self._place, self._programs = place, programs
        self._numbers = count()
        self._as: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(place, "postgres")
            self._as = ["runuser", "-u", "postgres", "--"]
        self._run(
            "initdb", "-D", self.data, "-U", "mneme", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"
        )
        with (place / "data" / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{place}'\n"
            )
            settings.write("fsync = off\nmax_connections = 60\nshared_buffers = 16MB\n")

    @property
    def data(self) -> str:
        """The folder of its files."""
        return str(self._place / "data")

    def new(self, like: str = "template1") -> str:
        """A new, empty database; gives its address.

        :param like: another one that it is a copy of, which nobody may have open.
        """
        name = f"d{next(self._numbers)}"
        self._tell(f"CREATE DATABASE {name} TEMPLATE {like}")
        return f"postgresql+psycopg://mneme@127.0.0.1:{self.port}/{name}"

    def copy(self, address: str) -> str:
        """Another database with the same in it; gives its address."""
        return self.new(address.rpartition("/")[2])

    def drop(self, address: str) -> None:
        """Let go of a database."""
        self._tell(f"DROP DATABASE {address.rpartition('/')[2]} WITH (FORCE)")

    def start(self) -> None:
        """Begin to answer."""
        self._run("pg_ctl", "-D", self.data, "-l", str(self._place / "log"), "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """End it.

        :param mode: ``fast`` ends connections, ``immediate`` ends it as a crash would.
        """
        self._run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def _tell(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=mneme dbname=postgres", autocommit=True
        ) as talking:
            talking.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._programs / program), *arguments]
        # What is started keeps its output open, so that goes to a file.
        with tempfile.TemporaryFile() as said:
            ended = subprocess.run(command, check=False, stdout=said, stderr=said, cwd="/", timeout=60)
            said.seek(0)
            assert ended.returncode == 0, said.read().decode(errors="replace")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running cluster; where there is no PostgreSQL, the test is left out and says how to get it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        pytest.skip(f"left out: there is no PostgreSQL here; {HOW}")
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip(f"left out: nobody here may run PostgreSQL; {HOW}")
    pytest.importorskip("psycopg", reason='left out: `pip install "mneme[postgresql]"` brings its driver')
    # Sockets' names must be short, and others must be able to come here.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        cluster = Postgres(Path(place), found[-1])
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop("immediate")
