"""Groups of identities that are one person, and those that must never be one."""

from collections.abc import Iterable
from dataclasses import dataclass

from memory.people.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Join:
    """Why two identities are one person.

    :param made_by: ``hand``, ``directory``, ``exact`` or ``evidence``.
    """

    one: int
    other: int
    made_by: str
    score: float = 0.0
    reasons: tuple[Evidence, ...] = ()


class Groups:
    """Disjoint sets of node ids, with pairs that must not come together.

    :param nodes: the ids; each begins as a group of its own.
    """

    def __init__(self, nodes: Iterable[int]) -> None:
        self._group = {node: node for node in nodes}
        self._members = {node: [node] for node in self._group}
        self._apart: dict[int, set[int]] = {}
        self.joins: list[Join] = []

    def known(self, nodes: Iterable[int]) -> frozenset[int]:
        """Those of the nodes that are here."""
        return frozenset(node for node in nodes if node in self._group)

    def keep_apart(self, one: int, other: int) -> None:
        """Never join these two from now on; what is joined already stays so."""
        a, b = self._group[one], self._group[other]
        if a != b:
            self._apart.setdefault(a, set()).add(b)
            self._apart.setdefault(b, set()).add(a)

    def join(self, join: Join) -> bool:
        """Make one group of two, unless they must stay apart; says whether they are one now."""
        a, b = self._group[join.one], self._group[join.other]
        if a == b:
            return True
        if b in self._apart.get(a, ()):
            return False
        if len(self._members[a]) < len(self._members[b]):
            a, b = b, a
        for node in self._members[b]:
            self._group[node] = a
        self._members[a] += self._members.pop(b)
        for other in self._apart.pop(b, set()):
            self._apart[other].discard(b)
            self._apart[other].add(a)
            self._apart.setdefault(a, set()).add(other)
        self.joins.append(join)
        return True

    def of(self, node: int) -> list[int]:
        """Everybody in a node's group."""
        return self._members[self._group[node]]

    def all(self) -> list[list[int]]:
        """Every group, ordered by its oldest member."""
        return sorted((sorted(members) for members in self._members.values()), key=lambda group: group[0])

    def oldest(self) -> dict[int, int]:
        """The oldest member of each node's group."""
        return {node: min(self._members[group]) for node, group in self._group.items()}
