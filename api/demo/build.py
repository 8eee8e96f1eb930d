"""Write the demo company's documents in their real formats.

``build(target)`` gives the same bytes every time, and sets each file's time of change to the
one its source names, so that a sync finds an office that has been at work for two years.
"""

import csv
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from api.demo.correspondence import mailbox, message, read_mail
from api.demo.opendocument import odt
from api.demo.paper import pdf
from api.demo.sheets import xlsx
from api.demo.slides import pptx
from api.demo.source import Source, read_all
from api.demo.web import html, markdown
from api.demo.word import docx

HERE = Path(__file__).parent
ATTACHMENTS = HERE / "attachments"
PEOPLE = HERE / "people.csv"
ACCESS = HERE / "access.json"
QUESTIONS = HERE / "questions.json"

WRITERS: dict[str, Callable[[Source], bytes]] = {
    "docx": docx,
    "html": html,
    "md": markdown,
    "odt": odt,
    "pdf": pdf,
    "pptx": pptx,
    "xlsx": xlsx,
}


@dataclass(frozen=True, slots=True)
class Employee:
    """A row of ``people.csv``: who somebody is and which access tokens they hold."""

    name: str
    address: str
    aliases: tuple[str, ...]
    department: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Question:
    """A question with a known answer.

    :param expected: the documents that answer it, best first; none where the asker may see none. Files go by their
        paths, mail by its Message-ID, what is attached to it by ``MESSAGE-ID//NAME``.
    :param answer: a phrase that stands in the first of them.
    :param person: the address of the person the answer should lead to, or ``""``.
    :param asked_by: the address of the asker, or ``""`` for the owner of the memory.
    :param hidden: documents about it that the asker must not be shown.
    :param all: whether the answer needs all of them, because one contradicts the other.
    """

    question: str
    language: str
    expected: tuple[str, ...]
    answer: str
    person: str
    asked_by: str
    hidden: tuple[str, ...]
    all: bool = False


def people() -> tuple[Employee, ...]:
    """Everybody in the demo company's directory."""
    with PEOPLE.open(encoding="utf-8", newline="") as lines:
        return tuple(
            Employee(
                row["name"],
                row["address"],
                tuple(alias.strip() for alias in row["aliases"].split(";")),
                row["department"],
                frozenset(row["groups"].split()),
            )
            for row in csv.DictReader(lines)
        )


def questions() -> tuple[Question, ...]:
    """The questions whose answers are known."""
    rows = json.loads(QUESTIONS.read_text(encoding="utf-8"))
    return tuple(
        Question(
            row["question"],
            row["language"],
            tuple(row["expected"]),
            row["answer"],
            row.get("person", ""),
            row.get("as", ""),
            tuple(row.get("hidden", ())),
            row.get("all", False),
        )
        for row in rows
    )


def access(file: str) -> frozenset[str]:
    """The tokens of which a reader of a built document needs one; the first rule that fits counts.

    :param file: the path below the target folder, for instance ``legal/nda-hydromar.docx``.
    :raises LookupError: where no rule fits.
    """
    for rule in json.loads(ACCESS.read_text(encoding="utf-8")):
        if fnmatchcase(file, rule["pattern"]):
            return frozenset(rule["grant"])
    raise LookupError(f"No access rule fits {file}.")


def attachments() -> dict[str, tuple[str, bytes]]:
    """File name and bytes of everything that is attached to mail, by its name."""
    return {source.name: (source.file, WRITERS[source.format](source)) for source in read_all(ATTACHMENTS)}


def build_mail(target: Path) -> Path:
    """Write the company's shared mail below `target`: what all may read as an mbox file, the rest message by message.

    :returns: `target`.
    """
    files, office = attachments(), []
    for mail in read_mail():
        data = message(mail, files)
        if mail.folder == "open":
            office.append((mail.at, data))
            continue
        path = target / mail.folder / f"{mail.id}.eml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    target.mkdir(parents=True, exist_ok=True)
    (target / "office.mbox").write_bytes(mailbox(office))
    return target


def build(target: Path) -> Path:
    """Write every document below `target`, a folder for each department.

    :returns: `target`.
    """
    for source in read_all():
        path = target / source.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(WRITERS[source.format](source))
        moment = source.modified.timestamp()
        os.utime(path, (moment, moment))
    return target
