"""What is asked can be followed by its id and counted by its route; neither log nor figures tell who asked or for what."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from api.app import create_app
from api.service import Service
from tests.memories import add_folder, service, sync

HERE = "http://localhost"
QUERY = "zeppelin"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


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


class Collector(BaseHTTPRequestHandler):
    """An OpenTelemetry collector that keeps what it is sent."""

    sent: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.sent.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def collector() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces"
        server.shutdown()


def test_a_service_tells_its_log_and_its_collector_what_it_does(tmp_path: Path, collector: str) -> None:
    """Every line is a JSON object, those of a request carry its id; each step of a search is in the caller's trace."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MNEME_")}  # noqa: TID251
    given = {"HOME": str(tmp_path), "EMBEDDING__MODEL": "hash", "LOG_FORMAT": "json", "TRACES": collector}
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--port", "0", "--json"]
    with subprocess.Popen(
        command,
        env=kept | {f"MNEME_{name}": value for name, value in given.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        caller = {"x-request-id": "followed-2", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        answer = httpx.get(f"{address}/api/search?q={QUERY}", headers=caller, timeout=60)
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert answer.status_code == 200
    lines = [json.loads(line) for line in said.splitlines()]
    (line,) = [line for line in lines if line["logger"] == "mneme.requests"]
    assert line | {"at": "", "message": "", "took_ms": 0} == {
        "at": "",
        "level": "INFO",
        "logger": "mneme.requests",
        "message": "",
        "request_id": "followed-2",
        "method": "GET",
        "route": "/api/search",
        "status": 200,
        "took_ms": 0,
    }
    spans = [
        span
        for sent in Collector.sent
        for resource in ExportTraceServiceRequest.FromString(sent).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert {"GET /api/search", "analyse", "embed", "retrieve", "fuse", "group", "present"} <= {
        span.name for span in spans
    }
    assert QUERY not in said
    assert QUERY.encode() not in b"".join(Collector.sent)
