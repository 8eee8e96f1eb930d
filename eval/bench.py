"""The bench: a pipeline over a collection, measured, and what it cost."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.asking import Asked, Latency, System
from eval.collections.lines import write_lines
from eval.collections.model import Collection
from eval.evaluation import Evaluation, evaluate
from eval.measures import DEFAULT, parse_measures
from eval.memories import Built, Report, open_memory_of
from eval.pipelines import Fusion, Setup, digest, read_pipeline
from eval.remembering import RememberingEmbedder
from eval.runs import Run
from memory.catalogue.catalogue import Catalogue
from memory.embedding.base import Embedder
from memory.errors import InvalidInput
from search.pipeline import HYBRID

DEPTH = 1000
"""Documents of a query's list that are kept."""


_PIPELINES = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class Measured:
    """A run with what it is worth and what it cost.

    :param cost: documents, passages, bytes of the index, seconds the memory took to build; empty for a foreign run.
    :param model: the embedding model's name; empty for a foreign run.
    :param refused: queries the pipeline could not answer, and why.
    :param setup: what made the run; None for a foreign one.
    """

    run: Run
    evaluation: Evaluation
    checksum: str
    latency: Latency | None = None
    cost: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    setup: Setup | None = None

    def record(self) -> dict[str, Any]:
        """Everything but the lists, as JSON values: what reports and trends are made of."""
        evaluation = self.evaluation
        return {
            **evaluation.answer(),
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "checksum": self.checksum,
            "model": self.model,
            "setup": asdict(self.setup) if self.setup else None,
            "left_out": evaluation.left_out,
            "refused": self.refused,
            "latency_ms": asdict(self.latency) if self.latency else None,
            "cost": self.cost,
            "recall": {str(depth): value for depth, value in evaluation.curve.items()},
            "known_items": evaluation.known_items,
            "values": evaluation.values,
        }


@dataclass
class Bench:
    """Runs pipelines over collections.

    :param data: the folder that everything made for it is kept in.
    :param open_embedder: opens the model; called once, when it is first needed.
    :param report: told how far it is.
    """

    data: Path
    open_embedder: Callable[[], Embedder]
    report: Report = lambda _doing, _done, _total: None
    _embedder: Embedder | None = None

    def run(
        self,
        collection: Collection,
        pipeline: Path | str = HYBRID,
        *,
        name: str = "",
        measures: Sequence[str] = DEFAULT,
        depth: int = DEPTH,
        time_it: bool = True,
    ) -> Measured:
        """Search a collection's documents with a pipeline, and measure what was found.

        The memory of the documents is built at the first run and kept.

        :param pipeline: a YAML file, or the YAML text itself.
        :param name: of the run; the file's unless given.
        :param depth: documents of a query's list that are kept.
        :raises InvalidInput: where the collection has no documents of its own, or the pipeline is none.
        """
        wanted = parse_measures(measures)
        with self.memory_of(collection) as built:
            asked = self._ask(collection, built.name, pipeline, name or name_of(pipeline), depth, time_it)
        text, identity = (
            read_pipeline(pipeline) if isinstance(pipeline, Path) else pipeline,
            built.embedder.identity,
        )
        return Measured(
            asked.run,
            evaluate(collection, asked.run, wanted),
            collection.checksum,
            latency=asked.latency,
            cost=built.about,
            model=identity.name,
            refused=asked.refused,
            setup=Setup(digest(text), identity.digest),
        )

    def vary(self, collection: Collection, pipeline: str, fusions: Sequence[Fusion], depth: int) -> list[Run]:
        """Search a collection's documents once, and fuse what the legs found in several ways.

        :param pipeline: the YAML text.
        :raises InvalidInput: as `run`.
        """
        with self.memory_of(collection) as built:
            self.report("Asking the queries", 0, None)
            return System(built.name, pipeline, "varied").vary(collection.answerable(), fusions, depth)

    def score(self, collection: Collection, run: Run, measures: Sequence[str] = DEFAULT) -> Measured:
        """Measure a run that another system made."""
        return Measured(run, evaluate(collection, run, parse_measures(measures)), collection.checksum)

    def history(self, collection: Collection) -> list[dict[str, Any]]:
        """What was remembered of this state of a collection, oldest first."""
        files = sorted((self._folder() / "history" / collection.name).glob("*.json"))
        records = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        return [record for record in records if record["checksum"] == collection.checksum]

    def remember(self, measured: Measured) -> Path:
        """Keep a result for comparisons over time; gives its file."""
        record = measured.record()
        at = record["at"].replace(":", "").replace("+0000", "Z")
        place = self._folder() / "history" / measured.evaluation.collection
        path = place / f"{at}-{measured.run.name}.json"
        again = 1
        while path.exists():  # two results of one moment are both kept
            again += 1
            path = place / f"{at}-{measured.run.name}-{again}.json"
        write_lines(path, [json.dumps(record, ensure_ascii=False)])
        return path

    @contextmanager
    def memory_of(self, collection: Collection) -> Iterator[Built]:
        """A collection's memory, built where it is not there yet and known to the registry while this lasts.

        :raises InvalidInput: where the collection has no documents of its own.
        """
        if collection.corpus is None:
            raise InvalidInput(
                f"The collection {collection.name} has no documents of its own.",
                hint="It is asked of a memory that exists already: leave --collection's corpus out only for that.",
            )
        embedder = self._open()
        cache = Catalogue(f"sqlite:///{self._folder() / 'vectors.db'}", keep_events=None)
        try:
            remembering = RememberingEmbedder(embedder, cache.vectors)
            with open_memory_of(
                collection.corpus, remembering, self._folder() / "memories", self.report
            ) as built:
                yield built
        finally:
            cache.close()

    def _ask(
        self,
        collection: Collection,
        memory: str,
        pipeline: Path | str,
        name: str,
        depth: int,
        time_it: bool,
    ) -> Asked:
        queries = collection.answerable()
        system = System(memory, pipeline, name)
        return system.ask(
            queries,
            depth,
            time_it=time_it,
            report=lambda done: self.report("Asking the queries", done, len(queries)),
        )

    def _folder(self) -> Path:
        self.data.mkdir(parents=True, exist_ok=True)
        return self.data

    def _open(self) -> Embedder:
        if self._embedder is None:
            self.report("Loading the model", 0, None)
            self._embedder = self.open_embedder()
        return self._embedder


def is_run(given: str) -> bool:
    """Whether something given is a run file: any file that is no YAML."""
    path = Path(given).expanduser()
    return path.is_file() and path.suffix not in _PIPELINES


def name_of(pipeline: Path | str) -> str:
    """What a pipeline is called: its file's name without the ending."""
    return pipeline.stem if isinstance(pipeline, Path) else "pipeline"
