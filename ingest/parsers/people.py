"""Who wrote, approved or signed a document, read in its own text.

Precision over recall: a by-line counts only near the top and only where a name follows; a signature
only where `By:` and `Name:` stand together.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from ingest.parsers.dates import moment
from ingest.parsers.names import PERSON, identities
from memory.domain import Contribution, Identity, Role
from memory.people.names import name_key

TOP_LINES = 40
"""How many of the first lines may hold a by-line."""

_LABELS = {
    Role.AUTHOR: (
        r"authors?|author\(s\)|written by|prepared by|created by|drafted by|posted by|autor(?:en|in|innen)?|verfasser(?:in)?|verfasst von"
        r"|erstellt von|geschrieben von|auteure?s?|rédigé par|écrit par|préparé par|établi par|forfattere?|skrevet af"
        r"|udarbejdet af|forfattet af"
    ),
    Role.EDITOR: r"edited by|last edited by|editors?|bearbeitet von|bearbeiter(?:in)?|modifié par|redigeret af|redaktør",
    Role.APPROVER: (
        r"approved by|approver|authori[sz]ed by|freigegeben von|genehmigt von|freigabe|approuvé par|validé par|godkendt af"
    ),
    Role.OWNER: (
        r"owners?|document owner|process owner|responsible|verantwortliche?[rn]?|dokumentverantwortliche?r?|eigner|responsable"
        r"|propriétaire|ansvarlig|dokumentejer|ejer"
    ),
}
_LABELLED = [
    (re.compile(rf"[*_\s|]*(?:{words})\s*[*_]*\s*[:：|]\s*[*_]*\s*(?P<names>.+)", re.IGNORECASE), role)
    for role, words in _LABELS.items()
] + [
    (re.compile(rf"(?P<lead>{words})\s+(?P<names>.+)", re.IGNORECASE), role)
    for role, words in (
        (
            Role.AUTHOR,
            r"by|von|par|af|written by|prepared by|verfasst von|erstellt von|rédigé par|écrit par|skrevet af|udarbejdet af",
        ),
        (Role.APPROVER, r"approved by|freigegeben von|genehmigt von|approuvé par|godkendt af"),
    )
]
_DATE = re.compile(
    r"[\s,|–—·(-]*(?:\b(?:on|am|vom|le|den|d\.)\s+)?"
    r"(?P<date>\d{4}-\d{2}-\d{2}|\d{1,2}\.\s?\d{1,2}\.\s?\d{4}|\d{1,2}\.?\s[^\W\d_]{3,9}\.?\s\d{4}|[^\W\d_]{3,9}\s\d{1,2},\s\d{4})\)?\s*$",
    re.IGNORECASE,
)
_PERSON = re.compile(PERSON)
# Title and date lines end a name; two columns of signatures print `Name: A Name: B`.
_SIGNED = re.compile(
    rf"(?:\bName|\bPrint(?:ed)? Name|\bNom|\bNavn)\s*:\s*_*\s*(?P<name>{PERSON})(?=\s*(?:\n|$|_|,|Title\b|Titel\b|Titre\b|Name\b|Its\b|Date\b|Position\b))"
)
_SLASHED = re.compile(rf"/s/\s*(?P<name>{PERSON})(?=\s*(?:\n|$|_|,|By\b|Name\b|Title\b|/s/|Its\b|Date\b))")
_SIGNING = re.compile(r"\b(?:By|Signature|Signed|Unterschrift|Underskrift|Signé)\s*:|/s/", re.IGNORECASE)
_REACH = 300
_POSITION = re.compile(
    r"\s(?:Print(?:ed)?|Name|Title|Titel|Titre|Date|By|Its|Chief|Executive|Vice|Senior|President|Director|Officer|Manager|Managing"
    r"|Chairman|Secretary|Treasurer|Counsel|General|Member|Partner|Owner|Founder|Geschäftsführer(?:in)?|Direktør|Directeur|C[EFOT]O)\b.*",
    re.DOTALL,
)


def bylines(lines: Iterable[str]) -> tuple[Contribution, ...]:
    """Authors, approvers and owners named in the first lines of a text."""
    found: list[Contribution] = []
    seen = 0
    for line in lines:
        for single in line.splitlines():
            text = single.strip()
            if not text:
                continue
            seen += 1
            if seen > TOP_LINES:
                return distinct(found)
            found.extend(_byline(text))
    return distinct(found)


def signatories(text: str) -> tuple[Contribution, ...]:
    """The people a contract's signature blocks name.

    :param text: the whole text; only names near a line to sign on count.
    """
    found: list[tuple[int, str]] = [(match.start(), match["name"]) for match in _SLASHED.finditer(text)]
    for match in _SIGNED.finditer(text):
        if _SIGNING.search(text, max(0, match.start() - _REACH), match.start()):
            found.append((match.start(), match["name"]))
    names = list(dict.fromkeys(_signed_name(name) for _, name in sorted(found)))
    # Two columns print `Name: A` and `Name: B` as `A B`: the shorter names tell.
    alone = [
        name
        for name in names
        if len(name.split()) >= 2
        and not any(
            name != other and (name.startswith(f"{other} ") or name.endswith(f" {other}")) for other in names
        )
    ]
    return distinct(
        Contribution(person, Role.SIGNATORY, evidence="signature block")
        for name in alone
        for person in identities(name)
        if person.name
    )


def _signed_name(found: str) -> str:
    words = _POSITION.sub("", " ".join(found.split())).split()
    half = len(words) // 2
    return " ".join(words[:half] if len(words) >= 4 and words[:half] == words[half:] else words)


def contributed(
    people: Sequence[Identity], role: Role, evidence: str, at: datetime | None = None
) -> list[Contribution]:
    """One contribution for each of some people."""
    return [Contribution(person, role, at, evidence) for person in people]


def distinct(contributions: Iterable[Contribution]) -> tuple[Contribution, ...]:
    """The same without repetition: one for each person and role, the first, with what later ones add.

    A name alone and the same name with an address are one person inside one document.
    """
    kept: list[Contribution] = []
    for new in contributions:
        place = next(
            (at for at, old in enumerate(kept) if old.role == new.role and _same(old.person, new.person)),
            None,
        )
        if place is None:
            kept.append(new)
            continue
        old = kept[place]
        person = Identity(
            name=old.person.name or new.person.name,
            address=old.person.address or new.person.address,
            account=old.person.account or new.person.account,
        )
        kept[place] = Contribution(person, old.role, old.at or new.at, old.evidence)
    return tuple(kept)


def _same(one: Identity, other: Identity) -> bool:
    if one.address and other.address:
        return one.address == other.address
    return bool(one.name) and name_key(one.name) == name_key(other.name)


def _byline(line: str) -> list[Contribution]:
    for pattern, role in _LABELLED:
        match = pattern.fullmatch(line)
        if match is None:
            continue
        names, at = match["names"].strip(" *_|"), None
        if dated := _DATE.search(names):
            names, at = names[: dated.start()], moment(dated["date"])
        people = [person for person in identities(names) if _full(person)]
        # A label may be followed by anything; a bare `By` only by names and nothing else, and `BY NET PROFIT`
        # is a caption.
        bare = "lead" in match.groupdict()
        if people and not (bare and (line.isupper() or not _only_names(names, people))):
            return contributed(people, role, "by-line", at)
    return []


def _full(person: Identity) -> bool:
    first_last = " ".join(reversed(person.name.split(", "))) if ", " in person.name else person.name
    return bool(person.address) or bool(_PERSON.fullmatch(first_last))


def _only_names(names: str, people: Sequence[Identity]) -> bool:
    said = sum(len(person.name.split()) + bool(person.address) for person in people)
    words = re.findall(r"[\w.@'’-]+", names)
    return len(words) - said <= max(0, len(people) - 1)
