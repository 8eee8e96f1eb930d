"""What was searched for, told from the log of events: the same search by several people is one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from eval.usage.personal import PersonalData
from memory.catalogue.events import Event, EventKind
from memory.errors import InvalidQuery
from search.query import Query

_FEW = 3
"""So many of a department must have searched, or it is not named: it would be a name for one or two people."""


@dataclass
class Search:
    """One search, however often it was made.

    :param times: how often; leafing on is not another time.
    """

    text: str
    times: int = 0
    askers: Counter[str] = field(default_factory=Counter)

    def department(self, of: Mapping[str, str]) -> str:
        """Where most of those are who made it; empty where that is nowhere."""
        known = Counter(dict.fromkeys(sorted(of.values()), 0))
        for asker, times in self.askers.items():
            if asker in of:
                known[of[asker]] += times
        best = known.most_common(1)
        return best[0][0] if best and best[0][1] else ""


def query_id(text: str) -> str:
    """A lasting id for what was searched for: the same text has the same wherever it turns up."""
    return f"q{blake2b(text.encode(), digest_size=5).hexdigest()}"


def searched_text(query: str, personal: PersonalData) -> str:
    """What a search was for: its words, whatever their case, without filters and personal data."""
    try:
        return personal.remove(Query.parse(query).text).casefold()
    except InvalidQuery:
        return ""


def searches(events: Iterable[Event], personal: PersonalData) -> list[Search]:
    """Every search that has something left to search for, the most frequent first."""
    found: dict[str, Search] = {}
    for event in events:
        if event.kind is not EventKind.SEARCH or event.first > 1:
            continue
        if text := searched_text(event.query, personal):
            search = found.setdefault(text, Search(text))
            search.times += 1
            search.askers[event.asker] += 1
    return sorted(found.values(), key=lambda one: (-one.times, one.text))


def departments(events: Iterable[Event], of: Mapping[str, str]) -> dict[str, str]:
    """Departments by the asker's pseudonym, those left out in which only a few have searched."""
    active = {event.asker for event in events if of.get(event.asker)}
    many = Counter(of[asker] for asker in active)
    return {asker: of[asker] for asker in active if many[of[asker]] >= _FEW}
