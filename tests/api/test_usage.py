"""From searches, openings and votes to queries and candidates, over the service as people use it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.service import Service
from tests.api.test_pages import tree
from tests.memories import add_folder, service, sync

BOB, EVE = "bob@x.example", "eve@x.example"
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    base = tmp_path_factory.mktemp("usage")
    (base / "files" / "board").mkdir(parents=True)
    for n in range(3):
        (base / "files" / f"lease{n}.txt").write_text(f"The notice period of lease {n}.")
    (base / "files" / "board" / "secret.txt").write_text("The notice period of the secret lease.")
    with service(base / "home") as opened:
        people = f"Bob Roe,{BOB},Legal,group:staff\nEve Poe,{EVE},Legal,group:staff group:board\n"
        opened.people.import_directory(f"name,address,department,groups\n{people}")
        add_folder(opened, base / "files", grant=["group:staff"], rules=["board/**=group:board"])
        assert sync(opened, meaning=False)["state"] == "done"
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: asked), base_url="http://localhost") as made:
        yield made


def test_searches_openings_and_votes_become_candidates_and_queries(
    asked: Service, client: TestClient
) -> None:
    query = "notice period of Bob Roe"
    listed = client.get("/api/search", params={"q": query, "as": EVE}).json()["results"]
    second, third = (one["document"] for one in listed[1:3])
    client.get("/api/search", params={"q": query, "as": EVE, "offset": 2})
    page = client.get(f"/documents/{third}", params={"q": query, "as": EVE}, headers=PAGE)
    (form,) = tree(page.text).xpath("//form[@class='vote']")
    vote = {"query": form.xpath(".//input[@name='query']/@value")[0], "helpful": "1"}
    thanked = client.post(form.get("action"), data=vote, headers=PAGE)
    assert tree(thanked.text).xpath("//form[@class='vote']//*[@role='status']")
    client.post(f"/api/documents/{second}/vote", params={"as": EVE}, json={"query": query, "helpful": False})
    told = client.post("/api/eval/candidates", json={"pool": "use"}).json()
    hints = {one["document"]: one for one in told["candidates"]}
    assert {one["query"] for one in told["candidates"]} == {"notice period of"}
    assert (hints[third]["clicks"], hints[third]["helpful"]) == (1, 1)
    assert hints[third]["mean_position"] == 3.0  # on the first page and on the second
    assert (hints[second]["unhelpful"], hints[second]["passed"]) == (1, 0)
    # They are only given to be judged: blind, nothing of the hints with them, and no judgement yet.
    assert client.get("/api/judging/pools/use/qrels").json()["qrels"] == {}
    assert "helpful" not in str(asked.memory.catalogue.judging.get("use"))
    first = client.get("/api/eval/sample", params={"number": 5}).json()
    assert first["searches"] == 1
    assert [one["text"] for one in first["queries"]] == ["notice period of"]
    assert "Legal" not in str(first)  # two of them: too few
    assert first == client.get("/api/eval/sample", params={"number": 5}).json()
    assert client.get("/api/eval/sample", params={"askers": 2}).json()["queries"] == []


def test_nobody_votes_on_what_they_may_not_see_or_reads_the_log(client: TestClient) -> None:
    (secret,) = [
        one["document"]
        for one in client.get("/api/search", params={"q": "secret lease", "limit": 1}).json()["results"]
    ]
    given = {"query": "lease", "helpful": True}
    assert client.post(f"/api/documents/{secret}/vote", params={"as": BOB}, json=given).status_code == 404
    assert client.post(f"/api/documents/{secret}/vote", json={**given, "query": " "}).status_code == 422
    assert client.get("/api/eval/sample", params={"as": BOB}).status_code == 403
    assert client.post("/api/eval/candidates", params={"as": BOB}, json={}).status_code == 403


def test_where_nothing_is_recorded_nobody_is_asked(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "lease.txt").write_text("The notice period of the lease.")
    with service(tmp_path / "home", events={"keep_days": 0}) as off:
        add_folder(off, tmp_path / "files")
        assert sync(off, meaning=False)["state"] == "done"
        with TestClient(create_app(lambda: off), base_url="http://localhost") as client:
            (found,) = client.get("/api/search", params={"q": "lease"}).json()["results"]
            page = client.get(f"/documents/{found['document']}", params={"q": "lease"}, headers=PAGE)
            assert not tree(page.text).xpath("//form[@class='vote']")
            refused = client.get("/api/eval/sample")
            assert (refused.status_code, "KEEP_DAYS" in refused.json()["hint"]) == (422, True)
