"""From passages to documents."""

from typing import Any

from haystack import component

from search.flow import Grouped, Ranked
from search.group import PASSAGES, group


@component
class Group:
    """Gathers each document's best passages under it.

    :param passages: how many of a document are shown at most.
    """

    def __init__(self, passages: int = PASSAGES) -> None:
        self.passages = passages

    @component.output_types(grouped=Grouped)
    def run(self, ranked: Ranked) -> dict[str, Any]:
        """Group."""
        return {"grouped": Grouped(group(ranked.ranking, ranked.found.cards, self.passages), ranked)}
