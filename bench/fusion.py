"""How the legs are best joined: `python -m bench.fusion COLLECTION...`, folders of test collections.

Every system is asked the same queries of the same memory in one run: each leg alone, RRF, one weight for all questions, the
shipped search, and the peers that are installed (`bench.peers`). Printed for each measure as a table of Markdown, with the 95 %
bootstrap interval of the mean over the queries; then the shipped search against the best one weight of each collection (known
only afterwards), the better leg and each peer, by a paired randomisation test; and where the documents are in several languages,
in which those of the first ten are, against those of the relevant ones.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from api.settings import load
from bench import peers
from eval.asking import System
from eval.bench import Bench
from eval.collections.folder import open_collection
from eval.collections.model import Collection, CorpusDocument, Query
from eval.evaluation import Evaluation
from eval.pipelines import Fusion
from eval.runs import Run
from eval.significance import interval, paired
from memory.embedding.open import EmbedderSpec
from search.pipeline import HYBRID, SHIPPED

WEIGHTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of meaning against words, the same for all questions; the legs alone are 0 and 1."""

MEASURES = ("nDCG@10", "R@100")
DEPTH = 100

_TOLD_APART = 10  # more "languages" are no languages: the ids are made otherwise

Systems = Mapping[str, Evaluation]


def main() -> None:
    """Measure and print."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("collections", nargs="+", type=Path)
    ask.add_argument("--home", type=Path, required=True, help="keeps memories and vectors between runs")
    ask.add_argument("--queries", type=int, help="so many of each collection at most, drawn at random")
    given = ask.parse_args()
    settings = load(home=given.home)
    spec = EmbedderSpec(settings.embedding.model, settings.home)
    bench = Bench(settings.home / "eval", spec.open)
    table: dict[str, Systems] = {}
    for folder in given.collections:
        collection = _cut(open_collection(folder), given.queries)
        runs = dict(_runs(bench, collection))
        table[collection.name] = {
            name: bench.score(collection, run, MEASURES).evaluation for name, run in runs.items()
        }
        print("\n".join(_beside(collection.name, table[collection.name])), flush=True)
        print(_languages(collection, runs), flush=True)
    for measure in MEASURES:
        print(_table(table, measure))


def _cut(collection: Collection, most: int | None) -> Collection:
    """The collection with so many of its queries that can be answered, the same ones each time."""
    asked = collection.answerable()
    if most is None or len(asked) <= most:
        return collection
    return replace(collection, queries=tuple(random.Random(7).sample(asked, most)))


def _runs(bench: Bench, collection: Collection) -> Iterator[tuple[str, Run]]:
    queries = collection.answerable()
    with bench.memory_of(collection) as built:
        for leg in ("words", "meaning"):
            yield leg, System(built.name, SHIPPED / f"{leg}.yaml", leg).ask(queries, DEPTH, time_it=False).run
        fusions = [Fusion("rrf"), *(Fusion("convex", weight) for weight in WEIGHTS)]
        plain = System(built.name, (SHIPPED / "rrf.yaml").read_text(encoding="utf-8"), "plain")
        yield from zip(("rrf", *map(str, WEIGHTS)), plain.vary(queries, fusions, DEPTH), strict=True)
        yield "shipped", System(built.name, HYBRID, "shipped").ask(queries, DEPTH, time_it=False).run
        yield from peers.runs(built.name, queries).items()


def _beside(name: str, systems: Systems) -> Iterator[str]:
    """The shipped search against the best of the others, each measure."""
    for measure in MEASURES:
        for kind, among in _rivals(systems):
            best = max(among, key=lambda one: systems[one].measures[measure])
            yield f"{name}, {measure}: {_against(systems, best, measure, kind)}"


def _rivals(systems: Systems) -> Iterator[tuple[str, Sequence[str]]]:
    yield "best weight", [f"{weight}" for weight in WEIGHTS]
    yield "better leg", ["words", "meaning"]
    for peer in peers.NAMES:
        if peer in systems:
            yield "peer", [peer]


def _against(systems: Systems, name: str, measure: str, kind: str) -> str:
    ours, theirs = systems["shipped"].values[measure], systems[name].values[measure]
    queries = sorted(ours)
    mine, other = [ours[query] for query in queries], [theirs[query] for query in queries]
    relative = 100 * (np.mean(mine) / np.mean(other) - 1) if np.mean(other) else 0.0
    return f"{relative:+.1f} % against the {kind} {name}, p {paired(other, mine).p:.3f}"


def _languages(collection: Collection, runs: Mapping[str, Run]) -> str:
    """In which languages the first ten of each system are, and the relevant ones; empty for one language only.

    A document's language is the one its metadata name, or what stands before a colon in its id; so is a query's.
    """
    known = {one.id: _language(one) for one in collection.corpus or ()}
    if not 1 < len(set(known.values())) < _TOLD_APART:
        return ""
    queries = collection.answerable()
    told = [("relevant", {query.id: sorted(collection.relevant(query.id)) for query in queries})]
    for name, run in runs.items():
        told.append(
            (name, {query.id: [one.document for one in run.found(query.id)[:10]] for query in queries})
        )
    lines = []
    for name, lists in told:
        counted = Counter(known[one] for first in lists.values() for one in first)
        own = sum(known[one] == _language(query) for query in queries for one in lists[query.id])
        whole = counted.total() or 1
        shares = ", ".join(
            f"{language} {100 * counted[language] / whole:.0f} %" for language in sorted(counted)
        )
        lines.append(
            f"{collection.name}, {name}: {100 * own / whole:.0f} % in the question's language; {shares}"
        )
    return "\n".join(lines)


def _language(one: CorpusDocument | Query) -> str:
    return one.metadata.get("language") or one.id.partition(":")[0]


def _table(table: Mapping[str, Systems], measure: str) -> str:
    names = list(next(iter(table.values())))
    lines = [f"\n| {measure}: collection (queries) | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}"]
    for collection, systems in table.items():
        cells = [f"{collection} ({systems['shipped'].queries})"]
        for system in systems.values():
            values = np.asarray(list(system.values[measure].values()))
            low, high = interval(values)
            cells.append(f"{values.mean():.3f} [{low:.3f}, {high:.3f}]")
        lines.append(f"| {' | '.join(cells)} |")
    means = [np.mean([systems[name].measures[measure] for systems in table.values()]) for name in names]
    return "\n".join([*lines, f"| mean | {' | '.join(f'{mean:.3f}' for mean in means)} |"])


if __name__ == "__main__":
    main()
