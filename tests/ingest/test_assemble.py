"""A document is what its source says and what is written in it; where they differ, the writing goes before."""

from datetime import UTC, datetime

import pytest

from connectors.base import Content
from ingest.assemble import assemble, formality
from ingest.items import Divided, Fetched, Read
from ingest.parsers.base import Parsed
from memory.domain import Access, Contribution, Formality, Identity, Role, SourceRef

COPIED = datetime(2026, 1, 1, tzinfo=UTC)
WRITTEN = datetime(2019, 5, 6, tzinfo=UTC)


def document(parsed: Parsed, *, said: tuple[Contribution, ...] = (), key: str = "a/report.txt"):
    content = Content(
        ref=SourceRef("folder", "files", key), name="report.txt", body=b"", url="file:///report.txt",
        created=COPIED, modified=COPIED, contributions=said,
    )  # fmt: skip
    fetched = Fetched(content, "0" * 32, "v1", "f1", "d1", Access(frozenset({"public"})))
    return assemble(Divided(Read(fetched, parsed), "", ()))


def by(name: str = "", address: str = "", role: Role = Role.AUTHOR) -> Contribution:
    return Contribution(Identity(name=name, address=address), role, evidence="test")


def test_a_copy_is_as_old_as_its_original() -> None:
    found = document(Parsed("text/plain", created=WRITTEN))
    assert (found.created, found.modified) == (WRITTEN, WRITTEN)
    found = document(Parsed("text/plain"))
    assert (found.created, found.modified) == (COPIED, COPIED)


def test_a_file_without_a_title_goes_by_its_name() -> None:
    assert document(Parsed("text/plain")).title == "report.txt"
    assert document(Parsed("text/plain", title="Annual report")).title == "Annual report"


def test_one_person_is_named_once_for_a_role() -> None:
    found = document(
        Parsed(
            "text/plain", contributions=(by("Jane Doe", "jane@x.example"), by("Jane Doe", role=Role.OWNER))
        ),
        said=(by("Jane Doe"), by("Bob Roe")),
    )
    people = [(part.person.name, part.person.address, part.role) for part in found.contributions]
    assert people == [
        ("Jane Doe", "jane@x.example", Role.AUTHOR),
        ("Bob Roe", "", Role.AUTHOR),
        ("Jane Doe", "", Role.OWNER),
    ]


def test_two_people_of_one_name_stay_two() -> None:
    found = document(
        Parsed("text/plain", contributions=(by("Jan Li", "jan@x.example"), by("Jan Li", "jan@y.example")))
    )
    assert len(found.contributions) == 2


@pytest.mark.parametrize(
    ("title", "key", "media_type", "expected"),
    [
        ("Lease agreement with Acme", "a.pdf", "application/pdf", Formality.CONTRACT),
        ("Mietvertrag", "a.pdf", "application/pdf", Formality.CONTRACT),
        ("Reiserichtlinie 2024", "a.docx", "application/msword", Formality.POLICY),
        ("Minutes of the meeting", "contracts/minutes.docx", "application/msword", Formality.PAGE),
        ("Minutes about the travel policy", "contracts/minutes.docx", "application/msword", Formality.POLICY),
        ("Contract?", "inbox/1", "message/rfc822", Formality.MESSAGE),
        ("Pumps", "wiki/pumps.md", "text/markdown", Formality.PAGE),
    ],
)
def test_how_formal_a_document_is(title: str, key: str, media_type: str, expected: Formality) -> None:
    assert formality(title, key, media_type) is expected
