"""The gate: a candidate that is worse than the baseline beyond noise, on any slice that matters, does not pass.

*Worse beyond noise*: the mean difference is below zero by more than what is tolerated, and the p-value of the
paired randomisation test, corrected over all slices and measures (Holm), is below `LEVEL`. A slice with too few
queries to ever be significant is told as such: it can hide a loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval.collections.model import Collection
from eval.collections.slices import Slice
from eval.evaluation import Evaluation
from eval.significance import Paired, holm, least_p, paired
from memory.errors import InvalidInput

LEVEL = 0.05

MEASURES = ("nDCG@10", "R@100")
"""What the gate looks at unless told otherwise: what is on the first page, and what can be found at all."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One slice by one measure.

    :param verdict: ``worse`` (fails the gate), ``better``, ``not worse``, or ``too few queries``.
    """

    slice: Slice
    measure: str
    paired: Paired
    p_holm: float
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        told = self.paired
        return {
            "slice": str(self.slice),
            "measure": self.measure,
            "verdict": self.verdict,
            "queries": told.queries,
            "baseline": round(told.first, 6),
            "candidate": round(told.second, 6),
            "difference": round(told.difference, 6),
            "interval": [round(told.low, 6), round(told.high, 6)],
            "p": round(told.p, 6),
            "p_holm": round(self.p_holm, 6),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says of a candidate on one collection."""

    collection: Collection
    baseline: str
    candidate: str
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is worse."""
        return not any(one.verdict == "worse" for one in self.verdicts)

    @property
    def conclusive(self) -> bool:
        """Whether each slice has queries enough for a loss to be noticed at all; else to have passed says nothing."""
        cases = len(self.verdicts)
        return all(least_p(one.paired.queries) * cases <= LEVEL for one in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """As JSON values, as `mneme eval gate` answers."""
        return {
            "passed": self.passed,
            "conclusive": self.conclusive,
            "collection": self.collection.name,
            "version": self.collection.version,
            "checksum": self.collection.checksum,
            "baseline": self.baseline,
            "candidate": self.candidate,
            "verdicts": [one.to_json() for one in self.verdicts],
        }


def decide(
    collection: Collection,
    baseline: Evaluation,
    candidate: Evaluation,
    marked: Sequence[str] = (),
    *,
    tolerance: float = 0.0,
    seed: int = 0,
) -> Decision:
    """Compare a candidate with the baseline on every marked slice.

    :param marked: slices, for instance ``language=de``; those marked in the collection unless given, else ``all``.
    :param tolerance: how much worse the mean may be, in the measure's own unit.
    :raises InvalidInput: where something marked is no slice, or the measures differ.
    :raises NotFound: where a marked slice has no query.
    """
    if baseline.values.keys() != candidate.values.keys():
        raise InvalidInput("Baseline and candidate were measured differently.")
    parts = [Slice.parse(text) for text in (marked or collection.marked or ("all",))]
    cases = [
        (
            part,
            measure,
            paired(
                [values[query] for query in queries],
                [candidate.values[measure][query] for query in queries],
                seed,
            ),
        )
        for part in dict.fromkeys(parts)
        for queries in [sorted(part.of(collection))]
        for measure, values in baseline.values.items()
    ]
    corrected = holm([told.p for _, _, told in cases])
    verdicts = tuple(
        Verdict(part, measure, told, p, _verdict(told, p, tolerance, len(cases)))
        for (part, measure, told), p in zip(cases, corrected, strict=True)
    )
    return Decision(collection, baseline.pipeline, candidate.pipeline, verdicts)


def _verdict(told: Paired, p: float, tolerance: float, cases: int) -> str:
    if p <= LEVEL and told.difference < -tolerance:
        return "worse"
    if p <= LEVEL and told.difference > 0:
        return "better"
    if told.difference < -tolerance and least_p(told.queries) * cases > LEVEL:
        return "too few queries"
    return "not worse"
