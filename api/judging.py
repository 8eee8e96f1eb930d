"""Judging: who is asked for a grade of which document, and what comes of it; as JSON values.

A judge knows only of documents they may see: others are as if they were not in the pool, and are counted nowhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from api.service import Service
from api.witness import saw
from eval.asking import typed
from eval.collections.model import Query
from eval.judging.desk import Desk, Item
from memory.catalogue.judging import Judgement, Pool
from memory.domain import Asker, SourceRef
from memory.errors import InvalidInput, InvalidQuery, NotFound
from search.answer import location_label

_SHOWN = 3
"""Passages of a document a judge is shown: those that hold most of the query's words."""

_NOT_THERE = "There is no such document in this pool, or you may not see it."


class JudgingTable:
    """Everything that can be asked of a memory's pools.

    :param service: over the memory.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._catalogue = service.memory.catalogue

    def create(
        self,
        name: str,
        queries: Mapping[str, str],
        items: Mapping[str, Sequence[str]],
        judges: int,
        about: Mapping[str, Any],
        *,
        asker: Asker,
    ) -> dict[str, Any]:
        """Make a pool of documents of this memory.

        :param queries: texts by query id.
        :param items: refs of documents by query id; what the asker does not see in this memory is left out and counted.
        :raises InvalidInput: where the name is taken, or the memory holds none of the documents.
        """
        known = {ref: self._document(ref, asker) for ref in {ref for refs in items.values() for ref in refs}}
        found = {
            query: held
            for query, refs in items.items()
            if query in queries
            and (held := {document: ref for ref in refs if (document := known[ref]) is not None})
        }
        if not found:
            raise InvalidInput(
                "This memory holds none of the documents.",
                hint="A pool is made of runs over this memory; they name its refs.",
            )
        self._catalogue.judging.add(
            Pool(name, judges, about, {query: queries[query] for query in found}, found)
        )
        return {
            "pool": name,
            "queries": len(found),
            "documents": sum(map(len, found.values())),
            "unknown": sum(document is None for document in known.values()),
        }

    def pools(self, asker: Asker) -> list[dict[str, Any]]:
        """Every pool the asker can judge, how far they have come, and how far judges agree on what they may see."""
        listed = []
        for name in self._catalogue.judging.names():
            pool = self._catalogue.judging.get(name)
            desk = self._desk(pool, asker)
            if not desk.items:
                continue
            done, left = len(desk.by(asker.key)), len(desk.queue(asker.key))
            listed.append(
                {
                    "name": pool.name,
                    "done": done,
                    "total": done + left,
                    "disputed": len(desk.disputed(asker.key)),
                    "agreement": desk.agreement(),
                }
            )
        return listed

    def next(self, name: str, asker: Asker, query: str = "", document: str = "") -> dict[str, Any]:
        """What the asker is to judge next, or an item that they want to judge again.

        :param query, document: of an item that was judged before.
        :raises NotFound: where there is no such pool or item, or the asker may not see it.
        """
        pool, desk = self._open(name, asker)
        queue, mine = desk.queue(asker.key), desk.by(asker.key)
        told: dict[str, Any] = {
            "pool": name,
            "done": len(mine),
            "total": len(mine) + len(queue),
            "item": None,
            "previous": None,
        }
        item: Item | None = queue[0] if queue else None
        if document:
            item = _there(desk, query, document)
        at = next((at for at, one in enumerate(mine) if (one.query, one.document) == item), len(mine))
        if at:
            told["previous"] = {"query": mine[at - 1].query, "document": mine[at - 1].document}
        if item is not None:
            said = mine[at] if at < len(mine) else None
            told["item"] = self._item(pool, *item) | {
                "grade": said.grade if said else None,
                "comment": said.comment if said else "",
            }
        return told

    def judge(
        self, name: str, asker: Asker, query: str, document: str, grade: int, comment: str = ""
    ) -> None:
        """Keep a judgement of the asker.

        :raises NotFound: where there is no such item, or the asker may not see it.
        :raises InvalidInput: where the grade is not 0 to 3.
        """
        _, desk = self._open(name, asker)
        _there(desk, query, document)
        self._catalogue.judging.judge(name, Judgement(query, document, asker.key, grade, comment))

    def dispute(self, name: str, asker: Asker) -> dict[str, Any]:
        """The next document that judges disagree on, with what they said; who said it is not told."""
        pool, desk = self._open(name, asker)
        disputed = desk.disputed(asker.key)
        told: dict[str, Any] = {"pool": name, "open": len(disputed), "item": None}
        if disputed:
            item, given = next(iter(disputed.items()))
            said = sorted(((one.grade, one.comment) for one in given), reverse=True)
            told["item"] = self._item(pool, *item) | {
                "grade": None,
                "comment": "",
                "said": [{"grade": grade, "comment": comment} for grade, comment in said],
            }
        return told

    def settle(
        self, name: str, asker: Asker, query: str, document: str, grade: int, comment: str = ""
    ) -> None:
        """Settle what judges disagree on.

        :raises NotFound: where there is no such item, or the asker may not see it.
        :raises InvalidInput: where there is nothing to settle, or the grade is not 0 to 3.
        """
        _, desk = self._open(name, asker)
        item = _there(desk, query, document)
        if item not in desk.disputed(asker.key) and item not in desk.settled:
            raise InvalidInput("The judges of this document do not disagree.", hint="Judge it yourself.")
        judgement = Judgement(query, document, asker.key, grade, comment, settles=True)
        self._catalogue.judging.judge(name, judgement)

    def qrels(self, name: str, asker: Asker) -> dict[str, Any]:
        """The judgements that stand on what the asker may see, by the refs of the documents as they lie now.

        To the owner also of documents that are gone.

        :raises NotFound: where there is no such pool, or the asker may see nothing of it.
        """
        pool, desk = self._open(name, asker)
        if asker.owner:
            desk = _desk(pool, self._catalogue.judging.judgements(name))
        qrels, unsettled = desk.qrels()
        cards = self._catalogue.cards.of_documents(
            {document for grades in qrels.values() for document in grades}
        )
        named = {
            query: {
                (cards[document].ref if document in cards else pool.items[query][document]): grade
                for document, grade in grades.items()
            }
            for query, grades in qrels.items()
        }
        queries = {query: text for query, text in pool.queries.items() if desk.items.get(query)}
        return {"pool": name, "queries": queries, "qrels": named, "unsettled": unsettled}

    def remove(self, name: str, asker: Asker) -> None:
        """Forget a pool with its judgements.

        :raises NotFound: where there is no such pool, or the asker may see nothing of it.
        """
        self._open(name, asker)
        self._catalogue.judging.remove(name)

    def _document(self, ref: str, asker: Asker) -> str | None:
        try:
            found = self._catalogue.documents.by_ref(SourceRef.parse(ref))
        except InvalidInput:
            return None
        card = self._catalogue.cards.of_documents([found]).get(found) if found else None
        return found if card and card.access.allows(asker) else None

    def _open(self, name: str, asker: Asker) -> tuple[Pool, Desk]:
        """A pool with what the asker may see of it; a pool of nothing they may see is not there."""
        pool = self._catalogue.judging.get(name)
        desk = self._desk(pool, asker)
        if not desk.items and not asker.owner:
            raise self._catalogue.judging.no_pool(name)
        return pool, desk

    def _desk(self, pool: Pool, asker: Asker) -> Desk:
        cards = self._catalogue.cards.of_documents(
            {document for documents in pool.items.values() for document in documents}
        )
        visible = {document for document, card in cards.items() if card.access.allows(asker)}
        return _desk(pool, self._catalogue.judging.judgements(pool.name)).seen(visible)

    def _item(self, pool: Pool, query: str, document: str) -> dict[str, Any]:
        saw([document])
        card = self._catalogue.cards.of_documents([document])[document]
        text = pool.queries[query]
        return {
            "query": query,
            "text": text,
            "document": document,
            "title": card.title,
            "source": card.source,
            "type": card.type,
            "language": card.language,
            "modified": card.modified and card.modified.isoformat(),
            "formality": card.formality.value,
            "passages": self._passages(text, document, card.language),
        }

    def _passages(self, text: str, document: str, language: str) -> list[dict[str, Any]]:
        """The passages that hold most of the query's words, in reading order, with these marked."""
        passages = self._catalogue.passages.of_document(document)
        plain = [{"ordinal": one.ordinal, "text": one.text} for one in passages]
        try:
            marks = self._service.searcher.highlights(typed(Query("", text)), language, plain)
        except InvalidQuery:
            marks = {}
        best = sorted(passages, key=lambda one: (-len(marks.get(one.ordinal, ())), one.ordinal))[:_SHOWN]
        return [
            {
                "text": one.text,
                "highlights": [list(span) for span in marks.get(one.ordinal, ())],
                "label": location_label(one.location),
            }
            for one in sorted(best, key=lambda one: one.ordinal)
        ]


def _desk(pool: Pool, given: Sequence[Judgement]) -> Desk:
    return Desk(pool.name, {query: list(held) for query, held in pool.items.items()}, pool.judges, given)


def _there(desk: Desk, query: str, document: str) -> Item:
    """The item of that query and document.

    :raises NotFound: where it is not on the desk.
    """
    if document not in desk.items.get(query, ()):
        raise NotFound(_NOT_THERE)
    return query, document
