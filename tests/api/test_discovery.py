"""What leads on from a search: exact counts, exports, saved searches and feeds, versions, similar documents."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from api.app import create_app
from api.compare import compare
from api.export import COLUMNS, neutral
from api.service import Service
from ingest.likeness import ALIKE, resemblance, shingles
from tests.api.test_pages import tree
from tests.memories import add_folder, service, sync

BOB = "bob@x.example"
CLAUSES = [
    f"{number}. The supplier shall deliver item {number} to quay {number} within {number} days."
    for number in range(30)
]
ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("discovery") / "files"
    (made / "secret").mkdir(parents=True)
    changed = [clause.replace("within 7 days", "within seven working days") for clause in CLAUSES]
    contract = "# Harbour contract\n\n"
    (made / "contract-v1.md").write_text(contract + "\n\n".join(CLAUSES), encoding="utf-8")
    (made / "contract-v2.md").write_text(
        contract + "\n\n".join([*changed, "31. Nothing else."]), encoding="utf-8"
    )
    (made / "secret" / "contract-v3.md").write_text(contract + "\n\n".join(changed), encoding="utf-8")
    for number in range(130):
        (made / f"note{number:03}.txt").write_text(f"A zebra note about stable {number}.", encoding="utf-8")
    (made / "formula.txt").write_text(
        '=HYPERLINK("http://evil.example")\nzebra of the third kind', encoding="utf-8"
    )
    return made


@pytest.fixture(scope="module")
def asked(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("home")) as opened:
        opened.people.import_directory(f"name,address,groups\nBob Roe,{BOB},group:staff\n")
        add_folder(opened, folder, grant=["group:staff"], rules=["secret/**=group:board"])
        assert sync(opened)["state"] == "done"
        opened.memory.wait_for_model()
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    headers = {"accept": "text/html"}
    with TestClient(create_app(lambda: asked), base_url="http://localhost", headers=headers) as opened:
        yield opened


def found(client: TestClient, query: str, **params: str) -> list[dict[str, Any]]:
    return list(client.get("/api/search", params={"q": query, **params}).json()["results"])


def document(client: TestClient, key: str) -> str:
    ref = client.get("/api/why", params={"q": key}).json()["found"][0]
    return str(ref["document"])


def test_the_whole_list_is_everything_in_one_order(client: TestClient) -> None:
    text = client.get("/api/search/export", params={"q": "zebra"}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    zebras = [row for row in rows if "zebra" in row["passage"]]
    assert len(zebras) == 131
    assert [int(row["position"]) for row in rows] == list(range(1, len(rows) + 1))
    assert client.get("/api/search/export", params={"q": "zebra"}).text == text
    shown = [result["document"] for result in found(client, "zebra", limit="100")]
    assert [row["document"] for row in rows[:100]] == shown, "the order is the search's"
    assert client.get("/api/search/count", params={"q": "zebra"}).json()["total"] == len(rows)


def test_formulas_are_made_harmless(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/api/search/export?q=hyperlink+zebra+third").text)))
    (row,) = [row for row in rows if row["ref"].endswith("formula.txt")]
    assert row["passage"].startswith("'=HYPERLINK")
    for sign in ("=", "+", "-", "@", "\t", "\r"):
        assert neutral(f"{sign}cmd") == f"'{sign}cmd"
        assert neutral(f" {sign}cmd").startswith("'")
        for end in ";\t\r\n":
            for cell in re.split(r"[;\t\r\n]", neutral(f"Offer{end} {sign}cmd")):
                assert not cell.strip().startswith(("=", "+", "-", "@"))
    assert neutral("plain - text") == "plain - text"
    lines = client.get("/api/search/export?q=hyperlink+zebra+third&format=jsonl").text.splitlines()
    assert any(json.loads(line)["passage"].startswith("=HYPERLINK") for line in lines), "JSON runs nothing"
    marked = client.get("/api/search/export?q=zebra&mark=1")
    assert marked.content.startswith(b"\xef\xbb\xbf")
    assert marked.headers["content-disposition"] == 'attachment; filename="mneme.csv"'


def test_an_export_holds_only_what_the_asker_may_see(client: TestClient) -> None:
    mine = client.get("/api/search/export", params={"q": "harbour contract"}).text
    bobs = client.get("/api/search/export", params={"q": "harbour contract", "as": BOB}).text
    assert "contract-v3" in mine
    assert "contract-v3" not in bobs
    assert client.get("/api/search/export", params={"q": "colour:red"}).status_code == 422


def test_versions_are_found_folded_and_compared(client: TestClient) -> None:
    one, two = document(client, "contract-v1.md"), document(client, "contract-v2.md")
    versions = client.get(f"/api/documents/{one}/versions").json()
    assert {each["ref"].rpartition("/")[2] for each in versions} == {"contract-v2.md", "contract-v3.md"}
    assert all(each["share"] >= ALIKE for each in versions)
    bobs = client.get(f"/api/documents/{one}/versions", params={"as": BOB}).json()
    assert [each["document"] for each in bobs] == [two]
    page = tree(client.get("/?q=harbour+contract+supplier").text)
    first = page.xpath("//li[@class='result']")[0]
    assert len(first.xpath(".//ul[@class='versions']/li")) == 2
    shown = page.xpath("//li[@class='result']//h2/a/text()")
    assert shown.count("Harbour contract") == 1
    apart = tree(client.get("/?q=harbour+contract+supplier&apart=1").text)
    assert apart.xpath("//li[@class='result']//h2/a/text()").count("Harbour contract") == 3
    told = client.get(f"/api/documents/{one}/compare/{two}").json()
    pieces = [piece for block in told["blocks"] for piece in block["pieces"]]
    gone = "".join(piece["text"] for piece in pieces if piece["kind"] == "removed")
    new = "".join(piece["text"] for piece in pieces if piece["kind"] == "added")
    assert "7" in gone + new
    assert "seven working" in new + gone
    page = tree(client.get(f"/documents/{one}/compare/{two}").text)
    assert page.xpath("//article//ins")
    assert page.xpath("//article//details")
    assert client.get(f"/documents/{one}").text.count("What differs") == 2


def test_what_is_hidden_is_not_compared_and_has_nothing_similar(client: TestClient) -> None:
    one, three = document(client, "contract-v1.md"), document(client, "contract-v3.md")
    for path in (f"compare/{three}", "similar", "versions"):
        for base in ("/api/documents", "/documents"):
            if base == "/documents" and path == "versions":
                continue
            own = one if path.startswith("compare") else three
            assert client.get(f"{base}/{own}/{path}", params={"as": BOB}).status_code == 404


def test_similar_documents_are_near_in_meaning_and_visible(client: TestClient) -> None:
    one = document(client, "note007.txt")
    near = client.get(f"/api/documents/{one}/similar").json()
    assert len(near) == 10
    assert one not in {each["document"] for each in near}
    assert all("zebra" in each["title"].lower() or "note" in each["title"].lower() for each in near[:5])
    assert [each["score"] for each in near] == sorted((each["score"] for each in near), reverse=True)
    contract = document(client, "contract-v1.md")
    others = {each["document"] for each in client.get(f"/api/documents/{contract}/similar?limit=50").json()}
    assert document(client, "contract-v2.md") not in others, "versions are no similar documents"
    assert len(tree(client.get(f"/documents/{one}/similar").text).xpath("//main//ol/li")) == 10
    part = client.get(f"/documents/{one}/similar", headers={"hx-request": "true"}).text
    assert "<html" not in part


def test_a_saved_search_tells_its_owner_what_is_new(asked: Service, client: TestClient, folder: Path) -> None:
    assert client.post("/saved", data={"query": "giraffe", "name": "Giraffes & <b>\x07"}).status_code == 200
    (mine,) = client.get("/api/saved").json()
    assert client.get("/api/saved", params={"as": BOB}).json() == []
    for path in (f"/saved/{mine['id']}/look", f"/saved/{mine['id']}/remove", f"/api/saved/{mine['id']}/look"):
        assert client.post(path, params={"as": BOB}).status_code == 404
    assert client.get(f"/saved/{mine['id']}/feed", params={"as": BOB}).status_code == 404
    assert client.delete(f"/api/saved/{mine['id']}", params={"as": BOB}).status_code == 404
    known = {each["document"] for each in mine["new"]}
    bobs = client.post("/api/saved", json={"query": "giraffe"}, params={"as": BOB}).json()
    (folder / "giraffe.txt").write_text("A giraffe came to the harbour.", encoding="utf-8")
    (folder / "secret" / "giraffe.txt").write_text("A secret giraffe of the board.", encoding="utf-8")
    assert sync(asked)["state"] == "done"
    (mine,) = client.get("/api/saved").json()
    new = {each["document"] for each in mine["new"]} - known
    assert new == {document(client, "files/giraffe.txt"), document(client, "secret/giraffe.txt")}
    feed = etree.fromstring(client.get(f"/saved/{mine['id']}/feed").content)
    titles = [entry.findtext("a:id", None, ATOM) for entry in feed.findall("a:entry", ATOM)]
    assert {f"urn:mneme:document:{each}" for each in new} == set(titles[:2]), "newest first"
    assert feed.findtext("a:title", None, ATOM) == "Giraffes & <b>� – Mneme"
    theirs = client.get(f"/saved/{bobs['id']}/feed", params={"as": BOB}).text
    assert document(client, "secret/giraffe.txt") not in theirs
    assert "secret giraffe" not in theirs
    assert document(client, "files/giraffe.txt") in theirs
    assert "as=bob" in theirs
    looked = client.post(f"/saved/{mine['id']}/look", follow_redirects=False)
    assert looked.headers["location"] == "/?q=giraffe"
    assert client.get("/api/saved").json()[0]["new"] == []
    assert "Giraffes &amp; &lt;b&gt;" in client.get("/saved").text
    assert client.post(f"/saved/{mine['id']}/remove").status_code == 200
    assert client.get("/api/saved").json() == []


def test_what_cannot_be_saved_is_refused(client: TestClient) -> None:
    assert client.post("/api/saved", json={"query": "colour:red"}).status_code == 422
    assert client.post("/saved", data={"query": ""}).status_code == 422
    assert client.post("/api/saved", json={"query": "x", "more": 1}).status_code == 422


PARAGRAPHS = st.lists(
    st.sampled_from(["The lease ends.", "Rent is 900 euros.", "Notice: three months.", "a b c"]), max_size=8
)


@given(PARAGRAPHS, PARAGRAPHS)
def test_a_comparison_holds_both_texts(older: list[str], newer: list[str]) -> None:
    blocks = compare("\n\n".join(older), "\n\n".join(newer))

    def side(left_out: str) -> str:
        texts = ("".join(each.text for each in block.pieces if each.kind != left_out) for block in blocks)
        return "\n\n".join(text for text in texts if text)

    assert side("added").split("\n\n") == "\n\n".join(older).split("\n\n")
    assert side("removed").split("\n\n") == "\n\n".join(newer).split("\n\n")
    assert all(block.changed == any(each.kind != "same" for each in block.pieces) for block in blocks)


def test_resemblance_is_of_pairs_of_words() -> None:
    assert resemblance(shingles("One two three"), shingles("one TWO three")) == 1
    assert resemblance(shingles("one two three"), shingles("three two one")) == 0
    assert resemblance(frozenset(), frozenset()) == 0
