"""People and groups as cards: vCard (RFC 6350, and 3.0 and 2.1 before it), many to a file.

``UID`` is the lasting id, ``FN`` the name, ``N`` one more way to write it, every ``EMAIL`` an address, the last part of ``ORG`` the
department, ``RELATED`` of the type manager (or ``X-MANAGER``) the manager. A card of the kind group has ``MEMBER``; Apple's way to say the
same is understood. Categories are not groups: whoever keeps the cards may have made them for other ends than access.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import vobject
from vobject.base import ParseError as NotACard

from memory.domain import Identity
from memory.errors import InvalidInput
from memory.people.directory import ListedGroup, ListedPerson, Told, apart, group_token, identity

_SHOWN = 20


@dataclass(slots=True)
class Cards:
    """Takes cards in and tells them as people and groups."""

    _people: dict[str, ListedPerson] = field(default_factory=dict)
    _managers: dict[str, str] = field(default_factory=dict)
    _groups: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    _problems: list[str] = field(default_factory=list)

    def take(self, text: str, where: str) -> None:
        """Take in all cards of a file.

        :param where: the file's name, for errors.
        :raises InvalidInput: where it is no vCard, or breaks off.
        """
        try:
            for number, card in enumerate(vobject.readComponents(text, allowQP=True), 1):
                self._card(card, f"{where}, card {number}")
        except (NotACard, ValueError, AttributeError, TypeError, UnicodeError) as error:
            raise InvalidInput(
                f"{where} is no vCard from card {len(self._people) + len(self._groups) + 1} on.",
                hint="Nobody was taken in: mend the file, and sync again.",
            ) from error

    def told(self) -> Told:
        """Everybody and every group.

        :raises InvalidInput: where there is nobody.
        """
        if not self._people:
            raise InvalidInput("There is no card of a person.", hint="Each begins with BEGIN:VCARD.")
        ways = self._ways()
        people = [
            replace(each, manager=self._id_of(self._managers.get(each.id, ""), ways))
            for each in self._people.values()
        ]
        groups = [
            ListedGroup(
                which, group_token(name), frozenset(self._id_of(each, ways) for each in members) - {""}
            )
            for which, (name, members) in self._groups.items()
        ]
        told, problems = apart(groups)
        return Told(tuple(people), tuple(told), whole=True, problems=(*self._problems, *problems)[:_SHOWN])

    def _card(self, card: Any, where: str) -> None:
        name = _first(card, "fn") or _name(card)
        addresses = [text.lower() for text in _all(card, "email")]
        which = _plain(_first(card, "uid")) or next(iter(addresses), "")
        if (_first(card, "kind") or _first(card, "x-addressbookserver-kind")).lower() == "group":
            if not name:
                self._problems.append(f"{where} is a group without a name.")
                return
            members = [*_all(card, "member"), *_all(card, "x-addressbookserver-member")]
            which = which or f"group:{name}"
            if self._is_new(which, self._groups, where):
                self._groups[which] = (name, [_plain(each) for each in members])
            return
        names = [identity(name, next(iter(addresses), ""))]
        names += [identity(address=each) for each in addresses[1:]]
        names += [identity(each) for each in (_name(card), *_all(card, "nickname")) if each and each != name]
        known: tuple[Identity, ...] = tuple(each for each in names if each)
        if not known or not (which or name):
            self._problems.append(f"{where} has neither a name nor an address.")
            return
        which = which or name
        if not self._is_new(which, self._people, where):
            return
        self._people[which] = ListedPerson(which, known, _department(card), where=where)
        self._managers[which] = _plain(_manager(card))

    def _is_new(self, which: str, known: Mapping[str, object], where: str) -> bool:
        if which in known:
            self._problems.append(
                f"{where} has the UID, address or name of a card before it: that one is taken."
            )
        return which not in known

    def _ways(self) -> dict[str, set[str]]:
        """The ids of those who have an address, or a name in lower case."""
        found: dict[str, set[str]] = {}
        for person in self._people.values():
            for each in person.names:
                found.setdefault(each.address, set()).add(person.id)
                found.setdefault(each.name.lower(), set()).add(person.id)
        return found

    def _id_of(self, said: str, ways: dict[str, set[str]]) -> str:
        """The id of whom a member or a manager is said to be: an id, an address, or a name that only one has."""
        if said in self._people or said in self._groups:
            return said
        found = ways.get(said.lower().removeprefix("mailto:"), set()) if said else set()
        return next(iter(found)) if len(found) == 1 else ""


def _all(card: Any, name: str) -> list[str]:
    lines = card.contents.get(name, [])
    return [text for line in lines for text in _texts(line.value) if text]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from (str(each).strip() for each in value)
    elif isinstance(value, str):
        yield value.strip()


def _first(card: Any, name: str) -> str:
    return next(iter(_all(card, name)), "")


def _name(card: Any) -> str:
    """``Doe, Jane``, of the parts of a name."""
    for line in card.contents.get("n", []):
        parts = [getattr(line.value, part, "") for part in ("family", "given")]
        written = [" ".join(each) if isinstance(each, list) else str(each) for each in parts]
        if all(each.strip() for each in written):
            return ", ".join(each.strip() for each in written)
    return ""


def _department(card: Any) -> str:
    for line in card.contents.get("org", []):
        parts = [each.strip() for each in line.value if each.strip()] if isinstance(line.value, list) else []
        if len(parts) > 1:
            return str(parts[-1])
    return ""


def _manager(card: Any) -> str:
    for line in card.contents.get("related", []):
        kinds = {kind.lower() for given in line.params.get("TYPE", []) for kind in given.split(",")}
        if kinds & {"manager", "x-manager"}:
            return str(line.value).strip()
    return _first(card, "x-manager") or _first(card, "x-ms-manager")


def _plain(text: str) -> str:
    """An id without what says that it is one."""
    return text.strip().removeprefix("urn:uuid:")
