"""The groups of a provider, of which there are few beside its people: they are looked through by what they are, without their members."""

from collections.abc import Sequence

from api.scim import resources
from api.scim.collection import Collection, Resource, about
from api.scim.filters import Filter
from memory.catalogue.provisioned import Kept
from memory.errors import Taken
from memory.people.directory import Told


class Groups(Collection):
    """The groups of one directory."""

    kind = "Group"
    schema = resources.GROUP
    related = "members"

    def _page(self, first: int, count: int) -> tuple[int, list[Kept]]:
        every = self._known.groups()
        return len(every), every[first : first + count]

    def _candidates(self, wanted: Filter) -> list[Kept]:
        every: list[Kept] | None = None
        for name, value in wanted.sure:
            if name == "id":
                every = self._known.groups(ids=[value])
            elif name in ("members", "members.value") and every is None:
                every = self._known.groups_of([value]).get(value, [])
        every = self._known.groups() if every is None else every
        names = {value.casefold() for name, value in wanted.sure if name == "displayname"}
        return [each for each in every if not names or _name(each) in names]

    def _with_id(self, which: str) -> list[Kept]:
        return self._known.groups(ids=[which])

    def _own(self, kept: Kept) -> Resource:
        [whole] = self._known.with_members([kept])
        return {**kept.about["kept"], "members": _members(whole)}

    def _shown(self, several: Sequence[Kept], related: bool) -> list[Resource]:
        whole = self._known.with_members(several) if related else several
        shown = []
        for each in whole:
            members = _members(each)
            shown.append(self._dressed(each, each.about["kept"] | ({"members": members} if members else {})))
        return shown

    def _write(self, which: str, given: Resource, before: Kept | None) -> Resource:
        kept = resources.group_of(given)
        if before and self._own(before) == kept | {"members": sorted(kept["members"], key=_value)}:
            return self.get(which)
        own = {key: value for key, value in kept.items() if key != "members"}
        shown = {each["value"]: each for each in kept["members"] if len(each) > 1}
        listed = resources.group(which, kept, about(own, before, members=shown))
        name = kept["displayName"].casefold()
        if any(_name(each) == name and each.id != which for each in self._known.groups()):
            raise Taken(f"There is a group {kept['displayName'][:80]} already.")
        self._tell(Told(groups=(listed,)))
        return self.get(which)


def _name(group: Kept) -> str:
    name: str = group.about["kept"]["displayName"]
    return name.casefold()


def _value(member: Resource) -> str:
    value: str = member["value"]
    return value


def _members(group: Kept) -> list[Resource]:
    """Who is in a group, with what else was said of them there."""
    said = group.about["members"]
    return [said.get(each, {"value": each}) for each in sorted(group.members)]
