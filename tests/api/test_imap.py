"""Mail on a real IMAP server through the real service: found, moved, revoked, gone, and its password kept to itself."""

import json
import time
from pathlib import Path
from typing import Any

from imap_tools import AND, Header
from pydantic import SecretStr

from api.service import Service
from api.sources import NewSource
from memory.domain import OWNER, Asker
from tests.connectors.dovecot import PASSWORD, Dovecot, dovecot
from tests.connectors.test_imap_login import REFRESH, identity_provider
from tests.memories import counts, service, sync

JOE = Asker(person="joe")
"""Somebody with no more than everybody has."""

MAIL = (
    "Message-ID: <{number}@x.example>\r\nFrom: Jane Doe <jane@x.example>\r\n"
    "Subject: {subject}\r\n\r\n{text}\r\n"
)


def add(asked: Service, server: Dovecot, **more: Any) -> dict[str, Any]:
    """Jane's account as a source that everybody may see."""
    return asked.add_source(
        NewSource(
            kind="imap",
            location=f"imap://127.0.0.1:{server.port}",
            name="jane",
            grant=["public"],
            options={"user": "jane"},
            secrets={"password": PASSWORD},
            **more,
        )
    )


def test_mail_is_found_follows_its_folder_and_goes(tmp_path: Path) -> None:
    with dovecot() as server, server.client("jane") as box, service(tmp_path / "home") as asked:
        box.folder.create("Legal")
        texts = {"Walnut": "Forty walnut tables.", "Lease": "The lease ends in May.", "Oak": "No oak."}
        for number, (subject, text) in enumerate(texts.items()):
            box.append(MAIL.format(number=number, subject=subject, text=text).encode(), "INBOX")
        added = add(asked, server, rules=["Legal/**=group:legal"])
        assert added["found"] == f"127.0.0.1:{server.port} has 3 messages in 2 folders."
        assert counts(sync(asked)) == {"known": 3, "indexed": 3}
        [found] = asked.search('"walnut tables"', OWNER)["results"]
        assert (found["ref"], found["title"]) == ("imap:jane/0@x.example", "Walnut")
        assert ("Jane Doe", "sender") in [(person["name"], person["role"]) for person in found["people"]]
        original, media_type = asked.original(found["document"], OWNER)
        assert (original.read(), media_type) == (
            MAIL.format(number=0, subject="Walnut", text=texts["Walnut"]).encode(),
            "message/rfc822",
        )
        # Moved to where fewer may see it: the same document, not read again, and out of their sight at once.
        box.folder.set("INBOX")
        box.move("1", "Legal")
        box.delete("3")
        assert asked.search('"walnut tables"', JOE)["results"]
        assert counts(sync(asked, accept_removals=True)) == {"known": 2, "unchanged": 1, "removed": 1}
        assert not asked.search('"walnut tables"', JOE)["results"]
        [moved] = asked.search('"walnut tables"', OWNER)["results"]
        assert moved["document"] == found["document"]
        assert counts(sync(asked)) == {}
        assert PASSWORD not in json.dumps(asked.upkeep.sources())
        assert not [
            path
            for path in (tmp_path / "home").rglob("*")
            if path.is_file() and PASSWORD.encode() in path.read_bytes()
        ]


def test_what_a_sync_took_in_before_it_was_stopped_can_go(tmp_path: Path) -> None:
    """Neither the last cursor nor the server knows of it then."""
    with dovecot() as server, server.client("jane") as box, service(tmp_path / "home") as asked:
        add(asked, server)
        mails = [
            MAIL.format(number=number, subject="x", text=f"Text {number}").encode() for number in range(80)
        ]
        box.append(mails[0], "INBOX")
        sync(asked)
        for mail in mails[1:]:
            box.append(mail, "INBOX")
        job = asked.jobs.start([], accept_removals=False, meaning=False)
        ledger = asked.memory.catalogue.ledger
        while ledger.count("jane") < 10 and asked.jobs.running:
            time.sleep(0.01)
        asked.jobs.stop()
        assert job.to_json()["state"] == "stopped"
        taken = [row.ref.key for row in ledger.of_source("jane") if row.ref.key != "0@x.example"]
        assert taken
        box.folder.set("INBOX")
        box.delete(box.uids(AND(header=Header("Message-ID", f"<{taken[0]}>"))))
        sync(asked, meaning=False)
        assert {row.ref.key for row in ledger.of_source("jane")} == {
            f"{number}@x.example" for number in range(80)
        } - {taken[0]}


def test_a_refresh_token_that_the_provider_replaces_is_kept_encrypted(tmp_path: Path) -> None:
    with dovecot() as server, server.client("jane") as box, identity_provider() as provider:
        provider.once = True
        box.append(MAIL.format(number=1, subject="Oak", text="The oak of May.").encode(), "INBOX")
        told = {"user": "jane", "token_url": provider.url, "client_id": "mneme"}
        location = f"imap://127.0.0.1:{server.port}"
        with service(tmp_path / "home") as asked:
            new = NewSource(
                kind="imap",
                location=location,
                name="jane",
                options=told,
                secrets={"refresh_token": provider.refresh},
            )
            asked.add_source(new)
            assert counts(sync(asked)) == {"known": 1, "indexed": 1}
            asked.renew_keys()
            assert "1 message" in asked.check_source("jane")["found"]
        with service(tmp_path / "home") as asked:
            assert counts(sync(asked)) == {}
            assert [each["refresh_token"] for each in provider.asked] == [
                REFRESH,
                *(f"{REFRESH}-{number}" for number in range(1, len(provider.asked))),
            ]
            # What its owner gives goes before what was replaced meanwhile.
            tried = asked.memory.renewed(asked.memory.catalogue.sources.get("jane"))
            tried.sources = asked.memory.catalogue.sources
            asked.keep_secret("jane", "refresh_token", SecretStr(provider.refresh))
            now = provider.refresh
            tried.take("refresh_token", SecretStr("of another time"))
            kept = asked.memory.renewed(asked.memory.catalogue.sources.get("jane")).secrets["refresh_token"]
            assert kept.get_secret_value() == now
            assert len(provider.asked) >= 4
        shown = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
        assert not [path for path in shown if REFRESH.encode() in path.read_bytes()]
