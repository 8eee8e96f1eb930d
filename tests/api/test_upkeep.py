"""Sources and the ledger as an owner looks after them: by the API, by the pages' forms, and by the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.schedule import Schedule
from api.service import Service
from api.upkeep_commands import minutes
from memory.domain import OWNER, SourceRef
from memory.errors import InvalidInput
from tests.api.test_pages import tree
from tests.memories import add_folder, service, sync

BOB = "bob@x.example"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    base = tmp_path_factory.mktemp("upkeep")
    files = base / "files"
    files.mkdir()
    for number in range(52):
        (files / f"note{number:02}.txt").write_text(
            "" if number == 7 else f"Note {number}.", encoding="utf-8"
        )
    (files / "=broken.xlsx").write_bytes(b"PK\x03\x04 this is no archive, whatever its first bytes say")
    (files / "later.xlsx").write_bytes(b"PK\x03\x04 this is no archive either, not for now")
    with service(base / "home") as opened:
        opened.people.import_directory(f"name,address,groups\nBob Roe,{BOB},group:staff\n")
        add_folder(opened, files)
        assert sync(opened, meaning=False)["state"] == "done"
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    headers = {"accept": "text/html"}
    with TestClient(create_app(lambda: asked), base_url="http://localhost", headers=headers) as opened:
        yield opened


def test_the_ledger_is_narrowed_and_counted(client: TestClient) -> None:
    def rows(**params: str) -> tuple[list[str], int]:
        answer = client.get("/api/ledger", params={"limit": "20", **params})
        return [row["ref"] for row in answer.json()], int(answer.headers["x-total-count"])

    assert rows()[1] == 54
    assert len(rows(offset="40")[0]) == 14
    assert rows(stage="skipped") == (["folder:files/note07.txt"], 1)
    assert rows(text="=BROKEN", source="files") == (["folder:files/=broken.xlsx"], 1)
    assert rows(text="empty FILE")[1] == 1
    assert rows(text="%")[1] == 0, "a text is no pattern"
    (row,) = client.get("/api/ledger", params={"text": "note07"}).json()
    assert row["advice"]


def test_the_ledger_page_pages_and_filters(client: TestClient) -> None:
    root = tree(client.get("/ledger").text)
    assert len(root.xpath("//table//tbody/tr")) == 50
    assert root.xpath("//a[@rel='next']/@href") == ["/ledger?page=2"]
    assert len(tree(client.get("/ledger?page=2").text).xpath("//table//tbody/tr")) == 4
    narrowed = tree(client.get("/ledger?source=files&stage=failed&text=xlsx").text)
    assert len(narrowed.xpath("//table//tbody/tr")) == 2
    assert narrowed.xpath("//select[@name='stage']/option[@selected]/@value") == ["failed"]
    assert "Nothing here" in client.get("/ledger?text=nowhere").text
    assert client.get("/ledger?stage=lost").status_code == 422


def test_one_document_is_tried_again(asked: Service, client: TestClient) -> None:
    files = Path(asked.memory.catalogue.sources.get("files").location)
    (files / "later.xlsx").unlink()
    (files / "later.xlsx").write_text("no workbook, but a text by now", encoding="utf-8")
    (files / "note07.txt").write_text("Note 7 after all.", encoding="utf-8")
    form = {"ref": "folder:files/note07.txt", "source": "files", "stage": "skipped"}
    answer = client.post("/ledger/retry", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {"source": ["files"], "stage": ["skipped"]}
    asked.jobs.wait()
    assert asked.search('"after all"', OWNER)["total"] == 1


def test_all_that_failed_are_tried_again_and_what_is_fine_is_not(asked: Service, client: TestClient) -> None:
    told = client.post("/api/ledger/retry", json={"stage": ["failed"]})
    assert told.status_code == 202
    assert told.json()["documents"] >= 1
    asked.jobs.wait()
    ledger = asked.memory.catalogue.ledger
    broken = SourceRef("folder", "files", "=broken.xlsx")
    assert ledger.find([broken])[broken].stage.value == "failed"
    assert ledger.find([broken])[broken].version, "it was read again"
    assert client.post("/api/ledger/retry", json={"stage": ["embedded"]}).status_code == 422
    assert client.post("/ledger/retry", data={"text": "note01"}).status_code == 422


def test_a_source_is_paused_resumed_and_synced_by_its_page(asked: Service, client: TestClient) -> None:
    def state() -> str:
        return str(tree(client.get("/sources").text).xpath("//span[starts-with(@class, 'sign')]/text()")[0])

    def press(action: str, **form: str) -> int:
        return client.post(f"/sources/files/{action}", data=form).status_code

    assert state() == "ready"
    assert press("pause") == 200
    assert state() == "paused"
    assert press("resume") == 200
    asked.jobs.wait()
    assert state() == "ready"
    assert press("sync") == 200
    asked.jobs.wait()
    assert press("stop") == 200
    assert press("schedule/set", every="60") == 200
    assert asked.upkeep.sources()[0]["every_minutes"] == 60
    root = tree(client.get("/sources").text)
    assert root.xpath("//select[@name='every']/option[@selected]/@value") == ["60"]
    assert press("schedule/set", every="") == 200
    assert asked.upkeep.sources()[0]["every_minutes"] is None
    assert press("schedule/set", every="soon") == 422
    assert press("explode") == 422
    assert client.post("/sources/nothing/sync").status_code == 404


def test_while_a_sync_runs_the_page_renews_itself(asked: Service, client: TestClient) -> None:
    root = tree(client.get("/sources").text)
    assert not root.xpath("//*[@hx-trigger]")
    job = asked.jobs.current
    assert job
    held, job.state = job.state, type(job.state).RUNNING  # as it stands while a thread works on it
    try:
        root = tree(client.get("/sources").text)
        assert root.xpath("//*[@id='live']/@hx-trigger") == ["every 2s"]
        assert root.xpath("//progress")
        part = client.get("/sources", headers={"hx-request": "true"}).text
        assert "<html" not in part
        assert 'id="live"' in part
    finally:
        job.state = held


@pytest.mark.parametrize(
    "path",
    [
        "/ledger/retry",
        "/sources/files/pause",
        "/sources/files/schedule/set",
        "/api/ledger/retry",
        "/ledger",
        "/sources",
    ],
)
def test_upkeep_is_the_owners(client: TestClient, path: str) -> None:
    asks = {"as": BOB}
    if path in {"/ledger", "/sources"}:
        answer = client.get(path, params=asks)
    elif path.startswith("/api"):
        answer = client.post(path, params=asks, json={})
    else:
        answer = client.post(path, params=asks, data={"every": "5"})
    assert answer.status_code == 403


def test_other_sites_cannot_press_our_buttons(client: TestClient) -> None:
    headers = {"origin": "http://evil.example"}
    assert client.post("/sources/files/pause", headers=headers).status_code == 403


def test_the_clock_starts_what_is_due(asked: Service) -> None:
    asked.jobs.wait()
    sources = asked.memory.catalogue.sources
    clock = [datetime.now(UTC)]
    schedule = Schedule(sources, asked.jobs, lambda: clock[0])
    assert schedule.look() == []
    sources.schedule("files", 30)
    synced = sources.get("files").synced
    assert synced
    assert schedule.next_sync(sources.get("files")) == synced + timedelta(minutes=30)
    assert schedule.look() == []
    clock[0] = synced + timedelta(minutes=31)
    assert schedule.look() == ["files"]
    asked.jobs.wait()
    assert schedule.look() == [], "not again at once"
    clock[0] += timedelta(minutes=31)
    sources.pause("files")
    assert schedule.due() == []
    sources.pause("files", paused=False)
    assert schedule.due() == ["files"]
    sources.schedule("files", None)
    assert schedule.due() == []


def test_the_schedule_is_set_by_the_api(client: TestClient) -> None:
    answer = client.put("/api/sources/files/schedule", json={"every_minutes": 90})
    assert (answer.json()["every_minutes"], bool(answer.json()["next_sync"])) == (90, True)
    assert client.put("/api/sources/files/schedule", json={"every_minutes": 0}).status_code == 422
    assert client.put("/api/sources/files/schedule", json={"every_minutes": None}).json()["next_sync"] is None


def test_intervals_as_people_write_them() -> None:
    assert [minutes(text) for text in ("30m", "2h", "1d", "off")] == [30, 120, 1440, None]
    for text in ("", "m", "0m", "-5m", "5", "5 weeks"):
        with pytest.raises(InvalidInput):
            minutes(text)
