"""What a directory told is taken in, and what hangs on it follows before the answer is given."""

from api.wiring import Memory
from connectors.directory import PeopleDirectory
from ingest.summary import Summary
from memory.catalogue.directories import TakenIn
from memory.people.directory import Told

_SHOWN = 20


def follow_people(memory: Memory) -> None:
    """Settle who is who after a change, and have the index know it."""
    memory.catalogue.who_is_who.settle()
    if memory.catalogue.documents.facts_pending():
        memory.writer().write_facts()


def take_in(
    memory: Memory, directory: str, told: Told, *, accept_removals: bool = False, strict: bool = False
) -> TakenIn:
    """Take in what a directory told, as `Directories.take_in` says."""
    done = memory.catalogue.directories.take_in(
        directory, told, accept_removals=accept_removals, strict=strict
    )
    follow_people(memory)
    return done


def sync_directory(
    memory: Memory, name: str, directory: PeopleDirectory, *, accept_removals: bool
) -> Summary:
    """Ask a directory for everybody and take them in; gives a summary as of any other source.

    What changed about who may see what is noted in the audit, where that is on.

    :raises SourceError: where it cannot be read to its end; then nothing has changed.
    """
    told = directory.people()
    done = take_in(memory, name, told, accept_removals=accept_removals) if told else TakenIn()
    audit = memory.catalogue.audit
    if audit.on:
        for part in done.access:
            audit.note(f"source:{name}", "", f"SYNC {name}", {"access": part})
    summary = Summary(
        name,
        known=done.known,
        indexed=done.changed,
        unchanged=done.unchanged,
        skipped=done.skipped,
        removed=done.left,
        held=done.held,
        problems=done.problems[:_SHOWN],
        what="people and groups",
    )
    memory.catalogue.sources.synced(name, summary.to_json())
    return summary
