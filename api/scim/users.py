"""The people of a provider."""

from collections.abc import Sequence

from api.scim import resources
from api.scim.collection import Collection, Resource, about
from api.scim.filters import Filter
from memory.catalogue.provisioned import Kept
from memory.errors import Taken
from memory.people.directory import Told


class Users(Collection):
    """The people of one directory."""

    kind = "User"
    schema = resources.USER
    related = "groups"

    def _page(self, first: int, count: int) -> tuple[int, list[Kept]]:
        return self._known.some_people(first, count)

    def _candidates(self, wanted: Filter) -> list[Kept]:
        sure = [(name, value) for name, value in wanted.sure if _is_plain(value)]
        ids = [value for name, value in sure if name == "id"]
        logins = [value.lower() for name, value in sure if name == "username"]
        having = [value for name, value in sure if name in ("externalid", "emails", "emails.value")]
        return self._known.people(ids=ids or None, login=logins[0] if logins else "", having=having)

    def _with_id(self, which: str) -> list[Kept]:
        return self._known.people(ids=[which])

    def _own(self, kept: Kept) -> Resource:
        own: Resource = kept.about["kept"]
        return own

    def _shown(self, several: Sequence[Kept], related: bool) -> list[Resource]:
        within = self._known.groups_of([each.id for each in several]) if related else {}
        shown = []
        for each in several:
            told = dict(self._own(each))
            extended = [key for key in told if key.lower() == resources.ENTERPRISE.lower()]
            if groups := within.get(each.id):
                told["groups"] = [
                    {"value": one.id, "display": one.about["kept"]["displayName"]} for one in groups
                ]
            shown.append(self._dressed(each, told, extended))
        return shown

    def _write(self, which: str, given: Resource, before: Kept | None) -> Resource:
        kept = resources.user_of(given)
        if before and before.whole and self._own(before) == kept:
            return self.get(which)
        listed = resources.person(which, kept, about(kept, before))
        if any(each.id != which for each in self._known.people(login=listed.login)):
            raise Taken(f"There is somebody with the userName {listed.login[:80]} already.")
        self._tell(Told(people=(listed,)))
        return self.get(which)


def _is_plain(value: str) -> bool:
    """Whether JSON has a text as it is, so that it can be looked for among what is kept."""
    return bool(value) and value.isascii() and value.isprintable() and not {'"', "\\"} & set(value)
