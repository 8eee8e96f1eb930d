"""The contract between Mneme and a source: what changed there, and the bytes of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import SecretStr

from memory.domain import Access, Contribution, Failed, SourceRef
from memory.errors import InvalidInput

OUT_OF_REACH = "Check the path, or mount it again; what is in the memory stays there meanwhile."
"""What to do where the place of a source is not there: it may be mistyped, or gone for a while."""


@dataclass(frozen=True, slots=True)
class Upserted:
    """The source holds this document, in this version.

    :param version: changes whenever anything that affects indexing changes, access included.
    :param fingerprint: stays the same when the document is moved or renamed and differs between
        documents (a file's inode, size and modification time, say); ``""`` where the source has none.
    :param size: its bytes, where the source tells them with the listing: what is too large is not even fetched.
    """

    ref: SourceRef
    version: str
    fingerprint: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The source itself says that a document has a new place; it may have other bytes there too."""

    old: SourceRef
    new: SourceRef
    version: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """The source itself says that a document is gone.

    :param explicit: somebody asked for just this; the guard against mass removal does not weigh it.
    """

    ref: SourceRef
    explicit: bool = False


UNASKED = "not asked for yet: "
"""How a doubt begins (`Checkpoint.doubts`) of a document that may well be gone, but too many were missing to ask for each in one walk:
the guard against mass removal weighs it like one that is gone."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything yielded before this may be taken as done once it is in the ledger.

    :param cursor: what to give `Connector.changes` to go on from here.
    :param doubt: why documents that were not met may be there all the same (a mailbox that is cut off, say):
        then none of them counts as gone.
    :param whole: the walk listed everything although it was given a cursor, because that leads nowhere any more: what
        it has not met is gone, as after `changes(None)`.
    :param doubts: the same for one document by its key, ``""`` where it is gone: an export may lack one day only.
    """

    cursor: str
    doubt: str = ""
    whole: bool = False
    doubts: Callable[[str], str] | None = field(default=None, compare=False)


Change = Upserted | Moved | Deleted | Failed | Checkpoint


@dataclass(frozen=True, slots=True)
class Content:
    """A document as the source holds it, not yet read.

    :param name: the file name or what comes nearest to one; its ending helps to tell the type.
    :param body: the bytes, or the path of a local file that holds them.
    :param title: as the source itself calls it; ``""`` lets the text decide.
    :param media_type: as the source declares it; ``""`` lets the bytes decide.
    :param contributions: what the source itself knows of the people (not what the text says).
    """

    ref: SourceRef
    name: str
    body: bytes | Path
    media_type: str = ""
    url: str = ""
    created: datetime | None = None
    modified: datetime | None = None
    contributions: tuple[Contribution, ...] = ()
    title: str = ""

    def read(self) -> bytes:
        """The bytes.

        :raises OSError: where the local file cannot be read any more.
        """
        return self.body if isinstance(self.body, bytes) else self.body.read_bytes()


def _unkept(secret: str, value: SecretStr) -> None:
    """Where nobody keeps secrets, a new one is lost with the connector."""


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """What a connector is made from: the settings given when the source was added.

    :param name: the source's name.
    :param location: a path or an address.
    :param access: what every document of the source starts with.
    :param rules: access for parts of the source as ``(pattern, access)``; the last that matches replaces `access`.
    :param include, exclude: patterns of keys; ``**`` crosses folders.
    :param options: anything else the connector understands.
    :param secrets: passwords and tokens by name; printed, logged or pickled into a text they stay hidden.
    :param renew: keeps another value of a secret by its name, where the source itself replaced it (a refresh token, say): the
        old one may be worth nothing any more.
    :param state: a folder of the source's own, made by whoever needs it, for what can be made again (a clone, say): it
        goes with the source, and no backup has it. What is there may be an earlier source's of the name. None where there is no memory: keep such things for a while only.
    """

    name: str
    location: str
    access: Access = field(default_factory=Access)
    rules: tuple[tuple[str, Access], ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, SecretStr], ...] = ()
    state: Path | None = None
    renew: Callable[[str, SecretStr], None] = field(default=_unkept, compare=False, repr=False)

    def option(self, name: str, default: str = "") -> str:
        """What was given as an option."""
        return dict(self.options).get(name, default)

    def secret(self, name: str) -> SecretStr | None:
        """A password or token; None where none was given."""
        return dict(self.secrets).get(name)

    def only(self, *, options: tuple[str, ...] = (), secrets: tuple[str, ...] = ()) -> None:
        """Refuse what the connector does not know.

        :raises InvalidInput: naming the first such option or secret, and those there are.
        """
        for what, given, known in (("option", self.options, options), ("secret", self.secrets, secrets)):
            for name, _ in given:
                if name not in known:
                    hint = f"It knows {', '.join(known)}." if known else "Leave it out."
                    raise InvalidInput(f"The source {self.name} has no {what} {name}.", hint=hint)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a source makes of a name, whether or not it has ever listed it.

    :param key: the key a document of that name has or would have.
    :param there: whether the source holds something under that name now.
    :param rule: what leaves it out: ``exclude``, ``include`` (no pattern of it fits), ``hidden``, ``junk``, ``link``
        or ``kind`` (no document at all, such as a pipe); ``""`` where nothing does.
    :param pattern: the pattern that decided, where one did.
    """

    key: str
    there: bool
    rule: str = ""
    pattern: str = ""


@runtime_checkable
class Covers(Protocol):
    """What a connector may offer besides: to say why it would not list a document."""

    def covers(self, text: str) -> Coverage | None:
        """What the source makes of a path or a key; None where it does not lie there."""
        ...


@runtime_checkable
class Locates(Protocol):
    """What a connector may offer besides: to say where a document is shown, so that one that only moved is not fetched."""

    def url(self, ref: SourceRef) -> str:
        """The address that `Content.url` would have.

        :raises NotFound: where the document is not there.
        :raises SourceError: where that cannot be told.
        """
        ...


@runtime_checkable
class Closes(Protocol):
    """What a connector may offer besides: to let go of its connections."""

    def close(self) -> None:
        """End what was opened; whatever is asked afterwards opens it again."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """What a connector may offer besides: to make its place when the source is added."""

    def prepare(self) -> None:
        """Make what the source needs, unless it is there.

        :raises SourceError: where that is impossible.
        """
        ...


@runtime_checkable
class Connector(Protocol):
    """One source. A connector finds and fetches; it parses nothing and knows nothing of search.

    Rules, each a test in `connectors.testing`:

    1. `changes(None)` is the full walk: an `Upserted` for every document, once each.
    2. What cannot be listed or read is a `Failed`, never a silent gap and never an exception.
    3. Unchanged documents keep their version; any change to content or access changes it.
    4. The last thing a complete walk yields is a `Checkpoint`; a walk that breaks off yields none.
    5. A source that cannot be reached raises `SourceError` before the first change: an empty answer
       is only given by a source that is empty.
    6. `fetch` of a document that is gone raises `NotFound`; of one that cannot be read, `SourceError`.
    7. A folder that cannot be listed is a `Failed` whose key ends with ``/``, and the walk goes on: the
       sync takes every document whose key begins with it as not seen, never as gone.

    A class with `reads_files_of_others = True` runs in a limited process (`connectors.limited`): without a network, secrets or what
    `Covers`, `Locates` and `Prepares` offer.

    What may pass by itself is a `SourceUnavailable`, and a `RateLimited` where the source asks for a pause: the sync
    waits and tries again (`connectors.patience`), so a connector does neither. Whatever it raises or yields
    has no secret in it.
    """

    kind: str
    reports_deletions: bool
    """Whether `changes(cursor)` yields `Deleted`; where not, a full walk is compared with the catalogue."""

    def __init__(self, config: SourceConfig) -> None: ...

    def check(self) -> str:
        """Say in one sentence what was found at the source.

        :raises SourceError: where it cannot be reached, with what to do about it.
        """
        ...

    def changes(self, since: str | None) -> Iterator[Change]:
        """What changed since the cursor, or everything with `None`."""
        ...

    def fetch(self, ref: SourceRef) -> Content:
        """The document's bytes and what the source knows about it."""
        ...

    def access(self, ref: SourceRef) -> Access:
        """Who may see the document."""
        ...
