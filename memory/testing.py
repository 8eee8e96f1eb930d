"""Contract suites, so that an outside index or embedder can prove itself.

Subclass a suite in a test module and override its fixture; pytest and hypothesis are needed::

    class TestMyIndex(VectorIndexContract):
        @pytest.fixture
        def make_index(self):
            return lambda: MyIndex(model=MODEL)
"""

# ruff: noqa: S101 - a test suite asserts

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.domain import OWNER, PUBLIC, Access, Asker
from memory.embedding.base import Embedder, ModelIdentity, Vectors
from memory.index.base import Entry, Facts, Filters, LegQuery, Legs, SparseWords, VectorIndex

MODEL = ModelIdentity(name="made for tests", digest="0" * 64, size=8)
"""The model the index under test is opened with."""

EVERYBODY = Access(grant=frozenset({PUBLIC}))
"""What anybody may see."""

_TOKENS = ("group:a", "group:b", "person:c", PUBLIC)
_some = st.frozensets(st.sampled_from(_TOKENS))


def words(*terms: int) -> SparseWords:
    """A sparse vector of these terms, each with weight 1."""
    return SparseWords(terms, (1.0,) * len(terms))


def unit(direction: int, other: int | None = None) -> Vectors:
    """A vector of length 1 along one axis of `MODEL`, or between two."""
    vector = np.zeros(MODEL.size, dtype=np.float32)
    vector[direction] = 1
    if other is not None:
        vector[other] = 1
    length: Vectors = vector / np.float32(np.linalg.norm(vector))
    return length


def entry(id: int, text: str = "some text", **known: Any) -> Entry:
    """A passage for a test: of the document ``d<id>``, with the term 1, seen by everybody.

    :param known: other words, a vector, or other facts of its document.
    """
    terms, vector = known.pop("words", words(1)), known.pop("vector", None)
    given: dict[str, Any] = {"document": f"d{id}", "access": EVERYBODY, **known}
    return Entry(id, text, terms, Facts(**given), vector)


def found(legs: Legs) -> list[int]:
    """The ids of the words leg, best first."""
    return [one.id for one in legs.words]


class VectorIndexContract:
    """Every rule of `VectorIndex`; override `make_index`, which gives an empty index at each call."""

    @pytest.fixture
    def make_index(self) -> Callable[[], VectorIndex]:
        """A function that opens a new, empty index for `MODEL`."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, make_index: Callable[[], VectorIndex]) -> Iterator[VectorIndex]:
        """An empty index, closed after the test."""
        index = make_index()
        yield index
        index.close()

    def test_is_empty_at_first(self, index: VectorIndex) -> None:
        """A new index holds nothing and answers."""
        assert list(index.ids()) == []
        assert index.model == MODEL
        assert index.search(LegQuery(words=words(1), vector=unit(0)), OWNER) == Legs()
        assert index.search(LegQuery(), OWNER) == Legs()
        assert index.count(Filters(), OWNER) == 0

    def test_finds_by_words_and_by_meaning(self, index: VectorIndex) -> None:
        """Each leg has its own list; what lacks a vector is missing from that leg only."""
        index.upsert(
            [
                entry(1, words=words(1, 2), vector=unit(0)),
                entry(2, words=words(2)),
                entry(3, words=words(3), vector=unit(0, 1)),
            ]
        )
        legs = index.search(LegQuery(words=words(1, 2), vector=unit(0)), OWNER)
        assert found(legs) == [1, 2]
        assert [one.id for one in legs.meaning] == [1, 3]
        assert [one.score for one in legs.meaning] == pytest.approx([1, 0.5**0.5], abs=1e-4)
        assert index.search(LegQuery(words=words(3)), OWNER).meaning == ()
        assert index.search(LegQuery(vector=unit(0)), OWNER).words == ()

    def test_gives_a_passage_s_terms_back(self, index: VectorIndex) -> None:
        """The terms of a passage as they were written; what has none or is unknown is missing."""
        index.upsert([entry(1, words=words(3, 1)), entry(2, words=words()), entry(3, words=words(2))])
        known = index.words([1, 2, 77])
        assert {one: set(held.terms) for one, held in known.items()} == {1: {1, 3}}
        assert dict(zip(known[1].terms, known[1].weights, strict=True)) == pytest.approx(
            dict(zip(words(3, 1).terms, words(3, 1).weights, strict=True))
        )
        assert index.words([]) == {}

    def test_a_rare_word_counts_more(self, index: VectorIndex) -> None:
        """Words are weighed by their inverse document frequency, by the index."""
        index.upsert([entry(1, words=words(1)), entry(2, words=words(1)), entry(3, words=words(1, 2))])
        index.upsert([entry(4, words=words(2, 9)), entry(5, words=words(9))])
        legs = index.search(LegQuery(words=words(1, 2)), OWNER)
        common = np.log(1 + (5 - 3 + 0.5) / (3 + 0.5))
        rare = np.log(1 + (5 - 2 + 0.5) / (2 + 0.5))
        assert found(legs) == [3, 4, 1, 2]
        assert [one.score for one in legs.words] == pytest.approx(
            [common + rare, rare, common, common], abs=1e-4
        )

    def test_ties_come_in_order_of_id(self, index: VectorIndex) -> None:
        """Passages with the same score are listed by their ids."""
        index.upsert([entry(number, vector=unit(0)) for number in (5, 3, 9, 1)])
        legs = index.search(LegQuery(words=words(1), vector=unit(0)), OWNER)
        assert found(legs) == [1, 3, 5, 9]
        assert [one.id for one in legs.meaning] == [1, 3, 5, 9]

    def test_limits_hold_per_leg(self, index: VectorIndex) -> None:
        """Each leg is cut at its own limit, and a limit of 0 leaves it out."""
        index.upsert([entry(number, vector=unit(0)) for number in range(1, 9)])
        legs = index.search(LegQuery(words(1), unit(0), words_limit=3, meaning_limit=5), OWNER)
        assert (len(legs.words), len(legs.meaning)) == (3, 5)
        assert index.search(LegQuery(words(1), unit(0), words_limit=0, meaning_limit=0), OWNER) == Legs()

    def test_words_without_terms_find_nothing(self, index: VectorIndex) -> None:
        """A query of stop words only is not a search made of filters."""
        index.upsert([entry(1, vector=unit(0)), entry(2, words=words(), vector=unit(1))])
        assert index.search(LegQuery(words=words()), OWNER) == Legs()
        assert [one.id for one in index.search(LegQuery(words(), unit(1)), OWNER).meaning] == [2, 1]

    def test_without_a_leg_the_newest_come_first(self, index: VectorIndex) -> None:
        """A search made of filters only lists by time; unknown times last, then ids."""
        index.upsert(
            [
                entry(1, modified=10, source="s"),
                entry(2, source="s"),
                entry(3, modified=-30, source="s"),
                entry(4, modified=30, source="s"),
                entry(5, modified=30, source="s"),
                entry(6, modified=99, source="t"),
            ]
        )
        legs = index.search(LegQuery(filters=Filters(sources=("s",))), OWNER)
        assert found(legs) == [4, 5, 1, 3, 2]
        assert {one.score for one in legs.words} == {0}
        assert found(index.search(LegQuery(words_limit=3), OWNER)) == [6, 4, 5]

    def test_limit_counts_only_what_may_be_seen(self, index: VectorIndex) -> None:
        """Access holds inside the query: better matches that are hidden take no place."""
        hidden = Access(grant=frozenset({"group:a"}))
        index.upsert(
            [entry(number, words=words(1, 2), vector=unit(0), access=hidden) for number in range(1, 40)]
        )
        index.upsert([entry(number, words=words(1), vector=unit(0, 1)) for number in range(40, 45)])
        query = LegQuery(words(1, 2), unit(0), words_limit=5, meaning_limit=5)
        legs = index.search(query, Asker())
        assert found(legs) == [one.id for one in legs.meaning] == [40, 41, 42, 43, 44]
        assert index.count(Filters(), Asker()) == 5
        assert found(index.search(LegQuery(words_limit=9), Asker())) == [40, 41, 42, 43, 44]

    def test_access_is_what_the_domain_says(self, index: VectorIndex) -> None:
        """Whatever is granted and denied, each way out shows what `Access.allows` allows, no more, no less."""

        # A function of its own for each index: hypothesis wants one test to have one executor.
        @settings(max_examples=30, deadline=None, derandomize=True, database=None)
        @given(
            rights=st.lists(st.tuples(_some, _some), min_size=1, max_size=12),
            held=_some,
            owner=st.booleans(),
        )
        def holds(
            rights: list[tuple[frozenset[str], frozenset[str]]], held: frozenset[str], owner: bool
        ) -> None:
            asker = Asker(tokens=held, owner=owner)
            index.delete(list(index.ids()))
            entries = [
                entry(number, access=Access(grant, deny), vector=unit(0))
                for number, (grant, deny) in enumerate(rights, 1)
            ]
            index.upsert(entries)
            allowed = [one.id for one in entries if one.facts.access.allows(asker)]
            legs = index.search(LegQuery(words(1), unit(0)), asker)
            assert found(legs) == allowed
            assert [one.id for one in legs.meaning] == allowed
            assert found(index.search(LegQuery(), asker)) == allowed
            assert index.count(Filters(), asker) == len(allowed)

        holds()

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (Filters(documents=("d1", "d3")), [1, 3]),
            (Filters(sources=("wiki",)), [1, 2]),
            (Filters(types=("pdf", "mail")), [1, 3]),
            (Filters(languages=("de",)), [2]),
            (Filters(people=("jane", "nobody")), [1, 2]),
            (Filters(people=("john",)), [2]),
            (Filters(after=10), [2, 3]),
            (Filters(before=20), [1, 2]),
            (Filters(after=10, before=20), [2]),
            (Filters(sources=("wiki",), people=("jane",), before=10), [1]),
            (Filters(sources=("nowhere",)), []),
        ],
    )
    def test_filters(self, index: VectorIndex, filters: Filters, expected: list[int]) -> None:
        """Within one field any value will do, between fields all must hold; unknown times satisfy no bound."""
        index.upsert(
            [
                entry(1, source="wiki", type="pdf", language="en", people=("jane",), modified=5),
                entry(2, source="wiki", type="page", language="de", people=("jane", "john"), modified=10),
                entry(3, source="box", type="mail", language="en", modified=20),
                entry(4, source="box", type="page", language=""),
            ]
        )
        assert found(index.search(LegQuery(words(1), filters=filters), OWNER)) == expected
        assert index.count(filters, OWNER) == len(expected)

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (Filters(phrases=("Notice period",)), [1, 2]),
            (Filters(phrases=("notice period", "three months")), [1]),
            (Filters(phrases=("period notice",)), []),
            (Filters(phrases=("not",)), []),
            (Filters(phrases=("KÜNDIGUNGSFRIST beträgt",)), [3]),
            (Filters(phrases=("Ku\u0308ndigungsfrist",)), [3]),
            (Filters(phrases=("e-mail",)), [2]),
            (Filters(phrases=("opsigelse på",)), [4]),
            (Filters(phrases=("—", "")), [1, 2, 3, 4]),
            (Filters(without=("MONTHS",)), [2, 3, 4]),
            (Filters(without=("months", "e-mail")), [3, 4]),
            (Filters(without=("month", "...")), [1, 2, 3, 4]),
            (Filters(phrases=("notice",), without=("three",)), [2]),
        ],
    )
    def test_phrases_and_excluded_words(
        self, index: VectorIndex, filters: Filters, expected: list[int]
    ) -> None:
        """A phrase stands word for word, case folded; a word that is excluded stands nowhere."""
        index.upsert(
            [
                entry(1, "The notice period is three\nmonths."),
                entry(2, "Notice-period: see my e-mail."),
                entry(3, "Die Kündigungsfrist beträgt drei Monate."),
                entry(4, "Opsigelse på § 4, stk. 2"),
            ]
        )
        assert found(index.search(LegQuery(words(1), filters=filters), OWNER)) == expected

    def test_upsert_replaces_whole(self, index: VectorIndex) -> None:
        """Nothing of the earlier passage stays: words, vector, text, access."""
        index.upsert([entry(1, "old words", source="s", words=words(1, 2), vector=unit(0), modified=4)])
        index.upsert([entry(1, "new", words=words(3), access=Access())])
        assert index.vectors([1]) == {}
        assert index.search(LegQuery(words(1, 2), unit(0)), OWNER) == Legs()
        assert found(index.search(LegQuery(words(3)), OWNER)) == [1]
        assert index.count(Filters(phrases=("old",)), OWNER) == 0
        assert index.count(Filters(sources=("s",)), OWNER) == 0
        assert index.count(Filters(), Asker()) == 0

    def test_set_vectors_sets_vectors_only(self, index: VectorIndex) -> None:
        """Vectors come later; words and facts stay, unknown ids are ignored, and none is made."""
        index.upsert([entry(1, source="s"), entry(2, source="s")])
        index.set_vectors([2, 77, 1], np.stack([unit(1), unit(2), unit(0)]))
        index.set_vectors([77], np.stack([unit(2)]))
        assert list(index.ids()) == [1, 2]
        legs = index.search(LegQuery(words(1), unit(1), Filters(sources=("s",))), OWNER)
        assert found(legs) == [1, 2]
        assert [one.id for one in legs.meaning] == [2, 1]
        known = index.vectors([1, 2, 77])
        assert sorted(known) == [1, 2]
        assert known[1] == pytest.approx(unit(0), abs=1e-6)

    def test_set_words_sets_words_only(self, index: VectorIndex) -> None:
        """New sparse vectors replace the old ones; the dense vector stays, unknown ids are ignored."""
        index.upsert([entry(1, vector=unit(0)), entry(2)])
        index.set_words([1, 77], [words(5), words(5)])
        assert found(index.search(LegQuery(words(5)), OWNER)) == [1]
        assert found(index.search(LegQuery(words(1)), OWNER)) == [2]
        assert sorted(index.vectors([1, 2])) == [1]
        assert list(index.ids()) == [1, 2]

    def test_set_facts_changes_a_whole_document(self, index: VectorIndex) -> None:
        """Access and facets of every passage of one document change at once; vectors stay."""
        index.upsert(
            [entry(number, document="d", people=("jane",), vector=unit(0), modified=1) for number in (1, 2)]
            + [entry(3, document="other", people=("jane",))]
        )
        facts = Facts("d", Access(frozenset({"group:a"}), frozenset({"group:b"})), "new", "pdf", "da")
        index.set_facts(facts)
        assert index.facts([1, 2, 99]) == {1: facts, 2: facts}
        assert index.facts([3])[3] == Facts("other", EVERYBODY, people=("jane",))
        everything = Filters(sources=("new",), types=("pdf",), languages=("da",))
        assert index.count(everything, OWNER) == 2
        assert index.count(Filters(people=("jane",)), OWNER) == 1
        assert index.count(Filters(after=0), OWNER) == 0
        assert found(index.search(LegQuery(words(1)), Asker())) == [3]
        assert found(index.search(LegQuery(words(1)), Asker(tokens=frozenset({"group:a"})))) == [1, 2, 3]
        assert found(index.search(LegQuery(words(1)), Asker(tokens=frozenset({"group:a", "group:b"})))) == [3]
        assert sorted(index.vectors([1, 2, 3])) == [1, 2]

    def test_delete(self, index: VectorIndex) -> None:
        """What is deleted is gone from every way out; unknown ids are ignored."""
        index.upsert([entry(number, vector=unit(0)) for number in range(1, 6)])
        index.delete([2, 4, 99])
        index.delete([])
        assert list(index.ids()) == [1, 3, 5]
        legs = index.search(LegQuery(words(1), unit(0)), OWNER)
        assert found(legs) == [one.id for one in legs.meaning] == [1, 3, 5]
        assert index.vectors([2]) == {}

    def test_empty_writes_do_nothing(self, index: VectorIndex) -> None:
        """Nothing to write is not an error."""
        index.upsert([])
        index.set_vectors([], np.zeros((0, MODEL.size), dtype=np.float32))
        index.set_words([], [])
        assert index.vectors([]) == {}
        index.flush()
        assert list(index.ids()) == []


class EmbedderContract:
    """Every rule of `Embedder`; override `embedder`."""

    texts = (
        "The notice period is three months.",
        "Die Kündigungsfrist beträgt drei Monate zum Quartalsende, sofern nichts anderes vereinbart ist.",
        "Préavis",
        "Opsigelsesvarslet er tre måneder. " * 30,
        "",
        "  \n ",
        "§ 4",
    )

    @pytest.fixture
    def embedder(self) -> Embedder:
        """The embedder under test."""
        raise NotImplementedError

    def test_rows_have_length_one(self, embedder: Embedder) -> None:
        """Every vector is normalised, that of an empty text, too."""
        vectors = embedder.embed_passages(self.texts)
        assert vectors.shape == (len(self.texts), embedder.identity.size)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
        assert np.linalg.norm(embedder.embed_query("notice")) == pytest.approx(1, abs=1e-5)

    def test_company_does_not_matter(self, embedder: Embedder) -> None:
        """The same text gives the same vector, alone or in any batch, in any order."""
        together = embedder.embed_passages(self.texts)
        backwards = embedder.embed_passages(self.texts[::-1])[::-1]
        alone = np.stack([embedder.embed_passages([text])[0] for text in self.texts])
        assert np.abs(together - alone).max() < 1e-5
        assert np.abs(together - backwards).max() < 1e-5

    def test_queries_one_by_one_or_together(self, embedder: Embedder) -> None:
        """`embed_queries` and `begin_query` give what `embed_query` gives."""
        together = embedder.embed_queries(self.texts)
        alone = np.stack([embedder.embed_query(text) for text in self.texts])
        assert together.shape == alone.shape == (len(self.texts), embedder.identity.size)
        assert np.abs(together - alone).max() < 1e-5
        begun = [embedder.begin_query(text) for text in self.texts]
        later = np.stack([future.result(60) for future in begun])
        assert np.abs(together - later).max() < 1e-5

    def test_nothing_gives_nothing(self, embedder: Embedder) -> None:
        """An empty list gives no rows of the right size."""
        assert embedder.embed_passages([]).shape == (0, embedder.identity.size)
        assert embedder.embed_queries([]).shape == (0, embedder.identity.size)

    def test_likeness(self, embedder: Embedder) -> None:
        """A query is nearer to a passage with its words than to one about something else."""
        near, far = embedder.embed_passages([self.texts[0], "Fresh strawberries with cream."])
        query = embedder.embed_query("notice period")
        assert query @ near > query @ far

    def test_has_a_name(self, embedder: Embedder) -> None:
        """The identity says which model it is and stays the same."""
        identity = embedder.identity
        assert identity.name
        assert len(identity.digest) == 64
        assert identity == embedder.identity
