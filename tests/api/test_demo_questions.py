"""The demo from end to end: built as `mneme demo` builds it, asked what its people would ask."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.demo.build import questions
from api.demonstration import prepare
from api.restore import restore
from api.service import Service
from api.settings import load
from api.wiring import open_memory
from memory.domain import OWNER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

QUESTIONS = questions()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    # Beside other tests nothing is ever idle: at 19 its turn came when these were over.
    settings = prepare(load(home=tmp_path_factory.mktemp("demo"), embedding={"nice": 0}), quiet=True)
    service = Service(open_memory(settings, "tests"))
    yield service
    service.close()


def results(demo: Service, number: int) -> list[dict[str, object]]:
    asked = QUESTIONS[number]
    asker = demo.memory.catalogue.people.asker(asked.asked_by) if asked.asked_by else OWNER
    answer = demo.search(asked.question, asker, limit=10, wait=True)
    found: list[dict[str, object]] = answer["results"]
    return found


def key(ref: object) -> str:
    """How the questions call a document: without its source, and an attached file without its digest."""
    return re.sub(r"//[0-9a-f]+/", "//", str(ref).partition("/")[2])


def plain(text: str) -> str:
    """Without what typography adds: line ends, no-break spaces, curly apostrophes."""
    return " ".join(text.replace("\u2019", "'").split()).casefold()


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_a_question_finds_its_answer_and_its_people(demo: Service, number: int) -> None:
    asked, found = QUESTIONS[number], results(demo, number)
    keys = [key(result["ref"]) for result in found]
    assert not set(asked.hidden) & set(keys)
    if not asked.expected:
        return
    assert asked.expected[0] in keys
    assert not asked.all or set(asked.expected) <= set(keys)
    result = found[keys.index(asked.expected[0])]
    document = demo.document(str(result["document"]), OWNER)
    assert plain(asked.answer) in plain(" ".join(passage["text"] for passage in document["passages"]))
    if asked.person:
        ids = demo.memory.catalogue.people.find(asked.person)
        assert {person["id"] for person in document["people"]} & set(ids)


def test_most_answers_come_first(demo: Service) -> None:
    first = [
        key(found[0]["ref"]) in QUESTIONS[number].expected
        for number in range(len(QUESTIONS))
        if QUESTIONS[number].expected and (found := results(demo, number))
    ]
    assert sum(first) >= 0.75 * len(first), first


def test_a_restored_backup_answers_every_question_alike(demo: Service, tmp_path: Path) -> None:
    """By words and by meaning, in everybody's place: what is shown, in which order, with which scores and people."""
    demo.backups.make(tmp_path / "demo.tar", keys=False)
    settings = load(home=tmp_path / "home")
    settings.home.mkdir()
    (settings.home / "models").symlink_to(
        demo.memory.settings.home / "models"
    )  # else it is exported again: 10 s
    assert restore(settings, tmp_path / "demo.tar")["well"]
    restored = Service(open_memory(settings, "tests"))
    try:
        for number in range(len(QUESTIONS)):
            assert results(restored, number) == results(demo, number), QUESTIONS[number].question
        assert restored.memory.model_ready
    finally:
        restored.close()
