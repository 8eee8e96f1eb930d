"""Judging from a pool to qrels: by several judges over the API and its pages, and by keys in a browser."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from eval.collections.beir import write_beir
from eval.collections.folder import open_collection
from eval.collections.model import Query
from tests.api.test_browser import fill, serving
from tests.browser import browser, needs_browser
from tests.memories import add_folder, service, sync

ANNA, BERT, EVE = "anna@x.example", "bert@x.example", "eve@x.example"
SECRET = "folder:files/board/salaries.txt"
REFS = [f"folder:files/note {n}.txt" for n in range(3)]
QUERIES = {"q1": "heating of the harbour office", "q2": 'who said "zebra" -- x:y'}
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    base = tmp_path_factory.mktemp("judging")
    files = base / "files"
    (files / "board").mkdir(parents=True)
    for n in range(3):
        (files / f"note {n}.txt").write_text(f"Note {n} says <b>zebra</b> of the harbour office.")
    (files / "board" / "salaries.txt").write_text("The salaries of the harbour office.")
    with service(base / "home") as opened:
        people = f"Anna A,{ANNA},group:staff group:board\nBert B,{BERT},group:staff group:board\nEve E,{EVE},group:staff\n"
        opened.people.import_directory(f"name,address,groups\n{people}")
        add_folder(opened, files, grant=["group:staff"], rules=["board/**=group:board"])
        assert sync(opened, meaning=False)["state"] == "done"
        with TestClient(create_app(lambda: opened), base_url="http://localhost") as made:
            yield made


def make(client: TestClient, name: str, items: dict[str, list[str]], **more: Any) -> Any:
    body = {"name": name, "queries": QUERIES, "items": items, "about": {"runs": ["bm25", "dense"]}, **more}
    return client.post("/api/judging/pools", json=body)


def page(client: TestClient, path: str, who: str = "", **params: str) -> httpx.Response:
    return client.get(path, params={**params, **({"as": who} if who else {})}, headers=PAGE)


def item(html: str) -> tuple[str, str]:
    """The query and document that a page asks to judge."""
    found = dict(re.findall(r'name="(query|document)" value="([^"]*)"', html))
    return found["query"], found["document"]


def grade(client: TestClient, pool: str, who: str, grades: dict[str, int]) -> list[str]:
    """Judge everything as a judge's browser does, by the title of each document; gives the titles in order."""
    shown = []
    while "Everything here is judged" not in (html := page(client, f"/judging/{pool}", who).text):
        query, document = item(html)
        title = re.search(r'id="open"[^>]*>([^<]*)<', html)
        assert title
        shown.append(title[1])
        data = {"query": query, "document": document, "grade": str(grades[title[1]]), "comment": f"by {who}"}
        answer = client.post(f"/judging/{pool}", params={"as": who}, data=data, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, f"/judging/{pool}")
    return shown


def test_from_a_pool_to_qrels(client: TestClient) -> None:
    told = make(client, "first", {"q1": [*REFS, SECRET, "folder:files/gone.txt"], "q9": REFS})
    assert told.json() == {"pool": "first", "queries": 1, "documents": 4, "unknown": 1}
    grades = {"note 0": 3, "note 1": 1, "note 2": 0, "salaries": 2}
    first = grade(client, "first", ANNA, grades)
    second = grade(client, "first", BERT, grades | {"note 1": 2})
    assert sorted(first) == sorted(second) == sorted(grades)
    assert page(client, "/judging/first", "bert@x.example").text.count('name="grade"') == 0
    (mine,) = [one for one in client.get("/api/judging/pools").json() if one["name"] == "first"]
    assert (mine["done"], mine["total"], mine["disputed"]) == (0, 0, 1)
    # Agreement on three of four; each grade's share by chance is (1 * 1 + 1 * 1 + 0 + 1 * 2) / 16.
    assert mine["agreement"]["cohen"] == [{"judges": [1, 2], "documents": 4, "kappa": 0.6667}]
    assert mine["agreement"]["agreed"] == 3
    qrels = client.get("/api/judging/pools/first/qrels").json()
    assert qrels["qrels"] == {"q1": {REFS[0]: 3, REFS[2]: 0, SECRET: 2}}
    assert qrels["unsettled"] == 1

    html = page(client, "/judging/first/settle").text
    assert "by anna" in html
    assert "by bert" in html
    assert ">1</kbd> <span" in html
    query, document = item(html)
    data = {"query": query, "document": document, "grade": "2"}
    assert client.post("/judging/first/settle", data=data).status_code == 200
    assert "has been settled" in page(client, "/judging/first/settle").text
    assert client.get("/api/judging/pools/first/qrels").json()["qrels"]["q1"][REFS[1]] == 2


def test_judges_see_neither_where_a_document_comes_from_nor_what_is_hidden_from_them(
    client: TestClient,
) -> None:
    make(client, "second", {"q1": [*REFS, SECRET], "q2": [SECRET]}).raise_for_status()
    make(client, "board", {"q2": [SECRET]}).raise_for_status()
    seen = page(client, "/judging/second", EVE).text
    assert "bm25" not in seen
    assert "zebra" in seen
    assert "<b>zebra" not in seen
    hidden = client.get("/api/judging/pools", params={"as": ANNA}).json()
    assert {one["name"]: one["total"] for one in hidden}["second"] == 5
    eves = client.get("/api/judging/pools", params={"as": EVE}).json()
    assert {one["name"]: one["total"] for one in eves}.get("second") == 3
    assert "board" not in {one["name"] for one in eves}
    unknown, forbidden = (page(client, f"/judging/{name}", EVE) for name in ("nothing", "board"))
    assert unknown.status_code == forbidden.status_code == 404
    assert unknown.text.replace("nothing", "board") == forbidden.text
    shown = grade(client, "second", EVE, dict.fromkeys(["note 0", "note 1", "note 2"], 1))
    assert "salaries" not in shown
    _, secret = item(page(client, "/judging/board", ANNA).text)
    for path in ("/judging/second", "/judging/second/settle"):
        data = {"query": "q1", "document": secret, "grade": "3"}
        assert client.post(path, params={"as": EVE}, data=data).status_code == 404
    assert page(client, "/judging/second", EVE, query="q1", document=secret).status_code == 404
    for method, path in (("GET", "second/qrels"), ("DELETE", "second"), ("POST", "")):
        answer = client.request(
            method,
            f"/api/judging/pools/{path}".rstrip("/"),
            params={"as": EVE},
            json={"name": "x", "queries": {}, "items": {}} if method == "POST" else None,
        )
        assert answer.status_code == 403, method


def test_a_judgement_is_changed_and_what_is_none_is_refused(client: TestClient) -> None:
    make(client, "third", {"q1": REFS}).raise_for_status()
    assert make(client, "third", {"q1": REFS}).status_code == 422
    assert make(client, "empty", {"q1": ["folder:files/gone.txt"]}).status_code == 422
    query, document = item(page(client, "/judging/third", BERT).text)
    data = {"query": query, "document": document, "grade": "1", "comment": "at first"}
    client.post("/judging/third", params={"as": BERT}, data=data)
    html = page(client, "/judging/third", BERT).text
    assert item(html)[1] != document
    back = re.search(r'id="previous" href="([^"]*)"', html)
    assert back
    again = client.get(back[1].replace("&amp;", "&"), headers=PAGE).text
    assert item(again) == (query, document)
    assert "at first</textarea>" in again
    assert re.search(r'value="1"[^>]*aria-pressed="true"', again)
    client.post("/judging/third", params={"as": BERT}, data=data | {"grade": "3"})
    (mine,) = [
        one for one in client.get("/api/judging/pools", params={"as": BERT}).json() if one["name"] == "third"
    ]
    assert (mine["done"], mine["total"]) == (1, 3)
    for wrong in ({"grade": "4"}, {"grade": "x"}, {"grade": ""}, {"comment": "x" * 2001}):
        assert client.post("/judging/third", params={"as": BERT}, data=data | wrong).status_code == 422
    assert client.post("/judging/third/settle", data=data).status_code == 422
    assert client.delete("/api/judging/pools/third").json() == {"removed": "third"}
    assert client.delete("/api/judging/pools/third").status_code == 404


@needs_browser
@pytest.mark.slow
def test_by_keys_and_without_scripts_from_the_command_to_a_collection(tmp_path: Path) -> None:
    """The commands talk to the running service; a judge works by keys, another with no scripts at all."""
    files, home = tmp_path / "files", tmp_path / "home"
    files.mkdir()
    for n in range(2):
        (files / f"note {n}.txt").write_text(f"Note {n} on the heating of the harbour office.")
    write_beir(tmp_path / "asked", [Query("q1", "heating")], {})
    cli = CliRunner(env={"MNEME_HOME": str(home), "MNEME_EMBEDDING__MODEL": "hash"})

    def mneme(*given: str) -> Any:
        told = cli.invoke(app, ["eval", *given, "--json"])
        assert told.exit_code == 0, told.output
        return json.loads(told.stdout)

    with serving(home, tmp_path / "serve.log") as address:
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            fill(client, files)
        pooled = mneme("pool", "p", "words", "rrf", "--collection", str(tmp_path / "asked"), "--depth", "5")
        assert (pooled["queries"], pooled["documents"], pooled["unknown"]) == (1, 2, 0)
        with browser(tmp_path / "one") as window:
            window.go(f"{address}/judging")
            window.click(".judging a")
            assert window.text("mark") == "heating"
            window.press("c", "by keys 3")
            window.script("document.activeElement.blur()")
            window.press("2")
            window.eventually(lambda: window.text("#progress").startswith("1 of 2"))
            window.press("3")
            window.eventually(lambda: "Everything here is judged" in window.text("main"))
            window.press("b")
            window.eventually(lambda: window.text("button[aria-pressed]").startswith("3"))
            assert window.errors() == []
        with browser(tmp_path / "two", scripts=False) as window:
            window.go(f"{address}/judging/p?as=bob%40x.example")
            for _ in range(2):
                window.click("button[value='2']")
            window.eventually(lambda: "Everything here is judged" in window.text("main"))
        assert mneme("pools")[0]["disputed"] == 1
        trec = tmp_path / "p.qrels"
        told = mneme("judged", "p", "--collection", str(tmp_path / "asked"), "--trec", str(trec))
        assert (told["judgements"], told["unsettled"]) == (1, 1)
        ((ref, grade_given),) = open_collection(tmp_path / "asked").qrels["q1"].items()
        assert (ref.startswith("folder:files/note "), grade_given) == (True, 2)
        assert trec.read_text().split() == ["q1", "0", ref.replace(" ", "␣"), "2"]
        run = mneme("run", "--collection", str(tmp_path / "asked"), "--measures", "R@100")
        assert (run["queries"], run["measures"]) == (1, {"R@100": 1.0})
