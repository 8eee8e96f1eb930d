"""Run files, and measures as ir-measures computes them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.measures import DEFAULT, aggregate, library, measure_run, parse_measures
from eval.runs import Ranked, Run, read_run, write_run
from memory.errors import InvalidInput
from tests.eval.test_collections import FEW, IDS

SCORES = st.floats(-1e6, 1e6) | st.sampled_from([0.5, 0.1 + 0.2, 0.3])
LISTS = st.dictionaries(
    IDS,
    st.lists(st.tuples(IDS, SCORES), unique_by=lambda one: one[0], min_size=1, max_size=8).map(
        lambda found: tuple(Ranked(*one) for one in sorted(found, key=lambda one: -one[1]))
    ),
    max_size=4,
)


def order(run: Run) -> dict[str, list[str]]:
    return {query: [one.document for one in found] for query, found in run.lists.items()}


@FEW
@given(LISTS)
def test_a_run_keeps_its_order_through_a_file(lists) -> None:
    with TemporaryDirectory() as place:
        path = Path(place) / "a.run"
        write_run(path, Run("ours", lists))
        read = read_run(path)
        assert order(read) == order(Run("", lists))
        # Whoever orders by score in single precision and breaks ties by id sees the same order.
        again = {str(query): list(found) for query, found in _as_trec_eval_sees_it(path).items()}
        assert again == order(read)
        write_run(path, read)
        assert read_run(path) == read


def _as_trec_eval_sees_it(path: Path) -> dict[str, list[str]]:
    import numpy as np

    rows: dict[str, list[tuple[float, str]]] = {}
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        query, _, document, _, score, _ = line.split()
        rows.setdefault(query, []).append((float(np.float32(score)), document))
    return {query: [document for _, document in sorted(found, reverse=True)] for query, found in rows.items()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("q1 Q0 a 1\n", "line 1: has 4 columns"),
        ("q1 Q0 a 1 0.5 x\nq1 Q0 a 2 0.4 x\n", "line 2: a is found twice"),
        ("q1 Q0 a one 0.5 x\n", "line 1: rank 'one'"),
        ("q1 Q0 a 1 nan x\n", "line 1: the score is no number"),
    ],
)
def test_a_wrong_line_of_a_run_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.run").write_text(text)
    with pytest.raises(InvalidInput, match=said):
        read_run(tmp_path / "a.run")


def test_measures_print_and_parse() -> None:
    parsed = parse_measures(["ndcg@10, MRR@10", "Recall@100", "ap,p@5,bpref,judged@10", "P(rel=2)@5"])
    told = [str(measure) for measure in parsed]
    assert told == ["nDCG@10", "RR@10", "R@100", "AP", "P@5", "Bpref", "Judged@10", "P(rel=2)@5"]
    assert parse_measures(told) == parsed
    assert [str(measure) for measure in parse_measures(DEFAULT)] == list(DEFAULT)
    for wrong in ("nGCD@10", "nDCG@", "nDCG@ten", "@10", ","):
        with pytest.raises(InvalidInput):
            parse_measures([wrong])


@FEW
@given(
    qrels=st.dictionaries(
        IDS, st.dictionaries(IDS, st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=3
    ),
    data=st.data(),
)
def test_values_are_those_of_ir_measures(qrels, data) -> None:
    lists = {
        query: tuple(Ranked(one, 1.0) for one in data.draw(st.permutations([*grades, "unjudged document"])))
        for query, grades in qrels.items()
        if data.draw(st.booleans())
    }
    measures = parse_measures(DEFAULT)
    mine = aggregate(measures, measure_run(measures, qrels, Run("", lists)))
    ranked = {query: {one.document: -at for at, one in enumerate(found)} for query, found in lists.items()}
    theirs = library().calc_aggregate(list(measures), qrels, ranked)
    assert mine == pytest.approx({str(measure): value for measure, value in theirs.items()})
