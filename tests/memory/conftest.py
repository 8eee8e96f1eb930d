"""Catalogues on both databases: what is tested with `databases` is tested on SQLite and on a real PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.sources import Source
from tests.postgres import Postgres, postgres


class Databases(Protocol):
    """Where catalogues may lie, by their addresses."""

    def new(self) -> str:
        """An empty one."""
        ...

    def copy(self, address: str) -> str:
        """Another with the same in it; nobody may have the first one open."""
        ...

    def drop(self, address: str) -> None:
        """Let go of one that nobody has open."""
        ...


class _Sqlite:
    def __init__(self, place: Path) -> None:
        self._place, self._numbers = place, count()

    def new(self) -> str:
        return f"sqlite:///{self._place / f'{next(self._numbers)}.db'}"

    def copy(self, address: str) -> str:
        made = self.new()
        shutil.copy(address.removeprefix("sqlite:///"), made.removeprefix("sqlite:///"))
        return made

    def drop(self, address: str) -> None:
        Path(address.removeprefix("sqlite:///")).unlink()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    """A PostgreSQL for all tests of this process."""
    with postgres() as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Where catalogues may lie."""
    if request.param == "sqlite":
        return _Sqlite(tmp_path_factory.mktemp("databases"))
    found: Postgres = request.getfixturevalue("cluster")
    return found


@pytest.fixture(scope="module")
def made(databases: Databases) -> str:
    """A catalogue with its tables, to copy: making them is what takes time."""
    address = databases.new()
    Catalogue(address).close()
    return address


@pytest.fixture
def address(databases: Databases, made: str) -> Iterator[str]:
    """A catalogue with its tables and nothing in them."""
    copied = databases.copy(made)
    yield copied
    databases.drop(copied)


class Template:
    """A catalogue that nobody has open, to copy."""

    def __init__(self, databases: Databases, address: str) -> None:
        self._databases, self._address = databases, address

    def copy(self) -> Catalogue:
        """A copy of it, open."""
        return Catalogue(self._databases.copy(self._address))

    @contextmanager
    def opened(self) -> Iterator[Catalogue]:
        """A copy of it, for a while."""
        address = self._databases.copy(self._address)
        catalogue = Catalogue(address)
        try:
            yield catalogue
        finally:
            catalogue.close()
            self._databases.drop(address)


@pytest.fixture(scope="module")
def empty(databases: Databases, made: str) -> Template:
    """A catalogue with a source named files and nothing in it."""
    address = databases.copy(made)
    with closing(Catalogue(address)) as catalogue:
        catalogue.sources.add(Source("files", "folder", "/files", {}))
    return Template(databases, address)
