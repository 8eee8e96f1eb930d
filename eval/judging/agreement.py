"""How far judges agree beyond chance: Cohen's kappa for two, Fleiss' for any number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations


def cohen(first: Sequence[int], second: Sequence[int]) -> float | None:
    """Cohen's kappa (1960) of two judges' grades of the same things.

    :param first, second: parallel.
    :returns: 1 for full agreement, 0 for chance; None where there is nothing, or only one grade was ever given.
    """
    number = len(first)
    if not number:
        return None
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / number
    ours, theirs = Counter(first), Counter(second)
    expected = sum(ours[grade] * theirs[grade] for grade in ours) / number**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def fleiss(rated: Sequence[Sequence[int]]) -> float | None:
    """Fleiss' kappa (1971) of things that were each graded by the same number of judges, not always the same ones.

    :param rated: the grades of each thing; things with another number of judges than most are left out.
    :returns: 1 for full agreement, 0 for chance; None where there is nothing, or only one grade was ever given.
    """
    usual = Counter(len(grades) for grades in rated if len(grades) > 1)
    if not usual:
        return None
    judges = max(usual, key=lambda size: (usual[size], size))
    counts = [Counter(grades) for grades in rated if len(grades) == judges]
    agreed = sum(
        (sum(n * n for n in one.values()) - judges) / (judges * (judges - 1)) for one in counts
    ) / len(counts)
    total: Counter[int] = sum(counts, Counter())
    expected = sum((n / (len(counts) * judges)) ** 2 for n in total.values())
    return None if expected == 1 else (agreed - expected) / (1 - expected)


def pairs(
    grades: Mapping[str, Mapping[tuple[str, str], int]],
) -> dict[tuple[str, str], tuple[int, float | None]]:
    """Cohen's kappa of every two judges who have graded something in common, with how much that was.

    :param grades: by judge, then by query and document.
    """
    found = {}
    for one, other in combinations(sorted(grades), 2):
        shared = sorted(grades[one].keys() & grades[other].keys())
        if shared:
            value = cohen([grades[one][item] for item in shared], [grades[other][item] for item in shared])
            found[one, other] = (len(shared), value)
    return found
