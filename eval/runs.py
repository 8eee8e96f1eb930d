"""Runs: what a system found for each query, and TREC's files of them.

A line is ``query Q0 document rank score tag``. The order of a file is that of its scores, ties in the order of
their ranks. Written scores fall strictly even in single precision, because trec_eval orders by these and breaks
ties by id: so every tool sees the order that we mean.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from eval.collections.lines import lines, malformed, write_lines
from eval.collections.trec import unword, word


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document in a run's list."""

    document: str
    score: float


@dataclass(frozen=True, slots=True)
class Run:
    """What one system found.

    :param name: of the system; the tag in a TREC file.
    :param lists: each query's documents, best first.
    """

    name: str
    lists: Mapping[str, Sequence[Ranked]] = field(default_factory=dict)

    def found(self, query: str) -> Sequence[Ranked]:
        """A query's documents, best first; none where it was not asked."""
        return self.lists.get(query, ())


def read_run(path: Path) -> Run:
    """Read a TREC run file; its name is the tag of its first line, else the file's.

    :raises NotFound: where there is no such file.
    :raises InvalidInput: where a line is not part of a run, naming it.
    """
    rows: dict[str, dict[str, tuple[float, int]]] = {}
    tag = ""
    for number, line in lines(path):
        cells = line.split()
        if len(cells) not in {5, 6}:
            raise malformed(
                path,
                number,
                f"has {len(cells)} columns, not 6",
                "A line is query, Q0, document, rank, score and tag.",
            )
        query, document, rank, score = unword(cells[0]), unword(cells[2]), *cells[3:5]
        tag = tag or (cells[5] if len(cells) == 6 else "")
        try:
            place = -float(score), int(rank)
        except ValueError as error:
            raise malformed(path, number, f"rank {rank!r} or score {score!r} is no number") from error
        if math.isnan(place[0]):
            raise malformed(path, number, "the score is no number")
        held = rows.setdefault(query, {})
        if document in held:
            raise malformed(path, number, f"{document} is found twice for {query}")
        held[document] = place
    return Run(
        tag or path.stem,
        {
            query: tuple(
                Ranked(document, -held[document][0]) for document in sorted(held, key=held.__getitem__)
            )
            for query, held in rows.items()
        },
    )


def named_apart(runs: Sequence[Run], names: Sequence[str]) -> list[Run]:
    """The same runs, under other names where some share a tag.

    :param names: parallel, for instance those of their files.
    """
    if len({run.name for run in runs}) == len(runs):
        return list(runs)
    return [replace(run, name=name) for run, name in zip(runs, names, strict=True)]


def write_run(path: Path, run: Run) -> None:
    """Write a TREC run file.

    :raises InvalidInput: where an id holds a tab or a line end, which this format cannot.
    """
    write_lines(path, _rows(run))


def _rows(run: Run) -> Iterator[str]:
    tag = "-".join(run.name.split()) or "run"
    for query, found in run.lists.items():
        last = np.float32(np.inf)
        for rank, one in enumerate(found, 1):
            last = min(np.float32(one.score), np.nextafter(last, np.float32(-np.inf)))
            yield f"{word(query)} Q0 {word(one.document)} {rank} {float(last)!r} {tag}"
