"""Why is this document not found? A memory with every cause in it, one test for each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.causes import SENTENCES, Cause, advice
from api.service import Service
from memory.domain import SourceRef, Stage
from tests.memories import add_folder, service, sync

JANE, BOB = "jane@x.example", "bob@x.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("why") / "files"
    for name in ("legal", "drafts", ".hidden"):
        (made / name).mkdir(parents=True)
    for key, text in {
        "budget.md": "# Budget note\n\nThe budget for heating was approved.\n",
        "other.txt": "Minutes of the board, with nothing about money.",
        "legal/lease.md": "# Lease\n\nThe budget for rent is 900 euros.\n",
        "drafts/plan.txt": "A draft.",
        ".hidden/secret.txt": "Hidden.",
        "~$budget.docx": "x",
        "picture.png.note": "unused",
        "empty.txt": "",
    }.items():
        (made / key).write_text(text, encoding="utf-8")
    (made / "broken.xlsx").write_bytes(b"PK\x03\x04 this is no archive")
    (made / "huge.txt").write_bytes(b"word " * 300_000)
    return made


@pytest.fixture(scope="module")
def asked(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("home"), sync={"max_file_mb": 1}) as opened:
        people = f"name,address,groups\nJane Doe,{JANE},group:legal group:staff\nBob Roe,{BOB},group:staff\n"
        opened.people.import_directory(people)
        rules = ["legal/**=group:legal"]
        exclude = ["drafts/", "*.note"]
        add_folder(opened, folder, grant=["group:staff"], rules=rules, exclude=exclude)
        assert sync(opened)["state"] == "done"
        (folder / "late.txt").write_text("Written after the sync.", encoding="utf-8")
        opened.memory.wait_for_model()
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: asked), base_url="http://localhost") as opened:
        yield opened


def why(client: TestClient, document: str, **params: str) -> dict[str, Any]:
    answer = client.get("/api/why", params={"q": document, **params})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["found"]
    assert found["said"]
    assert "{" not in found["said"] + found["hint"]
    page = client.get("/why", params={"q": document, **params}, headers={"accept-language": "de"})
    assert f'data-cause="{found["cause"]}"' in page.text
    assert found["said"] not in page.text, "the page speaks German"
    return dict(found)


def test_never_seen_by_any_source(client: TestClient) -> None:
    answer = client.get("/api/why", params={"q": "/elsewhere/none.txt"})
    assert answer.status_code == 404
    assert "No source has ever listed" in answer.json()["detail"]
    assert "files" in answer.json()["hint"]
    assert "none.txt" in client.get("/why", params={"q": "/elsewhere/none.txt"}).text


def test_a_source_covers_it_but_nothing_lies_there(client: TestClient, folder: Path) -> None:
    found = why(client, str(folder / "gone.txt"))
    assert (found["cause"], found["source"]) == ("missing", "files")


def test_not_listed_yet(client: TestClient, folder: Path) -> None:
    assert why(client, str(folder / "late.txt"))["cause"] == "waiting"
    assert why(client, "late.txt")["cause"] == "waiting"


@pytest.mark.parametrize(
    ("key", "rule", "pattern"),
    [
        ("drafts/plan.txt", "exclude", "drafts/"),
        ("picture.png.note", "exclude", "*.note"),
        (".hidden/secret.txt", "hidden", ""),
        ("~$budget.docx", "junk", "~$*"),
    ],
)
def test_excluded_by_a_pattern_or_rule(
    client: TestClient, folder: Path, key: str, rule: str, pattern: str
) -> None:
    found = why(client, str(folder / key))
    assert (found["cause"], found["rule_name"], found["pattern"]) == ("excluded", rule, pattern)
    assert pattern in found["said"]


def test_not_included_by_any_pattern(
    asked: Service, client: TestClient, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "a.txt").write_text("x", encoding="utf-8")
    add_folder(asked, tmp_path / "only", name="only", include=["*.pdf"])
    found = why(client, str(tmp_path / "only" / "a.txt"))
    assert (found["rule_name"], found["pattern"]) == ("include", "*.pdf")


def test_failed_at_a_stage_for_a_reason(client: TestClient) -> None:
    found = why(client, "broken.xlsx")
    assert found["cause"] == "failed"
    assert found["reason"]
    assert found["reason"] in found["said"]
    assert found["hint"]


def test_no_text(client: TestClient) -> None:
    found = why(client, "empty.txt")
    assert (found["cause"], found["reason"]) == ("no-text", "empty file")
    assert "OCR" in advice(Stage.SKIPPED, "no text layer, needs OCR", False)


def test_left_out(client: TestClient) -> None:
    found = why(client, "huge.txt")
    assert (found["cause"], found["reason"]) == ("skipped", "larger than 1 MB")
    assert "MNEME_SYNC__MAX_FILE_MB" in found["hint"]


def test_pending(asked: Service, client: TestClient) -> None:
    asked.memory.catalogue.ledger.note(SourceRef("folder", "files", "onitsway.txt"), Stage.FETCHED)
    assert why(client, "onitsway.txt")["cause"] == "pending"


def test_no_access_is_told_to_the_owner(client: TestClient) -> None:
    found = why(client, "legal/lease.md", **{"for": BOB})
    assert found["cause"] == "no-access"
    assert (found["grant"], found["held"]) == (
        ["group:legal"],
        [f"person:{BOB}", "public", "group:staff"],
    ) or (set(found["held"]) == {f"person:{BOB}", "public", "group:staff"})
    assert why(client, "legal/lease.md", **{"for": JANE})["cause"] == "found"


def test_to_others_what_is_hidden_does_not_exist(client: TestClient) -> None:
    """To the byte: the document, its ledger row, its folder and its file are as if they were not."""
    names = ["legal/lease.md", "Lease", "broken.xlsx", "late.txt", "drafts/plan.txt", "nothing-of-that-name"]
    for path in ("/api/why", "/why"):
        answers = set()
        for name in names:
            asked_for = {"q": name, "as": BOB, "query": "budget", "for": JANE}
            headers = {"accept": "text/html", "x-request-id": "the-same"}
            answer = client.get(path, params=asked_for, headers=headers)
            assert answer.status_code == 404
            # The page repeats what was asked, as typed and as part of addresses.
            text = answer.text
            for written in (name, name.replace("/", "%2F")):
                text = text.replace(written, "NAME")
            answers.add(text)
        assert len(answers) == 1, path
    shown = client.get("/api/why", params={"q": "legal/lease.md", "as": JANE})
    assert shown.status_code == 200, shown.text
    assert shown.json()["found"][0]["cause"] == "found"


def test_others_are_told_how_theirs_are_found_and_nothing_of_access(client: TestClient) -> None:
    found = client.get("/api/why", params={"q": "budget.md", "as": BOB, "query": "heating"}).json()["found"][
        0
    ]
    assert (found["cause"], found["position"]) == ("ranked", 1)
    assert not {"grant", "deny", "held"} & set(found)


def test_found_at_a_rank_in_each_leg(client: TestClient) -> None:
    found = why(client, "budget.md", query="budget heating")
    assert (found["cause"], found["position"]) == ("ranked", 1)
    legs = {leg["leg"]: leg for leg in found["trace"]["legs"]}
    assert legs["words"]["rank"] == 1
    assert legs["meaning"]["rank"] >= 1


def test_a_rank_counts_only_what_the_reader_may_see(client: TestClient) -> None:
    for_owner = why(client, "budget.md", query="budget rent")
    for_bob = why(client, "budget.md", query="budget rent", **{"for": BOB})
    assert for_owner["trace"]["legs"][0]["rank"] == 2
    assert for_bob["trace"]["legs"][0]["rank"] == 1


@pytest.mark.parametrize(
    ("query", "kept_out"),
    [
        ("budget type:pdf", ["type:"]),
        ("budget lang:fr source:files", ["lang:"]),
        ("budget -heating", ["-"]),
        ('"heating budget" after:2001', ['"..."']),
        ("budget author:jane before:1990", ["author:", "before:"]),
    ],
)
def test_a_filter_keeps_it_out(client: TestClient, query: str, kept_out: list[str]) -> None:
    found = why(client, "budget.md", query=query)
    assert (found["cause"], found["filters"]) == ("filtered", kept_out)


def test_a_search_that_cannot_be_understood_says_so(client: TestClient) -> None:
    assert client.get("/api/why", params={"q": "budget.md", "query": "colour:red"}).status_code == 422
    assert client.get("/why", params={"q": "budget.md", "query": "colour:red"}).status_code == 422
    assert client.get("/api/why", params={"q": " "}).status_code == 422
    assert client.get("/why").status_code == 200


def test_every_cause_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Cause)
