"""Legal holds: documents that nothing removes before the last hold on them ends, with their versions and originals.

A hold is on whatever it names in the whole memory, whoever placed it: what a court wants kept does not hang on what a lawyer may
read. What is told of it, counted and given out is only what the asker may see.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from api.wiring import NAME, Memory
from api.witness import saw, tell
from connectors.base import Content
from ingest.content import digest_of
from ingest.removals import Removals
from ingest.summary import Summary
from memory.catalogue.holds import Hold, HoldKind
from memory.catalogue.keeping import PIECE
from memory.domain import OWNER, Asker, SourceRef
from memory.errors import InvalidInput, MemoryInUse, MnemeError, NotFound
from search.pipeline import SHIPPED
from search.whole import WholeList

NOBODY = "mneme"
"""Who acts where nobody asked, as the audit names them: a sync that met what a hold is on."""

AT_ONCE_S = 30
"""Seconds that whoever places a hold waits for originals; the rest is fetched with the next sync."""

_NOTED = 1000
"""Documents that one entry of the audit names."""

_CHANGED = "the source had another version of it by then"
_GONE = "it was gone at its source by then"


class Holding:
    """What can be asked of a memory's holds. Each act is in the audit, whether that notes anything else or not."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._catalogue = memory.catalogue
        self._by_words: WholeList | None = None

    def place(
        self, name: str, reason: str, named: Mapping[HoldKind, Sequence[str]], *, asker: Asker, actor: str
    ) -> dict[str, Any]:
        """Place a hold on documents, on what a search finds by words now and later, or on all that somebody has a part in.

        :param named: one kind: ids or refs of documents, a search, or a person by id, address or name.
        :raises NotFound: where a document or person is not known to the asker.
        :raises InvalidInput: where it lacks a name or a reason, or names nothing or several kinds.
        """
        given = {kind: [each for each in texts if each.strip()] for kind, texts in named.items()}
        kinds = [kind for kind, texts in given.items() if texts]
        if len(kinds) != 1 or (kinds[0] is not HoldKind.DOCUMENTS and len(given[kinds[0]]) > 1):
            raise InvalidInput("A hold is on documents, on one search, or on one person.")
        kind, said = kinds[0], ", ".join(given[kinds[0]])
        target, found = self._meant(kind, given[kind], asker)
        hold = self._catalogue.holds.place(name, reason, kind, target=target, said=said, by=actor)
        self._note(actor, "hold placed", hold, reason=hold.reason, kind=kind, on=said)
        tell(hold=hold.id)
        self._cover(hold, found, actor)
        self.keep_originals(AT_ONCE_S)
        return self.show(hold.id, asker=asker)

    def listed(self, asker: Asker) -> list[dict[str, Any]]:
        """Every hold, with how much of what it is on the asker may see."""
        return [self._told(hold, self._seen(hold, asker)) for hold in self._catalogue.holds.all()]

    def show(self, which: str, *, asker: Asker) -> dict[str, Any]:
        """A hold with those of its documents that the asker may see."""
        hold = self._catalogue.holds.get(which)
        seen = self._seen(hold, asker)
        saw(seen)
        waiting = self._catalogue.holds.held_back()
        found: dict[str, dict[str, Any]] = {}
        for version in self._catalogue.keeping.versions(seen):
            told = found.setdefault(version.document, {"document": version.document, "versions": []})
            told |= {name: version.facts[name] for name in ("ref", "title")}
            told["gone"] = version.document in waiting
            told["versions"].append(
                {
                    "version": version.version,
                    "at": version.at.isoformat(),
                    "original": version.original,
                    "problem": version.problem,
                }
            )
        return self._told(hold, seen) | {"held": list(found.values())}

    def release(self, which: str, because: str, *, actor: str) -> dict[str, Any]:
        """End a hold. What is gone at its source and kept by no other hold is removed.

        :raises MemoryInUse: while a sync runs.
        """
        hold = self._catalogue.holds.get(which)
        if hold.ended is not None:
            raise InvalidInput(f"The hold {hold.name} has ended before.")
        if not self._memory.busy.acquire(blocking=False):
            raise MemoryInUse("A sync is running.", hint="Wait for it, or stop it first.")
        try:
            self._note(actor, "hold released", hold, reason=because)
            self._catalogue.holds.end(hold, by=actor, because=because)
            removed = self._remove_free(actor)
        finally:
            self._memory.busy.release()
        return {"id": hold.id, "name": hold.name, "removed": len(removed)}

    def follow(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Put holds on what has come to be among what they name, keep what has changed, and fetch originals.

        Called by a sync, before it removes anything and after it has read.
        """
        active = self._catalogue.holds.active()
        if active:
            self._memory.writer().write_pending()
        for hold in active:
            if hold.kind is not HoldKind.DOCUMENTS:
                self._cover(hold, self._on(hold), NOBODY)
        if active:
            self._catalogue.holds.keep_newer()
            self.keep_originals(stopped=stopped)
        self._remove_free(NOBODY)

    def keep_originals(
        self, seconds: float | None = None, stopped: Callable[[], bool] = lambda: False, source: str = ""
    ) -> None:
        """Fetch originals that are to be kept and are not yet.

        :param seconds: for so long at most.
        :param source: only from this one.
        """
        began = time.monotonic()
        for ref, content in self._catalogue.keeping.waiting():
            if stopped() or (seconds is not None and time.monotonic() - began > seconds):
                return
            if not source or ref.source == source:
                self._keep_original(ref, content)

    def _keep_original(self, ref: SourceRef, content: str) -> None:
        keeping = self._catalogue.keeping
        try:
            with self._memory.connected_to_documents(self._catalogue.sources.get(ref.source)) as connector:
                given = connector.fetch(ref)
                if content and digest_of(given) != content:
                    keeping.lose(ref, content, _CHANGED, lost=True)
                else:
                    keeping.give(ref, content, given.name, _pieces(given))
        except NotFound:
            keeping.lose(ref, content, _GONE, lost=True)
        except (MnemeError, OSError) as error:
            reason = error.message if isinstance(error, MnemeError) else error.strerror or str(error)
            keeping.lose(ref, content, reason, lost=False)

    def _meant(self, kind: HoldKind, texts: Sequence[str], asker: Asker) -> tuple[str, list[str]]:
        """What a hold is on: as it is kept, and the documents that this is now."""
        if kind is HoldKind.DOCUMENTS:
            return "", [self._document(text, asker) for text in texts]
        if kind is HoldKind.QUERY:
            return texts[0], self._matching(texts[0])
        found = self._catalogue.person_pages.find(texts[0], asker)
        if len(found) != 1:
            told = "fits more than one person" if found else "is not known"
            raise NotFound(f"{texts[0]!r} {told}.", hint="Give the person's full e-mail address.")
        return found[0], self._catalogue.holds.of_person(found[0])

    def _on(self, hold: Hold) -> list[str]:
        if hold.kind is HoldKind.QUERY:
            return self._matching(hold.target)
        with suppress(NotFound):
            return self._catalogue.holds.of_person(self._catalogue.people.get(hold.target).id)
        return []

    def _matching(self, query: str) -> list[str]:
        """What has any of the words, by every filter; meaning is no ground that a court could follow."""
        if self._by_words is None:
            _ = self._memory.index  # opened before the pipeline looks for it
            self._by_words = WholeList(NAME, SHIPPED / "words.yaml")
        return self._by_words.documents(query, OWNER)

    def _document(self, text: str, asker: Asker) -> str:
        documents = self._catalogue.documents
        with suppress(InvalidInput):
            text = documents.by_ref(SourceRef.parse(text)) or text
        return documents.get(text, asker).id

    def _cover(self, hold: Hold, found: Sequence[str], actor: str) -> None:
        fresh = self._catalogue.holds.cover(hold, found)
        for start in range(0, len(fresh), _NOTED):
            self._note(actor, "hold is on", hold, documents=fresh[start : start + _NOTED])

    def _remove_free(self, actor: str) -> list[str]:
        removed = Removals(self._catalogue, Summary("")).after_holds()
        for start in range(0, len(removed), _NOTED):
            about = {"documents": removed[start : start + _NOTED]}
            self._catalogue.audit.note(actor, "", "removed after the last hold", about)
        if removed:
            self._memory.writer().write_pending()
        return removed

    def _seen(self, hold: Hold, asker: Asker) -> list[str]:
        """Those of its documents that the asker may see; of what left the memory, by who could when it was kept."""
        those = self._catalogue.holds.documents(hold)
        if asker.owner:
            return those
        cards = self._catalogue.cards.of_documents(those)
        allowed = {document: card.access for document, card in cards.items()}
        for version in self._catalogue.keeping.versions([each for each in those if each not in cards]):
            allowed[version.document] = version.access
        return [each for each in those if each in allowed and allowed[each].allows(asker)]

    def _told(self, hold: Hold, seen: Sequence[str]) -> dict[str, Any]:
        moments = {"placed": hold.placed.isoformat(), "ended": hold.ended and hold.ended.isoformat()}
        told = asdict(hold) | moments | {"documents": len(seen)}
        told |= {"originals": self._catalogue.keeping.counts(seen)}
        return {**told, "placed_by": self._called(hold.placed_by), "ended_by": self._called(hold.ended_by)}

    def _called(self, actor: str) -> str:
        with suppress(NotFound):
            return self._catalogue.people.get(actor).name
        return actor

    def _note(self, actor: str, act: str, hold: Hold, **about: Any) -> None:
        self._catalogue.audit.note(actor, "", act, {"hold": hold.id, "name": hold.name, **about})


def _pieces(content: Content) -> Iterator[bytes]:
    if isinstance(content.body, bytes):
        for start in range(0, len(content.body), PIECE):
            yield content.body[start : start + PIECE]
        return
    with content.body.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
