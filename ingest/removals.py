"""What leaves the memory because it is gone at its source, and what a legal hold keeps there all the same."""

from collections.abc import Sequence

from ingest.summary import Summary
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.ledger import LedgerRow


class Removals:
    """Takes documents out, each with all that is attached to it in one transaction.

    What a hold is on stays as it is, to be found by whoever could see it; its removal waits in the ledger for the end of
    the last hold, see `memory.catalogue.ledger.HELD_BACK`.
    """

    def __init__(self, catalogue: Catalogue, summary: Summary) -> None:
        self._catalogue = catalogue
        self._summary = summary

    def remove(self, row: LedgerRow, attached: Sequence[LedgerRow]) -> None:
        """Take a document out that its source has no more."""
        family = (row, *attached)
        with self._catalogue.transaction() as connection:
            # Asked for in here: a hold that is placed meanwhile is on it, or comes after it is gone.
            held = self._catalogue.holds.among(connection, (each.document for each in family))
            if held:
                self._catalogue.ledger.hold_back(connection, [each.ref for each in family], gone=True)
            else:
                for each in family:
                    if each.document:
                        self._catalogue.documents.remove(connection, each.document)
                    self._catalogue.ledger.drop(connection, each.ref)
        if held:
            self._summary.unread(family)
        elif not row.ref.key.endswith("/"):  # that was a folder that could not be listed, no document
            self._summary.removed += len(family)

    def there_again(self, row: LedgerRow, attached: Sequence[LedgerRow]) -> bool:
        """Note that a document lies at its source again, where its removal waited; says whether it did."""
        waited = row.held_back
        if waited:
            refs = [each.ref for each in (row, *attached)]
            with self._catalogue.transaction() as connection:
                self._catalogue.ledger.hold_back(connection, refs, gone=False)
        return waited

    def after_holds(self) -> list[str]:
        """Take out what only holds kept that have ended; gives the documents."""
        gone = []
        for ref in self._catalogue.holds.to_be_removed():
            if (row := self._catalogue.ledger.find([ref]).get(ref)) is None:
                continue  # went with what it was attached to
            attached = self._catalogue.ledger.attached([ref])[ref]
            self.remove(row, attached)
            gone += [each.document for each in (row, *attached) if each.document]
        return gone
