"""What the connectors of social sources share: from a stream of posts to documents with access.

A thread is a document. What is said in a channel outside of threads is one for each day (UTC): a line alone says too
little to be found or understood, and days, unlike pauses, stay what they are when a line is deleted. Each post is a
passage of its own with its own writer all the same.

A walk writes the posts one after the other to a temporary file without a name, so that a conversation is fetched by
reading its posts there, however the export lies, and memory holds where they lie and nothing else.
"""

import json
import re
import tempfile
import weakref
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, BinaryIO, ClassVar
from urllib.parse import quote

from connectors.base import Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.file_tree import key_of
from connectors.patterns import AccessRules, Patterns, digest_of
from connectors.social.archive import Archive, open_archive, reason
from connectors.social.posts import Conversation, Post, Someone, merged
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError
from memory.media_types import THREAD

_TOKEN = re.compile(r"[^\s,!=]+")


@dataclass(frozen=True, slots=True)
class Channel:
    """Where something is said.

    :param id: the source's own lasting id of it.
    :param name: what patterns and access rules mean it by, with ``/`` between a team and its channel.
    :param label: what readers see: ``#legal``.
    :param members: ids of who may read it; None where everybody may who may see the source.
    :param told: whether the export tells the members of what is private: where not, a rule that means it may open it.
    :param url: where it is at the source.
    """

    id: str
    name: str
    label: str
    members: frozenset[str] | None = None
    told: bool = True


@dataclass(frozen=True, slots=True)
class Said:
    """One post and where it belongs.

    :param thread: the id of the post that the thread began with; ``""`` where it is in none.
    :param file: the file of the export that it stands in.
    :param replies: how many replies the export says its thread has.
    :param url: where the thread is at the source.
    """

    channel: Channel
    post: Post
    file: str
    thread: str = ""
    replies: int = 0
    url: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """Something in a file of the export that could not be read.

    :param part: which part of the file, ``""`` where it is all that follows.
    """

    file: str
    reason: str
    part: str = ""


class Export(ABC):
    """An export as one product writes it, open for one walk.

    :param people: whoever may have written, by the ids that posts use.
    :param form: how texts are marked up, see `connectors.social.posts.Conversation`.
    """

    form: ClassVar[str]
    people: Mapping[str, Someone]

    @abstractmethod
    def batches(self) -> Iterator[Iterable[Said | Unread]]:
        """All posts in batches, each of which holds whole threads; deleted ones as posts that are gone."""

    @abstractmethod
    def doubts(self, key: str, unread: Mapping[str, str]) -> str:
        """Why a conversation that was not met may be there all the same, ``""`` where it is gone.

        :param unread: files that could not be read to their end, each with the reason.
        """

    def cut(self, key: str) -> str:  # noqa: ARG002
        """Why the post that a thread began with may be there though it was not met, ``""`` where it is gone."""
        return ""


@dataclass(slots=True)
class _Place:
    """A conversation on the walk: where its posts lie in the temporary file, and what else is known of it."""

    channel: Channel
    title: str = ""
    url: str = ""
    spans: "array[int]" = field(default_factory=lambda: array("Q"))
    files: tuple[str, ...] = ()
    replies: int = 0

    def add(self, start: int, end: int) -> None:
        """Note another post; one that lies right behind the last makes one stretch with it."""
        if self.spans and self.spans[-1] == start:
            self.spans[-1] = end
        else:
            self.spans.extend((start, end))


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Walk:
    """What is remembered of a walk; with it go the temporary file and the export that is held open."""

    archive: Archive
    export: Export
    spool: BinaryIO
    places: dict[str, _Place] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict)
    """Of each file as it was when it was read."""
    unread: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    """Conversations of which not all could be read, with the reason: they stay as they are known."""
    allowed: dict[tuple[frozenset[str], Access], Access] = field(default_factory=dict)
    """Who may see what is private, by its members and what it starts with."""

    def doubts(self, key: str) -> str:
        """Why a document that was not listed may be there all the same."""
        return self.kept.get(key) or self.export.doubts(key, self.unread)

    def __post_init__(self) -> None:
        for held in (self.spool, self.archive):
            weakref.finalize(self, held.close)


class ThreadSource(ABC):
    """A connector that reads the posts of an export. Each product adds how its export is read.

    :raises InvalidInput: where there is no location or a pattern cannot be understood.
    """

    kind: str
    reports_deletions = False
    options: ClassVar[tuple[str, ...]] = ()
    secrets: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: SourceConfig) -> None:
        if not config.location or "\0" in config.location:
            raise InvalidInput(f"A {self.kind} source needs the path of an export.")
        config.only(options=self.options, secrets=self.secrets)
        self._config = config
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._access = AccessRules(config.access, config.rules)
        self._walk: _Walk | None = None

    @abstractmethod
    def open_export(self, archive: Archive) -> Export:
        """The export in these files.

        :raises SourceError: where they are none of this product.
        """

    def check(self) -> str:
        """Say what export there is.

        :raises SourceError: where there is none.
        """
        archive, export = self._opened()
        archive.close()
        return f"{archive.path} is an export with {len(export.people):,} people."

    def changes(self, since: str | None) -> Iterator[Change]:
        """Walk the whole export, whatever the cursor: what has not changed keeps its version and is not fetched.

        :raises SourceError: where it cannot be read, at once; where it goes away meanwhile, at the end.
        """
        del since
        return self._changes(self._begin())

    def fetch(self, ref: SourceRef) -> Content:
        """A conversation with the files on its posts.

        :raises NotFound: where the export does not hold it.
        :raises SourceError: where it cannot be read, or may lie in a part that cannot.
        """
        walk, place = self._found(ref, fresh=True)
        conversation = self._conversation(walk, place)

        def read(member: str, most: int) -> bytes:
            with walk.archive.open(member) as file:
                return file.read(most)

        return Content(
            ref, "thread", conversation.to_bytes(read), THREAD, url=place.url, title=conversation.title
        )

    def access(self, ref: SourceRef) -> Access:
        """The members of a private channel; else what the last rule says that matches, or the source starts with.

        :raises NotFound: where the export does not hold it.
        """
        walk, place = self._found(ref)
        return self._allowed(walk, place.channel, ref.key)

    def close(self) -> None:
        """Let go of the export and of the temporary file."""
        self._let_go()

    def _let_go(self) -> None:
        if self._walk is not None:
            self._walk.spool.close()
            self._walk.archive.close()
            self._walk = None

    def account(self, identity: str) -> str:
        """What an account of this source is known as."""
        return f"{self._config.name}:{identity}"

    def _begin(self) -> _Walk:
        self._let_go()
        archive, export = self._opened()
        self._walk = _Walk(archive, export, tempfile.TemporaryFile())  # noqa: SIM115 - open as long as the walk
        return self._walk

    def _opened(self) -> tuple[Archive, Export]:
        archive = open_archive(self._config.location)
        try:
            return archive, self.open_export(archive)
        except OSError as error:
            archive.close()
            raise SourceError(
                f"{archive.path} cannot be read as an export of {self.kind}: {reason(error)}.",
                hint="Download the export again.",
            ) from error
        except SourceError:
            archive.close()
            raise

    def _changes(self, walk: _Walk) -> Iterator[Change]:
        for batch in walk.export.batches():
            met: dict[str, _Place] = {}
            for item in batch:
                if isinstance(item, Unread):
                    failed = self._unread(item)
                    walk.unread.setdefault(failed.ref.key, f"{item.file}: {item.reason}")
                    yield failed
                else:
                    self._note(walk, met, item)
            for key, place in met.items():
                yield from self._listed(walk, key, place)
        gone = [name for name, stamp in walk.stamps.items() if walk.archive.stamp(name) != stamp]
        if gone and not walk.archive.path.exists():
            raise SourceError(f"{walk.archive.path} went away while it was read.", hint="Run the sync again.")
        doubt = f"{gone[0]} changed while it was read" if gone else ""
        yield Checkpoint(
            datetime.now(UTC).isoformat(timespec="seconds"),
            doubt=doubt,
            doubts=walk.doubts,
        )

    def _note(self, walk: _Walk, met: dict[str, _Place], said: Said) -> None:
        key = _key(said)
        place = met.get(key)
        if place is None:
            shown = f"{said.channel.name}/{key.partition('/')[2]}"
            if not self._include.matches(shown) or self._exclude.matches(shown):
                return
            # A thread in two batches is a mistake of the export; its posts are one document all the same.
            place = met[key] = walk.places.setdefault(key, _Place(said.channel))
        if said.file not in walk.stamps:
            walk.stamps[said.file] = walk.archive.stamp(said.file)
        if said.file not in place.files:
            place.files = (*place.files, said.file)
        place.replies = max(place.replies, said.replies)
        place.url, place.title = place.url or said.url, place.title or said.title
        if not said.thread:
            place.title = f"{said.channel.label}, {said.post.at.astimezone(UTC):%Y-%m-%d}"
        start = walk.spool.tell()
        place.add(start, start + walk.spool.write(said.post.to_json()))

    def _listed(self, walk: _Walk, key: str, place: _Place) -> Iterator[Change]:
        conversation = self._conversation(walk, place)
        if missing := _missing(walk, key, place, conversation.posts):
            # What is left of it must not take the place of what is known of it.
            walk.kept[key] = f"{key}: not all of it can be read ({missing})"
        elif conversation.posts:
            access = digest_of(self._allowed(walk, place.channel, key))
            yield Upserted(SourceRef(self.kind, self._config.name, key), f"{conversation.digest()}-{access}")
            return
        del walk.places[key]

    def _conversation(self, walk: _Walk, place: _Place) -> Conversation:
        lines: list[bytes] = []
        for start, end in zip(place.spans[::2], place.spans[1::2], strict=True):
            walk.spool.seek(start)
            lines += walk.spool.read(end - start).splitlines()
        walk.spool.seek(0, 2)
        posts = merged(map(json.loads, lines))
        return Conversation(place.title, place.channel.label, walk.export.form, posts, walk.export.people)

    def _allowed(self, walk: _Walk, channel: Channel, key: str) -> Access:
        shown = f"{channel.name}/{key.partition('/')[2]}"
        start = self._access.of(shown)
        if channel.members is None:
            return start
        if not channel.told and self._access.has(shown):
            return start
        known = walk.allowed.get((channel.members, start))
        if known is None:
            known = Access(frozenset(self._tokens(walk.export, channel.members)), start.deny)
            walk.allowed[channel.members, start] = known
        return known

    def _tokens(self, export: Export, members: Iterable[str]) -> Iterator[str]:
        """What members hold: the token of their address, else that of their account."""
        for member in members:
            someone = export.people.get(member)
            address = someone.identity.address if someone else ""
            token = f"person:{address}" if address else f"account:{self.account(member)}"
            if _TOKEN.fullmatch(token):
                yield token

    def _found(self, ref: SourceRef, *, fresh: bool = False) -> tuple[_Walk, _Place]:
        """The place of a document.

        :param fresh: whether the files it stands in must be as they were when it was listed.
        """
        if (ref.kind, ref.source) != (self.kind, self._config.name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._config.name}.")
        for _ in range(2):
            if (walk := self._walk) is None or not self._covers(walk.export, ref.key):
                self._read_for(ref.key)
                walk = self._walk
            place = walk.places.get(ref.key) if walk else None
            if walk is None or place is None:
                break
            if not fresh or all(walk.archive.stamp(name) == walk.stamps[name] for name in place.files):
                return walk, place
            self._let_go()
        doubt = walk.doubts(ref.key) if walk else "the export changes while it is read"
        if doubt:
            raise SourceError(f"{ref} cannot be found: {doubt}.", hint="Run the sync again.")
        raise NotFound(f"There is no document {ref}.")

    def _read_for(self, key: str) -> None:  # noqa: ARG002
        """Walk as far as one document takes: all the way, unless the source can tell."""
        sum(1 for _ in self.changes(None))

    def _covers(self, export: Export, key: str) -> bool:  # noqa: ARG002
        """Whether a walk that was made has met a document, if it is there."""
        return True

    def _unread(self, item: Unread) -> Failed:
        name = shortened(key_of(item.file))
        key = f"{name}#{item.part}" if item.part else name
        return Failed(SourceRef(self.kind, self._config.name, key), Stage.SEEN, item.reason, retryable=True)


def _missing(walk: _Walk, key: str, place: _Place, posts: Sequence[Mapping[str, Any]]) -> str:
    """What of a conversation could not be read, ``""`` where nothing is missing."""
    for name in place.files:
        if name in walk.unread:
            return walk.unread[name]
    if walk.unread and sum(bool(post.get("reply")) for post in posts) < place.replies:
        return next(iter(walk.unread.values()))
    begun = any(not post.get("reply") for post in posts)
    return "" if begun or not posts else walk.export.cut(key)


def _key(said: Said) -> str:
    """``CHANNEL/THREAD``, or ``CHANNEL/2024-03-01`` for what was said that day outside of threads."""
    rest = said.thread or f"{said.post.at.astimezone(UTC):%Y-%m-%d}"
    return f"{key_part(said.channel.id)}/{key_part(rest)}"


def key_part(identity: str) -> str:
    """An id as a part of a key: without slashes or what cannot be printed, and not too long."""
    return shortened(quote(identity, safe=" !$&'()*+,.:;=@~", errors="surrogatepass"), most=150)


def shortened(plain: str, most: int = 500) -> str:
    """A text that is not too long; of one that was, no other has the same."""
    if len(plain) <= most:
        return plain
    return f"{plain[:100]}~{blake2b(plain.encode(), digest_size=12).hexdigest()}"
