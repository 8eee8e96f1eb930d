"""Users, groups and the permissions of spaces, as Confluence's REST API tells them."""

from urllib.parse import quote

from connectors.confluence.access import EVERYBODY, Viewers
from connectors.confluence.rest import Rest
from connectors.confluence.shapes import Group, Space, User, shaped
from connectors.http_errors import Refused
from memory.errors import NotFound, SourceError

_EVERYBODY_CLASSES = frozenset({"anonymous-users", "authenticated-users", "all-licensed-users"})


class RestAccounts:
    """Users and groups, each asked for once in a walk."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
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


def viewers(rest: Rest, accounts: RestAccounts, space: Space) -> Viewers:
    """Who may view a space.

    :raises SourceError: where the wiki does not say.
    """
    try:
        return _of_cloud(rest, accounts, space) if rest.cloud else _of_server(rest, space)
    except (NotFound, Refused) as error:
        raise SourceError(
            f"{rest.host} does not tell who may view the space {space.key}.",
            hint="Confluence 9.1 and later and the Cloud tell it to administrators of the space; with "
            "--option spaces=source a space is for whoever the source is granted to.",
        ) from error


def _of_server(rest: Rest, space: Space) -> Viewers:
    """``[{"operation": {"targetType": "space", "operationKey": "read"}, "subject": {"type": "group", "name": "staff"}}]``"""
    found = Viewers()
    for row in rest.rows(f"rest/api/space/{quote(space.key, safe='~')}/permissions", {}):
        operation, subject = _part(row, "operation"), _part(row, "subject")
        if (operation.get("operationKey"), operation.get("targetType")) != ("read", "space"):
            continue
        kind = str(subject.get("type", "")).lower()
        if kind == "group":
            found |= Viewers(groups=frozenset({str(subject.get("name", ""))}))
        elif kind in ("user", "known"):
            found |= Viewers(users=frozenset({str(subject.get("userKey", ""))}))
        elif kind == "anonymous":
            found |= EVERYBODY
    return found


def _of_cloud(rest: Rest, accounts: RestAccounts, space: Space) -> Viewers:
    """``{"results": [{"principal": {"type": "group", "id": "..."}, "operation": {"key": "read", "targetType": "space"}}]}``"""
    found = Viewers()
    for row in rest.rows(f"api/v2/spaces/{quote(space.id, safe='')}/permissions", {}):
        operation, principal = _part(row, "operation"), _part(row, "principal")
        if (operation.get("key"), operation.get("targetType")) != ("read", "space"):
            continue
        kind, number = str(principal.get("type", "")).lower(), str(principal.get("id", ""))
        if kind == "group":
            found |= Viewers(groups=frozenset({accounts.group(number)}) - {""})
        elif kind == "user":
            found |= Viewers(users=frozenset({number}))
        elif kind == "access_class" and number in _EVERYBODY_CLASSES:
            found |= EVERYBODY
    return found


def _part(row: object, name: str) -> dict[str, object]:
    value = row.get(name) if isinstance(row, dict) else None
    return value if isinstance(value, dict) else {}
