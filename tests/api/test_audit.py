"""The audit as the service keeps it: everything that shows a document notes it before the answer begins."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.service import Service
from memory.catalogue.audit import Wanted
from tests.api.test_faults import Home
from tests.mailboxes import BO, JANE, as_files, message
from tests.memories import add_folder, service, sync

ON = {"audit": {"keep_days": 30}}
MARK = "zirconium"
"""A word of every title and text: an answer that has it shows something of a document."""

LISTS = {"/ledger", "/api/ledger", "/api/eval/documents"}
"""What lists names of documents to the owner only, for upkeep."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service over a conversation and two versions of a page, with its audit on."""
    base = tmp_path_factory.mktemp("audit")
    files = base / "files"
    first = message("a@x.example", JANE, BO, f"{MARK} roof", f"Which slater repairs the {MARK} roof?")
    again = message("b@x.example", BO, JANE, f"Re: {MARK} roof", f"The {MARK} man.", answers=["a@x.example"])
    as_files(files, [first, again])
    for number in (1, 2):
        body = " ".join(f"Clause {at} of the {MARK} lease." for at in range(60))
        (files / f"v{number}.md").write_text(
            f"---\nauthor: Jane Doe\n---\n# {MARK} lease\n\n{body} {number}\n"
        )
    with service(base / "home", **ON) as opened:
        opened.people.import_directory("name,address,groups\nBo Roe,bo@x.example,\n")
        add_folder(opened, files)
        assert sync(opened)["state"] == "done"
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    """Whoever asks it."""
    with TestClient(create_app(lambda: asked), base_url="http://localhost") as opened:
        yield opened


def newest(asked: Service) -> Any:
    return asked.memory.catalogue.audit.entries(Wanted(), limit=1)[0]


def places(asked: Service, client: TestClient) -> dict[str, str]:
    """What the parameters of a path stand for here."""
    found = client.get("/api/search", params={"q": f"{MARK} type:md"}).json()["results"]
    mail = client.get("/api/search", params={"q": f"slater {MARK}"}).json()["results"][0]
    saved = client.post("/api/saved", json={"query": MARK}).json()["id"]
    pool = {"name": "pool", "queries": {"q": MARK}, "items": {"q": [mail["ref"]]}}
    client.post("/api/judging/pools", json=pool).raise_for_status()
    other = found[1]["document"] if len(found) > 1 else found[0]["document"]
    return {
        "document": found[0]["document"],
        "other": other,
        "identity": saved,
        "person_id": found[0]["people"][0]["id"],
        "name": "pool",
        "mail": mail["document"],
    }


def test_every_way_to_show_a_document_is_noted(asked: Service, client: TestClient) -> None:
    """Each route is asked about documents that all have one word in their title; whatever shows it is in the audit."""
    values = places(asked, client)
    showed = set()
    for route in routes(client):
        if "GET" not in route.methods or route.path in LISTS:
            continue
        thread = "thread" in route.path
        given = values | ({"document": values["mail"]} if thread else {})
        path = route.path
        for name, value in given.items():
            path = path.replace("{" + name + "}", value)
        if "{" in path:
            path = path.replace("{code}", "de")
        answer = client.get(path, params={"q": MARK, "query": MARK})
        if not route.path.startswith("/api/audit") and shows_a_text(answer.text):
            showed.add(route.path)
            entry = newest(asked)
            assert entry.request == f"GET {path}", route.path
            known = set(entry.about.get("documents", ())) or entry.about.get("asked") == MARK
            assert known, (route.path, entry)
    assert {"/", "/api/search", "/api/search/export", "/api/documents/{document}/original"} <= showed
    assert {"/saved/{identity}/feed", "/documents/{document}/thread", "/judging/{name}"} <= showed
    assert {"/people/{person_id}", "/documents/{document}/compare/{other}"} <= showed


def routes(client: TestClient) -> Iterator[APIRoute]:
    """Every route of the app; FastAPI keeps those of an included router together."""
    for kept in client.app.routes:  # type: ignore[attr-defined]
        for route in getattr(kept, "original_router", client.app).routes:  # type: ignore[attr-defined]
            if isinstance(route, APIRoute):
                yield route


def shows_a_text(answer: str) -> bool:
    """Whether the word stands in more than the search itself, which every page repeats."""
    return any(f"{MARK} {word}" in answer for word in ("lease", "roof", "man")) or f"<mark>{MARK}" in answer


def test_an_entry_says_whose_place_was_taken_and_what_was_seen(asked: Service, client: TestClient) -> None:
    found = client.get("/api/search", params={"q": MARK, "as": "bo@x.example"}).json()["results"]
    told = client.get("/api/audit", params={"for": "bo@x.example", "limit": 1}).json()["entries"][0]
    assert told["actor"] == "owner"
    assert told["about"] == {
        "query": MARK,
        "offset": 0,
        "status": 200,
        "documents": [each["document"] for each in found],
    }
    document = found[0]["document"]
    client.get(f"/api/documents/{document}")
    seen = client.get("/api/audit", params={"document": document}).json()["entries"]
    assert [entry["request"] for entry in seen[:2]] == [f"GET /api/documents/{document}", "GET /api/search"]


def test_refusals_and_changes_are_noted_and_looking_for_nothing_is_not(
    asked: Service, client: TestClient
) -> None:
    client.get("/api/documents/unknown")
    assert (newest(asked).request, newest(asked).about) == ("GET /api/documents/unknown", {"status": 404})
    client.post("/api/sources/files/pause")
    assert newest(asked).request == "POST /api/sources/files/pause"
    client.post("/api/sources/files/resume")
    before = newest(asked).number
    for idle in ("/healthz", "/", "/api/sync", "/static/mneme.css"):
        client.get(idle)
    assert newest(asked).number == before
    assert client.get("/api/audit", params={"as": "bo@x.example"}).status_code == 403
    assert client.get("/api/audit/verify", params={"as": "bo@x.example"}).status_code == 403


def test_what_was_shown_to_somebody_who_goes_away_is_noted(asked: Service) -> None:
    """A whole list is read as it is sent: the reader is gone after its first piece, and the request is ended."""
    app = create_app(lambda: asked)
    app.state.service = asked
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/api/search/export",
        "query_string": f"q={MARK}".encode(),
        "headers": [(b"host", b"localhost")],
    }

    async def ask() -> None:
        async def receive() -> dict[str, Any]:
            await anyio.sleep_forever()
            return {}

        async def send(message: dict[str, Any]) -> None:
            if MARK.encode() in message.get("body", b""):
                asking.cancel()
                await anyio.sleep(0)

        with anyio.CancelScope() as asking:
            await app(scope, receive, send)

    anyio.run(ask)
    ended, began = asked.memory.catalogue.audit.entries(Wanted(), limit=2)
    assert began.about["whole"] is True
    assert ended.about["ended"] == "early"
    assert ended.about["documents"]


def test_what_cannot_be_noted_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "secret.txt").write_text("The zirconium lease ends in May.")
    with service(tmp_path / "home", **ON) as opened:
        add_folder(opened, tmp_path / "files")
        sync(opened)
        with opened.memory.catalogue.transaction() as connection:
            connection.execute(text("ALTER TABLE audit RENAME TO lost"))
        with TestClient(create_app(lambda: opened), base_url="http://localhost") as client:
            answer = client.get("/api/search", params={"q": "zirconium"})
    assert answer.status_code == 500
    assert "lease" not in answer.text
    assert answer.json()["type"] == "urn:mneme:problem:catalogue-unusable"


def test_by_default_nobody_is_noted_by_name(tmp_path: Path) -> None:
    with (
        service(tmp_path) as opened,
        TestClient(create_app(lambda: opened), base_url="http://localhost") as client,
    ):
        client.get("/api/documents/unknown")
        assert client.get("/api/audit").json() == {"on": False, "total": 0, "entries": [], "names": {}}


def test_the_command_line_lists_and_verifies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEME_AUDIT__KEEP_DAYS", "30")
    home = Home(tmp_path)
    home.mneme("search", "anything")
    told = json.loads(home.mneme("audit", "list", "--json").out)
    assert [entry["request"] for entry in told["entries"]] == ["GET /api/search"]
    assert "GET /api/search" in home.mneme("audit", "list").out
    noted = json.loads(home.mneme("audit", "verify", "--json").out)["newest"]
    assert "All is well" in home.mneme("audit", "verify", "--noted", noted).out
    cut = home.mneme("audit", "verify", "--noted", f"9:{noted[2:]}")
    assert cut.code == 1
    assert "the end is cut off" in cut.out
    home.mneme("audit", "verify", "--noted", "nine").refuses(64, "Not a seal")
