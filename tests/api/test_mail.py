"""Mail through a whole sync: by folder, mbox, Maildir and message files it comes out the same, and nothing is lost.

The cases that mail is known to break search products with are each tested here or closer to where they are decided:
names and encoded words, mail that lacks a header (`tests/ingest/test_mail.py`), threads never by subject alone
(`tests/memory/test_threads.py`, `tests/api/test_conversations.py`), copies and moved messages
(`tests/connectors/test_mailbox.py`), what is attached to anything (`tests/ingest/test_attached.py`).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from api.conversations import conversation
from api.service import Service
from memory.domain import OWNER, Role, Stage
from tests.attachments import pdf
from tests.mailboxes import BO, EVE, JANE, as_files, as_maildir, as_mbox, message
from tests.memories import add_folder, counts, service, sync

WAYS = ("mbox", "maildir", "files", "folder")
COMMA, ENCODED = (
    '"Doe, Jane" <jane@x.example>',
    "=?utf-8?q?J=C3=BCrgen?= =?utf-8?q?_M=C3=BCller?= <juergen@x.example>",
)
LIST = "Price list: the walnut table costs 980 euros"
ANSWER = """\
The walnut table stays at 980.

Mit freundlichen Grüßen
Jürgen Müller

Am Montag schrieb Jane Doe:
> What does the walnut table cost now?
"""
ENCRYPTED = b"""\
Message-ID: <secret@x.example>
From: Eve Blanc <eve@x.example>
To: jane@x.example
Subject: For your eyes
MIME-Version: 1.0
Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b

--b
Content-Type: application/pgp-encrypted

Version: 1
--b
Content-Type: application/octet-stream

-----BEGIN PGP MESSAGE-----
--b--
"""
MALFORMED = b"""\
Message-ID: <broken@x.example>
From: =?utf-8?q?broken <bro@ken@x.example>,,;
Date: the day after tomorrow
Subject: =?x?q?Halibut=?=
Content-Type: multipart/mixed; boundary=never

Halibut fillets, said the part that never began.
"""
BARE = b"Subject: Sturgeon without sender, date or id\nX-Mailer: x\n\nCaviar is off the menu.\n"
SILENT = b"Message-ID: <silent@x.example>\nFrom: eve@x.example\nTo: bo@x.example\n\n"


def everything() -> list[EmailMessage | bytes]:
    """A thread, ten mails with one attachment, a mail in a mail, and what is broken."""
    inner = message("inner@x.example", EVE, BO, "Oak", "The oak is felled in May.")
    carrier = message("carrier@x.example", BO, JANE, "Fwd: Oak", "See what Eve writes.", day=3)
    carrier.add_attachment(inner)
    inline = message("inline@x.example", BO, JANE, "Plan", "Here is the plan of the hall.", day=4)
    inline.add_attachment(
        pdf("Plan of the sawmill"), "application", "pdf", filename="plan.pdf", disposition="inline"
    )
    question = message("q@x.example", COMMA, BO, "Price", "What does the walnut table cost now?")
    answer = message(
        "a@x.example",
        "Jurgen <juergen@x.example>",
        COMMA,
        "Re: Price",
        ANSWER,
        answers=["q@x.example"],
        day=1,
    )
    answer.replace_header("From", ENCODED)
    offers = [
        message(f"offer{n}@x.example", JANE, f"customer{n}@y.example", f"Offer {n}", f"Dear customer {n}, our prices.", day=5 + n, files={"prices.pdf": pdf(LIST)})
        for n in range(10)
    ]  # fmt: skip
    plan = " ".join(f"On day {n} the saw in hall {n % 3} cuts batch {n}." for n in range(1, 12))
    long = message("plan@x.example", JANE, BO, "Saw", plan, day=20)
    reply = f"Good, but on day four the saw is serviced, so batch four has to wait until day twelve, and whoever expects it should be told so before the lorry is ordered.\n\nOn Monday, Jane Doe wrote:\n> {plan}\n"
    agreed = message("agreed@x.example", BO, JANE, "Re: Saw", reply, answers=["plan@x.example"], day=21)
    return [long, agreed, question, answer, carrier, inline, *offers, ENCRYPTED, MALFORMED, BARE, SILENT]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base, mail = tmp_path_factory.mktemp("mail"), everything()
    files = as_files(base / "files", mail)
    return {
        "mbox": as_mbox(base / "all.mbox", mail),
        "maildir": as_maildir(base / "maildir", mail),
        "files": files,
        "folder": files,
    }


@pytest.fixture(scope="module")
def asked(places: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that has read the same mail in each way."""
    with service(tmp_path_factory.mktemp("home")) as opened:
        for way in WAYS:
            add_folder(opened, places[way], way, "folder" if way == "folder" else "mailbox")
        job = sync(opened)
        assert (job["state"], job["errors"]) == ("done", [])
        yield opened


def told(asked: Service, source: str) -> dict[tuple[str, str], Any]:
    """Everything a source gave, by title and parent's title, without ids and refs: those may differ."""
    catalogue = asked.memory.catalogue
    known = {
        row.document: catalogue.documents.get(row.document, OWNER)
        for row in rows(asked, source)
        if row.document and row.stage in (Stage.INDEXED, Stage.EMBEDDED)
    }
    bodies = catalogue.documents.bodies(list(known))
    found: dict[tuple[str, str], Any] = {}
    for identity, document in known.items():
        parent = known[document.parent].title if document.parent else ""
        people = sorted(
            (part.person.name, part.person.address, part.role.value) for part in document.contributions
        )
        passages = [passage.text for passage in catalogue.passages.of_document(identity)]
        thread = document.thread if not (document.thread or "").startswith("document:") else "its own"
        facts = (
            document.language,
            document.formality,
            document.media_type,
            people,
            thread,
            bodies[identity],
            passages,
        )
        found[document.title, parent] = (
            *facts,
            document.created if document.title.startswith("Offer") else None,
        )
    return found


def rows(asked: Service, source: str) -> list[Any]:
    return list(asked.memory.catalogue.ledger.of_source(source))


def found(asked: Service, query: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = asked.search(query, OWNER, limit=50, wait=True)["results"]
    return results


@pytest.mark.parametrize("way", WAYS[1:])
def test_the_same_mail_gives_the_same_people_threads_and_children(asked: Service, way: str) -> None:
    mbox = told(asked, "mbox")
    assert ("Price", "") in mbox
    assert mbox == told(asked, way)


def test_names_are_people_and_sending_is_no_authorship(asked: Service) -> None:
    result = next(
        each for each in found(asked, "walnut table stays source:mbox") if each["title"] == "Re: Price"
    )
    assert {(person["name"], person["role"]) for person in result["people"]} == {
        ("Jürgen Müller", "sender"),
        ("Jane Doe", "recipient"),
    }
    assert result["formality"] == "message"
    people = asked.memory.catalogue.people
    assert len({*people.find("jane@x.example"), *people.find("Jane Doe"), *people.find("Doe, Jane")}) == 1
    sent = found(asked, "author:jane@x.example source:mbox walnut")
    assert sent
    assert all("Jane Doe" in {p["name"] for p in each["people"] if p["role"] == Role.SENDER} for each in sent)
    assert not found(asked, "author:customer3@y.example")


def test_a_thread_is_one_and_quotations_are_not_its_writers_words(asked: Service) -> None:
    [answer] = [
        each["document"] for each in found(asked, "source:mbox walnut stays") if each["title"] == "Re: Price"
    ]
    whole = conversation(asked.memory, answer, OWNER)
    assert [each["title"] for each in whole["messages"]] == ["Price", "Re: Price"]
    assert [aside["kind"] for aside in whole["messages"][1]["asides"]] == ["signature", "quoted"]
    passages = " ".join(passage.text for passage in asked.memory.catalogue.passages.of_document(answer))
    assert "What does" not in passages


def test_an_answer_is_no_version_of_what_it_quotes(asked: Service) -> None:
    for title in ("Saw", "Re: Saw"):
        [document] = {
            each["document"] for each in found(asked, "saw batch day source:mbox") if each["title"] == title
        }
        versions = asked.discovery.versions(document, OWNER)
        assert {each["title"] for each in versions} == {title}, (
            "its copies in the other sources, and no others"
        )


def test_one_attachment_of_ten_mails_is_a_child_of_each_and_embedded_once(asked: Service) -> None:
    catalogue = asked.memory.catalogue
    passages = [
        row for row in catalogue.passages.after(0, 10_000) if "walnut table costs 980" in row.passage.text
    ]
    assert len(passages) == 10 * len(WAYS)
    assert all(row.embedded for row in passages)
    assert len({row.digest for row in passages}) == 1
    digests = {row.digest for row in catalogue.passages.after(0, 10_000)}
    assert catalogue.vectors.count() == len(digests)
    for way in WAYS:
        listed = [
            each for each in found(asked, f"walnut costs source:{way} type:pdf") if each["title"] == LIST
        ]
        parents = [asked.document(each["document"], OWNER)["parent"]["title"] for each in listed]
        assert sorted(parents) == [f"Offer {n}" for n in range(10)]


def test_a_mail_in_a_mail_and_an_inline_pdf_are_children(asked: Service) -> None:
    for query, parent in (("oak felled source:mbox", "Fwd: Oak"), ("sawmill source:mbox", "Plan")):
        child = asked.document(found(asked, query)[0]["document"], OWNER)
        assert child["parent"]["title"] == parent
        assert {"sender"} <= {person["role"] for person in child["people"]}


@pytest.mark.parametrize("way", WAYS)
def test_encrypted_and_malformed_mail_has_its_row_and_stops_nothing(asked: Service, way: str) -> None:
    known = rows(asked, way)
    reasons = Counter(row.reason for row in known if row.stage not in (Stage.INDEXED, Stage.EMBEDDED))
    assert reasons == {"encrypted mail: needs its recipient's key": 1, "a message without a word": 1}
    assert len([row for row in known if row.parent is None]) == len(everything())
    assert found(asked, f"halibut fillets source:{way}")[0]["title"] == "Halibut="
    [bare] = found(asked, f"caviar source:{way}")[:1]
    assert (bare["title"], bare["people"]) == ("Sturgeon without sender, date or id", [])


def test_only_new_mail_is_fetched_and_a_mailbox_in_doubt_loses_none(
    asked: Service, places: dict[str, Path]
) -> None:
    """Ten appended mails are ten fetched; what cannot be read afterwards is still found, and is no deletion later."""
    as_mbox(
        places["mbox"],
        [message(f"new{n}@x.example", EVE, BO, f"New {n}", f"Larch plank {n}.", day=30) for n in range(10)],
    )
    began = datetime.now(UTC)
    assert counts(sync(asked, "mbox", meaning=False))["indexed"] == 10
    assert len([row for row in rows(asked, "mbox") if row.at >= began]) == 10
    whole, before, larch = places["mbox"].read_bytes(), told(asked, "mbox"), '"larch plank" source:mbox'
    lock = places["mbox"].with_name("all.mbox.lock")
    lock.touch()
    sync(asked, "mbox", accept_removals=True)
    assert len(found(asked, larch)) == 10
    lock.unlink()
    places["mbox"].write_bytes(whole[: len(whole) // 3])
    sync(asked, "mbox", accept_removals=True)
    assert len(found(asked, larch)) == 10
    places["mbox"].write_bytes(whole)
    sync(asked, "mbox", accept_removals=True)
    assert told(asked, "mbox") == before
