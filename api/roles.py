"""What somebody may do: roles, the permissions they bring, and who has them by which access tokens."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from memory.domain import OWNER, Asker
from memory.errors import InvalidInput
from memory.people.directory import group_token


class Permission(StrEnum):
    """One kind of thing that may be done; `api/rules.py` says which route needs which.

    What somebody may *see* is decided by their access tokens, whatever their permissions are.
    """

    READ = "read"
    """Search, and open what one may see."""
    CONTRIBUTE = "contribute"
    """Keep searches, vote, judge, and say of oneself that a document names somebody else."""
    PUSH = "push"
    """Put documents into sources made for it."""
    EVALUATE = "evaluate"
    """Take queries from the log without personal data, make pools and take judgements out."""
    CURATE = "curate"
    """Decide who is who, among the people one sees."""
    AUDIT = "audit"
    """Read who asked what and saw what."""
    HOLD = "hold"
    """Keep documents from being deleted, and take out what is kept of those one sees."""
    OPERATE = "operate"
    """Sources, syncs, the ledger with the names of all documents, repair."""
    MANAGE_ACCESS = "manage-access"
    """The directory of people with their groups, and keys for programs."""
    PROVISION = "provision"
    """Tell people and groups by SCIM: who is told into a group has what the group has, an administrator's permissions too."""
    EVERYTHING = "everything"
    """See every document, and take another's place: the owner's alone."""


class UserRole(StrEnum):
    """What somebody is in the organisation; whoever is let in is an employee."""

    EMPLOYEE = "employee"
    LEGAL = "legal"
    KNOWLEDGE_MANAGER = "knowledge manager"
    ADMINISTRATOR = "administrator"


_EMPLOYEE = frozenset({Permission.READ, Permission.CONTRIBUTE})

PERMISSIONS: Mapping[UserRole, frozenset[Permission]] = {
    UserRole.EMPLOYEE: _EMPLOYEE,
    UserRole.LEGAL: _EMPLOYEE | {Permission.AUDIT, Permission.HOLD},
    UserRole.KNOWLEDGE_MANAGER: _EMPLOYEE | {Permission.EVALUATE, Permission.CURATE},
    UserRole.ADMINISTRATOR: _EMPLOYEE
    | {Permission.PUSH, Permission.OPERATE, Permission.MANAGE_ACCESS, Permission.PROVISION},
}
"""What each role may do; none of them sees what its access tokens do not grant."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    :param asker: who they are to the memory, with what they may see.
    :param permissions: what they may do.
    :param actor: how the audit names them: ``owner``, an asker's lasting key, or ``key:`` with a key's id.
    :param name: how the pages call them; empty where nobody logs in.
    :param session: whether they have logged in to the pages, and can log out.
    :param source: the only one that they put documents into, or tell people to; empty: any.
    """

    asker: Asker
    permissions: frozenset[Permission]
    actor: str
    name: str = ""
    session: bool = False
    source: str = ""


FOR_A_SOURCE: Mapping[Permission, str] = {Permission.PUSH: "push", Permission.PROVISION: "scim"}
"""What a key may do to one source only, with the kind of source."""

CALLER = "mneme.caller"
"""Where a request's scope keeps its caller, once that is known."""

OWNING = Caller(OWNER, frozenset(Permission), OWNER.person)
"""The owner of the memory: who may read its files anyway."""


def group_tokens(names: Iterable[str]) -> frozenset[str]:
    """The access tokens of groups by their names, as sources and directories spell them: ``group:Legal%20Team``."""
    found: set[str] = set()
    for name in names:
        with suppress(InvalidInput):  # it has no name
            found.add(group_token(name.strip()))
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class RoleHolders:
    """Which access tokens make somebody more than an employee, by role."""

    tokens: Mapping[UserRole, frozenset[str]]

    def permissions(self, held: Iterable[str]) -> frozenset[Permission]:
        """What somebody may do who holds these access tokens."""
        mine = frozenset(held)
        roles = [UserRole.EMPLOYEE, *(role for role, tokens in self.tokens.items() if tokens & mine)]
        return frozenset().union(*(PERMISSIONS[role] for role in roles))
