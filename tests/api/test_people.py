"""Who is who as people use it: found by any alias, seen within what may be seen, corrected by API, page and command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from api.service import Service
from tests.api.test_pages import tree
from tests.memories import add_folder, service, sync

BOB = "bob@x.example"
JANE, HOME = "Jane Smith <jane@x.example>", "Jane Smith <jane@home.example>"
MAIL = "From: {sender}\nTo: Bob Roe <bob@x.example>\nSubject: {subject}\nMessage-ID: <{subject}@x>\n{more}Date: Mon, 2 Mar 2020 10:0{n}:00 +0000\n\n{text}\n"
MAILS = [
    ("legal/merger", JANE, "The merger of the harbour is secret.", ""),
    ("harbour", JANE, "The harbour needs a new crane for the quay.", ""),
    ("crane", "Bob Roe <bob@x.example>", "A crane for the quay costs much.", "In-Reply-To: <harbour@x>\n"),
    ("holiday", HOME, "Greetings from a holiday at the quay.", ""),
    ("legal/nick", "Janie the Shark <jane@x.example>", "Nobody else calls her so.", ""),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("people")
    (base / "files" / "legal").mkdir(parents=True)
    for number, (name, sender, text, more) in enumerate(MAILS):
        said = MAIL.format(sender=sender, subject=name.rpartition("/")[2], text=text, more=more, n=number)
        (base / "files" / f"{name}.eml").write_text(said, encoding="utf-8")
    return base


@pytest.fixture(scope="module")
def asked(place: Path) -> Iterator[Service]:
    with service(place / "home") as opened:
        opened.people.import_directory(f"name,address,groups\nBob Roe,{BOB},group:staff\n")
        add_folder(opened, place / "files", grant=["group:staff"], rules=["legal/**=group:legal"])
        assert sync(opened, meaning=False)["state"] == "done"
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: asked), base_url="http://localhost") as opened:
        yield opened


def found(client: TestClient, text: str, **params: str) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = client.get("/api/people", params={"q": text, **params}).json()["people"]
    return people


def one(client: TestClient, text: str, **params: str) -> dict[str, Any]:
    (only,) = found(client, text, **params)
    person: dict[str, Any] = client.get(f"/api/people/{only['id']}", params=params).json()
    return person


def titles(client: TestClient, query: str, **params: str) -> set[str]:
    results = client.get("/api/search", params={"q": query, **params}).json()["results"]
    return {result["title"] for result in results}


def test_a_page_tells_only_what_the_asker_may_see(client: TestClient) -> None:
    mine, bobs = one(client, "jane@x.example"), one(client, "jane@x.example", **{"as": BOB})
    assert mine["roles"] == {"sender": 3}
    assert bobs["roles"] == {"sender": 1}
    assert [each["title"] for each in bobs["documents"]] == ["harbour"]
    assert bobs["company"] == [{"id": one(client, BOB)["id"], "name": "Bob Roe", "documents": 1}]
    assert bobs["years"] == {"2020": 1}
    assert "Shark" in json.dumps(mine)
    assert "joined" not in bobs
    assert not {"merger", "secret", "Shark"} & set(json.dumps(bobs).split())
    assert found(client, "Janie the Shark", **{"as": BOB}) == []
    assert titles(client, 'author:"Janie the Shark"') == {"merger", "harbour", "nick"}
    assert titles(client, 'author:"Janie the Shark"', **{"as": BOB}) == set()
    assert one(client, BOB)["answered"] == 1
    refused = client.get("/api/people/nobody", params={"as": BOB})
    assert (refused.status_code, refused.headers["content-type"]) == (404, "application/problem+json")


def test_a_recipient_is_no_author(client: TestClient) -> None:
    assert one(client, BOB)["roles"] == {"recipient": 5, "sender": 1}
    assert titles(client, f"author:{BOB}") == {"crane"}


def test_two_are_made_one_and_two_again(client: TestClient) -> None:
    one_, other = one(client, "jane@x.example"), one(client, "jane@home.example")
    assert one_["id"] != other["id"], "a common name at two addresses is no evidence"
    merged = client.post(
        f"/api/people/{one_['id']}/merge", json={"other": "jane@home.example", "reason": "She moved."}
    )
    assert merged.status_code == 200
    assert titles(client, "author:jane@home.example quay") == {"harbour", "holiday"}, (
        "the index knows at once"
    )
    assert one(client, "Jane Smith")["roles"] == {"sender": 4}
    trail = client.get(f"/api/people/{one_['id']}/trail").json()
    assert [(each["by"], each["action"], each["reason"]) for each in trail] == [
        ("owner", "merge", "She moved.")
    ]
    assert trail[0]["at"]
    assert client.get(f"/api/people/{other['id']}").json()["id"] == one_["id"]
    again = client.post(f"/api/people/{one_['id']}/merge", json={"other": other["id"]})
    assert (again.status_code, again.headers["content-type"]) == (422, "application/problem+json")
    decision = merged.json()["decision"]
    assert client.post(f"/api/people/decisions/{decision}/undo").status_code == 200
    assert one(client, "jane@home.example")["id"] == other["id"]
    assert titles(client, "author:jane@home.example quay") == {"holiday"}
    assert client.post(f"/api/people/decisions/{decision}/undo").status_code == 422


def test_only_the_owner_decides_and_nobody_from_elsewhere(client: TestClient) -> None:
    jane, bob = one(client, "jane@x.example"), one(client, BOB)
    harbour = next(each["document"] for each in bob["documents"] if each["title"] == "harbour")
    for action, body in (
        ("merge", {"other": BOB}),
        ("split", {"identities": [1]}),
        ("name", {"name": "X"}),
        ("not-me", {"document": harbour}),
    ):
        path = f"/api/people/{jane['id']}/{action}"
        assert client.post(path, json=body, params={"as": BOB}).status_code == 403, action
        assert client.post(path, json=body, headers={"origin": "https://evil.example"}).status_code == 403, (
            action
        )
    assert client.get("/api/people/decisions", params={"as": BOB}).status_code == 403


def test_somebody_says_not_me_of_themselves(client: TestClient) -> None:
    bob = one(client, BOB, **{"as": BOB})
    document = next(each["document"] for each in bob["documents"] if each["title"] == "holiday")
    said = client.post(
        f"/api/people/{bob['id']}/not-me",
        json={"document": document, "reason": "Never got it."},
        params={"as": BOB},
    )
    assert said.status_code == 200
    assert "holiday" not in {each["title"] for each in one(client, BOB, **{"as": BOB})["documents"]}
    assert client.get("/api/people/decisions").json()[0]["by"] == "Bob Roe"
    undo = f"/api/people/decisions/{said.json()['decision']}/undo"
    assert client.post(undo, params={"as": BOB}).status_code == 200
    assert "holiday" in {each["title"] for each in one(client, BOB, **{"as": BOB})["documents"]}


def test_the_pages_do_it_with_forms_alone(client: TestClient) -> None:
    """What a browser without JavaScript sends, taken from the forms as they stand."""
    page = {"accept": "text/html"}
    listed = tree(client.get("/people", params={"q": "smith"}, headers=page).text)
    hrefs = listed.xpath("//table//a/@href")
    assert len(hrefs) == 2
    shown = tree(client.get(hrefs[0], headers=page).text)
    (form,) = [
        each for each in shown.xpath("//form[@method='post']") if each.get("action").endswith("/merge")
    ]
    assert {field.get("name") for field in form.xpath(".//input")} == {"other", "reason"}
    sent = client.post(
        form.get("action"), data={"other": hrefs[1].rpartition("/")[2], "reason": "One desk."}, headers=page
    )
    merged = tree(sent.text)
    assert "One desk." in "".join(merged.itertext())
    (undo,) = [
        each for each in merged.xpath("//form[@method='post']") if each.get("action").endswith("/undo")
    ]
    data = {field.get("name"): field.get("value") for field in undo.xpath(".//input")}
    assert client.post(undo.get("action"), data=data, headers=page).status_code == 200
    assert len(found(client, "smith")) == 2
    bobs = client.get(hrefs[0], params={"as": BOB}, headers=page)
    if bobs.status_code == 200:
        assert not tree(bobs.text).xpath("//form[@method='post']"), "nothing to decide for others"


def test_the_commands(place: Path, asked: Service) -> None:
    """After the service has closed: a command then opens the memory itself."""
    asked.close()
    cli = CliRunner(env={"MNEME_HOME": str(place / "home"), "MNEME_EMBEDDING__MODEL": "hash"})

    def run(*words: str) -> str:
        answer = cli.invoke(app, ["people", *words])
        assert answer.exit_code == 0, answer.output
        return answer.output

    assert "jane@home.example" in run("show", "jane@home.example")
    done = run("merge", "jane@x.example", "jane@home.example", "--reason", "same desk")
    assert "same desk" in run("show", "jane@home.example")
    number = done.partition("undo ")[2].partition("`")[0]
    assert run("undo", number) == "Undone.\n"
    told = json.loads(run("list", "smith", "--json"))
    assert len(told["people"]) == 2
    document = json.loads(run("show", BOB, "--json"))["documents"][0]["document"]
    assert "undo" in run("not-me", BOB, document)
    wrong = cli.invoke(app, ["people", "merge", "smith", BOB])
    assert "fits more than one person" in str(wrong.exception)
