"""One person's turn at a world: what they may see, and how an answer is compared with it."""

import random
from typing import Any

from httpx import Response

from tests.worlds.opened import Opened
from tests.worlds.oracle import fits, seen
from tests.worlds.world import Paper, Person, random_search

PAGE = {"headers": {"accept": "text/html"}}
NOBODY = "zqzzzzzzx"
"""A mark of nothing."""


class Probe:
    """One person's turn at one world.

    :param dice: decides what is asked.
    """

    def __init__(self, opened: Opened, person: Person, dice: random.Random) -> None:
        self.opened, self.world, self.person, self.dice = opened, opened.world, person, dice
        self.seen = seen(self.world, person)
        self.hidden = opened.hidden(person)
        self.search = random_search(self.world, dice)
        self.found = [p for p in self.seen if fits(p, self.search, by_words=opened.by_words)]

    def ask(self, path: str, method: str = "GET", **about: Any) -> Response:
        return self.opened.ask(self.person, path, method, **about)

    def shows(self, answer: Response, papers: list[Paper], *, more: bool = False) -> None:
        """Whether an answer shows these documents and no others.

        :param more: whether it may name others too that the asker may see, such as versions.
        """
        shown = self.opened.marks(answer.text) & {*self.world.papers}
        wanted = {paper.mark for paper in papers}
        assert wanted <= shown if more else shown == wanted, (
            str(answer.request.url),
            shown ^ wanted,
            answer.text,
        )

    def id_of(self, paper: Paper) -> str:
        return self.opened.documents[paper.mark]

    def some(self, papers: list[Paper], most: int = 2) -> list[Paper]:
        return self.dice.sample(papers, min(most, len(papers)))

    def is_as_unknown(self, path: str, method: str = "GET", **about: Any) -> None:
        """Whether hidden documents get what documents get that do not exist; ``{}`` stands for the id."""
        for paper in self.some(self.hidden, 1):
            mine, nothing = self.id_of(paper), "0" * 32
            self.same(path, method, about, mine, nothing)

    def same(self, path: str, method: str, about: dict[str, Any], one: str, other: str) -> None:
        """Whether two names get the same answer but for themselves."""
        said = []
        for name in (one, other):
            given = {key: _filled(value, name) for key, value in about.items()}
            answer = self.ask(path.replace("{}", name), method, again=False, **given)
            body = self.opened.passing(answer.content).replace(name.encode(), b"NAME")
            said.append((answer.status_code, body, answer.headers.get("location", "").replace(name, "NAME")))
        assert said[0] == said[1], (method, path, about)

    def some_people(self, *, known: bool = False) -> list[Person]:
        """Somebody with no part in anything the asker may see, but in what is hidden.

        :param known: whether the memory has to know them.
        """
        heard = self.opened.may_hear_of(self.person)
        hidden = {
            each for paper in self.hidden for each in {paper.author, *paper.others} if has_part(paper, each)
        }
        there = sorted(who.mark for who in hidden if who.mark not in heard)
        everybody = {who.mark: who for who in [*self.world.people, *self.world.strangers]}
        chosen = [everybody[mark] for mark in there if not known or mark in self.opened.persons]
        return self.dice.sample(chosen, min(1, len(chosen)))


def _filled(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, name) for key, inner in value.items()}
    return value.replace("{}", name) if isinstance(value, str) else value


def has_part(paper: Paper, person: Person) -> bool:
    """Whether the memory links somebody to a document: what is attached has the sender of its mail only."""
    return person == paper.author or not paper.holder
