"""A small random world: people in groups of groups, sources, and documents with an access of their own each.

Everything in it that has a name has a mark, a word that stands nowhere else: an answer that holds the mark shows the thing.
"""

import random
from dataclasses import dataclass, field, replace
from itertools import count

WORDS = ("walnut", "cedar", "maple", "copper", "granite")
COMMON = "lumber"
"""A word of every text."""

_GROUPS = ("a", "b", "c", "d")


@dataclass(frozen=True)
class Person:
    """Somebody.

    :param groups: those the directory has them in itself, without the groups that these are in.
    :param listed: whether the directory has them.
    """

    mark: str
    groups: frozenset[str] = frozenset()
    listed: bool = True

    @property
    def name(self) -> str:
        return f"Ada {self.mark.capitalize()}"

    @property
    def address(self) -> str:
        return f"{self.mark}@x.example"


@dataclass(frozen=True)
class Paper:
    """A document as its source has it; what is attached to a mail is one of its own, with the mail's access.

    :param grant, deny: with neither, its source says who may see it.
    :param message, answers: Message-IDs, of mails.
    :param day: of 2023 or the year after, when it was written.
    """

    mark: str
    source: str
    grant: frozenset[str]
    deny: frozenset[str]
    words: tuple[str, ...]
    author: Person
    others: tuple[Person, ...] = ()
    message: str = ""
    answers: tuple[str, ...] = ()
    day: int = 0
    holder: str = ""
    """The mark of the mail that it is attached to."""

    @property
    def key(self) -> str:
        """Its name at its source, which the ref of what is attached to it has too."""
        return f"key-{(self.holder or self.mark).removeprefix('zq')}"

    @property
    def text(self) -> str:
        return f"The {' '.join(self.words)} {COMMON} {self.mark} was delivered to the customer."


@dataclass(frozen=True)
class Search:
    """A search as the oracle understands it; any of the words will do, all filters must hold."""

    words: tuple[str, ...] = ()
    phrase: tuple[str, ...] = ()
    without: str = ""
    source: str = ""
    author: Person | None = None
    year: int = 0

    def __str__(self) -> str:
        said = [*self.words, *([f'"{" ".join(self.phrase)}"'] if self.phrase else [])]
        said += [f"-{self.without}"] if self.without else []
        said += [f"source:{self.source}"] if self.source else []
        said += [f'author:"{self.author.name}"'] if self.author else []
        said += [f"after:{self.year} before:{self.year + 1}"] if self.year else []
        return " ".join(said)


@dataclass
class World:
    """All of it.

    :param within: by group the groups that it is in; they may be in each other.
    :param sources: by name the tokens that each grants by itself.
    :param papers: by mark.
    """

    within: dict[str, frozenset[str]]
    people: list[Person]
    strangers: list[Person]
    sources: dict[str, frozenset[str]]
    papers: dict[str, Paper] = field(default_factory=dict)

    def attached(self, mark: str) -> list[Paper]:
        return [paper for paper in self.papers.values() if paper.holder == mark]

    def change(self, mark: str, grant: frozenset[str], deny: frozenset[str]) -> None:
        """Give a document another access, and what is attached to it."""
        for each in [self.papers[mark], *self.attached(mark)]:
            self.papers[each.mark] = replace(each, grant=grant, deny=deny)


def random_world(seed: int) -> World:
    """The world of a seed."""
    dice = random.Random(seed)
    marks = _marks(dice)
    within = {group: _some(dice, _GROUPS, 2) - {group} for group in _GROUPS}
    people = [Person(next(marks), _some(dice, _GROUPS, 2)) for _ in range(3)]
    strangers = [Person(next(marks), listed=False) for _ in range(2)]
    world = World(within, people, strangers, {})
    world.sources |= {f"s{number}": random_access(world, dice)[0] for number in range(2)}
    everybody, messages = [*people, *strangers], list[str]()
    for _ in range(dice.randint(3, 7)):
        grant, deny = random_access(world, dice)
        paper = Paper(
            next(marks),
            dice.choice(list(world.sources)),
            grant,
            deny,
            tuple(dice.sample(WORDS, 2)),
            dice.choice(everybody),
            tuple(dice.sample(everybody, dice.randint(0, 2))),
            day=dice.randint(0, 700),
        )
        world.papers[paper.mark] = paper
        if dice.random() < 0.5:
            _as_mail(world, paper, dice, marks, messages)
    return world


def random_access(world: World, dice: random.Random) -> tuple[frozenset[str], frozenset[str]]:
    """Tokens that grant and that deny."""
    tokens = [*(f"group:{group}" for group in _GROUPS), *(f"person:{each.address}" for each in world.people)]
    return _some(dice, ["public", *tokens], 2), _some(dice, tokens, 1) if dice.random() < 0.3 else frozenset()


def _as_mail(
    world: World, paper: Paper, dice: random.Random, marks: "count[str]", messages: list[str]
) -> None:
    """Make it a message, perhaps an answer, perhaps a copy of another, perhaps with something attached."""
    again = bool(messages) and dice.random() < 0.15
    message = dice.choice(messages) if again else f"m{len(messages)}@x.example"
    answers = (dice.choice(messages),) if messages and dice.random() < 0.6 else ()
    mail = replace(paper, message=message, answers=tuple(each for each in answers if each != message))
    messages.append(message)
    world.papers[mail.mark] = mail
    for _ in range(dice.randint(0, 1)):
        file = replace(
            mail,
            mark=next(marks),
            holder=mail.mark,
            words=tuple(dice.sample(WORDS, 2)),
            others=(),
            answers=(),
        )
        world.papers[file.mark] = replace(file, message="")


def random_search(world: World, dice: random.Random) -> Search:
    """Something to look for."""
    filters = (
        {},
        {"phrase": tuple(dice.sample(WORDS, 2))},
        {"without": dice.choice(WORDS)},
        {"source": dice.choice(list(world.sources))},
        {"author": dice.choice([*world.people, *world.strangers])},
        {"year": dice.choice([2023, 2024])},
    )
    chosen = dice.choice(filters)
    words = tuple(dice.sample(WORDS, dice.randint(0 if {*chosen} & {"source", "author", "year"} else 1, 2)))
    return Search(words=words, **chosen)


def _some(dice: random.Random, among: "tuple[str, ...] | list[str]", most: int) -> frozenset[str]:
    return frozenset(dice.sample(list(among), dice.randint(0, most)))


def _marks(dice: random.Random) -> "count[str]":
    """Words of one length, none of which is any word."""
    taken: set[str] = set()
    while True:
        mark = "zq" + "".join(dice.choice("bdfgkmnprt") + dice.choice("aou") for _ in range(3)) + "x"
        if mark not in taken:
            taken.add(mark)
            yield mark
