"""A memory whose index is on a server: it goes on after that was away, and answers as one that nobody interrupted."""

import logging
import random
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from memory.errors import IndexAway
from tests.asking import NOTES, OFTEN, Asking, answers, write_notes
from tests.memories import add_folder, service, sync
from tests.qdrant_stand_in import StandIn

HERE = "http://localhost"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "files"
    write_notes(folder)
    return folder


@pytest.fixture(scope="module")
def known(files: Path) -> object:
    """What is answered where the server stays."""
    stand_in = StandIn()
    stand_in.start()
    with service(files.parent / "home", index={"url": stand_in.url}) as asked:
        add_folder(asked, files, "notes")
        assert sync(asked)["state"] == "done"
        found = answers(asked)
    stand_in.stop()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_server_that_comes_and_goes_under_load_loses_nothing(
    files: Path, known: object, tmp_path: Path, seed: int
) -> None:
    """Searches meanwhile are answered or told to come back, and the sync waits and goes on by itself."""
    dice, stand_in = random.Random(seed), StandIn()
    stand_in.start()
    with (
        service(tmp_path / "home", index={"url": stand_in.url}) as asked,
        TestClient(create_app(lambda: asked), base_url=HERE, raise_server_exceptions=False) as client,
    ):
        add_folder(asked, files, "notes")
        with Asking(client) as asking:
            assert client.post("/api/sync", json={}).status_code == 202
            goal = dice.randint(0, NOTES * 4)
            while (state := client.get("/api/sync").json())["state"] == "running" and state["done"] < goal:
                time.sleep(0.01)
            stand_in.stop()
            try:
                time.sleep(0.3)
                until = time.monotonic() + 10  # it looks once a second
                while (ready := client.get("/readyz").status_code) != 503 and time.monotonic() < until:
                    time.sleep(0.1)
                assert ready == 503
                told = client.get("/api/search?q=notice+period")
                assert (told.status_code, told.json()["type"]) == (503, "urn:mneme:problem:index-away")
                assert str(stand_in.port) not in told.text
            finally:
                stand_in.start()
            asked.jobs.wait()
        job = client.get("/api/sync").json()
        assert (job["state"], job["errors"]) == ("done", [])
        assert set(asking.seen) <= OFTEN
        assert asking.seen["/api/search 503 5"]
        assert answers(asked) == known
        assert sync(asked)["summaries"][0]["unchanged"] == NOTES
        assert asked.doctor(repair=False, rebuild=False)["well"]
    stand_in.stop()


def test_a_server_that_is_not_there_is_told_without_its_address(tmp_path: Path) -> None:
    stand_in = StandIn()
    with service(tmp_path / "home", index={"url": stand_in.url}) as asked:
        with pytest.raises(IndexAway) as told:
            _ = asked.memory.index
        assert str(stand_in.port) not in told.value.message
        assert "Qdrant server runs" in told.value.hint


@pytest.mark.parametrize("status", [502, 503, 504, None])
def test_neither_the_answer_nor_the_log_says_where_a_server_is_that_is_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    """Also where something in front of it answers in its stead, with a page that names it."""
    stand_in = StandIn()
    stand_in.start()
    with service(tmp_path / "home", index={"url": stand_in.url}) as asked:
        index = asked.memory.index
        stand_in.in_front = status
        if status is None:
            stand_in.stop()
        with caplog.at_level(logging.WARNING), pytest.raises(IndexAway) as told:
            index.facts([])
        assert f"status {status}" in caplog.text or status is None
        for said in (told.value.message, told.value.hint, *caplog.messages):
            assert "internal" not in said
            assert str(stand_in.port) not in said
        assert caplog.messages
    stand_in.stop()


def test_a_sync_that_waits_for_a_server_can_be_stopped_and_the_next_goes_on(
    files: Path, tmp_path: Path
) -> None:
    stand_in = StandIn()
    stand_in.start()
    with service(tmp_path / "home", index={"url": stand_in.url}) as asked:
        add_folder(asked, files, "notes")
        _ = asked.memory.index
        stand_in.stop()
        asked.jobs.start([])
        time.sleep(2)
        assert asked.jobs.running
        begun = time.monotonic()
        asked.jobs.stop()
        assert time.monotonic() - begun < 15
        assert asked.jobs.current
        assert asked.jobs.current.state == "stopped"
        stand_in.start()
        assert sync(asked)["state"] == "done"
        assert asked.doctor(repair=False, rebuild=False)["well"]
    stand_in.stop()
