"""The words Mneme thinks in: frozen, typed, timezone-aware values with one text form.

Only the standard library is imported here, so that every folder may use these values.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from memory.errors import InvalidInput

PUBLIC = "public"
"""The token everybody holds: a document that grants it can be read by anyone."""

HELD_SHARE = 0.2
"""The share of a source that may vanish in one sync without a person's word: an unmounted share looks empty."""

_KIND = re.compile(r"[a-z][a-z0-9_]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TOKEN = re.compile(r"[^\s,!=]+")


def _aware(moment: datetime | None, what: str) -> None:
    if moment is not None and moment.tzinfo is None:
        raise InvalidInput(f"{what} has no time zone: {moment.isoformat()}.")


@dataclass(frozen=True, slots=True, order=True)
class SourceRef:
    """Where a document lies at its source. Prints ``kind:source/key`` and parses back.

    :param kind: the connector's name, for instance ``folder``.
    :param source: the name the source was given when it was added.
    :param key: the source's own lasting name of the document; never a position in a list.
    """

    kind: str
    source: str
    key: str

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind) or not _NAME.fullmatch(self.source) or not self.key:
            raise InvalidInput(f"Not a source reference: {self.kind}:{self.source}/{self.key}.")

    def __str__(self) -> str:
        return f"{self.kind}:{self.source}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``kind:source/key`` back.

        :raises InvalidInput: where the text has not that form.
        """
        kind, colon, rest = text.partition(":")
        source, slash, key = rest.partition("/")
        if not colon or not slash:
            raise InvalidInput(f"Not a source reference: {text}.", hint="It reads kind:source/key.")
        return cls(kind, source, key)


class Role(StrEnum):
    """What somebody did to a document. Being a recipient or a member is never authorship."""

    AUTHOR = "author"
    EDITOR = "editor"
    SENDER = "sender"
    RECIPIENT = "recipient"
    COMMENTER = "commenter"
    APPROVER = "approver"
    SIGNATORY = "signatory"
    OWNER = "owner"
    MENTIONED = "mentioned"


class Formality(StrEnum):
    """How official a document is, most official first."""

    CONTRACT = "contract"
    POLICY = "policy"
    PAGE = "page"
    MESSAGE = "message"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Identity:
    """What one document says about who somebody is; the catalogue joins identities to a `Person`.

    :param name: the name as written, for instance ``Doe, Jane``.
    :param address: the e-mail address, lower-cased.
    :param account: the source's own account id, as ``source:id``.
    """

    name: str = ""
    address: str = ""
    account: str = ""

    def __post_init__(self) -> None:
        if not (self.name or self.address or self.account):
            raise InvalidInput("An identity needs a name, an address or an account.")


@dataclass(frozen=True, slots=True)
class Contribution:
    """Somebody's part in a document, and where that is written.

    :param evidence: where it was read, for instance ``document properties`` or ``by-line``.
    :param message: the message of a thread that it was made in, as `Location.message` has it; ``""`` where it is
        about the document as a whole.
    """

    person: Identity
    role: Role
    at: datetime | None = None
    evidence: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        _aware(self.at, "A contribution")


@dataclass(frozen=True, slots=True)
class Person:
    """One human being over many identities.

    :param id: the lasting id.
    :param name: the name to show.
    :param identities: every name, address and account that was joined to this person.
    """

    id: str
    name: str
    identities: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonLink:
    """A person beside a result: who, in which role, when, and where that was read."""

    id: str
    name: str
    role: Role
    at: datetime | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may see a document: deny wins over grant, and nothing granted means nobody.

    Tokens are opaque, for instance ``group:legal`` or ``person:jane@x.example``; the token
    ``public`` is held by everyone.
    """

    grant: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for token in self.grant | self.deny:
            if not _TOKEN.fullmatch(token):
                raise InvalidInput(
                    f"Not an access token: {token!r}.", hint="A token has no blank, comma, '!' or '='."
                )

    @property
    def public(self) -> bool:
        """Whether everybody may see it, denied tokens aside."""
        return PUBLIC in self.grant

    def narrowing(self, old: "Access") -> "Access":
        """Who may see by both this and the old access."""
        if self.public or old.public:
            grant = old.grant if self.public else self.grant
        else:
            grant = self.grant & old.grant
        return Access(grant, self.deny | old.deny)

    def allows(self, asker: "Asker") -> bool:
        """Whether the asker may see what carries this access."""
        if asker.owner:
            return True
        return not (self.deny & asker.tokens) and bool(self.grant & asker.tokens)


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf something is searched, opened or counted; every way out takes one.

    :param person: the id of the person, or ``""`` where nobody is known.
    :param tokens: the access tokens held; ``public`` is always among them.
    :param owner: the owner of a memory without login, who sees everything.
    :param key: what is theirs is kept under this: unlike the person's id it stays when people are joined or split.
        The id, unless given.
    """

    person: str = ""
    tokens: frozenset[str] = frozenset()
    owner: bool = False
    key: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.key or self.person)
        object.__setattr__(self, "tokens", frozenset(self.tokens) | {PUBLIC})


OWNER = Asker(person="owner", owner=True)
"""The owner of a memory on loopback without login."""


@dataclass(frozen=True, slots=True)
class Location:
    """Exactly where a passage stands.

    :param start, end: offsets in characters into the document's canonical text.
    :param page: page of a paged document, from 1.
    :param heading: the headings above the passage, outermost first.
    :param sheet: the sheet of a workbook.
    :param slide: the slide of a presentation, from 1.
    :param message: the message of a thread, by its id.
    :param scanned: whether it was recognised on a picture of the page.
    """

    start: int
    end: int
    page: int | None = None
    heading: tuple[str, ...] = ()
    sheet: str | None = None
    slide: int | None = None
    message: str | None = None
    scanned: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise InvalidInput(f"Not a span: {self.start}-{self.end}.")

    def to_json(self) -> dict[str, Any]:
        """The location as JSON values, without what is not known."""
        known: dict[str, Any] = {"start": self.start, "end": self.end}
        if self.heading:
            known["heading"] = list(self.heading)
        for name in ("page", "sheet", "slide", "message"):
            if (value := getattr(self, name)) is not None:
                known[name] = value
        return known | ({"scanned": True} if self.scanned else {})

    @classmethod
    def from_json(cls, known: dict[str, Any]) -> Self:
        """Read back what `to_json` gave."""
        return cls(**{**known, "heading": tuple(known.get("heading", ()))})


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document that is found as one.

    :param id: the index's point id; 0 before the catalogue has given one.
    :param document: the id of the document.
    :param ordinal: its place in the document, from 0.
    :param text: exactly ``canonical_text[location.start:location.end]``.
    """

    document: str
    ordinal: int
    text: str
    location: Location
    id: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """One thing that was written down, wherever it lies now.

    :param id: the lasting id; `ref` may change when the document moves.
    :param version: the source's version string: changes whenever anything that affects
        indexing changes, access included.
    :param parent: the id of the document this one is attached to.
    """

    id: str
    ref: SourceRef
    title: str
    media_type: str
    language: str = ""
    created: datetime | None = None
    modified: datetime | None = None
    url: str = ""
    version: str = ""
    parent: str | None = None
    thread: str | None = None
    formality: Formality = Formality.PAGE
    access: Access = field(default_factory=Access)
    contributions: tuple[Contribution, ...] = ()

    def __post_init__(self) -> None:
        _aware(self.created, "A document's creation")
        _aware(self.modified, "A document's change")


class Stage(StrEnum):
    """How far a document has come on its way into the memory."""

    SEEN = "seen"
    FETCHED = "fetched"
    PARSED = "parsed"
    INDEXED = "indexed"
    """Findable by its words; its vectors may follow."""
    EMBEDDED = "embedded"
    """Findable by its meaning too: the last stage."""
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure as data: one bad document never stops a sync, and nothing is dropped silently.

    :param ref: the document; one that could not even be listed has the name the source gave it.
    :param stage: the stage it did not reach.
    """

    ref: SourceRef
    stage: Stage
    reason: str
    retryable: bool = False


def tokens(texts: Iterable[str]) -> frozenset[str]:
    """Access tokens as a set, without blanks around them."""
    return frozenset(text.strip() for text in texts if text.strip())


AUTHORING = frozenset(
    {Role.AUTHOR, Role.EDITOR, Role.SENDER, Role.COMMENTER, Role.APPROVER, Role.SIGNATORY, Role.OWNER}
)
"""The roles that ``author:`` finds and the author facet counts: having received it, or being named, is none."""
