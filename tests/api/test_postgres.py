"""A memory whose catalogue is in PostgreSQL: it answers as one in SQLite does, and goes on after the database was restarted or crashed."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.engine import after_commit, open_engine, transaction
from memory.errors import CatalogueAway
from tests.asking import NOTES, OFTEN, Asking, answers, write_notes
from tests.memories import add_folder, service, sync
from tests.postgres import Postgres, postgres

HERE = "http://localhost"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """Some notes, and what a memory in SQLite answers about them."""
    place = tmp_path_factory.mktemp("whole")
    write_notes(place / "files")
    with service(place / "home") as asked:
        add_folder(asked, place / "files", "notes")
        assert sync(asked)["state"] == "done"
        return place / "files", answers(asked)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "seed"), [("fast", 1), ("immediate", 2), ("immediate", 3), ("fast", 4), ("immediate", 5)]
)
def test_a_database_that_is_restarted_under_load_loses_nothing(
    cluster: Postgres, whole: tuple[Path, list[Any]], tmp_path: Path, mode: str, seed: int
) -> None:
    """Searches meanwhile are answered or told to come back, the sync waits and goes on by itself, and nobody has to start anything again."""
    files, known = whole
    dice, settings = random.Random(seed), {"url": cluster.new()}
    with (
        service(tmp_path / "home", catalogue=settings) as asked,
        TestClient(create_app(lambda: asked), base_url=HERE, raise_server_exceptions=False) as client,
    ):
        add_folder(asked, files, "notes")
        with Asking(client) as asking:
            assert client.post("/api/sync", json={}).status_code == 202
            goal = dice.randint(0, NOTES * 4)  # in some the database goes while passages are embedded
            while (state := client.get("/api/sync").json())["state"] == "running" and state["done"] < goal:
                time.sleep(0.01)
            cluster.stop(mode)
            try:
                time.sleep(0.3)
                assert client.get("/readyz").status_code == 503
                told = client.get("/api/search?q=notice+period")
                assert (told.status_code, told.json()["type"]) == (503, "urn:mneme:problem:catalogue-away")
                assert "127.0.0.1" not in told.text
            finally:
                cluster.start()
            asked.jobs.wait()
            until = time.monotonic() + 10
            while (ready := client.get("/readyz").status_code) != 200 and time.monotonic() < until:
                time.sleep(0.1)
            assert ready == 200
        job = client.get("/api/sync").json()
        assert (job["state"], job["errors"]) == ("done", [])
        assert set(asking.seen) <= OFTEN
        assert asking.seen["/api/search 503 5"]
        assert answers(asked) == known
        assert sync(asked)["summaries"][0]["unchanged"] == NOTES
        assert asked.doctor(repair=False, rebuild=False)["well"]


def test_a_database_that_lets_nobody_in_says_why(cluster: Postgres) -> None:
    address = cluster.new()
    for wrong in (f"{address}x", address.replace(str(cluster.port), "1")):
        with pytest.raises(CatalogueAway, match=r"does not let us in: .*(does not exist|refused)") as raised:
            Catalogue(wrong)
        assert "MNEME_CATALOGUE__URL" in raised.value.hint


def test_where_the_answer_to_a_commit_is_lost_nothing_kept_at_hand_is_believed(cluster: Postgres) -> None:
    """It may have been committed: what is known of who may see what must be read again."""
    engine, dropped = open_engine(cluster.new()), list[str]()

    def write(what: str, amid: Callable[[], None]) -> None:
        with transaction(engine) as connection:
            connection.execute(text("SELECT 1"))
            after_commit(connection, lambda: dropped.append(what))
            amid()

    def fail() -> None:
        raise ValueError("ours")

    with pytest.raises(CatalogueAway):
        write("lost", lambda: cluster.stop("immediate"))
    cluster.start()
    with pytest.raises(ValueError, match="ours"):
        write("undone", fail)
    write("written", lambda: None)
    assert dropped == ["lost", "written"]
    engine.dispose()
