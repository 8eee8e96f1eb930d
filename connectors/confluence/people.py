"""Who the users and groups of a Confluence are: as identities, as access tokens, and who is in which group."""

from collections.abc import Iterable
from typing import Protocol

from connectors.confluence.shapes import Group, User
from connectors.share.tokens import token
from memory.domain import Identity
from memory.people.directory import group_token

_NO_PEOPLE = frozenset({"app", "customer"})
"""Accounts of the Cloud that are programs, or guests of a help desk."""


class Accounts(Protocol):
    """Where users and groups are known from."""

    def user(self, number: str) -> User | None:
        """A user by id; None where the wiki knows nobody of it, or does not say."""
        ...

    def members(self, group: str) -> frozenset[str] | None:
        """The ids of a group's members by its name; None where the wiki does not tell us."""
        ...

    def note(self, group: Group) -> None:
        """Take notice of a group that a restriction names: its id may be known from nowhere else."""
        ...


class People:
    """Users and groups as the memory knows them.

    :param source: the source's name, for account ids.
    :param domain: what follows the ``@`` in everybody's address, where it is the user's name that precedes it.
    """

    def __init__(self, accounts: Accounts, source: str, domain: str = "") -> None:
        self._accounts = accounts
        self._source = source
        self._domain = domain.strip().lstrip("@").lower()
        self.user = accounts.user
        self.members = accounts.members
        self.note = accounts.note

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

    def _address(self, user: User) -> str:
        if "@" in user.email:
            return user.email.strip().lower()
        if self._domain and user.username:
            return f"{user.username}@{self._domain}".lower()
        return user.username.lower() if "@" in user.username else ""


def group_tokens(groups: Iterable[str]) -> frozenset[str]:
    """The access tokens of groups by their names."""
    return frozenset(group_token(name) for name in groups if name.strip())
