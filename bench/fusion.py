"""How the legs are best joined: `python -m bench.fusion COLLECTION...`, folders of test collections.

Every system is asked the same queries of the same memory: each leg alone, RRF, one weight for all questions, and
the shipped search. `bm25s` too, over whole documents, where it is installed (with PyStemmer; English stop words and
stems). Printed as a table of Markdown: nDCG@10, or another measure, with the 95 % bootstrap interval of the mean over
the queries; then the shipped search against the best one weight of each collection (known only afterwards) and
against the better leg, by a paired randomisation test.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from api.settings import load, prepare_environment
from eval.bench import Bench
from eval.collections.folder import open_collection
from eval.collections.model import Collection
from eval.evaluation import Evaluation
from eval.runs import Ranked, Run
from eval.significance import interval, paired
from memory.embedding.open import EmbedderSpec
from search.pipeline import HYBRID, SHIPPED

WEIGHTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of meaning against words, the same for all questions; the legs alone are 0 and 1."""

DEPTH = 100


def main() -> None:
    """Measure and print."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("collections", nargs="+", type=Path)
    ask.add_argument("--home", type=Path, required=True, help="keeps memories and vectors between runs")
    ask.add_argument("--measure", default="nDCG@10")
    given = ask.parse_args()
    prepare_environment()
    settings = load(home=given.home)
    spec = EmbedderSpec(settings.embedding.model, settings.home)
    bench = Bench(settings.home / "eval", spec.open)
    table: dict[str, dict[str, Evaluation]] = {}
    for folder in given.collections:
        collection = open_collection(folder)
        table[collection.name] = systems = dict(_evaluations(bench, collection, given.measure))
        if len(table) == 1:
            print(f"| collection (queries) | {' | '.join(systems)} |\n|{'---|' * (len(systems) + 1)}")
        print(_row(collection.name, systems, given.measure), flush=True)
    print(_summary(table, given.measure))


def _evaluations(bench: Bench, collection: Collection, measure: str) -> Iterator[tuple[str, Evaluation]]:
    if made := _bm25s(collection):
        yield "bm25s", bench.score(collection, made, [measure]).evaluation
    hybrid = HYBRID.read_text(encoding="utf-8")
    shipped = next(line for line in hybrid.splitlines() if "method:" in line)
    pipelines: dict[str, Path | str] = {
        name: SHIPPED / f"{name}.yaml" for name in ("words", "meaning", "rrf")
    }
    for weight in WEIGHTS:
        fixed = f"    init_parameters: {{method: convex, weight: {weight}}}"
        pipelines[f"{weight}"] = hybrid.replace(shipped, fixed)
    pipelines["hybrid"] = HYBRID
    for name, pipeline in pipelines.items():
        measured = bench.run(collection, pipeline, name=name, measures=[measure], depth=DEPTH, time_it=False)
        yield name, measured.evaluation


def _bm25s(collection: Collection) -> Run | None:
    """What bm25s finds, in its Lucene variant with k1 1.2 and b 0.75; None where it is not installed."""
    try:
        import bm25s  # type: ignore[import-not-found, unused-ignore]
        import Stemmer  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return None
    if collection.corpus is None:
        return None
    documents = list(collection.corpus)
    tokens: Callable[..., list[list[str]]] = lambda texts: bm25s.tokenize(  # noqa: E731
        texts, stopwords="en", stemmer=Stemmer.Stemmer("english"), return_ids=False, show_progress=False
    )
    index = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    index.index(tokens([f"{one.title} {one.text}".strip() for one in documents]), show_progress=False)
    queries = collection.answerable()
    rankings = {}
    for query, terms in zip(queries, tokens([query.text for query in queries]), strict=True):
        scores = index.get_scores(terms) if terms else np.zeros(len(documents))
        best = [at for at in np.argsort(-scores, kind="stable")[:DEPTH] if scores[at] > 0]
        rankings[query.id] = tuple(Ranked(documents[at].id, float(scores[at])) for at in best)
    return Run("bm25s", rankings)


def _row(name: str, systems: Mapping[str, Evaluation], measure: str) -> str:
    cells = [f"{name} ({next(iter(systems.values())).queries})"]
    for system in systems.values():
        values = list(system.values[measure].values())
        low, high = interval(np.asarray(values))
        cells.append(f"{np.mean(values):.3f} [{low:.3f}, {high:.3f}]")
    return f"| {' | '.join(cells)} |"


def _summary(table: Mapping[str, Mapping[str, Evaluation]], measure: str) -> str:
    names = list(next(iter(table.values())))
    means = {
        name: [float(np.mean(list(systems[name].values[measure].values()))) for systems in table.values()]
        for name in names
    }
    lines = [f"| mean | {' | '.join(f'{np.mean(means[name]):.3f}' for name in names)} |", ""]
    fixed = [f"{weight}" for weight in WEIGHTS]
    for collection, systems in table.items():
        for kind, among in (("best weight", fixed), ("better leg", ["words", "meaning"])):
            best = max(among, key=lambda name: systems[name].measures[measure])
            lines.append(
                f"{collection}: {_against(systems['hybrid'], systems[best], measure, f'{kind} {best}')}"
            )
    return "\n".join(lines)


def _against(ours: Evaluation, theirs: Evaluation, measure: str, name: str) -> str:
    queries: Sequence[str] = sorted(ours.values[measure])
    mine = [ours.values[measure][query] for query in queries]
    other = [theirs.values[measure][query] for query in queries]
    relative = 100 * (np.mean(mine) / np.mean(other) - 1) if np.mean(other) else 0.0
    return f"{relative:+.1f} % against the {name}, p {paired(mine, other).p:.3f}"


if __name__ == "__main__":
    main()
