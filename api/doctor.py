"""The doctor: does the index hold what the catalogue says, and if not, make it so."""

from typing import Any

from api.search_setup import need_pass_of_model
from api.wiring import Memory, open_index
from ingest.facts import outdated
from memory.errors import IndexUnavailable, MemoryInUse, ModelMismatch


def examine(memory: Memory, *, repair: bool, rebuild: bool, ungated: bool = False) -> dict[str, Any]:
    """Compare catalogue and index.

    :param repair: mend what differs; an index that cannot be opened is made anew from the catalogue's
        text and cached vectors: nothing is parsed, nothing embedded twice.
    :param rebuild: make the index anew in any case, and take the model the settings name.
    :param ungated: take another model though it has not passed the gate.
    :raises MemoryInUse: while a sync runs.
    :raises NotPromoted: where the index would be made by another model that has not passed the gate.
    """
    if not memory.busy.acquire(blocking=False):
        raise MemoryInUse("A sync is running.", hint="Wait for it, or stop it first.")
    try:
        damaged, done = memory.catalogue.check(), list[str]()
        if repair and damaged and memory.catalogue.mend_indexes():
            damaged = memory.catalogue.check()
            done.append("Indexes of the catalogue were made anew; no row was touched.")
        trouble = _open(memory)
        if rebuild or (repair and trouble):
            if not ungated:
                need_pass_of_model(memory)
            _rebuild(memory)
            done.append("The index was made anew from the catalogue.")
            trouble = ""
        if repair and memory.catalogue.ledger.lost():
            memory.catalogue.ledger.read_lost_again()
            done.append("The next sync reads again what was lost.")
        found = {"catalogue": damaged, "index": trouble, **_unfinished(memory), **_NOT_COMPARED}
        if not trouble:
            found |= _compare(memory)
            waiting = found["removing"] or memory.catalogue.documents.facts_pending()
            if repair and (waiting or any(found[each] for each in _NOT_COMPARED)):
                _mend(memory)
                done.append("What was missing was written, what was left over was removed.")
                found |= _unfinished(memory) | _compare(memory)
        wrong = ("index", "missing", "orphaned", "outdated", "lost", "removing")
        well = not (damaged or any(found[each] for each in wrong))
        return {"well": well, "found": found, "done": done, "documents": memory.catalogue.documents.count()}
    finally:
        memory.busy.release()


def _open(memory: Memory) -> str:
    try:
        _ = memory.index
    except (IndexUnavailable, ModelMismatch) as error:
        return error.message
    return ""


_NOT_COMPARED = {"missing": 0, "orphaned": 0, "outdated": 0, "pending": 0}

FEW = 100_000
"""Passages up to which the facts of each are compared too: that reads all of the index."""


def _unfinished(memory: Memory) -> dict[str, Any]:
    """What the catalogue says of itself: documents read once and not there, and sources on their way out."""
    catalogue = memory.catalogue
    # One that holds keep is not unfinished: it goes when the last of them ends.
    removing = [name for name in catalogue.sources.removing() if name not in catalogue.holds.sources_held()]
    return {"lost": len(catalogue.ledger.lost()), "removing": removing}


def _compare(memory: Memory) -> dict[str, int]:
    held = set(memory.index.ids())
    wanted = memory.catalogue.passages.ids()
    progress = memory.catalogue.passages.progress()
    return {
        "missing": len(wanted - held),
        "orphaned": len(held - wanted),
        "outdated": len(_outdated(memory)),
        "pending": progress.passages - progress.by_words,
    }


def _outdated(memory: Memory) -> list[str]:
    few = memory.catalogue.passages.progress().passages <= FEW
    return outdated(memory.catalogue, memory.index) if few else []


def _mend(memory: Memory) -> None:
    memory.catalogue.documents.facts_unknown(_outdated(memory))
    held = set(memory.index.ids())
    wanted = memory.catalogue.passages.ids()
    memory.index.delete(sorted(held - wanted))
    memory.catalogue.passages.unindex(sorted(wanted - held))
    memory.writer().write_pending()


def _rebuild(memory: Memory) -> None:
    memory.forget_index()
    if memory.settings.index.url:
        # Not by `memory.index`, which refuses an index that is not this catalogue's.
        index = open_index(memory.settings, memory.identity())
        index.delete(list(index.ids()))
    memory.writer().write_pending()
