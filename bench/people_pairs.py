"""Who is who in 200 pairs made up and labelled by hand: `python -m bench.people_pairs`, precision and recall.

`people_pairs.csv` has them: 112 pairs are one person, 88 are two, 36 of these of the very same name. `met` says where both were
met: apart, in one document (doc), in one thread, with the same colleagues (team), writing to each other (to), or in
one mail's signature. All pairs lie in one memory.
"""

import argparse
import csv
import re
import tempfile
from itertools import count
from pathlib import Path

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import new_document_id
from memory.catalogue.sources import Source
from memory.domain import Contribution, Document, Identity, Role, SourceRef
from memory.people.names import SIGNED

PAIRS = Path(__file__).with_name("people_pairs.csv")
_ADDRESS = re.compile(r"<([^<>]+@[^<>]+)>")
_ACCOUNT = re.compile(r"\b(?:wiki|git):\S+")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--show", action="store_true", help="print what is joined wrongly, and what is missed")
    given = ask.parse_args()
    with PAIRS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    joined = resolve(rows)
    same = [row["same"] == "1" for row in rows]
    right = sum(a and b for a, b in zip(joined, same, strict=True))
    print(
        f"{len(rows)} pairs, {sum(same)} are one: precision {right / max(1, sum(joined)):.3f},"
        f" recall {right / sum(same):.3f} ({sum(joined)} joined)"
    )
    if given.show:
        for row, was, should in zip(rows, joined, same, strict=True):
            if was != should:
                print("wrong " if was else "missed", row["one"], "|", row["other"], "|", row["met"])


def resolve(rows: list[dict[str, str]]) -> list[bool]:
    """Whether each pair was joined."""
    with tempfile.TemporaryDirectory() as place:
        catalogue = Catalogue(f"sqlite:///{place}/c.db")
        catalogue.sources.add(Source("s", "folder", "/", {}))
        mentions = [_write(catalogue, row, number) for number, row in enumerate(rows)]
        catalogue.who_is_who.settle()
        cards = catalogue.cards.of_documents({document for pair in mentions for document, _ in pair})
        found = [{cards[document].people[place].id for document, place in pair} for pair in mentions]
        catalogue.close()
    return [len(persons) == 1 for persons in found]


def _write(catalogue: Catalogue, row: dict[str, str], number: int) -> list[tuple[str, int]]:
    """The documents of a pair; gives in which of them, and in which place, each of the two stands."""
    one, other = _identity(row["one"]), _identity(row["other"])
    fresh = (Identity(address=f"{number}x{each}@colleagues.example") for each in count())
    together = {
        "doc": (Role.AUTHOR, Role.EDITOR, ""),
        "to": (Role.SENDER, Role.RECIPIENT, ""),
        "signature": (Role.SENDER, Role.MENTIONED, SIGNED),
    }
    if row["met"] in together:
        first, second, evidence = together[row["met"]]
        parts = Contribution(one, first), Contribution(other, second, evidence=evidence)
        document = _add(catalogue, parts, None)
        return [(document, 0), (document, 1)]
    team = [next(fresh), next(fresh)]
    thread = f"thread{number}" if row["met"] == "thread" else None
    found = []
    for who in (one, other):
        company = team if row["met"] == "team" else [next(fresh), next(fresh)]
        parts = Contribution(who, Role.SENDER), *(Contribution(each, Role.RECIPIENT) for each in company)
        found.append((_add(catalogue, parts, thread), 0))
    return found


def _identity(said: str) -> Identity:
    address, account = _ADDRESS.search(said), _ACCOUNT.search(said)
    name = " ".join(_ACCOUNT.sub("", _ADDRESS.sub("", said)).split())
    return Identity(name, address[1] if address else "", account[0] if account else "")


def _add(catalogue: Catalogue, parts: tuple[Contribution, ...], thread: str | None) -> str:
    new = new_document_id()
    ref = SourceRef("folder", "s", new)
    document = Document(new, ref, "", "text/plain", thread=thread, contributions=parts)
    with catalogue.transaction() as connection:
        catalogue.documents.replace(connection, document, "", [])
    return new


if __name__ == "__main__":
    main()
