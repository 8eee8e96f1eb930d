"""What the log of searches gives the bench: queries to judge, and documents worth judging; as JSON values."""

from collections.abc import Sequence
from typing import Any

from api.judging import JudgingTable
from api.service import Service
from eval.usage.candidates import candidates
from eval.usage.personal import PersonalData
from eval.usage.sample import sample
from eval.usage.searches import departments, query_id, searches
from memory.catalogue.events import Event, EventKind
from memory.domain import OWNER, Asker
from memory.errors import InvalidInput


def vote(service: Service, document: str, asker: Asker, query: str, *, helpful: bool) -> None:
    """Note that a document answered a search of the asker's, or did not.

    :raises NotFound: where there is no such document, or the asker may not see it.
    :raises InvalidInput: where no search led there, or nothing is recorded.
    """
    _need_log(service)
    if not query.strip():
        raise InvalidInput("There is no search that this document could answer.", hint="Give the query.")
    catalogue = service.memory.catalogue
    catalogue.documents.get(document, asker)
    kind = EventKind.HELPFUL if helpful else EventKind.UNHELPFUL
    catalogue.events.record(kind, asker, query, [document])


def sampled(service: Service, number: int, seed: int, askers: int) -> dict[str, Any]:
    """Queries from the log, see `eval.usage.sample`.

    :param askers: only what so many people at least have searched for.
    """
    people, events = service.memory.catalogue.people, _events(service)
    found = searches(events, PersonalData(people.names()))
    asked = sum(event.kind is EventKind.SEARCH and event.first == 1 for event in events)
    of = {
        service.memory.catalogue.events.pseudonym(Asker(person)): department
        for person, department in people.departments().items()
    }
    held = service.memory.catalogue.documents.languages(OWNER)
    common = [one for one in found if len(one.askers) >= askers]
    queries = sample(common, number, departments(events, of), filter(None, held), seed)
    return {
        "searches": asked,
        "distinct": len(found),
        "left_out": asked - sum(one.times for one in common),
        "queries": [
            {"id": query.id, "text": query.text, "metadata": dict(query.metadata)} for query in queries
        ],
    }


def hinted(service: Service, pool: str, most: int, judges: int) -> dict[str, Any]:
    """Documents worth judging, as the use of the search hints.

    :param pool: makes a pool of them under that name; empty: none.
    :param most: so many at most, those with the strongest hints.
    """
    catalogue = service.memory.catalogue
    found = candidates(_events(service), PersonalData(catalogue.people.names()))
    cards = catalogue.cards.of_documents({one.document for one in found})
    there = [one for one in found if one.document in cards][:most]
    told = [
        {**one.to_json(), "ref": cards[one.document].ref, "title": cards[one.document].title} for one in there
    ]
    made = None
    if pool:
        items: dict[str, list[str]] = {}
        for one in told:
            items.setdefault(one["query"], []).append(one["ref"])
        made = JudgingTable(service).create(
            pool,
            {query_id(text): text for text in items},
            {query_id(text): refs for text, refs in items.items()},
            judges,
            {"from": "use"},
            asker=OWNER,
        )
    return {"candidates": told, "pool": made}


def _need_log(service: Service) -> None:
    if not service.memory.catalogue.events.on:
        raise InvalidInput(
            "Searches are not recorded in this memory.",
            hint="Set MNEME_EVENTS__KEEP_DAYS to some days above 0.",
        )


def _events(service: Service) -> Sequence[Event]:
    _need_log(service)
    return service.memory.catalogue.events.all()
