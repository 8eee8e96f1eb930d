"""A directory that an identity provider tells by SCIM: each request is taken in at once, so that a revocation counts from its answer."""

import re
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from api.directory_sync import take_in
from api.scim import resources
from api.scim.filters import parse_filter
from api.scim.patch import patched
from api.wiring import Memory
from connectors.scim import Scim
from memory.catalogue.provisioned import Kept
from memory.errors import InvalidInput, NotFound, Taken
from memory.people.directory import Told

MOST = 200
"""Resources in one answer at most."""
_USER_NAME = "username eq "
_GROUP_NAME = re.compile(r'displayName eq "([^"\\]*)"', re.IGNORECASE)
ONE_AT_A_TIME = threading.Lock()
"""What changes something reads first what there is: one process owns a memory, so a lock of its own will do."""


class Provider:
    """The people and groups of one directory.

    :param name: the source's.
    :param actor: who asks, for the audit.
    :raises NotFound: where there is no such source of the kind scim.
    """

    def __init__(self, memory: Memory, name: str, actor: str) -> None:
        if memory.catalogue.sources.get(name).kind != Scim.kind:
            raise NotFound(f"There is no source {name} that is told by SCIM.")
        self._memory = memory
        self._name = name
        self._actor = actor
        self._kept = memory.catalogue.provisioned(name)

    def users(self, filter_: str, start: int, count: int) -> tuple[int, list[dict[str, Any]]]:
        """How many people a filter finds, and some of them; `start` counts from 1."""
        plain = filter_.strip()
        quick = plain.lower().startswith(_USER_NAME) and plain[len(_USER_NAME) :].strip().strip('"')
        known = (
            self._kept.people(login=quick.lower())
            if quick and '"' not in quick and " " not in quick
            else self._kept.people()
        )
        return _page([self._user(each) for each in known], filter_, start, count)

    def groups(self, filter_: str, start: int, count: int) -> tuple[int, list[dict[str, Any]]]:
        """The same for groups; a provider asks for one by its name before most of what it changes."""
        name = _GROUP_NAME.fullmatch(filter_.strip())
        known = self._called(name[1]) if name else self._kept.groups()
        return _page([self._group(each) for each in known], filter_, start, count)

    def _called(self, name: str) -> list[Kept]:
        same = (
            each.id
            for each in self._kept.named()
            if each.about["kept"]["displayName"].casefold() == name.casefold()
        )
        return [group for which in same for group in self._kept.groups(which=which)]

    def user(self, which: str) -> dict[str, Any]:
        """A person.

        :raises NotFound: where there is none of that id.
        """
        return self._user(_only(self._kept.people(which=which), which))

    def group(self, which: str) -> dict[str, Any]:
        """A group.

        :raises NotFound: where there is none of that id.
        """
        return self._group(_only(self._kept.groups(which=which), which))

    def create_user(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take in somebody new.

        :raises InvalidInput: where that is no User.
        :raises Taken: where somebody has their userName.
        """
        kept = resources.user_of(given)
        return self._write_user(uuid.uuid4().hex, kept, _now())

    def replace_user(self, which: str, given: dict[str, Any]) -> dict[str, Any]:
        """Take in what somebody is now.

        :raises NotFound: where there is none of that id.
        """
        before = _only(self._kept.people(which=which), which)
        return self._write_user(which, resources.user_of(given), before.about["created"])

    def patch_user(self, which: str, operations: list[dict[str, Any]]) -> dict[str, Any]:
        """Change somebody; see `patched`.

        :raises NotFound: where there is none of that id.
        """
        before = _only(self._kept.people(which=which), which)
        return self._write_user(
            which, resources.user_of(patched(before.about["kept"], operations)), before.about["created"]
        )

    def create_group(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take in a new group.

        :raises InvalidInput: where that is no Group.
        :raises Taken: where another group has its name.
        """
        return self._write_group(uuid.uuid4().hex, resources.group_of(given), _now())

    def replace_group(self, which: str, given: dict[str, Any]) -> dict[str, Any]:
        """Take in what a group is now.

        :raises NotFound: where there is none of that id.
        """
        before = _only(self._kept.groups(which=which), which)
        return self._write_group(which, resources.group_of(given), before.about["created"])

    def patch_group(self, which: str, operations: list[dict[str, Any]]) -> dict[str, Any]:
        """Change a group; see `patched`.

        :raises NotFound: where there is none of that id.
        """
        before = _only(self._kept.groups(which=which), which)
        had = before.about["kept"] | {"members": _members(before)}
        return self._write_group(which, resources.group_of(patched(had, operations)), before.about["created"])

    def remove(self, which: str, known: Callable[..., list[Kept]]) -> None:
        """Have somebody, or a group, be gone; what they wrote stays theirs.

        :raises NotFound: where there is none of that id.
        """
        _only(known(which=which), which)
        self._take_in(Told(gone=frozenset({which})))

    def remove_user(self, which: str) -> None:
        """See `remove`."""
        self.remove(which, self._kept.people)

    def remove_group(self, which: str) -> None:
        """See `remove`."""
        self.remove(which, self._kept.groups)

    def _write_user(self, which: str, kept: dict[str, Any], created: str) -> dict[str, Any]:
        about = {"kept": kept, "created": created, "modified": _now()}
        listed = resources.person(which, kept, about)
        if any(each.id != which for each in self._kept.people(login=listed.login)):
            raise Taken(f"There is somebody with the userName {listed.login[:80]} already.")
        self._take_in(Told(people=(listed,)))
        return self.user(which)

    def _write_group(self, which: str, kept: dict[str, Any], created: str) -> dict[str, Any]:
        shown = {each["value"]: each for each in kept["members"] if len(each) > 1}
        own = {key: value for key, value in kept.items() if key != "members"}
        about = {"kept": own, "members": shown, "created": created, "modified": _now()}
        listed = resources.group(which, kept, about)
        name = kept["displayName"].casefold()
        others = (each for each in self._kept.named() if each.id != which)
        if any(each.about["kept"]["displayName"].casefold() == name for each in others):
            raise Taken(f"There is a group {kept['displayName'][:80]} already.")
        self._take_in(Told(groups=(listed,)))
        return self.group(which)

    def _take_in(self, told: Told) -> None:
        done = take_in(self._memory, self._name, told)
        audit = self._memory.catalogue.audit
        if audit.on:
            for part in done.access:
                audit.note(self._actor, "", f"SCIM {self._name}", {"access": part})
        if done.skipped:
            raise InvalidInput(" ".join(done.problems) or "This could not be taken in.")

    def _user(self, kept: Kept) -> dict[str, Any]:
        told = dict(kept.about["kept"])
        extended = [key for key in told if key.lower() == resources.ENTERPRISE.lower()]
        groups = [
            {"value": each.id, "display": each.about["kept"]["displayName"]}
            for each in self._kept.groups_of(kept.id)
        ]
        told |= {"groups": groups} if groups else {}
        return {
            "schemas": [resources.USER, *extended],
            "id": kept.id,
            **told,
            "meta": self._meta(kept, "User"),
        }

    def _group(self, kept: Kept) -> dict[str, Any]:
        members = _members(kept)
        told = kept.about["kept"] | ({"members": members} if members else {})
        return {"schemas": [resources.GROUP], "id": kept.id, **told, "meta": self._meta(kept, "Group")}

    def _meta(self, kept: Kept, kind: str) -> dict[str, Any]:
        return {
            "resourceType": kind,
            "created": kept.about["created"],
            "lastModified": kept.about["modified"],
            "location": f"/scim/{self._name}/{kind}s/{kept.id}",
        }


def _members(group: Kept) -> list[dict[str, Any]]:
    """Who is in a group, with what else was said of them there."""
    said = group.about["members"]
    return [said.get(each, {"value": each}) for each in sorted(group.members)]


def _only(found: list[Kept], which: str) -> Kept:
    if not found or not which:
        raise NotFound(f"There is nothing of the id {which[:60]}.")
    return found[0]


def _page(
    resources_: list[dict[str, Any]], filter_: str, start: int, count: int
) -> tuple[int, list[dict[str, Any]]]:
    if filter_.strip():
        test = parse_filter(filter_)
        resources_ = [each for each in resources_ if test(each)]
    first = max(start, 1) - 1
    return len(resources_), resources_[first : first + max(0, min(count, MOST))]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
