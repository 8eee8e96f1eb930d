"""What the commands of the bench take as a system: a run file, a pipeline, or what is in use."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from api.gateway import connect
from api.search_setup import SHIPPED, bench_folder, shipped_pipeline
from api.settings import Settings
from eval import live
from eval.bench import DEPTH, Bench, Measured, is_run
from eval.collections.model import Collection, Query
from eval.memories import Report
from eval.pipelines import Fusion, find_pipeline, read_pipeline
from eval.runs import Run, read_run
from memory.embedding.open import EmbedderSpec
from memory.errors import InvalidInput

ACTIVE = "active"
"""Names the pipeline that answers searches in the memory."""

Rank = Literal["documents", "persons"]


@dataclass(frozen=True, slots=True)
class Systems:
    """Measures systems by what the command line calls them.

    A collection without documents of its own is asked of the memory itself, through the service where one runs.

    :param quiet: draw no progress.
    """

    settings: Settings
    quiet: bool = False

    def measure(
        self,
        collection: Collection,
        system: str,
        measures: Sequence[str],
        *,
        depth: int = DEPTH,
        rank: Rank = "documents",
        model: str = "",
        time_it: bool = True,
    ) -> Measured:
        """Measure one system.

        :param system: a TREC run file, a YAML file, the name of a shipped pipeline, or ``active``.
        :param rank: documents, or the people behind them.
        :param model: another embedding model than the settings'.
        :raises NotFound: where it is none of these.
        :raises InvalidInput: where another model or people are asked of what cannot answer that.
        """
        if is_run(system):
            with self.bench() as bench:
                return bench.score(collection, read_run(Path(system).expanduser()), measures)
        if collection.corpus is None:
            if model:
                raise InvalidInput(
                    "A memory holds the vectors of one model.",
                    hint="Measure another one on a collection with documents of its own.",
                )
            told = self._ask(collection.answerable(), system, depth, rank)
            return live.measured(collection, told, measures)
        if rank == "persons":
            raise InvalidInput(
                "The documents of a collection have no people.",
                hint="Leave its corpus out, and the memory itself is asked.",
            )
        name, text = self.pipeline(system)
        with self.bench(model) as bench:
            named = f"{name}-{Path(model).name}" if model else name
            return bench.run(collection, text, name=named, measures=measures, depth=depth, time_it=time_it)

    def run(self, queries: Sequence[Query], system: str, depth: int) -> Run:
        """What a system finds in the memory, or what its run file says."""
        if is_run(system):
            return read_run(Path(system).expanduser())
        return live.run_of(self._ask(queries, system, depth, "documents"))

    def vary(self, collection: Collection, text: str, fusions: Sequence[Fusion], depth: int) -> list[Run]:
        """What each way to fuse finds, a run for each.

        :param text: the pipeline's YAML.
        """
        if collection.corpus is not None:
            with self.bench() as bench:
                return bench.vary(collection, text, fusions, depth)
        body = {
            "queries": _plain(collection.answerable()),
            "pipeline": text,
            "fusions": [asdict(one) for one in fusions],
            "depth": depth,
        }
        with connect(self.settings, "mneme eval tune") as gateway:
            return [live.run_of(told) for told in gateway.call("POST", "/api/eval/vary", json=body)]

    def pipeline(self, system: str) -> tuple[str, str]:
        """Name and YAML of a pipeline.

        :raises NotFound: where there is no such pipeline.
        """
        if system == ACTIVE:
            with connect(self.settings, "mneme eval") as gateway:
                told = gateway.call("GET", "/api/eval/active")
            return told["name"], told["pipeline"]
        if system == SHIPPED and not Path(system).is_file():
            return SHIPPED, shipped_pipeline(self.settings)
        path = find_pipeline(system)
        return path.stem, read_pipeline(path)

    @contextmanager
    def bench(self, model: str = "") -> Iterator[Bench]:
        """The bench over the home folder's data, which draws its progress while this lasts.

        :param model: another embedding model than the settings'.
        """
        embedding = self.settings.embedding
        spec = EmbedderSpec(
            model or embedding.model, self.settings.home, allow_download=embedding.allow_download
        )
        with _drawn(quiet=self.quiet) as report:
            yield Bench(bench_folder(self.settings), spec.open, report)

    def _ask(self, queries: Sequence[Query], system: str, depth: int, rank: Rank) -> dict[str, Any]:
        name, text = self.pipeline(system)
        body = {
            "queries": _plain(queries),
            "pipeline": text,
            "name": name if rank == "documents" else f"{name}-{rank}",
            "depth": depth,
            "rank": rank,
        }
        with connect(self.settings, "mneme eval") as gateway:
            told: dict[str, Any] = gateway.call("POST", "/api/eval/ask", json=body)
        return told


def _plain(queries: Sequence[Query]) -> list[dict[str, Any]]:
    return [{"id": query.id, "text": query.text, "metadata": dict(query.metadata)} for query in queries]


@contextmanager
def _drawn(*, quiet: bool) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True, quiet=quiet and not sys.stderr.isatty())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Reading the collection", total=None, count="")

        def report(doing: str, done: int, total: int | None) -> None:
            count = f"{done:,} of {total:,}" if total else f"{done:,}" if done else ""
            progress.update(task, description=doing, completed=done, total=total, count=count)

        yield report
