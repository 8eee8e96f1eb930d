"""The API and the pages as a client meets them: answers, refusals and what every answer carries."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from tests.memories import add_folder, service, sync

HOST = "http://127.0.0.1:8377"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service over a small memory: two people, one folder that only one of them may see."""
    base = tmp_path_factory.mktemp("http")
    files = base / "files"
    (files / "legal").mkdir(parents=True)
    (files / "note.md").write_text(
        "---\nauthor: Jane Doe\n---\n# Budget note\n\nThe budget was approved.\n", encoding="utf-8"
    )
    (files / "legal" / "lease.html").write_text(
        "<html><head><title>Lease</title></head><body><h1>Lease</h1><script>alert(1)</script>"
        "<p>The budget for rent is 900 euros.</p></body></html>",
        encoding="utf-8",
    )
    with service(base / "home") as asked:
        asked.people.import_directory(
            "name,address,groups\nJane Doe,jane@x.example,group:staff group:legal\nBob Roe,bob@x.example,group:staff\n"
        )
        add_folder(asked, files, grant=["group:staff"], rules=["legal/**=group:legal"])
        assert sync(asked)["state"] == "done"
        alike = {"x-request-id": "alike-in-all"}  # so that answers may be compared as they are
        with TestClient(create_app(lambda: asked), base_url=HOST, headers=alike) as opened:
            yield opened


def first(client: TestClient, query: str, **params: str) -> dict[str, object]:
    results = client.get("/api/search", params={"q": query, **params}).json()["results"]
    assert results, query
    found: dict[str, object] = results[0]
    return found


def test_a_search_has_the_promised_shape(client: TestClient) -> None:
    answer = client.get("/api/search", params={"q": "budget"}).json()
    assert {"total", "took_ms", "results", "facets"} <= set(answer)
    assert answer["total"] == 2
    for result in answer["results"]:
        promised = {
            "document",
            "title",
            "url",
            "source",
            "type",
            "language",
            "modified",
            "score",
            "people",
            "passages",
        }
        assert promised <= set(result)
        for passage in result["passages"]:
            assert {"text", "highlights", "location", "score"} <= set(passage)
            assert any(passage["text"][start:end].lower() == "budget" for start, end in passage["highlights"])
    note = next(result for result in answer["results"] if result["type"] == "md")
    assert [(person["name"], person["role"]) for person in note["people"]] == [("Jane Doe", "author")]


def test_someone_else_sees_only_what_is_theirs(client: TestClient) -> None:
    lease = first(client, "rent")["document"]
    bob = client.get("/api/search", params={"q": "budget", "as": "bob@x.example"}).json()
    assert bob["total"] == 1
    assert str(lease) not in str(bob)
    assert sum(value["count"] for value in bob["facets"]["type"]) == 1
    for path in (f"/api/documents/{lease}", f"/api/documents/{lease}/original", f"/documents/{lease}"):
        refused = client.get(path, params={"as": "bob@x.example"})
        unknown = client.get(path.replace(str(lease), "0" * 32), params={"as": "bob@x.example"})
        assert refused.status_code == unknown.status_code == 404
        assert refused.text.replace(str(lease), "") == unknown.text.replace("0" * 32, "")


@pytest.mark.parametrize("path", ["/api/sources", "/api/ledger", "/api/why?q=x", "/api/sync", "/sources"])
def test_the_workings_are_the_owners(client: TestClient, path: str) -> None:
    assert client.get(path, params={"as": "bob@x.example"} if "?" not in path else None).status_code in (
        403,
        404,
    )


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/api/search?q=", 422, "invalid-query"),
        ("/api/search?q=foo:bar", 422, "invalid-query"),
        ("/api/search?q=before:yesterday", 422, "invalid-query"),
        ("/api/search?q=budget&limit=0", 422, "invalid-input"),
        ("/api/search?q=budget&limit=abc", 422, "invalid-input"),
        ("/api/search?q=budget&as=nobody", 404, "not-found"),
        ("/api/documents/nothing", 404, "not-found"),
        ("/api/people/nobody", 404, "not-found"),
        ("/api/ledger?stage=lost", 422, "invalid-input"),
        ("/api/ledger?source=none", 404, "not-found"),
        ("/api/why?q=none.txt", 404, "not-found"),
        ("/api/nothing", 404, "not-found"),
    ],
)
def test_a_refusal_says_what_to_do(client: TestClient, path: str, status: int, kind: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:mneme:problem:{kind}"
    assert problem["detail"]


def test_a_query_without_end_is_refused(client: TestClient) -> None:
    answer = client.get("/api/search", params={"q": "budget " * 10})
    assert answer.status_code == 200
    answer = client.get("/api/search", params={"q": "b" * 60_000})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("invalid-query")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8377", ""])
def test_another_name_for_this_machine_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/search?q=budget", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8377"])
def test_this_machines_own_names_are_taken(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"content-type": "text/plain"},
    ],
)
def test_another_site_cannot_change_anything(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post(
        "/api/sync", content=b'{"sources": []}', headers={"content-type": "application/json"} | headers
    )
    assert answer.status_code == 403
    assert client.get("/api/sync").json()["state"] == "done"


def test_every_answer_is_guarded(client: TestClient) -> None:
    for path in ("/", "/?q=budget", "/api/search?q=budget", "/nothing", "/static/mneme.css"):
        headers = client.get(path, headers={"accept": "text/html"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_an_original_runs_nothing(client: TestClient) -> None:
    answer = client.get(f"/api/documents/{first(client, 'rent')['document']}/original")
    assert "<script>" in answer.text
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_pages_show_what_the_api_says(client: TestClient) -> None:
    page = client.get("/", params={"q": "budget approved"}, headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "Budget note" in page.text
    assert "Jane Doe" in page.text
    found = first(client, "approved")
    document = client.get(
        f"/documents/{found['document']}?q=approved&passage=0", headers={"accept": "text/html"}
    )
    assert "<mark>approved</mark>" in document.text
    person = client.get(f"/people/{found['people'][0]['id']}", headers={"accept": "text/html"})  # type: ignore[index]
    assert "Budget note" in person.text
    assert client.get("/sources", headers={"accept": "text/html"}).status_code == 200


def test_htmx_gets_only_the_results(client: TestClient) -> None:
    part = client.get("/", params={"q": "budget"}, headers={"hx-request": "true"}).text
    assert "Budget note" in part
    assert "<html" not in part


def test_a_page_that_is_not_there_is_a_page(client: TestClient) -> None:
    answer = client.get("/nothing", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "<html" in answer.text


def test_the_api_describes_itself(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {
        "/api/search",
        "/api/documents/{document}",
        "/api/people/{person_id}",
        "/api/sources",
        "/api/ledger",
    } <= set(paths)


def test_health_says_how_far_it_is(client: TestClient) -> None:
    assert client.get("/api/search", params={"q": "budget", "wait": True}).status_code == 200
    assert client.get("/healthz").json() == {"status": "ok", "meaning": True}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "meaning": True})
    told = client.get("/api/health").json()
    assert told == {"ready": True, "meaning": True, "troubles": [], "free_mb": told["free_mb"]}
    assert told["free_mb"] > 0
    owners = client.get("/api/search", params={"q": "budget"}).json()["ready"]
    assert owners["passages"] == owners["embedded"] > 0


def test_only_the_owner_is_told_how_much_the_memory_holds(client: TestClient) -> None:
    """Counted is the whole memory, so a count would tell of what is hidden: by one search, two dates, a difference."""
    asked = {"q": "budget", "as": "bob@x.example"}
    told = client.get("/api/search", params=asked).json()["ready"]
    assert told == {
        "words": True,
        "meaning": told["meaning"],
        "percent": 100,
        "passages": None,
        "embedded": None,
    }
    assert {"passages", "embedded", "by_words"}.isdisjoint(client.get("/healthz").json())
