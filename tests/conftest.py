"""Before anything is imported: no library of ours may reach out while tests run."""

from pathlib import Path

import pytest

from api.settings import prepare_environment

prepare_environment()

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of shared corpora; where it is absent, the test says that it was left out."""
    if not CORPORA.is_dir():
        pytest.skip(f"left out: there are no corpora at {CORPORA}")
    return CORPORA
