"""What settling many identities takes: `python -m bench.many_people [identities]`, seconds, and one more sync of 32 mails."""

import argparse
import random
import tempfile
import time

from sqlalchemy import insert

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import new_document_id
from memory.catalogue.schema import contributions, documents
from memory.catalogue.sources import Source
from memory.domain import Contribution, Document, Identity, Role, SourceRef

SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ber",
    "ten",
    "sa",
    "rin",
    "do",
    "vel",
    "na",
    "jor",
    "pe",
    "las",
    "tu",
    "gri",
    "mon",
    "eck",
    "hal",
    "vi",
    "sto",
]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("identities", nargs="?", type=int, default=100_000)
    given = ask.parse_args()
    chance = random.Random(1)
    everybody = people(chance, given.identities)
    with tempfile.TemporaryDirectory() as place:
        catalogue = Catalogue(f"sqlite:///{place}/c.db")
        catalogue.sources.add(Source("s", "folder", "/", {}))
        began = time.perf_counter()
        write_all(catalogue, everybody)
        wrote = time.perf_counter() - began
        began, cpu = time.perf_counter(), time.process_time()
        settled = catalogue.who_is_who.settle()
        print(
            f"{settled:,} identities: written in {wrote:.1f} s, settled in {time.perf_counter() - began:.1f} s"
            f" ({time.process_time() - cpu:.1f} s of processor time)"
        )
        for _ in range(3):
            for _ in range(32):
                write(catalogue, chance.sample(everybody, 5) + people(chance, 1))
            began, cpu = time.perf_counter(), time.process_time()
            settled = catalogue.who_is_who.settle()
            print(
                f"32 mails more, {settled} identities met: {(time.perf_counter() - began) * 1000:.0f} ms"
                f" ({(time.process_time() - cpu) * 1000:.0f} ms of processor time)"
            )
        catalogue.close()


def people(chance: random.Random, count: int) -> list[Identity]:
    """People with names that some share: surnames and first names as unevenly frequent as real ones."""
    names = random.Random(2)
    firsts = ["".join(names.choices(SYLLABLES, k=2)).capitalize() for _ in range(1_000)]
    surnames = ["".join(names.choices(SYLLABLES, k=3)).capitalize() for _ in range(30_000)]
    # About as uneven as in a census: the commonest surname has one in a hundred, the commonest first name three.
    first_weights = [1 / (rank + 5) for rank in range(len(firsts))]
    last_weights = [1 / (rank + 12) for rank in range(len(surnames))]
    given, inherited = (
        chance.choices(firsts, first_weights, k=count),
        chance.choices(surnames, last_weights, k=count),
    )
    found = []
    for number, (first, last) in enumerate(zip(given, inherited, strict=True)):
        kind = chance.random()
        if kind < 0.2:
            found.append(Identity(f"{first} {last}"))
        else:
            address = (
                f"{first}.{last}{number if kind < 0.6 else ''}@org{chance.randrange(500)}.example".lower()
            )
            found.append(Identity(f"{last}, {first}" if kind < 0.4 else f"{first} {last}", address))
    return found


def write_all(catalogue: Catalogue, everybody: list[Identity]) -> None:
    """Documents of six people each, straight into the tables: writing documents is measured elsewhere."""
    for start in range(0, len(everybody), 600):
        part = everybody[start : start + 600]
        ids = [new_document_id() for _ in range(0, len(part), 6)]
        with catalogue.transaction() as connection:
            connection.execute(
                insert(documents),
                [{"id": new, "ref": new, "source": "s", "title": "", "media_type": "", "type": "", "language": "", "url": "",
                  "version": "", "formality": "page"} for new in ids],
            )  # fmt: skip
            met = catalogue.people.register(connection, part)
            connection.execute(
                insert(contributions),
                [{"document": ids[place // 6], "ordinal": place % 6, "person": who.person, "identity": who.identity,
                  "name": each.name, "address": each.address, "account": "", "role": "author", "evidence": ""}
                 for place, (each, who) in enumerate(zip(part, met, strict=True))],
            )  # fmt: skip


def write(catalogue: Catalogue, here: list[Identity]) -> None:
    new = new_document_id()
    parts = tuple(
        Contribution(each, Role.RECIPIENT if place else Role.SENDER) for place, each in enumerate(here)
    )
    document = Document(new, SourceRef("folder", "s", new), "", "text/plain", contributions=parts)
    with catalogue.transaction() as connection:
        catalogue.documents.replace(connection, document, "", [])


if __name__ == "__main__":
    main()
