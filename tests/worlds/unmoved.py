"""What nobody can see changing: the access of a document, or a document as a whole, that was hidden and stays so."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.worlds.opened import Asked, Opened
from tests.worlds.oracle import may_see
from tests.worlds.world import Paper, Person, World, random_access

MOST = 30
"""Answers that are compared in one world."""


@dataclass(frozen=True)
class Moved:
    """An answer that is another now."""

    asked: Asked
    before: bytes
    after: bytes


def access_changed(there: Opened, dice: random.Random) -> tuple[list[Moved], int]:
    """Give a document another access: what those are told by now who saw it neither before nor after.

    :return: what differs, and how many answers were compared.
    """
    world = there.world
    for paper in _shuffled(world, dice) * 8:
        grant, deny = random_access(world, dice)
        blind = _blind(world, paper)
        world.change(paper.mark, grant, deny)
        blind &= _blind(world, world.papers[paper.mark])
        world.change(paper.mark, paper.grant, paper.deny)
        if blind and (grant, deny) != (paper.grant, paper.deny):

            def change() -> None:
                world.change(paper.mark, grant, deny)  # noqa: B023  called at once
                there.bring(paper.mark)  # noqa: B023

            return _compared(there, blind, change, dice)
    return [], 0


def taken_away(there: Opened, dice: random.Random) -> tuple[list[Moved], int]:
    """Take a document out of its source; see `access_changed`."""
    for paper in _shuffled(there.world, dice):
        if blind := _blind(there.world, paper):
            return _compared(there, blind, partial(there.take_away, paper.mark), dice)
    return [], 0


def _compared(
    there: Opened, people: set[Person], change: Callable[[], None], dice: random.Random
) -> tuple[list[Moved], int]:
    requests = [asked for asked in there.log if asked.person in people]
    requests = dice.sample(requests, min(MOST, len(requests)))
    before = there.answers(requests)
    change()
    after = there.answers(requests)
    pairs = zip(requests, before, after, strict=True)
    return [Moved(asked, one[1], two[1]) for asked, one, two in pairs if one != two], len(requests)


def _shuffled(world: World, dice: random.Random) -> list[Paper]:
    listed = [paper for paper in world.papers.values() if not paper.holder]
    return dice.sample(listed, len(listed))


def _blind(world: World, paper: Paper) -> set[Person]:
    return {person for person in world.people if not may_see(world, person, paper)}
