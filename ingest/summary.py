"""What a sync did, in numbers that add up."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from memory.catalogue.ledger import LedgerRow
from memory.domain import Failed, Stage


@dataclass(slots=True)
class Summary:
    """Counts of one sync of one source.

    ``known`` is every document the source listed or the ledger knew before, attached ones too, each once, and equals
    ``indexed + unchanged + moved + skipped + failed + removed + held``.

    :param held: documents missing at the source whose removal waits for confirmation.
    :param problems: the first failures, for a person to read.
    :param stopped: why the sync of the source stopped before its end; ``""`` where it did not.
    :param what: what is counted.
    """

    source: str
    known: int = 0
    indexed: int = 0
    unchanged: int = 0
    moved: int = 0
    skipped: int = 0
    failed: int = 0
    removed: int = 0
    held: int = 0
    problems: list[str] = field(default_factory=list)
    stopped: str = ""
    what: str = "documents"

    def fail(self, failure: Failed) -> None:
        """Count a failure and keep the first of them to show."""
        self.failed += 1
        if len(self.problems) < 20:
            self.problems.append(f"{failure.ref.key}: {failure.reason}")

    def doubt(self, reason: str) -> None:
        """Keep the reason why missing documents are not taken for gone, once."""
        if reason and reason not in self.problems:
            self.problems.append(reason)

    def unread(self, rows: Iterable[LedgerRow]) -> None:
        """Count documents that stay as they were, each by how far it had come."""
        for row in rows:
            if row.stage is Stage.SKIPPED:
                self.skipped += 1
            elif row.stage is Stage.FAILED:
                self.fail(Failed(row.ref, row.stage, row.reason))
            else:
                self.unchanged += 1

    @property
    def accounted(self) -> int:
        """The sum of all outcomes; equals `known`."""
        return (
            self.indexed + self.unchanged + self.moved + self.skipped + self.failed + self.removed + self.held
        )

    def to_json(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return asdict(self)
