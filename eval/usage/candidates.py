"""What use of the search hints at: documents worth judging for a query. Never a judgement, and never a weight.

What stands first is opened most, whatever it is worth (position bias). So each document's clicks are told beside those
that its positions alone would have brought: the sum of the log's own click rates at these positions (clicks over
expected clicks, Zhang and Jones 2007). A document passed over, shown above one that was opened, is a candidate too (Joachims
2002): judges would else see only what was clicked.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from eval.usage.personal import PersonalData
from eval.usage.searches import searched_text
from memory.catalogue.events import Event, EventKind

SESSION = timedelta(minutes=30)
"""After so long without an event a visit has ended: what was opened last was read for nobody knows how long."""

LONG = timedelta(seconds=30)
"""Who stays so long with a document has found something in it (Fox et al. 2005)."""


@dataclass
class Candidate:
    """What use says of a document for a query.

    :param shown: how often it was in a list, within what was on the page.
    :param positions: the sum of its positions there, from 1.
    :param clicks: how often it was opened from such a list, once for each.
    :param expected: clicks that its positions alone would have brought.
    :param long: clicks after which the reader stayed for `LONG` and more.
    :param passed: how often something below it was opened and it was not.
    :param helpful, unhelpful: explicit votes.
    """

    query: str
    document: str
    shown: int = 0
    positions: int = 0
    clicks: int = 0
    expected: float = 0.0
    long: int = 0
    passed: int = 0
    helpful: int = 0
    unhelpful: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "query": self.query,
            "document": self.document,
            "shown": self.shown,
            "mean_position": round(self.positions / self.shown, 2) if self.shown else None,
            "clicks": self.clicks,
            "expected_clicks": round(self.expected, 2),
            "clicks_over_expected": round(self.clicks / self.expected, 2) if self.expected else None,
            "long": self.long,
            "passed": self.passed,
            "helpful": self.helpful,
            "unhelpful": self.unhelpful,
        }


@dataclass
class _List:
    """One list somebody was shown: the positions of its documents, and what was opened from it."""

    query: str
    event: Event
    positions: dict[str, int]
    opened: dict[str, timedelta | None]


def candidates(events: Sequence[Event], personal: PersonalData) -> list[Candidate]:
    """The documents that use hints at, those with the strongest hints first.

    :param events: oldest first.
    """
    lists, votes = _lists(events, personal)
    rates = _click_rates(lists)
    found: dict[tuple[str, str], Candidate] = {}

    def of(query: str, document: str) -> Candidate:
        return found.setdefault((query, document), Candidate(query, document))

    for one in lists:
        lowest = max((one.positions[document] for document in one.opened), default=0)
        for document, position in one.positions.items():
            told = of(one.query, document)
            told.shown += 1
            told.positions += position
            told.expected += rates[position]
            told.passed += position < lowest and document not in one.opened
            told.clicks += document in one.opened
            told.long += (one.opened.get(document) or timedelta(0)) >= LONG
    for query, document, helpful in votes:
        told = of(query, document)
        told.helpful += helpful
        told.unhelpful += not helpful
    hinted = [one for one in found.values() if one.clicks or one.passed or one.helpful or one.unhelpful]
    return sorted(hinted, key=_strongest_first)


def _strongest_first(one: Candidate) -> tuple[float, ...]:
    votes, surprise = one.helpful + one.unhelpful, one.clicks - one.expected
    return (-votes, -one.long, -round(surprise, 6), -one.passed, -one.shown)


def _lists(
    events: Sequence[Event], personal: PersonalData
) -> tuple[list[_List], list[tuple[str, str, bool]]]:
    """Every list that was shown with what was opened from it, and every vote."""
    lists: list[_List] = []
    votes: list[tuple[str, str, bool]] = []
    shown: dict[str, list[_List]] = defaultdict(list)
    opened: dict[str, tuple[Event, _List, str]] = {}
    for event in events:
        if before := opened.pop(event.asker, None):
            _note_stay(before, event)
        query = searched_text(event.query, personal) if event.query else ""
        if not query:
            continue
        if event.kind is EventKind.SEARCH:
            positions = {document: event.first + at for at, document in enumerate(event.documents)}
            lists.append(_List(query, event, positions, {}))
            shown[event.asker].append(lists[-1])
        elif event.kind is EventKind.OPEN:
            for document in event.documents:
                if seen := _seen_in(shown[event.asker], query, document, event):
                    seen.opened.setdefault(document, None)
                    opened[event.asker] = event, seen, document
        else:
            votes += [(query, document, event.kind is EventKind.HELPFUL) for document in event.documents]
    return lists, votes


def _seen_in(shown: Sequence[_List], query: str, document: str, event: Event) -> _List | None:
    """The last list of this search that showed the document to the same person, within one visit."""
    for one in reversed(shown):
        if event.at - one.event.at > SESSION:
            return None
        if one.query == query and document in one.positions:
            return one
    return None


def _note_stay(before: tuple[Event, _List, str], event: Event) -> None:
    opening, seen, document = before
    stay = event.at - opening.at
    if stay <= SESSION:
        seen.opened[document] = max(stay, seen.opened[document] or timedelta(0))


def _click_rates(lists: Iterable[_List]) -> dict[int, float]:
    """The share of what was shown at a position that was opened there."""
    shown: dict[int, int] = defaultdict(int)
    clicked: dict[int, int] = defaultdict(int)
    for one in lists:
        for document, position in one.positions.items():
            shown[position] += 1
            clicked[position] += document in one.opened
    return {position: clicked[position] / shown[position] for position in shown}
