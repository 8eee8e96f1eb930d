"""How well it is known who is who: `python -m bench.people ../shared/corpora`, pairwise precision and recall.

Each task withholds from the resolver the field that its labels are made from:

- `enron names`: senders and recipients of the mails by their names in X-From, X-To and X-cc alone. Labels: the
  addresses in From, To and Cc and the Exchange ids beside the names, neither of which the resolver sees; names that
  share one of the two are one person's.
- `peps names`: authors named in the proposals and authors of the commits, by name alone. Labels: their addresses;
  names that share an address are one person's.
- `peps by-lines`: authors named in the proposals by name alone, authors of commits with their addresses.
  Labels: the address beside the by-line.
- `enron namesakes`, `peps namesakes`: the same people with names and addresses, but of every tenth two have been given one
  common name, and addresses as namesakes have them: numbered, or of another organisation. Labels: who they were before.
- `enron moved`, `peps moved`: half of the mentions of every third person have an address at another provider.
  Labels: who they were before.

In the first three, one name under two labels is judged neither right nor wrong: one person may have several addresses. In
the others every pair is judged, of people whom no other label's name may mean.

Pairs are pairs of mentions: of one person in one document each.
"""

import argparse
import csv
import email
import email.policy
import hashlib
import json
import random
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.schema import contributions
from memory.catalogue.sources import Source
from memory.domain import Access, Contribution, Document, Identity, Role, SourceRef
from memory.people.addresses import is_role
from memory.people.names import name_key

COMMON = [
    f"{first} {last}"
    for first in ("John", "Maria", "Thomas", "Anna")
    for last in ("Smith", "Martin", "Schmidt", "Jensen", "Wang")
]


@dataclass(frozen=True)
class Mention:
    """Somebody in a document, with everything the source says of them."""

    document: str
    name: str
    address: str
    role: Role
    exchange: str = ""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("corpora", type=Path)
    ask.add_argument(
        "--show", type=int, default=0, help="print that many wrong and missed joins (real names)"
    )
    ask.add_argument("--only", default="", help="run the tasks whose name contains this")
    given = ask.parse_args()
    for name, mentions, labels, strict in tasks(given.corpora):
        if given.only in name:
            measure(name, mentions, labels, strict=strict, show=given.show)


def tasks(corpora: Path) -> Iterator[tuple[str, list[Mention], list[str], bool]]:
    """Each task: what the resolver sees, the label of each mention (an empty one is not judged), and whether one name
    under two labels is known to be two people's."""
    mails = list(enron(corpora / "mail" / "enron"))
    known = [mention for mention in mails if name_key(mention.name) and "@" not in mention.name]
    yield "enron names", [replace(mention, address="") for mention in known], linked(known), False
    commits, bylines = list(peps_commits(corpora)), list(peps_bylines(corpora))
    everybody = [*bylines, *commits]
    yield "peps names", [replace(mention, address="") for mention in everybody], linked(everybody), False
    nameless = [replace(mention, address="") for mention in bylines]
    yield "peps by-lines", nameless + commits, linked(everybody), False
    for corpus, found in (("enron", known), ("peps", commits)):
        labels = certain(found, linked(found, by_name=True))
        yield f"{corpus} namesakes", namesakes(found, labels), labels, True
        yield f"{corpus} moved", moved(found, labels), labels, True


def measure(name: str, mentions: list[Mention], labels: list[str], *, strict: bool, show: int) -> None:
    """Resolve and print the figures."""
    with tempfile.TemporaryDirectory() as place:
        catalogue = Catalogue(f"sqlite:///{place}/c.db")
        write(catalogue, mentions)
        began = time.perf_counter()
        settled = catalogue.who_is_who.settle()
        took = time.perf_counter() - began
        found = persons(catalogue, mentions)
        catalogue.close()
    keys = [
        label if strict else name_key(mention.name) for mention, label in zip(mentions, labels, strict=True)
    ]
    judged = [each for each in zip(found, labels, keys, strict=True) if each[1]]
    print(f"{name}: {figures(judged)}; {settled:,} identities in {took:.1f} s")
    spelt = {
        (key, mention.address, label): person
        for mention, person, label, key in zip(mentions, found, labels, keys, strict=True)
        if label
    }
    print(
        f"    distinct identities: {figures([(person, label, key) for (key, _, label), person in spelt.items()])}"
    )
    if show:
        reveal(mentions, found, labels, show, strict=strict)


def figures(judged: list[tuple[str, str, str]]) -> str:
    """Precision and recall of person, label and name key; one name under two labels is judged by neither."""
    both = pairs((person, label) for person, label, _ in judged)
    true = pairs(label for _, label, _ in judged)
    open_ = pairs((person, key) for person, _, key in judged) - pairs(judged)
    predicted = pairs(person for person, _, _ in judged) - open_
    return (
        f"precision {both / max(predicted, 1):.4f}, recall {both / max(true, 1):.4f} ({true:,} pairs are one, {predicted:,} joined,"
        f" {open_:,} not judged; {len(judged):,} of {len({label for _, label, _ in judged}):,} people)"
    )


def pairs(items: Iterable[object]) -> int:
    """Pairs of items that are equal."""
    return sum(count * (count - 1) // 2 for count in Counter(items).values())


def reveal(mentions: list[Mention], found: list[str], labels: list[str], most: int, *, strict: bool) -> None:
    """Print joins of different labels, and labels left apart."""
    by_person: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    by_label: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    for mention, person, label in zip(mentions, found, labels, strict=True):
        if label:
            by_person[person][mention.name, mention.address, label] += 1
            by_label[label][mention.name, mention.address, person] += 1
    for title, groups in (("wrong", by_person), ("missed", by_label)):
        bad = [group for group in groups.values() if len({key[2] for key in group}) > 1]
        if title == "wrong" and not strict:
            bad = [
                group
                for group in bad
                if len({(key[2], name_key(key[0])) for key in group})
                > len({name_key(key[0]) for key in group})
                or len({name_key(key[0]) for key in group}) > 1
            ]
        print(f"  {title}: {len(bad)}")
        for group in sorted(bad, key=lambda each: -sum(each.values()))[:most]:
            print(
                "   ",
                [
                    (name, address, other[:24], count)
                    for (name, address, other), count in group.most_common(8)
                ],
            )


def write(catalogue: Catalogue, mentions: list[Mention]) -> None:
    catalogue.sources.add(Source("s", "folder", "/", {}))
    documents: dict[str, list[Mention]] = defaultdict(list)
    for mention in dict.fromkeys(mentions):
        documents[mention.document].append(mention)
    with catalogue.transaction() as connection:
        for key, here in documents.items():
            parts = tuple(Contribution(Identity(each.name, each.address), each.role) for each in here)
            document = Document(
                hashlib.md5(key.encode(), usedforsecurity=False).hexdigest(),  # the same in every run
                SourceRef("folder", "s", key),
                key,
                "text/plain",
                access=Access(),
                contributions=parts,
            )
            catalogue.documents.replace(connection, document, "", [])


def persons(catalogue: Catalogue, mentions: list[Mention]) -> list[str]:
    """The person each mention was given."""
    query = select(
        contributions.c.name, contributions.c.address, contributions.c.document, contributions.c.person
    )
    with catalogue.transaction() as connection:
        rows = connection.execute(query).all()
    known = {(row.name, row.address): row.person for row in rows}
    return [known[mention.name, mention.address] for mention in mentions]


def linked(mentions: list[Mention], *, by_name: bool = False) -> list[str]:
    """A label per mention: addresses and Exchange ids that came together are one person's, or equal full names too."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    keys = []
    for mention in mentions:
        address = "" if is_role(mention.address) else mention.address
        name = name_key(mention.name) if by_name and " " in name_key(mention.name) else ""
        here = [key for key in (address, mention.exchange, name) if key]
        for key in here[1:]:
            parent[root(key)] = root(here[0])
        keys.append(here[0] if here else "")
    return [root(key) if key else "" for key in keys]


def certain(mentions: list[Mention], labels: list[str]) -> list[str]:
    """The labels without those of people whom another label's name may mean as well.

    Who has a surname and the first letter of a first name in common with somebody of another label may be the same
    person under a short form of the name, so that nobody can say who is right; nor who is called by one word.
    """
    bearers: dict[tuple[str, str], set[str]] = defaultdict(set)
    shared: set[str] = set()
    for mention, label in zip(mentions, labels, strict=True):
        words = name_key(mention.name).split()
        if len(words) < 2:
            shared.add(label)
        else:
            bearers[words[-1], words[0][0]].add(label)
    shared.update(label for several in bearers.values() if len(several) > 1 for label in several)
    return ["" if label in shared else label for label in labels]


def namesakes(mentions: list[Mention], labels: list[str]) -> list[Mention]:
    """The mentions with two of every ten people turned into namesakes."""
    chance = random.Random(7)
    people = sorted({label for label in labels if label})
    chance.shuffle(people)
    given: dict[str, tuple[str, str]] = {}
    for number in range(len(people) // 10):
        first, last = COMMON[number % len(COMMON)].split()
        domain = f"org{number}.example"
        other = domain if number % 2 else f"elsewhere{number}.example"
        given[people[2 * number]] = f"{first} {last}", f"{first}.{last}@{domain}".lower()
        given[people[2 * number + 1]] = (
            f"{first} {last}",
            f"{first}.{last}{'2' if number % 2 else ''}@{other}".lower(),
        )
    return [
        replace(mention, name=given[label][0], address=given[label][1]) if label in given else mention
        for mention, label in zip(mentions, labels, strict=True)
    ]


def moved(mentions: list[Mention], labels: list[str]) -> list[Mention]:
    """The mentions with another address in half of the documents of every third person."""
    chance = random.Random(7)
    people = sorted({label for label in labels if label})
    movers = set(chance.sample(people, len(people) // 3))
    found = []
    for mention, label in zip(mentions, labels, strict=True):
        if label in movers and chance.random() < 0.5:
            found.append(
                replace(mention, address=f"{re.sub('[^a-z0-9]', '', name_key(mention.name))}@gmail.com")
            )
        else:
            found.append(mention)
    return found


def enron(folder: Path) -> Iterator[Mention]:
    """Senders and recipients, where names and addresses can be laid side by side."""
    for file in sorted(folder.glob("*.txt")):
        mail = email.message_from_bytes(file.read_bytes())
        for plain, named, role in (
            ("From", "X-From", Role.SENDER),
            ("To", "X-To", Role.RECIPIENT),
            ("Cc", "X-cc", Role.RECIPIENT),
        ):
            addresses = [part for part in re.split(r",\s*", " ".join((mail[plain] or "").split())) if part]
            names = _exchange_names(" ".join((mail[named] or "").split()))
            if len(addresses) == len(names):
                for address, (name, exchange) in zip(addresses, names, strict=True):
                    yield Mention(file.stem, name, address.lower(), role, exchange)


def _exchange_names(text: str) -> list[tuple[str, str]]:
    parts = re.split(r"(?<=>),\s*", text) if "<" in text else text.split(", ")
    found = []
    for part in (part.strip() for part in parts):
        if part:
            exchange = re.search(r"CN=RECIPIENTS/CN=(\w+)>", part, re.IGNORECASE)
            name = re.sub(r"@ENRON\b.*", "", part.partition("<")[0]).strip(" '\"")
            found.append(
                (name, f"cn={exchange[1].lower()}" if exchange and exchange[1].upper() != "NOTESADDR" else "")
            )
    return found


def peps_commits(corpora: Path) -> Iterator[Mention]:
    with (corpora / "authors" / "peps_authorship.tsv").open(encoding="utf-8") as file:
        seen = set()
        for row in csv.DictReader(file, delimiter="\t"):
            mention = Mention(row["path"], row["author"], row["email"].lower(), Role.EDITOR)
            if mention not in seen:
                seen.add(mention)
                yield mention


def peps_bylines(corpora: Path) -> Iterator[Mention]:
    with (corpora / "authors" / "peps.jsonl").open(encoding="utf-8") as file:
        for line in file:
            known = json.loads(line)
            for author in known["authors"]:
                if not re.fullmatch(r"jr\.?", author["name"], re.IGNORECASE):
                    yield Mention(known["path"], author["name"], (author["email"] or "").lower(), Role.AUTHOR)


if __name__ == "__main__":
    main()
