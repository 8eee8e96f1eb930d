"""What a directory says: people with their departments and managers, and groups of people and of groups."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from memory.domain import Identity
from memory.errors import InvalidInput
from memory.people.addresses import address_key

BY_HAND = ""
"""The directory that is no source: files that somebody imports."""

ADDRESS = re.compile(r"[^\s,!=@]+@[^\s,!=@]+")
"""An address that can stand in an access token, as `memory/domain.py` has them."""

_IN_TOKENS = re.compile(r"[\s,!=%\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A person as one directory has them.

    :param id: the directory's own lasting id of them.
    :param names: the first names them, the others are aliases.
    :param manager: the id of another person of the directory; ``""`` where none is given.
    :param active: whether they belong to the organisation still; who does not has no access.
    :param login: what they log in with elsewhere, where the directory is asked for it; in lower case.
    :param about: whatever else the directory wants told back, as JSON values.
    :param where: where it was read, as an error says it (``Line 3``).
    """

    id: str
    names: tuple[Identity, ...]
    department: str = ""
    manager: str = ""
    active: bool = True
    login: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    where: str = ""

    @property
    def digest(self) -> str:
        """Changes with whatever is said of them."""
        names = [(each.name, each.address, each.account) for each in self.names]
        return _digest([names, self.department, self.manager, self.active, self.login, self.about])


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group as one directory has it.

    :param id: the directory's own lasting id of it.
    :param token: the access token that whoever is in it holds; ``""`` for none.
    :param members: ids of people and of groups of the same directory; those it does not know mean nobody. None where
        `Told.within` says it.
    """

    id: str
    token: str
    members: frozenset[str] | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Changes with whatever is said of it but its members."""
        return _digest([self.token, self.about])


@dataclass(frozen=True, slots=True)
class Told:
    """What a directory told: all of itself, or some entries.

    :param whole: whether that is everybody: whoever is known and not among them has left.
    :param within: ids of people and groups with those of the groups that they are in, where it is said that way round.
    :param lasting: whether ids stay when addresses change. Where not, who has the address of somebody known is them.
    :param gone: ids of people and groups that the directory itself says it has no more.
    :param problems: what could not be read there, a sentence each.
    """

    people: tuple[ListedPerson, ...] = ()
    groups: tuple[ListedGroup, ...] = ()
    within: Mapping[str, frozenset[str]] = field(default_factory=dict)
    whole: bool = False
    lasting: bool = True
    gone: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()


def group_token(name: str) -> str:
    """The access token of a group: no two names have the same, and what no token may hold is percent-encoded.

    :raises InvalidInput: where it has no name.
    """
    if not name.strip():
        raise InvalidInput("A group has no name.")
    return "group:" + _quoted(name)


def account_token(name: str) -> str:
    """The access token of an account, as file servers name it: ``user:jane``.

    :raises InvalidInput: where it has no name.
    """
    if not name.strip():
        raise InvalidInput("An account has no name.")
    return "user:" + _quoted(name)


def _quoted(name: str) -> str:
    return _IN_TOKENS.sub(lambda found: quote(found[0], safe=""), name)


def apart(groups: Iterable[ListedGroup]) -> tuple[list[ListedGroup], list[str]]:
    """Groups without the tokens that several of them would share, and a sentence for each of these.

    Whoever may make a group somewhere in a directory is not to give its members what another of that name has.
    """
    known = list(groups)
    held: dict[str, int] = {}
    for each in known:
        held[each.token] = held.get(each.token, 0) + 1
    shared = sorted(token for token, count in held.items() if token and count > 1)
    told = [f"{held[token]} groups would be {token}: none of them gives it." for token in shared]
    doubled = frozenset(shared)
    return [replace(each, token="") if each.token in doubled else each for each in known], told


def identity(name: str = "", address: str = "", account: str = "") -> Identity | None:
    """An identity of what a directory has; None where that is nothing, or no address that anybody could prove.

    :param address: letters beyond ASCII and what cannot be printed make it nobody's, see `People.asker_at`.
    """
    value = address_key(address.strip())
    if not (address.isascii() and value.isprintable() and ADDRESS.fullmatch(value)):
        value = ""
    called = "".join(letter if letter.isprintable() else " " for letter in name).strip()
    return Identity(called, value, account) if called or value or account else None


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
