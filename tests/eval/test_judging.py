"""Pools, the desk that judges sit at, and agreement beyond chance by the figures of the textbooks."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.collections.model import Query
from eval.judging.agreement import cohen, fleiss
from eval.judging.desk import Desk
from eval.judging.pool import pool
from eval.runs import Ranked, Run
from memory.catalogue.judging import Judgement
from memory.errors import InvalidInput

ITEMS = {f"q{n}": [f"d{n}{m}" for m in range(4)] for n in range(5)}
EVERYTHING = {document for documents in ITEMS.values() for document in documents}


def run(name: str, *documents: str) -> Run:
    return Run(name, {"q": tuple(Ranked(one, 1.0 / rank) for rank, one in enumerate(documents, 1))})


def test_a_pool_holds_what_any_run_found_first_and_nothing_of_their_ranks() -> None:
    queries = [Query("q", "text"), Query("nothing", "text")]
    runs = [run("one", "c", "b", "z"), run("two", "b", "a", "y")]
    assert pool(queries, runs, 2) == {"q": ["a", "b", "c"]}
    with pytest.raises(InvalidInput, match="two runs"):
        pool(queries, runs[:1], 2)
    with pytest.raises(InvalidInput, match="found nothing"):
        pool(queries[1:], runs, 2)


def test_cohens_kappa() -> None:
    """Two readers of 50 proposals: 20 both yes, 15 both no; agreement .7, by chance .5."""
    first, second = [1] * 25 + [0] * 25, [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen(first, second) == pytest.approx(0.4)
    assert cohen([3, 3], [3, 3]) is None  # one grade only: nothing is known of chance


def test_fleiss_kappa() -> None:
    """Fourteen raters of ten subjects in five categories, the example of Fleiss' method: .210."""
    counts = [
        (0, 0, 0, 0, 14),
        (0, 2, 6, 4, 2),
        (0, 0, 3, 5, 6),
        (0, 3, 9, 2, 0),
        (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0),
        (2, 5, 3, 2, 2),
        (6, 5, 2, 1, 0),
        (0, 2, 2, 3, 7),
    ]
    rated = [[grade for grade, n in enumerate(row) for _ in range(n)] for row in counts]
    assert fleiss(rated) == pytest.approx(0.210, abs=5e-4)
    assert fleiss([[1], [2]]) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_kappa_knows_no_first_judge(grades: Sequence[tuple[int, int]]) -> None:
    one, two = zip(*grades, strict=True)
    value = cohen(one, two)
    assert value == cohen(two, one)
    assert value is None or -1 <= value <= 1
    assert one != two or value in {None, 1.0}


def judge_all(desk: Desk, judge: str, grade: int, until: int = 100) -> Desk:
    """The desk after a judge has worked through so much of their queue."""
    given = list(desk.given)
    for query, document in desk.queue(judge)[:until]:
        given.append(Judgement(query, document, judge, grade))
    return Desk(desk.name, desk.items, desk.judges, given)


def test_each_query_is_judged_by_two_and_a_third_has_nothing_to_do() -> None:
    desk = Desk("pool", ITEMS, 2, [])
    anna, bert = desk.queue("anna"), desk.queue("bert")
    assert sorted(anna) == sorted(bert) == sorted((q, d) for q, held in ITEMS.items() for d in held)
    assert anna != bert  # each judge's own order
    assert anna == desk.queue("anna")  # and always the same
    queries = [query for query, _ in anna]
    assert queries == sorted(queries, key=queries.index)  # a query is finished before the next begins
    desk = judge_all(desk, "anna", 1, until=6)
    begun = {query for query, _ in anna[:6]}
    assert desk.queue("anna") == anna[6:]  # resumed where it was left
    assert {query for query, _ in desk.queue("bert")[:8]} == begun  # soon two have judged the same
    desk = judge_all(judge_all(desk, "anna", 1), "bert", 2)
    assert desk.queue("carl") == []


def test_what_judges_disagree_on_is_settled_before_it_counts() -> None:
    desk = judge_all(judge_all(Desk("pool", {"q": ["a", "b"]}, 2, []), "anna", 1), "bert", 1)
    assert desk.qrels() == ({"q": {"a": 1, "b": 1}}, 0)
    desk = Desk("pool", desk.items, 2, [*desk.given[:3], Judgement("q", desk.given[3].document, "bert", 3)])
    disputed = desk.given[3].document
    assert set(desk.disputed("carl")) == {("q", disputed)}
    assert desk.qrels()[1] == 1
    assert disputed not in desk.qrels()[0]["q"]
    settled = Desk("pool", desk.items, 2, [*desk.given, Judgement("q", disputed, "carl", 2, settles=True)])
    assert settled.disputed("carl") == {}
    assert settled.qrels()[0]["q"][disputed] == 2
    assert settled.agreement()["agreed"] == 1  # to settle does not make judges agree


def test_nobody_sees_others_grades_of_what_they_have_yet_to_judge() -> None:
    desk = judge_all(judge_all(Desk("pool", {"q": ["a"]}, 3, []), "anna", 0), "bert", 3)
    assert desk.queue("carl") == [("q", "a")]
    assert desk.disputed("carl") == {}
    assert desk.disputed("anna")


@given(st.sets(st.sampled_from(sorted(EVERYTHING))))
def test_a_desk_holds_nothing_a_judge_may_not_see(visible: set[str]) -> None:
    full = judge_all(judge_all(Desk("pool", ITEMS, 2, []), "anna", 1), "bert", 2)
    seen = full.seen(visible)
    told = [document for _, document in (*seen.queue("carl"), *seen.disputed("carl"))]
    told += [one.document for one in (*seen.by("anna"), *seen.given)]
    assert set(told) <= visible
    assert seen.agreement()["twice"] == len(visible)
    assert all(seen.items.values())
