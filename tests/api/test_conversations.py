"""A conversation is shown as a whole, with the passage in view, and holds only what the asker may see."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from tests.api.test_pages import tree
from tests.attachments import pdf
from tests.mailboxes import BO, EVE, JANE, as_files, as_mbox, message
from tests.memories import service, sync

HIDDEN = "0-first-of-all@x.example"
PAGE = {"accept": "text/html"}
OFFER = "Zinc sheets and labour: 18,400 euros"
FIRST = "The roof over hall two leaks again.\n\nPlease get three offers before the frost."
ANSWER = """\
The first offer is attached; slates cost more than zinc.

Best regards
Bo Madsen
Facilities, extension 417

On Monday, Jane Doe wrote:
> The roof over hall two leaks again.
"""
LAST = "Zinc it is. The order goes out on Friday, and the gutters are renewed in the same week."


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Four messages of one conversation, of which Bo may not see one; his own lies in a second source too."""
    base = tmp_path_factory.mktemp("conversation")
    answer = message(
        "b@x.example", BO, JANE, "Re: Roof", ANSWER, answers=["a@x.example"], day=1,
        files={"offer.pdf": pdf(OFFER)},
    )  # fmt: skip
    as_files(
        base / "mail",
        [
            message("a@x.example", JANE, BO, "Roof", FIRST),
            answer,
            message(
                "d@x.example", JANE, f"{BO}, {EVE}", "Re: Roof", LAST, answers=["a@x.example", HIDDEN], day=3
            ),
            message("z@x.example", EVE, BO, "Roof", "Another roof: that of my own house.", day=400),
        ],
    )
    secret = message(
        HIDDEN, EVE, JANE, "Re: Roof", "The insurer must not hear of it.", answers=["b@x.example"], day=2
    )
    as_files(base / "mail" / "Legal", [secret])
    as_mbox(base / "copies.mbox", [answer])
    with service(base / "home") as asked:
        asked.people.import_directory(
            "name,address,groups\nJane Doe,jane@x.example,group:staff group:legal\nBo Madsen,bo@x.example,group:staff\n"
        )
        alike = {"x-request-id": "alike-in-all"}  # so that answers may be compared as they are
        with TestClient(create_app(lambda: asked), base_url="http://localhost", headers=alike) as made:
            for name, place, rules in (
                ("mail", base / "mail", ["Legal/**=group:legal"]),
                ("copies", base / "copies.mbox", []),
            ):
                source = {"kind": "mailbox", "location": str(place), "name": name, "grant": ["group:staff"]}
                made.post("/api/sources", json={**source, "rules": rules}).raise_for_status()
            assert sync(asked)["state"] == "done"
            yield made


def found(client: TestClient, query: str, **more: Any) -> dict[str, Any]:
    results = client.get("/api/search", params={"q": query, "wait": True, **more}).json()["results"]
    first: dict[str, Any] = results[0]
    return first


def thread(client: TestClient, document: str, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = client.get(f"/api/documents/{document}/thread", params=more).json()
    return told


def told(message: dict[str, Any], kind: str) -> str:
    return "".join(
        message["text"][each["start"] : each["end"]] for each in message["asides"] if each["kind"] == kind
    )


def test_a_conversation_is_told_as_a_whole(client: TestClient) -> None:
    first = found(client, '"three offers"')["document"]
    whole = thread(client, first)
    assert whole["total"] == len(whole["messages"]) == 4
    assert whole["title"] == "Roof"
    senders = [next(p["name"] for p in each["people"] if p["role"] == "sender") for each in whole["messages"]]
    assert senders == ["Jane Doe", "Bo Madsen", "Eve Blanc", "Jane Doe"]
    answer = whole["messages"][1]
    assert "extension 417" in told(answer, "signature")
    assert told(answer, "quoted").endswith("> The roof over hall two leaks again.")
    assert [file["title"] for file in answer["attached"]] == [OFFER]
    assert {p["name"] for p in whole["messages"][3]["people"] if p["role"] == "recipient"} == {
        "Bo Madsen",
        "Eve Blanc",
    }
    assert client.get(f"/api/documents/{first}").json()["messages"] == 4


def test_a_copy_is_the_same_message_and_the_one_asked_for_is_shown(client: TestClient) -> None:
    copies = [
        each["document"]
        for each in client.get("/api/search", params={"q": "slates zinc", "limit": 50}).json()["results"]
        if each["title"] == "Re: Roof" and "slates" in each["passages"][0]["text"]
    ]
    assert len(copies) == 2
    for copy in copies:
        whole = thread(client, copy)
        assert whole["total"] == 4
        assert whole["messages"][1]["document"] == whole["document"] == copy


def test_what_the_asker_may_not_see_is_absent_and_not_counted(client: TestClient) -> None:
    bo = {"as": "bo@x.example"}
    first = found(client, '"three offers"', **bo)["document"]
    hidden = found(client, "insurer")["document"]
    answers = [
        client.get(f"/{path}/{first}/thread", params=bo, headers=PAGE).text
        for path in ("api/documents", "documents")
    ]
    assert thread(client, first, **bo)["total"] == 3
    assert client.get(f"/api/documents/{first}", params=bo).json()["messages"] == 3
    for text in answers:
        assert not [word for word in (HIDDEN, hidden, "insurer") if word in text]
    for path in ("api/documents", "documents"):
        refused = client.get(f"/{path}/{hidden}/thread", params=bo)
        unknown = client.get(f"/{path}/{'0' * 32}/thread", params=bo)
        assert (refused.status_code, unknown.status_code) == (404, 404)
        assert refused.text.replace(hidden, "") == unknown.text.replace("0" * 32, "")


def test_the_page_shows_the_passage_in_view(client: TestClient) -> None:
    page = client.get("/", params={"q": "gutters renewed"}, headers=PAGE).text
    link = next(
        each for each in tree(page).xpath("//ol//a/@href | //ul//a/@href | //a/@href") if "/thread?" in each
    )
    assert link.endswith("#passage")
    root = tree(client.get(link, headers=PAGE).text)
    assert next(
        text.strip()
        for text in root.xpath("//article[contains(@class, 'current')]//*[@id='passage']//text()")
    )
    assert {"gutters", "renewed"} <= set(root.xpath("//*[@class='view']/mark/text()"))
    assert root.xpath("count(//article)") == 4
    assert root.xpath("//details[@class='set-apart']/summary/text()") == ["Signature", "Quoted text"]
    assert not root.xpath("//details[@open]")
    files = root.xpath("//section[@class='files']//a")
    assert [each.xpath("string()") for each in files] == [OFFER]
    assert "18,400" in client.get(files[0].get("href"), headers=PAGE).text


def test_an_attached_file_leads_to_the_conversation_of_its_message(client: TestClient) -> None:
    offer = found(client, "zinc sheets labour type:pdf")["document"]
    assert client.get(f"/api/documents/{offer}").json()["messages"] == 4
    whole = thread(client, offer, passage=0)
    assert whole["view"] is None
    assert whole["document"] in {each["document"] for each in whole["messages"] if each["attached"]}


def test_long_conversations_come_in_pages(client: TestClient) -> None:
    last = found(client, "gutters")["document"]
    whole = thread(client, last, limit=3)
    assert (whole["page"], whole["pages"], whole["total"], len(whole["messages"])) == (2, 2, 4, 1)
    assert len(thread(client, last, page=1, limit=3)["messages"]) == 3
    assert thread(client, last, page=9, limit=3)["page"] == 2


def test_what_is_no_message_has_no_conversation(client: TestClient) -> None:
    assert client.get(f"/documents/{'f' * 32}/thread", headers=PAGE).status_code == 404
