"""Queries for a test collection, sampled from the log: what many search for, what some do, what one did once."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from eval.collections.model import Query
from eval.usage.searches import Search, query_id
from ingest.language import likeliest_language

BANDS = ("head", "torso", "tail")


def band_of(searches: Sequence[Search]) -> dict[str, str]:
    """Each search's band: ``head``, the most frequent that make up a third of all that was searched; ``tail``, the least
    frequent that make up another, and whatever was searched once; ``torso``, those between.

    :param searches: the most frequent first.
    """
    total = sum(one.times for one in searches)
    bands, before = {}, 0
    for one in searches:
        place = 3 * before // total
        bands[one.text] = "tail" if one.times == 1 else BANDS[place]
        before += one.times
    return bands


def sample(
    searches: Sequence[Search],
    number: int,
    departments: Mapping[str, str],
    languages: Iterable[str] = (),
    seed: int = 0,
) -> list[Query]:
    """So many queries, in equal parts from each band, and within a band by turns from every department and language.

    :param searches: the most frequent first.
    :param departments: by the asker's pseudonym.
    :param languages: the ones the memory holds, as ISO 639-1 codes.
    :param seed: the same gives the same queries of the same log.
    """
    bands = band_of(searches)
    held = tuple(languages)
    described = [
        _query(one, bands[one.text], one.department(departments), likeliest_language(one.text, held))
        for one in searches
    ]
    queues = {
        band: _by_turns([query for query in described if query.metadata["band"] == band], seed)
        for band in BANDS
    }
    chosen: list[Query] = []
    while len(chosen) < number and any(queues.values()):
        for queue in queues.values():
            if queue and len(chosen) < number:
                chosen.append(queue.pop(0))
    return sorted(chosen, key=lambda query: (BANDS.index(query.metadata["band"]), query.id))


def _query(search: Search, band: str, department: str, language: str) -> Query:
    described = {"band": band, "language": language, "department": department}
    kept = {name: value for name, value in described.items() if value}
    return Query(query_id(search.text), search.text, {**kept, "searches": str(search.times)})


def _by_turns(queries: Sequence[Query], seed: int) -> list[Query]:
    """Shuffled by the seed, and one of each department and language after the other."""
    groups: dict[tuple[str, str], list[Query]] = {}
    for query in sorted(queries, key=lambda one: sha256(f"{seed}\0{one.id}".encode()).digest()):
        key = query.metadata.get("department", ""), query.metadata.get("language", "")
        groups.setdefault(key, []).append(query)
    turns = []
    while groups:
        for key in sorted(groups):
            turns.append(groups[key].pop(0))
            if not groups[key]:
                del groups[key]
    return turns
