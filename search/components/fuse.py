"""From the legs' lists to one."""

from typing import Any

from haystack import component

from memory.errors import InvalidInput
from search.flow import Found, Question, Ranked
from search.fuse import Method, Ranking, fuse


@component
class Fuse:
    """Joins the legs, see `search.fuse`.

    While part of the memory has no vectors yet, meaning counts by the part that has them: else what was
    added last, found by its words alone, would stand behind everything.

    :param method: ``convex`` or ``rrf``.
    :param weight: of meaning against words, 0 to 1; `rrf` has none.
    :raises InvalidInput: where there is no such method or weight.
    """

    def __init__(self, method: Method = "convex", weight: float = 0.8) -> None:
        if method not in {"convex", "rrf"}:
            raise InvalidInput(f"There is no fusion {method!r}.", hint="Use convex or rrf.")
        if not 0 <= weight <= 1:
            raise InvalidInput(f"A weight is between 0 and 1, not {weight}.")
        self.method: Method = method
        self.weight = weight

    @component.output_types(ranked=Ranked)
    def run(self, question: Question, found: Found) -> dict[str, Any]:
        """Rank; a list of the newest stays in its order."""
        if found.listed:
            newest = tuple(one.id for one in found.legs.words)
            return {"ranked": Ranked(found, Ranking(newest, (0.0,) * len(newest)), self.method)}
        progress = question.progress
        share = progress.by_meaning / progress.passages if progress.passages else 1.0
        ranking = fuse(found.legs, method=self.method, weight=self.weight * min(share, 1.0))
        return {"ranked": Ranked(found, ranking, self.method)}
