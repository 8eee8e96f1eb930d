"""Before anything is imported: no library of ours may reach out while tests run."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.settings import prepare_environment

prepare_environment()

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with slow tests begin: whoever takes one last keeps all others waiting."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _end_of_parsers() -> Iterator[None]:
    """Whatever tests ran, their shared parsers end with them."""
    yield
    memories = sys.modules.get("tests.memories")  # importing it takes seconds
    if memories and memories.parsers.cache_info().currsize:
        memories.parsers().close()


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of shared corpora; where it is absent, the test says that it was left out."""
    if not CORPORA.is_dir():
        pytest.skip(f"left out: there are no corpora at {CORPORA}")
    return CORPORA
