"""Directories that are files: tables as spreadsheets write them, and cards of three versions."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.service import Service
from connectors.base import SourceConfig
from connectors.people_file.connector import PeopleFile
from memory.errors import SourceError
from memory.people.directory import ListedPerson, Told
from tests.memories import add_folder, counts, service, sync

TABLE = """\ufeffFull Name;E-Mail;Aliases;Department;Groups;ID;Manager;Left
Jane Döe;Jane@x.example;"Döe, Jane; jd@x.example";Legal;group:legal-uk;7;;
Bo Madsen;bo@x.example;;Sales;Sales Nord; 8;jane döe;no
Eve Blanc;eve@x.example;;Sales;"Sales Nord; Board";9;7;2020-03-31
group:legal-uk;;;;group:legal;;;
"""

CARDS = """BEGIN:VCARD
VERSION:4.0
UID:urn:uuid:a-1
FN:Jane Doe
N:Doe;Jane;;;
EMAIL;TYPE=work:Jane@x.example
EMAIL:jd@x.example
ORG:Acme Ltd;Legal
END:VCARD
BEGIN:VCARD
VERSION:3.0
UID:a-2
FN:Søren Kjær
EMAIL;TYPE=INTERNET:sk@x.example
ORG:Acme Ltd;Sales
RELATED;TYPE=manager:urn:uuid:a-1
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BCller;J=C3=BCrgen
FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:J=C3=BCrgen M=C3=BCller
EMAIL;INTERNET:jm@x.example
END:VCARD
BEGIN:VCARD
VERSION:4.0
UID:urn:uuid:g-1
KIND:group
FN:Legal Team
MEMBER:urn:uuid:a-1
MEMBER:urn:uuid:g-2
END:VCARD
BEGIN:VCARD
VERSION:3.0
UID:g-2
FN:Copenhagen
X-ADDRESSBOOKSERVER-KIND:group
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:a-2
MEMBER:mailto:jm@x.example
END:VCARD
"""


def told(path: Path, text: str | bytes) -> Told:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return PeopleFile(SourceConfig("hr", str(path))).people()


def by_id(found: Told) -> dict[str, ListedPerson]:
    return {each.id: each for each in found.people}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_table_as_spreadsheets_write_it(tmp_path: Path, encoding: str) -> None:
    text = TABLE if encoding == "utf-8" else TABLE.removeprefix("\ufeff")
    found = told(tmp_path / "people.csv", text.encode(encoding))
    people = by_id(found)
    assert found.whole
    assert list(people) == ["7", "8", "9"]
    assert [each.name or each.address for each in people["7"].names] == [
        "Jane Döe",
        "Döe, Jane",
        "jd@x.example",
    ]
    assert people["7"].names[0].address == "jane@x.example"
    assert [(each.department, each.manager, each.active) for each in people.values()] == [
        ("Legal", "", True),
        ("Sales", "7", True),
        ("Sales", "7", False),
    ]
    assert found.within["8"] == {"group:Sales%20Nord"}
    assert found.within["9"] == {"group:Sales%20Nord", "group:Board"}
    assert found.within["group:legal-uk"] == {"group:legal"}


def test_who_leaves_tomorrow_is_there_today(tmp_path: Path) -> None:
    days = [date.today() + timedelta(days=shift) for shift in (-2, 2)]  # noqa: DTZ011 - far enough from midnight anywhere
    lines = "".join(f"P{n},p{n}@x.example,{day}\n" for n, day in enumerate(days))
    assert [each.active for each in told(tmp_path / "a.csv", "name,address,left\n" + lines).people] == [
        False,
        True,
    ]


def test_cards_of_three_versions(tmp_path: Path) -> None:
    found = told(tmp_path / "all.vcf", CARDS)
    people = by_id(found)
    assert [(each.names[0].name, each.names[0].address) for each in people.values()] == [
        ("Jane Doe", "jane@x.example"),
        ("Søren Kjær", "sk@x.example"),
        ("Jürgen Müller", "jm@x.example"),
    ]
    assert {each.address for each in people["a-1"].names} == {"jane@x.example", "jd@x.example", ""}
    assert (people["a-2"].department, people["a-2"].manager) == ("Sales", "a-1")
    assert {each.id: (each.token, each.members) for each in found.groups} == {
        "g-1": ("group:Legal%20Team", {"a-1", "g-2"}),
        "g-2": ("group:Copenhagen", {"a-2", "jm@x.example"}),
    }


def test_a_folder_of_cards(tmp_path: Path) -> None:
    for number, card in enumerate(CARDS.split("END:VCARD\n")[:-1]):
        (tmp_path / f"{number}.vcf").write_text(card + "END:VCARD\n")
    found = PeopleFile(SourceConfig("hr", str(tmp_path))).people()
    assert len(found.people) == 3
    assert len(found.groups) == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "name,address,left\nJane,j@x.example,soon\n", "Line 2: Not a day: 'soon'"),
        ("a.csv", "first,last\nJane,Doe\n", "no columns name and address"),
        ("a.vcf", "BEGIN:VCARD\nFN:Jane\n", "no vCard from card 1"),
        ("a.vcf", "", "no card of a person"),
        (
            "a.vcf",
            CARDS.replace("END:VCARD\nBEGIN:VCARD\nVERSION:2.1", "BEGIN VCARD\nVERSION:2.1"),
            "no vCard from card",
        ),
        ("a.csv", b"\x81\x00\xff\xfe" * 5, "no text"),
    ],
)
def test_what_cannot_be_understood_changes_nothing(
    tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        told(tmp_path / name, text)
    with pytest.raises(SourceError, match="cannot be read"):
        PeopleFile(SourceConfig("hr", str(tmp_path / "lost.csv"))).people()


def seen(asked: Service, address: str) -> list[Any]:
    asker = asked.memory.catalogue.people.asker(address)
    return [each["title"] for each in asked.search("beech", asker)["results"]]


def test_who_is_in_the_file_no_more_sees_nothing(tmp_path: Path) -> None:
    files, people = tmp_path / "files", tmp_path / "people.csv"
    files.mkdir()
    (files / "a.md").write_text("# Lease\n\nForty boards of beech.")
    people.write_text(TABLE)
    with service(tmp_path / "home") as asked:
        add_folder(asked, files, grant=["group:legal"])
        add_folder(asked, people, "hr", "people", grant=[])
        sync(asked)
        assert seen(asked, "jane@x.example") == ["Lease"]
        assert seen(asked, "bo@x.example") == seen(asked, "eve@x.example") == []
        people.write_text("".join(line for line in TABLE.splitlines(keepends=True) if "Jane D" not in line))
        assert counts(sync(asked, "hr"))["removed"] == 1
        assert seen(asked, "jane@x.example") == []


def test_two_lines_of_one_person_add_up_and_an_id_that_two_have_gives_neither_the_others_groups(
    tmp_path: Path,
) -> None:
    """Some systems export a line for each group."""
    found = told(
        tmp_path / "people.csv",
        "name,address,groups,id\nJane Doe,jane@x.example,sales,7\nJane Doe,jane@x.example,legal,7\nBo,bo@x.example,board,7\n",
    )
    assert found.within == {"7": {"group:sales", "group:legal"}}


def test_cards_that_share_what_they_are_known_by_are_told(tmp_path: Path) -> None:
    card = "BEGIN:VCARD\nVERSION:4.0\nFN:{}\nEMAIL:{}\nEND:VCARD\n".format
    found = told(tmp_path / "people.vcf", card("Jane", "info@x.example") + card("Bo", "info@x.example"))
    assert [each.names[0].name for each in found.people] == ["Jane"]
    assert found.problems == (
        "people.vcf, card 2 has the UID, address or name of a card before it: that one is taken.",
    )
