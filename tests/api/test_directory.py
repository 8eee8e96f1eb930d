"""A directory as a source: added, synced and removed like any other, and what it says counts at once in every search."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.app import create_app
from api.service import Service
from api.sources import NewSource
from memory.catalogue.audit import Wanted
from memory.domain import OWNER
from memory.errors import AccessDenied, SourceError
from tests.connectors.slapd import BASE, PASSWORD, READER, Entry, Slapd, slapd
from tests.connectors.test_ldap import inet, many, unit
from tests.connectors.wire import Wire
from tests.memories import add_folder, service, sync

JANE, MAX, PIA = "jane@x.example", "max@x.example", "pia@x.example"


@dataclass
class Corp:
    """A memory with a document for the board, and the directory that says who that is."""

    asked: Service
    server: Slapd
    client: TestClient

    def found(self, who: str) -> int:
        """How many documents somebody finds."""
        people = self.asked.memory.catalogue.people
        return int(self.asked.search("walnut", people.asker(who))["total"])

    def sync(self, **more: Any) -> dict[str, Any]:
        """Sync the directory; gives its summary."""
        job = sync(self.asked, "corp", **more)
        assert (job["state"], job["embedded"]) == ("done", 0), job
        (summary,) = job["summaries"]
        return summary


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with slapd() as started:
        yield started


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    files = tmp_path_factory.mktemp("files")
    (files / "minutes.eml").write_text(
        f"From: Jane Doe <{JANE}>\nSubject: Minutes\n\nA walnut table for the board.\n"
    )
    with service(tmp_path_factory.mktemp("home"), audit={"keep_days": 30}) as opened:
        add_folder(opened, files, grant=["group:board"])
        sync(opened)
        with TestClient(create_app(lambda: opened), base_url="http://127.0.0.1") as client:
            yield client


@pytest.fixture
def corp(server: Slapd, client: TestClient) -> Corp:
    """The directory as it was at first, whatever a test made of it."""
    server.fill(entries())
    asked: Service = client.app.state.service  # type: ignore[attr-defined]
    if "corp" not in {each.name for each in asked.memory.catalogue.sources.all()}:
        add_directory(asked, server.port)
    made = Corp(asked, server, client)
    made.sync(accept_removals=True)
    return made


def add_directory(asked: Service, port: int, name: str = "corp") -> dict[str, Any]:
    options = {"user": READER, "base": BASE}
    secrets = {"password": SecretStr(PASSWORD)}
    new = NewSource(
        kind="ldap", location=f"ldap://localhost:{port}", name=name, options=options, secrets=secrets
    )
    return asked.add_source(new)


def entries(without: str = "") -> dict[str, Entry]:
    """Jane is of the board by three groups, one in the other and the last in the first again."""

    def named(cn: str, *members: str) -> dict[str, Entry]:
        listed = [f"{each},{BASE}" for each in members if each != without]
        return {
            f"cn={cn}": {"objectClass": "groupOfNames", "cn": cn, "member": listed or [f"cn=nobody,{BASE}"]}
        }

    boss = {"manager": f"uid=max,ou=people,{BASE}", "departmentNumber": "Legal"}
    found = (
        many(12)
        | inet("jane", "Jane Doe", mail=JANE, **boss)
        | inet("max", "Max Roe", mail=MAX, manager=f"uid=pia,ou=people,{BASE}")
        | inet("pia", "Pia Poe", mail=PIA)
        | named("lawyers", "uid=jane,ou=people", "cn=board")
        | named("legal", "cn=lawyers")
        | named("board", "cn=legal", "uid=pia,ou=people")
    )
    return {dn: entry for dn, entry in found.items() if dn != without}


def test_what_the_directory_revokes_is_gone_from_search_at_once(corp: Corp) -> None:
    assert (corp.found(JANE), corp.found(PIA), corp.found(MAX)) == (1, 1, 0)
    corp.server.fill(entries(without="cn=lawyers"))
    summary = corp.sync()
    assert (summary["known"], summary["indexed"], summary["unchanged"]) == (15, 0, 15)
    assert (corp.found(JANE), corp.found(PIA)) == (0, 1)
    corp.server.fill(entries())
    corp.sync()
    assert corp.found(JANE) == 1


def test_who_leaves_sees_nothing_from_then_on_and_stays_who_they_were(corp: Corp) -> None:
    people = corp.asked.memory.catalogue.people
    before = people.asker(JANE)
    corp.server.fill(entries(without="uid=jane,ou=people"))
    assert corp.sync()["removed"] == 1
    assert corp.found(JANE) == 0
    with pytest.raises(AccessDenied, match="left"):
        people.asker_at(JANE)
    page = corp.asked.people.show(before.person, asker=OWNER, decides=True)
    assert (page["name"], page["left"]) == ("Jane Doe", True)
    assert [each["title"] for each in page["documents"]], "what they wrote stays theirs"
    noted = [each.about for each in corp.asked.memory.catalogue.audit.entries(Wanted(reader="source:corp"))]
    assert {"access": {"left": [before.key]}} in noted
    assert {"access": {"lost": {"group:lawyers": [before.key]}}} in noted


def test_a_person_has_managers_and_a_department(corp: Corp) -> None:
    person = corp.asked.memory.catalogue.people.asker(JANE).person
    page = corp.asked.people.show(person, asker=OWNER, decides=True)
    assert (page["department"], [each["name"] for each in page["managers"]]) == (
        "Legal",
        ["Max Roe", "Pia Poe"],
    )
    html = corp.client.get(f"/people/{person}").text
    assert "Max Roe" in html
    assert "Legal" in html


def test_an_emptied_directory_is_held_and_says_so(corp: Corp) -> None:
    corp.server.fill(unit("people") | inet("jane", "Jane Doe", mail=JANE))
    summary = corp.sync()
    assert (summary["removed"], summary["held"], summary["what"]) == (0, 14 + 3, "people and groups")
    assert (corp.found(JANE), corp.found(PIA)) == (1, 1)
    (listed,) = [each for each in corp.asked.upkeep.sources() if each["name"] == "corp"]
    assert (listed["state"], listed["directory"]["people"], listed["directory"]["groups"]) == ("held", 15, 3)
    assert corp.sync(accept_removals=True)["removed"] == 14
    assert (corp.found(JANE), corp.found(PIA)) == (0, 0)


def test_a_directory_that_breaks_off_at_first_tells_of_nobody(corp: Corp) -> None:
    wire = Wire(corp.server.port)
    add_directory(corp.asked, wire.port, "other")
    wire.cut_after(wire.sent // 5)
    job = sync(corp.asked, "other")
    assert "broke off" in job["errors"][0]["message"]
    assert "other" not in corp.asked.memory.catalogue.directories.counts()
    wire.close()
    job = sync(corp.asked, "other")
    assert "cannot be reached" in job["errors"][0]["message"]
    corp.asked.remove_source("other")


def test_a_directory_that_is_removed_says_nothing_any_more(corp: Corp) -> None:
    corp.asked.remove_source("corp")
    assert (corp.found(JANE), corp.found(PIA)) == (0, 0)
    assert corp.asked.memory.catalogue.people.asker_at(JANE).tokens == {f"person:{JANE}", "public"}


def test_its_password_is_kept_encrypted_and_never_shown(corp: Corp, caplog: pytest.LogCaptureFixture) -> None:
    source = corp.asked.memory.catalogue.sources.get("corp")
    assert PASSWORD not in repr(source.secrets) + repr(source) + repr(corp.asked.upkeep.sources())
    with pytest.raises(SourceError) as caught:
        corp.asked.keep_secret("corp", "password", SecretStr("wrong-and-secret"))
    assert "wrong-and-secret" not in str(caught.value) + caplog.text
    assert corp.asked.check_source("corp")["found"].endswith("15 people in 3 groups.")
