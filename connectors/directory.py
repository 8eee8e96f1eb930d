"""The contract between Mneme and a directory: a source of people and groups instead of documents."""

from typing import Protocol, runtime_checkable

from connectors.base import SourceConfig
from memory.people.directory import Told


@runtime_checkable
class PeopleDirectory(Protocol):
    """One directory. It is added, checked, scheduled and removed as a source is, and keeps its secrets like one.

    What may pass by itself is a `SourceUnavailable`; whatever it raises or tells has no secret in it.
    """

    kind: str

    def __init__(self, config: SourceConfig) -> None: ...

    def check(self) -> str:
        """Say in one sentence what was found there.

        :raises SourceError: where it cannot be reached or read, with what to do about it.
        """
        ...

    def people(self) -> Told | None:
        """Everybody and every group it has, or nothing at all; None from one that is told of instead of asked.

        :raises SourceError: where it cannot be reached or read to its end: half of it would look as if the rest had left.
        """
        ...
