"""Why is this document not found? One answer for each document that is meant, with its cause."""

from contextlib import suppress
from typing import Any

from api.causes import RULES, Cause, advice, cause_of, said
from api.wiring import Memory
from api.witness import tell
from connectors.base import Coverage, Covers
from memory.catalogue.cards import Card
from memory.catalogue.ledger import LedgerRow, without_hold
from memory.domain import Asker, SourceRef
from memory.errors import InvalidInput, MnemeError, NotFound
from search.trace import Trace, Tracer

_UNKNOWN = "There is no such document, or you may not see it."


class Why:
    """Answers for a memory.

    :param tracer: says where a document stands in a search.
    """

    def __init__(self, memory: Memory, tracer: Tracer) -> None:
        self._memory = memory
        self._catalogue = memory.catalogue
        self._tracer = tracer

    def explain(self, text: str, asker: Asker, query: str = "", reader: str = "") -> dict[str, Any]:
        """Why a document is found or not.

        :param text: its id, ref, path, title, or the end of ref or path.
        :param query: a search it is missed in.
        :param reader: a person who misses it; only an owner may ask for another.
        :raises NotFound: where no document is meant that the asker may know of. To all but the owner, one that
            they may not see and one that does not exist give the same answer, to the byte.
        :raises InvalidInput: where nothing is named.
        """
        if not text.strip():
            raise InvalidInput("Name a document.", hint="Give its path, its title or its ref.")
        tell(asked=text, query=query)
        if not asker.owner:
            return {"asked": text, "found": self._for_others(text, asker, query)}
        seeing = self._catalogue.people.asker(reader) if reader else asker
        rows = self._rows(text)
        found = [self._of_row(row, seeing, query, reader) for row in rows] or self._unlisted(text)
        if not found:
            known = ", ".join(source.name for source in self._catalogue.sources.all()) or "none yet"
            raise NotFound(
                f"No source has ever listed {text!r}.",
                hint=f"Check the path, and that a source covers it and was synced; sources: {known}.",
            )
        return {"asked": text, "found": found}

    def _for_others(self, text: str, asker: Asker, query: str) -> list[dict[str, Any]]:
        """What somebody else may know: of documents they may see, how they are found; nothing of the rest."""
        named = self._catalogue.documents.named(text, asker)
        rows = self._catalogue.ledger.find([ref for _, ref in named])
        found = [self._of_row(rows[ref], asker, query, "") for _, ref in named if ref in rows]
        if not found:
            raise NotFound(_UNKNOWN)
        found = [each | {"reason": without_hold(each["reason"])} for each in found]
        hidden = {"grant", "deny", "advice", "retryable"}
        return [{name: value for name, value in each.items() if name not in hidden} for each in found]

    def _rows(self, text: str) -> list[LedgerRow]:
        ledger = self._catalogue.ledger
        with suppress(InvalidInput):  # a path, then, or a part of one
            if rows := list(ledger.find([SourceRef.parse(text)]).values()):
                return rows
        if rows := ledger.matching(self._key(text)):
            return rows
        named = self._catalogue.documents.named(text, Asker(owner=True))
        return list(ledger.find([ref for _, ref in named]).values())

    def _key(self, text: str) -> str:
        """A path within a folder source as that source's key; anything else as it is."""
        for source in self._catalogue.sources.all():
            prefix = source.location.rstrip("/") + "/"
            if text.startswith(prefix):
                return f"{source.name}/{text.removeprefix(prefix)}"
        return text

    def _unlisted(self, text: str) -> list[dict[str, Any]]:
        """What each source makes of a document that none has listed."""
        found = []
        for source in self._catalogue.sources.all():
            with suppress(MnemeError):  # a source that cannot be opened covers nothing
                with self._memory.connected(source) as connector:
                    coverage = connector.covers(text) if isinstance(connector, Covers) else None
                if coverage is not None:
                    ref = SourceRef(source.kind, source.name, coverage.key)
                    found.append(_told(ref, *_covered(coverage, source.name)))
        return found

    def _of_row(self, row: LedgerRow, seeing: Asker, query: str, reader: str) -> dict[str, Any]:
        values: dict[str, Any] = {
            "document": row.document,
            "source": row.ref.source,
            "stage": row.stage.value,
            "reason": row.reason,
            "retryable": row.retryable,
            "at": row.at.isoformat(),
            "advice": advice(row.stage, row.reason, row.retryable),
        }
        cause = cause_of(row.stage, row.reason)
        card = self._catalogue.cards.of_documents([row.document]).get(row.document) if row.document else None
        if card is not None:
            values |= self._facts(card)
            if not card.access.allows(seeing):
                return _told(row.ref, Cause.NO_ACCESS, values | _access(card, seeing, reader))
            # A document that failed in its newest version is still found as it was.
            if query.strip() and (cause is Cause.FOUND or values["passages"]):
                trace = self._tracer.trace(card.document, query, seeing)
                values |= {"query": query, "trace": trace.to_json(), **_standing(trace)}
                cause = _cause(trace) if cause is Cause.FOUND else cause
        return _told(row.ref, cause, values)

    def _facts(self, card: Card) -> dict[str, Any]:
        return {
            "title": card.title,
            "passages": len(self._catalogue.passages.of_document(card.document)),
            "grant": sorted(card.access.grant),
            "deny": sorted(card.access.deny),
        }


def _covered(coverage: Coverage, source: str) -> tuple[Cause, dict[str, Any]]:
    values: dict[str, Any] = {"source": source}
    if coverage.rule:
        rule = RULES[coverage.rule].format(pattern=coverage.pattern)
        told = {"rule": rule, "rule_name": coverage.rule, "pattern": coverage.pattern}
        return Cause.EXCLUDED, values | told
    return (Cause.WAITING if coverage.there else Cause.MISSING), values


def _access(card: Card, seeing: Asker, reader: str) -> dict[str, Any]:
    relevant = seeing.tokens & (card.access.grant | card.access.deny) or seeing.tokens
    return {"person": reader, "held": sorted(relevant)}


def _standing(trace: Trace) -> dict[str, Any]:
    return {"position": trace.position, "filters": list(trace.filters)}


def _cause(trace: Trace) -> Cause:
    if trace.filters:
        return Cause.FILTERED
    if trace.position is not None:
        return Cause.RANKED
    return Cause.BEYOND if any(leg.score is not None for leg in trace.legs) else Cause.UNMATCHED


def _told(ref: SourceRef, cause: Cause, values: dict[str, Any]) -> dict[str, Any]:
    """A cause with its sentences, as JSON values."""
    shown = {name: _listed(value) for name, value in values.items()}
    sentence, hint = said(cause, shown)
    return {"ref": str(ref), "cause": cause.value, "said": sentence, "hint": hint, **values}


def _listed(value: Any) -> Any:
    return (", ".join(map(str, value)) or "nobody") if isinstance(value, list) else value
