"""From what a source and a parser say of a document to the document itself."""

import re

from ingest.items import Divided
from ingest.parsers.base import Parsed
from memory.catalogue.threads import ThreadedMessage
from memory.domain import Contribution, Document, Formality
from memory.media_types import MESSAGES, THREAD
from memory.people.names import name_key

_WORDS = {
    Formality.CONTRACT: (
        r"agreement|contract|addendum|amendment|non-?disclosure|nda|lease|"
        r"\w*vertrag|\w*vereinbarung|nachtrag|contrat|accord|avenant|bail|"
        r"\w*aftale|\w*kontrakt|till(æ|ae)g|contrato|acuerdo|contratto|accordo"
    ),
    Formality.POLICY: (
        r"polic(y|ies)|code of conduct|guidelines?|procedure|regulations?|"
        r"\w*richtlinie|\w*ordnung|leitlinien?|\w*anweisung|politique|charte|r(è|e)glement|proc(é|e)dure|"
        r"\w*politik|retningslinjer?|procedurer?|pol(í|i)tica|procedimiento"
    ),
}
_FORMAL = {
    formality: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) for formality, words in _WORDS.items()
}
_MAIL = MESSAGES | {"application/mbox"}


def formality(title: str, key: str, media_type: str) -> Formality:
    """How official a document is, by its type and by the words of its title and place.

    The title decides before the place: the minutes that lie among the contracts are no contract.
    """
    if media_type in _MAIL:
        return Formality.MESSAGE
    if media_type == THREAD:
        return Formality.POST
    for text in (title, re.sub(r"[_/.-]+", " ", key)):
        hits = [(match.start(), kind) for kind, words in _FORMAL.items() if (match := words.search(text))]
        if hits:
            return min(hits)[1]
    return Formality.PAGE


def assemble(divided: Divided, parent: str | None = None) -> Document:
    """The document a parsed file becomes.

    What the file says of its dates goes before what the file system says: a copy is as old as its original.

    :param parent: the id of the document it is attached to.
    """
    fetched, parsed = divided.read.fetched, divided.read.parsed
    content = fetched.content
    return Document(
        id=fetched.document,
        ref=content.ref,
        title=content.title or parsed.title or content.name,
        media_type=parsed.media_type,
        language=parsed.language,
        created=parsed.created or content.created,
        modified=parsed.modified or parsed.created or content.modified,
        url=content.url,
        version=fetched.version,
        parent=parent,
        formality=formality(content.title or parsed.title, content.ref.key, parsed.media_type),
        access=fetched.access,
        contributions=_distinct((*content.contributions, *parsed.contributions)),
    )


def threaded(parsed: Parsed) -> ThreadedMessage | None:
    """What places a message in a conversation; None for anything else."""
    head = parsed.message
    if head is None:
        return None
    people = (part.person.address or name_key(part.person.name) for part in parsed.contributions)
    return ThreadedMessage(
        head.id,
        head.references,
        head.topic,
        head.answer and not head.references,
        parsed.created,
        frozenset(people),
    )


def _distinct(parts: tuple[Contribution, ...]) -> tuple[Contribution, ...]:
    """Each person once per role and message: the first says it best, an address may come from a later one."""
    kept: dict[tuple[str, str, str], Contribution] = {}
    for part in parts:
        who = part.person.address or part.person.account or name_key(part.person.name)
        named = (name_key(part.person.name), part.role.value, part.message)
        before = kept.get(named) if part.person.name else None
        if before is not None and not (before.person.address and part.person.address):
            if part.person.address:
                kept[named] = part
            continue
        kept.setdefault(
            named if part.person.name and before is None else (who, part.role.value, part.message), part
        )
    return tuple(kept.values())
