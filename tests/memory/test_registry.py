"""Parts of a memory are found by their type, and some are opened when they are first needed."""

import pytest

from memory import registry
from memory.errors import MnemeError


class Part:
    """Anything that a component may need."""


def test_a_part_is_known_until_its_memory_is_forgotten() -> None:
    part = Part()
    registry.provide("m", Part, part)
    assert registry.need("m", Part) is part
    assert registry.find("other", Part) is None
    registry.forget("m")
    with pytest.raises(MnemeError, match="'m' has no Part yet"):
        registry.need("m", Part)


def test_a_part_is_opened_when_it_is_needed_and_opened_anew_after_it_was_closed() -> None:
    made: list[Part] = []

    def part() -> Part:
        if not made:
            made.append(Part())
        return made[0]

    registry.opens("m", Part, part)
    assert made == []
    first = registry.need("m", Part)
    assert registry.need("m", Part) is first
    made.clear()
    assert registry.need("m", Part) is not first
    registry.forget("m")
    with pytest.raises(MnemeError):
        registry.need("m", Part)
