"""What is asked can be followed by its id and counted by its route; neither log nor figures tell who asked or for what."""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.service import Service
from tests.memories import add_folder, service, sync

HERE = "http://localhost"
QUERY = "zeppelin"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    place = tmp_path_factory.mktemp("requests")
    (place / "files").mkdir()
    (place / "files" / "lease.txt").write_text("The lease of the zeppelin.")
    with service(place / "home", auth={"methods": "keys"}) as opened:
        opened.people.import_directory("name,address,groups\nJane Doe,jane@x.example,group:staff\n")
        add_folder(opened, place / "files")
        assert sync(opened)["state"] == "done"
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    owner = {"authorization": f"Bearer {asked.owner.token}"}
    app = create_app(lambda: asked)
    with TestClient(app, base_url=HERE, headers=owner, raise_server_exceptions=False) as opened:
        yield opened


def test_an_id_is_taken_over_only_in_a_safe_shape(client: TestClient) -> None:
    """It stands in the answer's header and in every problem, whoever refuses."""
    taken = client.get("/healthz", headers={"x-request-id": "a1b2-c3.d4_e5"})
    assert taken.headers["x-request-id"] == "a1b2-c3.d4_e5"
    for forged in ("short", "x" * 65, "12345678 INFO", "<script>alert(1)</script>", 'a"b,c:d{e}f'):
        made = client.get("/healthz", headers={"x-request-id": forged}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", made), forged
    twice = [("x-request-id", "first-of-two"), ("x-request-id", "second-of-two")]
    assert client.get("/healthz", headers=twice).headers["x-request-id"] not in dict(twice).values()

    known = {"x-request-id": "followed-1"}
    nobody = {"authorization": "Bearer mneme_owner_forged"}
    refusals = {
        client.get("/api/search?q=colour:red", headers=known): 422,
        client.get("/api/documents/none", headers=known): 404,
        client.get("/nowhere", headers=known): 404,
        client.put("/api/search", headers=known): 405,
        client.get("/api/search?q=x", headers=known | nobody): 401,
        client.get("/api/search?q=x", headers=known | {"host": "evil.example"}): 403,
    }
    for answer, status in refusals.items():
        assert (answer.status_code, answer.headers["x-request-id"]) == (status, "followed-1")
        assert answer.json()["request_id"] == "followed-1"


def test_an_unexpected_error_names_its_request(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(lambda: pytest.fail("not opened here"))
    app.state.service = object()  # nothing that a service is made of
    client = TestClient(app, base_url=HERE, raise_server_exceptions=False)
    answer = client.get(f"/api/search?q={QUERY}", headers={"x-request-id": "broken-1"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "broken-1")
    assert answer.json()["request_id"] == "broken-1"
    assert "unexpected error at GET" in caplog.text
    assert QUERY not in "".join(record.getMessage() for record in caplog.records)


def test_a_request_is_logged_by_its_route(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mneme"):
        found = client.get(f"/api/search?q={QUERY}").json()["results"][0]
        client.get(f"/api/documents/{found['document']}?as=jane@x.example")
        client.get("/healthz")
        client.get("/jane@x.example%0aINFO forged")
    lines = [record.getMessage() for record in caplog.records if record.name == "mneme.requests"]
    assert [re.sub(r"\d+ ms", "N ms", line) for line in lines] == [
        "GET /api/search 200 N ms",
        "GET /api/documents/{document} 200 N ms",
        "GET - 404 N ms",
    ]


def test_figures_tell_how_much_and_never_of_whom(asked: Service, client: TestClient) -> None:
    found = client.get(f"/api/search?q={QUERY}&as=jane@x.example").json()["results"][0]
    client.get(f"/api/documents/{found['document']}")
    client.get("/jane@x.example")
    client.request("JANE", "/api/search")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    told = answer.text
    assert 'mneme_requests_total{method="GET",route="/api/search",status="200"}' in told
    assert 'mneme_request_seconds_bucket{le="0.5",route="/api/documents/{document}"}' in told
    for figure in (
        "mneme_ready 1.0",
        "mneme_searches 0.0",
        "mneme_sync_running 0.0",
        "process_resident_memory_bytes",
    ):
        assert figure in told, figure
    for secret in (QUERY, "jane", "JANE", "Jane", "lease", found["document"], asked.owner.token):
        assert secret not in told, secret


@pytest.mark.parametrize("opened", [False, True])
def test_figures_are_for_who_runs_the_service_unless_they_are_opened(tmp_path: Path, opened: bool) -> None:
    with (
        service(tmp_path / "home", auth={"methods": "keys"}, serve={"metrics": opened}) as asked,
        TestClient(create_app(lambda: asked), base_url=HERE) as client,
    ):
        assert client.get("/metrics").status_code == (200 if opened else 401)
        assert client.get("/metrics/").status_code == 401
        assert client.get("/api/ledger").status_code == 401
        owner = {"authorization": f"Bearer {asked.owner.token}"}
        assert client.get("/metrics", headers=owner).status_code == 200


def test_the_log_of_a_service_is_json_where_that_is_set(tmp_path: Path) -> None:
    """Every line is an object, whatever it is about; those of a request carry its id."""
    environment = {**os.environ, "MNEME_HOME": str(tmp_path), "MNEME_EMBEDDING__MODEL": "hash"}  # noqa: TID251
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--port", "0", "--json"]
    with subprocess.Popen(
        command,
        env=environment | {"MNEME_LOG_FORMAT": "json"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        httpx.get(
            f"{address}/api/search?q=colour:{QUERY}", headers={"x-request-id": "followed-2"}, timeout=30
        )
        process.terminate()
        _, said = process.communicate(timeout=30)
    lines = [json.loads(line) for line in said.splitlines()]
    (line,) = [line for line in lines if line["logger"] == "mneme.requests"]
    assert line | {"at": "", "took_ms": 0} == {
        "at": "",
        "level": "INFO",
        "logger": "mneme.requests",
        "message": line["message"],
        "request_id": "followed-2",
        "method": "GET",
        "route": "/api/search",
        "status": 422,
        "took_ms": 0,
    }
    assert QUERY not in said
