"""From the legs' lists to one."""

from typing import Any, get_args

from haystack import component

from memory.errors import InvalidInput
from search.flow import Found, Question, Ranked
from search.fuse import Method, Parts, Ranking, agreement, fuse, weigh


@component
class Fuse:
    """Joins the legs, see `search.fuse`.

    While part of the memory has no vectors yet, meaning counts by the part that has them: else what was
    added last, found by its words alone, would stand behind everything.

    :param method: ``weighed`` (a weight for each question), ``convex`` (one for all) or ``rrf``.
    :param weight: of meaning against words, 0 to 1: always for `convex`; for `weighed` where a passage has
        many of the question's words, and more where it has fewer; `rrf` has none.
    :param half: for `weighed`: so many shared words, where they are all the question has and the legs found nothing in common,
        give words half the weight they can get.
    :raises InvalidInput: where there is no such method, weight or half.
    """

    def __init__(self, method: Method = "weighed", weight: float = 0.45, half: float = 0.6) -> None:
        if method not in get_args(Method):
            raise InvalidInput(f"There is no fusion {method!r}.", hint="Use weighed, convex or rrf.")
        if not 0 <= weight <= 1:
            raise InvalidInput(f"A weight is between 0 and 1, not {weight}.")
        if not half > 0:
            raise InvalidInput(f"Half the weight of words needs more than {half} shared words.")
        self.method: Method = method
        self.weight = weight
        self.half = half

    @component.output_types(ranked=Ranked)
    def run(self, question: Question, found: Found) -> dict[str, Any]:
        """Rank; a list of the newest stays in its order."""
        if found.listed:
            newest = tuple(one.id for one in found.legs.words)
            return {"ranked": Ranked(found, Ranking(newest, (0.0,) * len(newest)), self.method)}
        # In whole percent: weights and scores are shown, and would tell by their digits how many passages others have.
        share = min(question.progress.percent, 100) / 100
        parts = parts_of(found, self.method, self.weight, self.half, share)
        ranking = fuse(found.legs, method=self.method, weight=parts)
        return {"ranked": Ranked(found, ranking, self.method, parts)}


def parts_of(found: Found, method: Method, weight: float, half: float, share: float = 1.0) -> Parts:
    """The weights of meaning in a search, see `Fuse` for method, weight and half.

    :param share: how much of the memory can be searched by meaning, 0 to 1.
    """
    if method != "weighed":
        return Parts((weight * share,))
    agreed = agreement(found.legs, found.parts, len(found.shared))
    weights = tuple(
        share * weigh(shared, found.asked, agreed, least=weight, half=half) for shared in found.shared
    )
    return Parts(weights, found.parts, found.shared, agreed)
