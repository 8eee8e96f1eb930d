"""What can be asked of people and decided about them, as functions to JSON values."""

from dataclasses import asdict
from typing import Any

from api.directory_sync import follow_people, take_in
from api.wiring import Memory
from api.witness import saw, tell
from connectors.people_file.table import read_table
from memory.catalogue.decisions import Decision
from memory.catalogue.person_page import Alias, Counted, Work
from memory.domain import Asker
from memory.errors import AccessDenied, MnemeError, NotFound
from memory.people.addresses import is_role
from memory.people.directory import BY_HAND
from memory.people.names import name_key
from memory.people.topics import topics

_UNSEEN = "There is no such person, or you may not see them."
OWNER = "owner"
"""Who decides where nobody is logged in, as the trail names them."""


class PeopleService:
    """Who is who in a memory: seen and decided within what the asker may see."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._catalogue = memory.catalogue

    def listed(self, text: str = "", *, asker: Asker, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """Persons of whom the asker may see a document, by any alias."""
        those = self._catalogue.person_pages.find(text, asker) if text.strip() else None
        found = self._catalogue.person_pages.listed(asker, those, limit=limit, offset=offset)
        return {"query": text.strip(), "people": [_counted(each) for each in found]}

    def show(self, person_id: str, *, asker: Asker, decides: bool) -> dict[str, Any]:
        """A person, with what they had a part in as far as the asker may see it.

        :param decides: whether the asker may decide who this is.

        To an asker who may see none of it, somebody without a document of theirs does not exist.
        """
        current, works = self._seen(person_id, asker)
        saw(work.document for work in works)
        pages = self._catalogue.person_pages
        aliases = pages.aliases(current, asker)
        name = pages.names([current], asker).get(current, "")
        told = {
            "id": current,
            "name": name,
            "shared": any(each.kind == "address" and is_role(each.shown) for each in aliases),
            "identities": [_alias(each) for each in aliases],
            "roles": pages.roles(current, asker),
            "years": {str(year): count for year, count in pages.years(current, asker).items()},
            "answered": pages.answered(current, asker),
            **self._place(current),
            "company": [_counted(each) for each in pages.company(current, asker)],
            "topics": self._topics(current, name, aliases, asker),
            "documents": [_work(work) for work in works],
            "may": {"decide": decides, "not_me": asker.owner or asker.person == current},
        }
        if asker.owner:
            told["joined"] = [asdict(each) for each in pages.why_joined(current)]
            told["trail"] = self.trail(current)
        return told

    def trail(self, person_id: str | None = None) -> list[dict[str, Any]]:
        """The decisions by hand about a person, or all, newest first."""
        return [self._told(each) for each in self._catalogue.decisions.trail(person_id)]

    def merge(self, person_id: str, other: str, reason: str = "", *, asker: Asker) -> dict[str, Any]:
        """Make one person of two, both of whom the asker sees.

        :param other: whom to merge: by id, address, account or name, as long as one person only is called that.
        """
        self._seen(person_id, asker)
        found = [each for each in self._catalogue.people.find(other) if self._sees(each, asker)]
        if len(found) > 1:
            found = [each for each in found if each != person_id]
        if len(found) != 1:
            told = "fits more than one person" if found else "is not known"
            raise NotFound(f"{other!r} {told}.", hint="Give the person's full e-mail address.")
        decision = self._catalogue.decisions.merge(person_id, found[0], by=_name(asker), reason=reason)
        return self._decided(decision, person_id)

    def split(
        self, person_id: str, identities: list[int], reason: str = "", *, asker: Asker
    ) -> dict[str, Any]:
        """Make some of a person's identities another person.

        :raises NotFound: where the asker does not see one of them.
        """
        current, _ = self._seen(person_id, asker)
        shown = {each.id for each in self._catalogue.person_pages.aliases(current, asker)}
        if not asker.owner and not shown.issuperset(identities):
            raise NotFound("There is no such identity, or you may not see it.")
        decision = self._catalogue.decisions.split(person_id, identities, by=_name(asker), reason=reason)
        return self._decided(decision, person_id)

    def rename(self, person_id: str, name: str, reason: str = "", *, asker: Asker) -> dict[str, Any]:
        """Give a person another name to be shown by."""
        self._seen(person_id, asker)
        decision = self._catalogue.decisions.rename(person_id, name, by=_name(asker), reason=reason)
        return self._decided(decision, person_id)

    def not_me(self, person_id: str, document: str, reason: str = "", *, asker: Asker) -> dict[str, Any]:
        """Say that a document names somebody else: the person about themselves, or the owner."""
        current, _ = self._seen(person_id, asker)
        if not asker.owner and asker.person != current:
            raise AccessDenied("Only this person, or the owner of this memory, may do that.")
        self._catalogue.documents.get(document, asker)
        decision = self._catalogue.decisions.not_me(current, document, by=_name(asker), reason=reason)
        return self._decided(decision, current)

    def undo(self, decision: int, reason: str = "", *, asker: Asker) -> dict[str, Any]:
        """Take a decision back: the owner any, a person what they said of themselves."""
        if not asker.owner and self._maker(decision) != asker.key:
            raise AccessDenied("Only the owner of this memory may do that.")
        return self._decided(self._catalogue.decisions.undo(decision, by=_name(asker), reason=reason), "")

    def import_directory(self, text: str) -> dict[str, Any]:
        """Take in a directory, whole or not at all: CSV as `connectors.people_file.table` reads it.

        :raises InvalidInput: naming the lines that cannot be taken.
        """
        told = read_table(text)
        done = take_in(self._memory, BY_HAND, told, strict=True)
        tell(imported=len(told.people), access=done.access)
        return {"imported": len(told.people)}

    def _seen(self, person_id: str, asker: Asker) -> tuple[str, list[Work]]:
        """Whom an id stands for now, and their works; nobody is to be told from somebody unseen."""
        try:
            current = self._catalogue.people.get(person_id).id
        except NotFound:
            raise NotFound(_UNSEEN) from None
        works = self._catalogue.person_pages.works(current, asker)
        if not works and not asker.owner and asker.person != current:
            raise NotFound(_UNSEEN)
        return current, works

    def _place(self, person: str) -> dict[str, Any]:
        """Where a directory puts them; it says these names to everybody who may see the person."""
        place = self._catalogue.people.place(person)
        return {
            "department": place.department if place else "",
            "managers": [{"id": which, "name": name} for which, name in place.managers] if place else [],
            "left": bool(place and place.left),
        }

    def _sees(self, person_id: str, asker: Asker) -> bool:
        try:
            self._seen(person_id, asker)
        except NotFound:
            return False
        return True

    def _topics(self, person: str, name: str, aliases: list[Alias], asker: Asker) -> list[str]:
        pages = self._catalogue.person_pages
        names = {
            word
            for text in (name, *(n for each in aliases for n in each.names))
            for word in name_key(text).split()
        }
        theirs, others = pages.beginnings(person, asker), pages.others_begin(asker)
        return topics(theirs, others, self._memory.words, without=names)

    def _maker(self, decision: int) -> str:
        try:
            return self._catalogue.decisions.made_by(decision)
        except NotFound:
            return ""

    def _decided(self, decision: int, person_id: str) -> dict[str, Any]:
        follow_people(self._memory)
        return {"decision": decision, "person": self._catalogue.people.get(person_id).id if person_id else ""}

    def _told(self, decision: Decision) -> dict[str, Any]:
        by = decision.by
        if by != OWNER:
            try:
                by = self._catalogue.people.get(by).name
            except MnemeError:
                by = decision.by
        return asdict(decision) | {"at": decision.at.isoformat(), "by": by}


def _name(asker: Asker) -> str:
    """Who decides, as the trail names them."""
    return OWNER if asker.owner else asker.key


def _counted(each: Counted) -> dict[str, Any]:
    return {"id": each.id, "name": each.name, "documents": each.documents}


def _alias(each: Alias) -> dict[str, Any]:
    return {
        "id": each.id,
        "name": each.shown if each.kind == "name" else ", ".join(each.names),
        "address": each.shown if each.kind == "address" else "",
        "account": each.shown if each.kind == "account" else "",
        "document": each.document,
    }


def _work(work: Work) -> dict[str, Any]:
    return {
        "document": work.document,
        "title": work.title,
        "source": work.source,
        "type": work.type,
        "role": work.role.value,
        "at": work.at,
    }
