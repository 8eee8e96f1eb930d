"""Pushed documents through the real service: kept once answered, found, changed, taken out, and safe from a kill."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.push_routes import MAX_BODY
from api.service import Service
from memory.domain import OWNER
from tests.memories import counts, service, sync

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PLACE = "/api/sources/crm/documents"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    talking = TestClient(create_app(lambda: asked), base_url="http://127.0.0.1")
    talking.app.state.service = asked  # type: ignore[attr-defined]
    location = str(tmp_path_factory.mktemp("pushed") / "crm")
    added = talking.post("/api/sources", json={"kind": "push", "location": location, "grant": ["public"]})
    assert added.status_code == 201, added.text
    return talking


def test_what_is_pushed_is_found_with_its_people_and_for_its_readers(
    asked: Service, client: TestClient
) -> None:
    jane = {"role": "author", "name": "Jane Doe", "address": "Jane@x.example", "at": "2025-03-03T09:00:00Z"}
    offer: dict[str, Any] = {"title": "Offer 7", "content": "Forty walnut tables.", "contributions": [jane]}
    assert client.put(f"{PLACE}/offers/7", json=offer).status_code == 201
    assert client.put(f"{PLACE}/offers/7", json=offer).json()["outcome"] == "unchanged"
    assert (
        client.put(
            f"{PLACE}/board", json={"content": "Walnut is sold.", "grant": ["group:board"]}
        ).status_code
        == 201
    )
    assert client.get(f"{PLACE}/board").json()["stage"] == "waiting"
    assert counts(sync(asked)) == {"known": 2, "indexed": 2}
    found = asked.search("walnut tables", OWNER)["results"][0]
    assert (found["ref"], found["title"]) == ("push:crm/offers/7", "Offer 7")
    assert [(person["name"], person["role"]) for person in found["people"]] == [("Jane Doe", "author")]
    assert client.get(f"/api/documents/{found['document']}/original").content == b"Forty walnut tables."
    asked.people.import_directory("name,address,groups\nBo Roe,bo@x.example,group:all\n")
    seen = asked.search("walnut", asked.memory.catalogue.people.asker("bo@x.example"))["results"]
    assert [each["ref"] for each in seen] == ["push:crm/offers/7"]
    # The same bytes with another title and author are read again; a deletion is no mass removal.
    offer |= {"title": "Offer 7b", "contributions": [jane | {"role": "editor"}]}
    assert client.put(f"{PLACE}/offers/7", json=offer).json()["outcome"] == "changed"
    assert client.delete(f"{PLACE}/board").json()["outcome"] == "deleted"
    assert client.delete(f"{PLACE}/board").json()["outcome"] == "absent"
    assert counts(sync(asked)) == {"known": 2, "indexed": 1, "removed": 1}
    [found] = asked.search("walnut", OWNER)["results"]
    assert (found["title"], found["people"][0]["role"]) == ("Offer 7b", "editor")
    assert client.get(f"{PLACE}/board").status_code == 404


@pytest.mark.parametrize(
    ("document", "body", "status", "said"),
    [
        ("a", {}, 422, "either content or content_base64"),
        ("a", {"content": "x", "contribution": []}, 422, "contribution: Extra inputs"),
        (
            "a",
            {"content": "x", "contributions": [{"role": "king", "name": "Jane"}]},
            422,
            "contributions.0.role",
        ),
        ("a", {"content": "x", "contributions": [{"role": "author"}]}, 422, "needs a name"),
        ("a", {"content": "x", "grant": ["a b"]}, 422, "Not an access token"),
        ("a", {"content": "x", "created": "2025-01-01T00:00:00"}, 422, "created"),
        ("a//b", {"content": "x"}, 422, "Not an id"),
        ("a/", {"content": "x"}, 422, "Not an id"),
    ],
)
def test_what_cannot_be_taken_is_a_problem_that_says_why(
    client: TestClient, document: str, body: dict[str, Any], status: int, said: str
) -> None:
    answer = client.put(f"{PLACE}/{document}", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_too_much_and_the_wrong_source_are_refused(
    asked: Service, client: TestClient, tmp_path: Path
) -> None:
    large = client.put(
        f"{PLACE}/large", content=b'"' + b"x" * MAX_BODY, headers={"content-type": "application/json"}
    )
    assert (large.status_code, large.json()["type"]) == (413, "urn:mneme:problem:too-large")
    client.post("/api/sources", json={"kind": "folder", "location": str(tmp_path), "name": "files"})
    wrong = client.put("/api/sources/files/documents/a", json={"content": "x"})
    assert wrong.status_code == 422
    assert "folder source" in wrong.json()["detail"]
    assert client.put("/api/sources/none/documents/a", json={"content": "x"}).status_code == 404


def serve(home: Path) -> tuple[subprocess.Popen[str], str]:
    """A service of its own, and its address."""
    environment = {**os.environ, "MNEME_HOME": str(home), "MNEME_EMBEDDING__MODEL": "hash"}  # noqa: TID251
    code = "from api.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--port", "0"],
        env=environment,
        text=True,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            told = json.loads((home / "owner.lock").read_text(encoding="utf-8"))
            if told.get("pid") == process.pid and "address" in told:
                return process, told["address"]
        except (OSError, ValueError):
            pass
        time.sleep(0.05)
    process.kill()
    raise AssertionError("the service did not start")


@pytest.mark.slow
def test_the_readmes_example_and_what_was_answered_survive_a_kill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process, address = serve(home)
    try:
        body = {"kind": "push", "location": str(tmp_path / "crm"), "grant": ["public"]}
        httpx.post(f"{address}/api/sources", json=body).raise_for_status()
        [example] = [
            code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "SERVICE" in code
        ]
        assert len([line for line in example.splitlines() if line]) <= 20
        exec(example.replace("http://127.0.0.1:8377", address), {"print": lambda _: None})  # noqa: S102
        for number in range(12):
            httpx.put(
                f"{address}{PLACE}/n{number}", json={"content": f"Pallet {number} of oak."}
            ).raise_for_status()
    finally:
        process.kill()
        process.wait()
    process, address = serve(home)
    try:
        deadline, stages = time.monotonic() + 90, set[str]()
        while not stages or (not stages <= {"indexed", "embedded"} and time.monotonic() < deadline):
            time.sleep(0.3)
            names = ["offers/7", *(f"n{number}" for number in range(12))]
            stages = {httpx.get(f"{address}{PLACE}/{name}").json()["stage"] for name in names}
        found = httpx.get(f"{address}/api/search", params={"q": "Pallet oak", "limit": 50}).json()
        assert {f"push:crm/n{number}" for number in range(12)} <= {each["ref"] for each in found["results"]}
    finally:
        process.kill()
        process.wait()
