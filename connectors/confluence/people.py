"""Who the users and groups of a Confluence are: as identities, as access tokens, and who is in which group."""

from collections.abc import Iterable
from urllib.parse import quote

from connectors.confluence.rest import Rest
from connectors.confluence.shapes import Group, User, shaped
from connectors.http_errors import Refused
from connectors.share.tokens import token
from memory.domain import Identity
from memory.errors import NotFound
from memory.people.directory import group_token

_NO_PEOPLE = frozenset({"app", "customer"})
"""Accounts of the Cloud that are programs, or guests of a help desk."""


class People:
    """Users and groups, each asked for once in a walk.

    :param source: the source's name, for account ids.
    :param domain: what follows the ``@`` in everybody's address, where it is the user's name that precedes it.
    """

    def __init__(self, rest: Rest, source: str, domain: str = "") -> None:
        self._rest = rest
        self._source = source
        self._domain = domain
        self._users: dict[str, User | None] = {}
        self._groups: dict[str, str] = {}
        self._members: dict[str, frozenset[str] | None] = {}
        self._ids: dict[str, str] = {}

    def forget(self) -> None:
        """From here on everything is asked for anew."""
        for known in (self._users, self._groups, self._members, self._ids):
            known.clear()

    def user(self, number: str) -> User | None:
        """A user by id; None where the wiki knows nobody of it, or does not say."""
        if number not in self._users:
            params = {"accountId" if self._rest.cloud else "key": number}
            try:
                self._users[number] = shaped(User, self._rest.one("rest/api/user", params))
            except (NotFound, Refused):
                self._users[number] = None
        return self._users[number]

    def identity(self, user: User | None) -> Identity | None:
        """Somebody as documents name them; None for programs, and for who is nobody in particular."""
        if user is None or not user.id or user.account_kind in _NO_PEOPLE or user.kind == "anonymous":
            return None
        name = " ".join((user.display_name or user.public_name or user.username).split())
        return Identity(name[:200], self._address(user), f"{self._source}:{user.id}")

    def tokens(self, users: Iterable[str]) -> frozenset[str]:
        """The access tokens of users by their ids: ``person:ADDRESS``, else ``user:NAME``; of nobody known, none."""
        found = set()
        for number in users:
            user = self.user(number)
            if user is None:
                continue
            if address := self._address(user):
                found.add(token("person", address))
            elif user.username:
                found.add(token("user", user.username))
        return frozenset(found)

    def group(self, number: str) -> str:
        """A group's name by the Cloud's id; ``""`` where the wiki does not say."""
        if number not in self._groups:
            try:
                told = shaped(Group, self._rest.one("rest/api/group/by-id", {"id": number}))
                self.note(told)
                self._groups[number] = told.name
            except (NotFound, Refused):
                self._groups[number] = ""
        return self._groups[number]

    def note(self, group: Group) -> None:
        """Remember the id that goes with a name."""
        if group.id:
            self._ids[group.name] = group.id

    def members(self, group: str) -> frozenset[str] | None:
        """The ids of a group's members; None where the wiki does not tell us."""
        if group not in self._members:
            if self._rest.cloud:
                path = f"rest/api/group/{quote(self._ids.get(group, group), safe='')}/membersByGroupId"
            else:
                path = f"rest/api/group/{quote(group, safe='')}/member"
            try:
                rows = self._rest.rows(path, {})
                self._members[group] = frozenset(shaped(User, row).id for row in rows) - {""}
            except (NotFound, Refused):
                self._members[group] = None
        return self._members[group]

    def _address(self, user: User) -> str:
        if "@" in user.email:
            return user.email.strip().lower()
        if self._domain and user.username:
            return f"{user.username}@{self._domain}".lower()
        return user.username.lower() if "@" in user.username else ""


def group_tokens(groups: Iterable[str]) -> frozenset[str]:
    """The access tokens of groups by their names."""
    return frozenset(group_token(name) for name in groups if name.strip())
