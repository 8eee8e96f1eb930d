"""Who may see a page: whoever may view its space, and is left in by every restriction on it and on the pages above.

Restrictions narrow, each for itself, so what counts is what they have in common. Tokens can only say "one of these", so where two of them name different groups,
these stand for the members that they share; whom the wiki does not tell the members of is left out, and sees less than there, never more.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from connectors.confluence.people import People, group_tokens
from connectors.confluence.shapes import Content, Space
from memory.domain import Access
from memory.errors import SourceError


@dataclass(frozen=True, slots=True)
class Viewers:
    """Users by their ids and groups by their names.

    :param everybody: whoever the source is for.
    """

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    everybody: bool = False

    def __or__(self, other: "Viewers") -> "Viewers":
        return Viewers(
            self.users | other.users, self.groups | other.groups, self.everybody or other.everybody
        )


EVERYBODY = Viewers(everybody=True)


def common(one: Viewers, other: Viewers, members: Callable[[str], frozenset[str] | None]) -> Viewers:
    """Who is among both.

    :param members: the ids of a group's members; None where that is not known.
    """
    if one.everybody or other.everybody:
        return other if one.everybody else one
    groups = one.groups & other.groups
    # Whoever is in a group that both name is let in by its token already.
    rests = [replace(each, groups=each.groups - groups) for each in (one, other)]
    first, second = (
        each.users.union(*(members(group) or () for group in each.groups))
        if all(rest.users or rest.groups for rest in rests)
        else each.users
        for each in rests
    )
    return Viewers(first & second, groups)


def named(page: Content) -> Viewers | None:
    """Whom the restriction to view a page leaves in; None where it has none.

    :raises SourceError: where the wiki does not tell: that must never look like a page without a restriction.
    """
    if page.restrictions is None:
        raise SourceError(f"The wiki does not tell who may view page {page.id}.")
    subjects = page.restrictions.read.restrictions
    if not (subjects.user.results or subjects.group.results):
        return None
    users = frozenset(user.id for user in subjects.user.results) - {""}
    return Viewers(users, frozenset(group.name for group in subjects.group.results) - {""})


class Permissions:
    """Who may view the pages of a wiki.

    :param everybody: what whoever may log in there stands for.
    :param all_groups: groups that everybody is in, so that they stand for `everybody`.
    :param spaces: tells who may view a space; None where spaces are for `everybody`.
    """

    def __init__(
        self,
        people: People,
        everybody: Access,
        all_groups: Iterable[str] = (),
        spaces: Callable[[Space], Viewers] | None = None,
    ) -> None:
        self._people = people
        self._everybody = everybody
        self._all_groups = frozenset(name.strip() for name in all_groups) - {""}
        self._asks = spaces
        self._spaces: dict[str, Viewers] = {}
        self._known: dict[tuple[Viewers, ...], Access] = {}

    def forget(self) -> None:
        """From here on everything is asked for anew."""
        self._spaces.clear()
        self._known.clear()

    def of(self, page: Content) -> Access:
        """Who may see a page and what belongs to it.

        :param page: with its space, its restrictions, and those of the pages above it.
        :raises SourceError: where the wiki does not say.
        """
        levels = [self.space(page.space)]
        for each in (*page.ancestors, page):
            if (left_in := named(each)) is not None:
                levels.append(left_in)
            for group in each.restrictions.read.restrictions.group.results if each.restrictions else ():
                self._people.note(group)
        key = tuple(dict.fromkeys(levels))
        if key not in self._known:
            self._known[key] = self._access(key)
        return self._known[key]

    def space(self, space: Space) -> Viewers:
        """Who may view a space.

        :raises SourceError: where the wiki does not say.
        """
        if self._asks is None:
            return EVERYBODY
        if space.key not in self._spaces:
            self._spaces[space.key] = self._asks(space)
        return self._spaces[space.key]

    def _access(self, levels: tuple[Viewers, ...]) -> Access:
        found = EVERYBODY
        for level in levels:
            open_to_all = level.everybody or level.groups & self._all_groups
            found = common(found, EVERYBODY if open_to_all else level, self._people.members)
        if found.everybody:
            return self._everybody
        granted = group_tokens(found.groups) | self._people.tokens(found.users)
        return Access(granted, self._everybody.deny)
