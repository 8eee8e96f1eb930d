"""What a judge is to do next, what judges disagree on, and what comes of it all as qrels."""

from collections.abc import Collection as Container
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from eval.collections.model import Qrels
from eval.judging.agreement import fleiss, pairs
from eval.judging.pool import shuffled
from memory.catalogue.judging import Judgement

Item = tuple[str, str]
"""A query and a document."""


@dataclass(frozen=True)
class Desk:
    """A pool with what has been judged of it so far.

    :param name: of the pool; also the seed of every order.
    :param items: the documents of each query.
    :param judges: how many are to judge each query.
    :param given: every judgement, in the order it was given.
    """

    name: str
    items: Mapping[str, Sequence[str]]
    judges: int
    given: Sequence[Judgement]

    def seen(self, visible: Container[str]) -> "Desk":
        """The same desk with nothing on it but these documents: all that a judge may know of."""
        items = {
            query: kept
            for query, documents in self.items.items()
            if (kept := [one for one in documents if one in visible])
        }
        return replace(self, items=items, given=[one for one in self.given if one.document in visible])

    def queue(self, judge: str) -> list[Item]:
        """Everything a judge still has to judge, in their order.

        First the queries they have begun, then those that others have: so soon two have judged the same.
        """
        begun: dict[str, set[str]] = {query: set() for query in self.items}
        for one in self._judged:
            begun.setdefault(one.query, set()).add(one.judge)
        queries = shuffled(list(self.items), self.name, judge)
        mine = [query for query in queries if judge in begun[query]]
        others = [query for query in queries if judge not in begun[query] and len(begun[query]) < self.judges]
        others.sort(key=lambda query: -len(begun[query]))
        done = {(one.query, one.document) for one in self.by(judge)}
        return [
            (query, document)
            for query in (*mine, *others)
            for document in shuffled(self.items[query], self.name, judge, query)
            if (query, document) not in done
        ]

    def by(self, judge: str) -> list[Judgement]:
        """What a judge has judged, in order."""
        return [one for one in self._judged if one.judge == judge]

    def disputed(self, judge: str) -> dict[Item, list[Judgement]]:
        """What judges graded differently and nobody has settled, without what this judge has yet to judge unseen."""
        waiting = set(self.queue(judge))
        return {
            item: given
            for item, given in self._by_item.items()
            if len({one.grade for one in given}) > 1 and item not in self.settled and item not in waiting
        }

    def qrels(self) -> tuple[Qrels, int]:
        """The judgements that stand, and how many do not because judges disagree and nobody has settled it."""
        found: Qrels = {}
        unsettled = 0
        for item, given in self._by_item.items():
            grades = {one.grade for one in given}
            if item in self.settled or len(grades) == 1:
                found.setdefault(item[0], {})[item[1]] = self.settled.get(item, given[0].grade)
            else:
                unsettled += 1
        return found, unsettled

    def agreement(self) -> dict[str, Any]:
        """Fleiss' kappa over all, Cohen's of every two judges, as JSON values; judges are told by number."""
        grades: dict[str, dict[Item, int]] = {}
        for one in self._judged:
            grades.setdefault(one.judge, {})[one.query, one.document] = one.grade
        number = {judge: at for at, judge in enumerate(sorted(grades), 1)}
        both = [given for given in self._by_item.values() if len(given) > 1]
        return {
            "twice": len(both),
            "agreed": sum(len({one.grade for one in given}) == 1 for given in both),
            "fleiss": _rounded(fleiss([[one.grade for one in given] for given in both])),
            "cohen": [
                {"judges": [number[one], number[other]], "documents": shared, "kappa": _rounded(value)}
                for (one, other), (shared, value) in pairs(grades).items()
            ],
        }

    @cached_property
    def settled(self) -> dict[Item, int]:
        """The grades that were given to settle a dispute."""
        return {(one.query, one.document): one.grade for one in self.given if one.settles}

    @cached_property
    def _judged(self) -> list[Judgement]:
        return [one for one in self.given if not one.settles]

    @cached_property
    def _by_item(self) -> dict[Item, list[Judgement]]:
        return _grouped(self._judged)


def _grouped(given: Iterable[Judgement]) -> dict[Item, list[Judgement]]:
    found: dict[Item, list[Judgement]] = {}
    for one in given:
        found.setdefault((one.query, one.document), []).append(one)
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
