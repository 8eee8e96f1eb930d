"""What is remembered of a walk over a source until its end, and what it means for what was not met."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from connectors.base import Upserted
from memory.catalogue.ledger import LedgerRow
from memory.domain import SourceRef


@dataclass(slots=True)
class Walked:
    """What is to be remembered of a walk until its end."""

    seen: set[str] = field(default_factory=set)
    unlisted: list[str] = field(default_factory=list)
    """Folders that could not be listed: what lies beneath is not gone, only not seen."""
    candidates: list[tuple[Upserted, LedgerRow]] = field(default_factory=list)
    """New documents that may be old ones in a new place."""
    new: set[str] = field(default_factory=set)
    """Keys of documents that were not known before."""
    moved: set[SourceRef] = field(default_factory=set)
    """Where documents lay that have moved."""
    deleted: list[SourceRef] = field(default_factory=list)
    explicit: set[SourceRef] = field(default_factory=set)
    """Of these, what somebody asked for one by one."""
    cursor: str | None = None
    doubt: str = ""
    """Why nothing that was not met may be taken for gone."""
    whole: bool = False
    """Whether the source listed everything although it was given a cursor."""
    doubts: Callable[[str], str] = lambda _key: ""
    """The same for one document, by its key."""

    def is_gone(self, key: str) -> bool:
        """Whether a known document is not there any more."""
        return key not in self.seen and self.doubt_of(key) is None

    def elsewhere(self, gone: Iterable[LedgerRow], there: Iterable[LedgerRow]) -> set[SourceRef]:
        """Of what is gone, what came in under another name: the same bytes, one new document for one old.

        That is how a folder moves at a source that does not tell which file is which.
        """
        came = Counter(row.content for row in there if row.ref.key in self.new and row.document)
        found = set()
        for row in gone:
            if row.document and row.content and came[row.content]:
                came[row.content] -= 1
                found.add(row.ref)
        return found

    def doubt_of(self, key: str) -> str | None:
        """Why a document that was not met may be there all the same (``""``: its folder says so); None where it is gone."""
        if self.doubt:
            return self.doubt
        if any(key.startswith(folder) for folder in self.unlisted):
            return ""
        return self.doubts(key) or None
