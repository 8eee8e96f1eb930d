"""Which identities are worth comparing: those that share a block, so that cost grows with their number, not its square.

A name stands in the block of each of its surnames with the first letter of its first name, and of the short forms
of that; a one-word name stands in its own. Each is also looked for where its counterpart stands: a name where
its one-word forms would, a one-word name where the names it may spell do, and a name the other way round.
"""

from functools import lru_cache

from memory.people.likeness import handles, short_forms
from memory.people.names import PARTICLES, loose
from memory.people.profile import Profile

_SURNAME = "n:"


@lru_cache(maxsize=100_000)
def name_blocks(key: str) -> frozenset[str]:
    """The blocks a name key stands in."""
    words = loose(key).split()
    if len(words) < 2:
        return frozenset()
    surnames = [word for word in words[1:] if len(word) > 1 and word not in PARTICLES]
    blocks = {f"{_SURNAME}{surname}|{words[0][0]}" for surname in surnames}
    return frozenset(
        blocks | {f"k:{surname}|{form}" for surname in surnames for form in short_forms(words[0])}
    )


def stored_blocks(profile: Profile) -> frozenset[str]:
    """The blocks a profile stands in."""
    words = (f"w:{word}" for word in profile.words)
    return frozenset().union(words, *(name_blocks(key) for key in profile.names))


def probes(profile: Profile) -> frozenset[str]:
    """The blocks a profile is compared with: its own, and those where its counterparts stand."""
    found = set(stored_blocks(profile))
    for key in profile.names:
        found |= _name_probes(key)
    for word in profile.words:
        found |= _word_probes(word)
    return frozenset(found)


def surnames_of(blocks: frozenset[str]) -> frozenset[str]:
    """The surnames among blocks."""
    return frozenset(
        block[len(_SURNAME) :].partition("|")[0] for block in blocks if block.startswith(_SURNAME)
    )


def surname_range(surname: str) -> tuple[str, str]:
    """First and last block of a surname, whatever the first name."""
    return f"{_SURNAME}{surname}|", f"{_SURNAME}{surname}|\uffff"


@lru_cache(maxsize=100_000)
def _name_probes(key: str) -> frozenset[str]:
    words = loose(key).split()
    if len(words) < 2:
        return frozenset()
    return frozenset({f"w:{handle}" for handle in handles(key)} | {f"{_SURNAME}{words[0]}|{words[-1][0]}"})


@lru_cache(maxsize=100_000)
def _word_probes(word: str) -> frozenset[str]:
    """Every way to read a word as first name and surname, either of them perhaps a letter."""
    found = set()
    for at in range(1, len(word) - 1):
        found.add(f"{_SURNAME}{word[at:]}|{word[0]}")
        found.add(f"{_SURNAME}{word[: at + 1]}|{word[at + 1]}")
    return frozenset(found)
