"""What a share connector asks of a server, whatever it speaks."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol

from connectors.base import SourceConfig
from memory.domain import Access


class Kind(StrEnum):
    """What lies under a name."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"
    """A pipe, a socket, a device."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a server tells of one name.

    :param name: within its folder; bytes that are no UTF-8 as surrogates (PEP 383).
    :param size: in bytes.
    :param version: differs whenever the bytes may differ, by the server's word alone: no clock of ours is in it.
    :param identity: stays where the file is renamed, and differs between files; ``""`` where the server has none.
    :param access: who may see it by the server's permissions; None where they were not asked for.
    :param trouble: why the file cannot be taken in, as far as that shows already.
    """

    name: str
    kind: Kind
    size: int = 0
    version: str = ""
    identity: str = ""
    modified: datetime | None = None
    created: datetime | None = None
    access: Access | None = None
    trouble: str = ""


class Tree(Protocol):
    """A server's files. Paths are relative to the root, with ``/``; the root itself is ``""``.

    What is wrong with one path is an `OSError` as `os` would raise it (`FileNotFoundError`, `NotADirectoryError`,
    `PermissionError`, or any other); what is wrong with the server or the network is a `SourceError`.
    """

    options: ClassVar[tuple[str, ...]]
    """Options it reads besides those of every share; one that ends in ``.`` stands for all that begin so."""
    secrets: ClassVar[tuple[str, ...]]
    """Secrets it reads, in the same way."""
    tells_permissions: ClassVar[bool]
    """Whether its server says who may read a file."""
    flat: ClassVar[bool]
    """Whether there are no folders: then `listed` of the root gives everything, and any text may be a name."""
    place: str
    """The root as people write it, without secrets."""

    def __init__(self, config: SourceConfig, permissions: bool) -> None: ...

    def root(self) -> str:
        """Which folder the root is, after trying whether it is there: differs where another took its place.

        :raises SourceError: where there is none.
        """
        ...

    def listed(self, folder: str, above: Access | None) -> Generator[Entry, None, None]:
        """What lies in a folder, as it comes.

        :param above: who may enter that folder, as its own entry had it; None for the root.
        """
        ...

    def look(self, path: str) -> Entry:
        """One file as it is now; its path is spelt as the server has it, and leads through no link."""
        ...

    def access(self, path: str) -> Access:
        """Who may see a file, as it is now."""
        ...

    def read(self, path: str, entry: Entry) -> bytes | Path | None:
        """The whole file, or a copy of it that stays for a while; None where it was changed while it was read.

        :param entry: what is known of it: no more bytes are read than it has.
        """
        ...

    def url(self, path: str) -> str:
        """Where people open it."""
        ...

    def close(self) -> None:
        """End the connection; whatever is asked afterwards opens it again."""
        ...
