"""The question's vector, and what is taken out of it, when something is amiss: a search is answered all the same."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.passages import Progress
from memory.domain import OWNER
from memory.embedding.base import Embedder, Vectors
from memory.embedding.hashing import HashEmbedder
from memory.embedding.open import HASH, EmbedderSpec
from memory.embedding.process import EmbedderProcess
from memory.index.base import Filters
from search.components.embed import EmbedQuery
from search.flow import Meaning, Question
from search.query import Query
from search.request import SearchRequest
from tests.small_disk import fill, mounted

NAME = "embedding"
LANGUAGES = ("da", "de", "en", "es", "fi", "fr", "it", "nl", "no", "pl", "pt", "sv")


@contextmanager
def asking(folder: Path, embedder: Embedder) -> Iterator[Callable[[], Meaning]]:
    """What embeds one question of somebody who reads all languages, over a catalogue in a folder."""
    Catalogue(f"sqlite:///{folder / 'catalogue.db'}").close()  # so that its log has no room of its own
    catalogue = Catalogue(f"sqlite:///{folder / 'catalogue.db'}", keep_events=None)
    registry.provide(NAME, Catalogue, catalogue)
    registry.provide(NAME, Embedder, embedder)  # type: ignore[type-abstract]
    query = Query.parse("notice period")
    question = Question(
        SearchRequest("notice period", OWNER), query, None, Filters(), (), Progress(1, 1, 1), True, (), LANGUAGES
    )  # fmt: skip
    component = EmbedQuery(NAME, neutral=0.75)

    def ask() -> Meaning:
        meaning: Meaning = component.run(question)["meaning"]
        return meaning

    try:
        yield ask
    finally:
        registry.forget(NAME)
        catalogue.close()


def test_a_full_disk_is_no_matter_for_a_search() -> None:
    with mounted(3) as disk, asking(disk, HashEmbedder()) as ask:
        vectors = registry.need(NAME, Catalogue).vectors
        assert vectors.count() == 0
        filler = fill(disk)
        meaning = ask()
        assert meaning.directions is not None
        assert len(meaning.directions) == len(LANGUAGES) - 1
        assert meaning.vector() is not None
        assert vectors.count() == 0, "there was no room for them"
        filler.unlink()


def test_searches_wait_for_nobody_who_finds_out_directions(tmp_path: Path) -> None:
    """Eight first searches at once, while the embedder hangs and then dies: none fails, and the next has everything."""
    embedder = EmbedderProcess(EmbedderSpec(HASH, tmp_path), nice=0)
    with asking(tmp_path, embedder) as ask, ThreadPoolExecutor(8) as pool:
        assert embedder.identity
        assert embedder.process
        hanging = psutil.Process(embedder.process)
        hanging.suspend()
        asked = [pool.submit(ask) for _ in range(8)]
        until = time.monotonic() + 10
        while sum(one.done() for one in asked) < 7 and time.monotonic() < until:
            time.sleep(0.01)
        answered = sum(one.done() for one in asked)
        os.kill(hanging.pid, signal.SIGKILL)
        assert answered == 7
        meanings = [one.result(20) for one in asked]
        assert all(meaning.vector() is None for meaning in meanings)
        # The one that finds them out may not have got as far as asking before the end: it asked the next process.
        assert sum(meaning.directions is not None for meaning in meanings) <= 1
        after = ask()
        assert after.directions is not None
        assert after.vector() is not None
    embedder.close()


class Noting(HashEmbedder):
    """Notes how many texts it was given at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[int] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages."""
        self.given.append(len(texts))
        return super().embed_passages(texts)


def test_other_questions_are_embedded_between_the_languages(tmp_path: Path) -> None:
    """An embedder answers in the order it is asked: all sentences at once would hold up every other search."""
    embedder = Noting()
    with asking(tmp_path, embedder) as ask:
        assert ask().directions is not None
        assert embedder.given.count(10) == len(LANGUAGES)
        assert set(embedder.given) == {1, 10}


def test_an_embedder_that_cannot_be_started_again_leaves_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    embedder = EmbedderProcess(EmbedderSpec(str(tmp_path / "removed"), tmp_path), nice=0)
    with asking(tmp_path, embedder) as ask:
        meaning = ask()
        assert meaning.directions is None
        assert meaning.vector() is None
    assert "went by words alone" in caplog.text
    embedder.close()
