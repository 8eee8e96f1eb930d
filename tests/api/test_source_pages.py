"""Sources are added, checked and given other secrets on the pages, and secrets come back on none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from lxml.html import fromstring

from api.app import create_app
from api.service import Service
from tests.memories import service


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "note.txt").write_text("A note about tides.")
    with service(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def client(asked: Service) -> Iterator[TestClient]:
    with TestClient(
        create_app(lambda: asked), base_url="http://localhost", headers={"accept": "text/html"}
    ) as opened:
        yield opened


def test_a_folder_is_added_and_checked(asked: Service, client: TestClient, tmp_path: Path) -> None:
    assert "folder" in fromstring(client.get("/new-source").text).xpath(
        "//select[@name='kind']/option/@value"
    )
    form = {
        "kind": "folder",
        "location": str(tmp_path / "files"),
        "name": "notes",
        "grant": "group:sea, public",
        "rules": "secret/**=group:legal\n\n",
        "options": "symlinks=follow",
    }
    assert client.post("/new-source", data=form, follow_redirects=False).headers["location"] == "/sources"
    config = asked.memory.catalogue.sources.get("notes").config
    assert config["grant"] == ["group:sea", "public"]
    assert config["rules"] == ["secret/**=group:legal"]
    assert config["options"] == {"symlinks": "follow"}
    page = client.get("/sources/notes/settings").text
    assert "secret/**=group:legal" in page
    assert "It can be reached." in client.post("/sources/notes/settings/check").text
    (tmp_path / "files").rename(tmp_path / "away")
    gone = client.post("/sources/notes/settings/check")
    assert gone.status_code >= 400
    assert fromstring(gone.text).xpath("//*[@role='alert']")


def test_what_is_wrong_is_said_beside_what_was_typed(client: TestClient, tmp_path: Path) -> None:
    form = {"kind": "folder", "location": str(tmp_path / "nowhere"), "grant": "public"}
    told = client.post("/new-source", data=form | {"secret": "password", "value": "hunter2-tide"})
    assert told.status_code >= 400
    root = fromstring(told.text)
    assert root.xpath("//*[@role='alert']")
    assert root.xpath("//input[@name='location']/@value") == [str(tmp_path / "nowhere")]
    assert "hunter2-tide" not in told.text
    for wrong in ({"options": "follow"}, {"secret": "password"}, {"value": "hunter2-tide"}):
        told = client.post("/new-source", data=form | wrong)
        assert told.status_code == 422
        assert "hunter2-tide" not in told.text
    assert client.post("/new-source", data=form | {"kind": "attic"}).status_code == 422


def test_strangers_sites_add_nothing(client: TestClient, tmp_path: Path) -> None:
    form = {"kind": "folder", "location": str(tmp_path / "files"), "name": "notes"}
    told = client.post("/new-source", data=form, headers={"origin": "http://evil.example"})
    assert told.status_code == 403
    assert client.post("/new-source", params={"as": "bob@x.example"}, data=form).status_code == 403


def test_a_secret_is_changed_only_where_the_source_takes_it(
    client: TestClient, asked: Service, tmp_path: Path
) -> None:
    form = {"kind": "folder", "location": str(tmp_path / "files"), "name": "notes"}
    client.post("/new-source", data=form)
    told = client.post("/sources/notes/settings/secret", data={"secret": "password", "value": "hunter2-tide"})
    assert told.status_code == 422, "a folder has no password"
    assert "hunter2-tide" not in told.text
    assert asked.memory.catalogue.sources.get("notes").secrets == {}
