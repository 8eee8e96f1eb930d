"""Who is who: which identities are one person, from exact keys, decisions by hand, and scored evidence.

A pure function of what is known: the order in which identities arrived decides nothing but which of a person's
identities is the oldest. Decisions by hand come first and the latest of them wins; then the directory and
exact keys; then evidence, the strongest first, as long as nothing speaks against it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from memory.people.blocks import probes, stored_blocks
from memory.people.evidence import ENOUGH, Alike, Bearers, compare, contradict, supported, weigh
from memory.people.groups import Groups, Join
from memory.people.likeness import Likeness, is_full
from memory.people.profile import Node, Profile


@dataclass(frozen=True, slots=True)
class HandRule:
    """A decision by hand that is in force.

    :param together: all of both sides are one person; otherwise nobody of one side is one with anybody of the other.
    """

    together: bool
    left: frozenset[int]
    right: frozenset[int]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Every node's person, named by the person's oldest node, and why."""

    oldest: Mapping[int, int]
    joins: tuple[Join, ...]


@dataclass(frozen=True, slots=True)
class _Pair:
    one: Profile
    other: Profile
    alike: Alike


def resolve(
    nodes: Iterable[Node], exact: Iterable[tuple[int, int]], rules: Sequence[HandRule], bearers: Bearers
) -> Resolution:
    """Decide which nodes are one person.

    :param exact: pairs that one document gave as one identity, for instance an account with its address.
    :param rules: decisions by hand, oldest first.
    """
    known = {node.id: node for node in sorted(nodes, key=lambda node: node.id)}
    groups = Groups(known)
    _by_hand(groups, rules)
    _by_directory(groups, known)
    for one, other in sorted(exact):
        if one in known and other in known:
            groups.join(Join(one, other, "exact"))
    _by_evidence(groups, known, bearers)
    return Resolution(groups.oldest(), tuple(groups.joins))


def _by_hand(groups: Groups, rules: Sequence[HandRule]) -> None:
    """The latest decision first: an older one holds as far as no later one contradicts it."""
    for rule in reversed(rules):
        if rule.together:
            members = sorted(groups.known(rule.left | rule.right))
            for place, member in enumerate(members):
                any(groups.join(Join(earlier, member, "hand")) for earlier in members[:place])
        else:
            for one in groups.known(rule.left):
                for other in groups.known(rule.right):
                    groups.keep_apart(one, other)


def _by_directory(groups: Groups, known: Mapping[int, Node]) -> None:
    first: dict[int, int] = {}
    for node in known.values():
        if node.entry is not None:
            one = first.setdefault(node.entry, node.id)
            if one != node.id:
                groups.join(Join(one, node.id, "directory"))


def _by_evidence(groups: Groups, known: Mapping[int, Node], bearers: Bearers) -> None:
    """First who has an address or an account, then names alone: what they fit is clear by then."""
    for phase in (_both_addressed, _one_bare, _both_bare):
        profiles = [Profile(tuple(known[member] for member in group)) for group in groups.all()]
        pairs = _pairs([profile for profile in profiles if not profile.shared])
        partners = _Partners(pairs)
        scored = []
        for pair in pairs:
            if not phase(pair):
                continue
            rivals = (pair.one.bare or pair.other.bare) and partners.rivals(pair)
            reasons = weigh(pair.one, pair.other, pair.alike, bearers, rivals=rivals)
            score = round(sum(reason.points for reason in reasons), 3)
            if score >= ENOUGH and supported(pair.one, pair.other, reasons):
                scored.append((score, pair, reasons))
        for score, pair, reasons in sorted(scored, key=lambda each: (-each[0], _key(each[1]))):
            _join(
                groups, known, Join(min(pair.one.ids), min(pair.other.ids), "evidence", score, tuple(reasons))
            )


def _join(groups: Groups, known: Mapping[int, Node], join: Join) -> None:
    """Join two groups unless what has been joined since the pair was weighed speaks against it."""
    one, other = (
        Profile(tuple(known[member] for member in groups.of(node))) for node in (join.one, join.other)
    )
    listed_twice = one.entries and other.entries and one.entries != other.entries
    if not listed_twice and not contradict(one, other):
        groups.join(join)


def _key(pair: _Pair) -> tuple[tuple[str, str], ...]:
    """What orders equal scores, whoever arrived first."""
    return tuple(
        sorted(min((node.kind, node.value) for node in each.nodes) for each in (pair.one, pair.other))
    )


def _pairs(profiles: Sequence[Profile]) -> list[_Pair]:
    """Every two profiles whose names agree and do not contradict each other, found by their blocks."""
    standing: dict[str, list[int]] = {}
    for place, profile in enumerate(profiles):
        for block in stored_blocks(profile):
            standing.setdefault(block, []).append(place)
    pairs, seen = [], set()
    for place, one in enumerate(profiles):
        for block in probes(one):
            for other in standing.get(block, ()):
                both = (min(place, other), max(place, other))
                if place == other or both in seen:
                    continue
                seen.add(both)
                alike = compare(one, profiles[other])
                # A first name alone is borne by somebody else in the next document.
                if alike.likeness > Likeness.PART and not contradict(one, profiles[other]):
                    pairs.append(_Pair(profiles[both[0]], profiles[both[1]], alike))
    return pairs


class _Partners:
    """Whom each profile, named by its first node, is like."""

    def __init__(self, pairs: Sequence[_Pair]) -> None:
        self._levels: dict[int, Counter[int]] = {}
        self._bare: dict[int, list[tuple[Profile, Likeness]]] = {}
        for pair in pairs:
            for one, other in ((pair.one, pair.other), (pair.other, pair.one)):
                if other.bare:
                    self._bare.setdefault(min(one.ids), []).append((other, pair.alike.likeness))
                else:
                    self._levels.setdefault(min(one.ids), Counter())[pair.alike.likeness.value] += 1

    def rivals(self, pair: _Pair) -> bool:
        """Whether somebody else fits one of the two at least as well and cannot be the other.

        Two with addresses are two people by then; of names alone only contradicting ones are.
        """
        level = min(pair.alike.likeness, Likeness.FULLER)
        for one, other in ((pair.one, pair.other), (pair.other, pair.one)):
            if not other.bare:
                fitting = self._levels.get(min(one.ids), Counter())
                if sum(count for value, count in fitting.items() if value >= level.value) > 1:
                    return True
            for third, like in self._bare.get(min(one.ids), ()):
                if third is not other and level <= like and contradict(third, other):
                    return True
        return False


def _both_addressed(pair: _Pair) -> bool:
    full = is_full(pair.alike.one) or is_full(pair.alike.other)
    return full and not pair.one.bare and not pair.other.bare


def _one_bare(pair: _Pair) -> bool:
    return pair.one.bare != pair.other.bare


def _both_bare(pair: _Pair) -> bool:
    return pair.one.bare and pair.other.bare
