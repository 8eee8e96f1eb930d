"""Everything that can be asked, in random worlds, against the oracle."""

import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.api.test_admission import routes
from tests.worlds.asked_of_documents import search, search_page
from tests.worlds.asked_of_people import why
from tests.worlds.opened import Client, empty_home, opened
from tests.worlds.oracle import may_see
from tests.worlds.probe import Probe
from tests.worlds.probes import all_probes, ask_all
from tests.worlds.unmoved import access_changed, taken_away
from tests.worlds.world import World, random_world


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_home(tmp_path_factory.mktemp("worlds") / "empty")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    asks = Client()
    yield asks
    asks.close()


def test_every_route_is_compared(client: Client) -> None:
    assert set(routes(client)) == set(all_probes()), "tests/worlds/probes.py says what each route must answer"


@pytest.mark.parametrize("seed", range(12))
def test_everybody_is_shown_what_they_may_see_and_nothing_else(
    seed: int, template: Path, client: Client, tmp_path: Path
) -> None:
    """And a change of access is told to nobody who sees the document neither before nor after, by no byte."""
    world, dice = random_world(seed), random.Random(seed)
    with opened(world, tmp_path / "home", template, client, by_words=bool(seed % 2)) as there:
        # The first is asked all, the others half, so that a dozen take seconds; `bench/worlds.py` asks all of it.
        ask_all(there, world.people, dice, refusals=not seed, share=0.5 if seed else 1)
        moved, _ = access_changed(there, dice)
        assert not moved, moved[0]


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_with_own_statistics_nothing_moves_with_what_is_hidden(
    seed: int, template: Path, client: Client, tmp_path: Path
) -> None:
    """Not by a digit of a score, when documents that somebody cannot see come, go or are changed."""
    world, dice = random_world(seed), random.Random(seed)
    own = {"search": {"own_statistics": True}}
    with opened(world, tmp_path / "home", template, client, by_words=bool(seed % 2), **own) as there:
        for probe in (search, search_page, why):
            probe(Probe(there, dice.choice(world.people), dice))
        for change in (access_changed, taken_away):
            moved, _ = change(there, dice)
            assert not moved, moved[0]


def test_what_is_attached_is_taken_out_for_those_only_who_see_its_mail(
    template: Path, client: Client, tmp_path: Path
) -> None:
    world = next(world for world in map(random_world, count()) if _tells_apart(world))
    with opened(world, tmp_path / "home", template, client) as there:
        outcomes = set()
        for person in world.people:
            for paper in [each for each in world.papers.values() if each.holder]:
                path, seen = (
                    f"/api/documents/{there.documents[paper.mark]}/original",
                    may_see(world, person, paper),
                )
                if seen not in outcomes:
                    answer = there.ask(person, path)
                    assert (answer.status_code, paper.text in answer.text) == (200 if seen else 404, seen)
                outcomes.add(seen)
        assert outcomes == {True, False}


def _tells_apart(world: World) -> bool:
    """Whether something is attached to a mail that one sees and another does not."""
    files = [paper for paper in world.papers.values() if paper.holder]
    return {may_see(world, person, file) for person in world.people for file in files} == {True, False}
