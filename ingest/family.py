"""A document and what is attached to it, read together.

The source lists only the document itself. What is attached to it, however deep, becomes documents with ids and
ledger rows of their own. A file is known again by its content, else by its name, never by its position.
"""

import hashlib
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from connectors.base import Content
from ingest.items import Broken, Fetched, Gone, Kept, Read, Skipped
from ingest.parsers.base import Attachment, Parsed
from ingest.parsers.scans import NO_TEXT, Known
from ingest.parsers.workers import ParserPool
from memory.catalogue.documents import new_document_id
from memory.catalogue.ledger import LedgerRow
from memory.domain import AUTHORING, Contribution, Failed, Role, SourceRef, Stage
from memory.errors import NotFound, ParseError

MAX_DEPTH = 5
"""How deep files within files are read."""

MAX_FILES = 500
"""Attached files of one document that are read, at all depths together."""

MAX_BYTES = 200_000_000
"""Bytes of attached files of one document that are read, at all depths together."""

_MARK = "//"  # no path has it: a folder's keys and these never meet
_UNSAFE = re.compile("[%/\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WRITTEN = (Stage.PARSED, Stage.INDEXED, Stage.EMBEDDED)

Member = Read | Skipped | Broken | Kept | Gone
Reading = Callable[[Fetched], tuple[Read | Skipped | Broken, Parsed]]
Recognised = Callable[[str], Known]
"""Gives what was recognised on the pages of a file before, by its digest."""


def attached_refs(parent: SourceRef, files: Sequence[Attachment]) -> list[SourceRef]:
    """The refs of attached files: ``KEY//DIGEST/NAME``, with ``~2`` where the same file comes twice."""
    refs: list[SourceRef] = []
    taken: set[str] = set()
    for file in files:
        name = _UNSAFE.sub(_percent, file.name.strip())[:120] or "attachment"
        digest = file.digest or hashlib.sha256(file.name.encode("utf-8", "replace")).hexdigest()
        first = key = f"{parent.key}{_MARK}{digest[:16]}/{name}"
        count = 1
        while key in taken:
            count += 1
            key = f"{first}~{count}"
        taken.add(key)
        refs.append(SourceRef(parent.kind, parent.source, key))
    return refs


def read_family(pool: ParserPool, fetched: Fetched, known: Recognised = lambda _digest: {}) -> list[Member]:
    """What became of a document and of everything attached to it, the document first.

    :param pool: the workers; each file is read by itself, so that a broken one costs its own row only.
    """

    def reading(each: Fetched) -> tuple[Read | Skipped | Broken, Parsed]:
        return _parse(pool, each, known)

    first, parsed = reading(fetched)
    if isinstance(first, Broken):
        # What is found of it from before stays, and so does what was attached to it.
        return [first, *(Kept(fetched, row) for row in fetched.attached)]
    return [first, *_Family(reading, fetched).read(parsed)]


def taken_out(pool: ParserPool, content: Content, ref: SourceRef) -> Content:
    """A file attached to a file.

    :param ref: of the attached file.
    :raises NotFound: where it is not in there any more.
    """
    try:
        files = pool.attachments(content.body, name=content.name, media_type=content.media_type)
    except (ParseError, OSError) as error:
        raise NotFound(f"{content.name} cannot be opened any more: {error}") from error
    for found, file in zip(attached_refs(content.ref, files), files, strict=True):
        if found == ref:
            return Content(ref, file.name or "attachment", file.data, file.media_type, content.url)
    raise NotFound(f"{content.name} does not hold this file any more.", hint="The next sync will notice.")


def _parse(pool: ParserPool, fetched: Fetched, known: Recognised) -> tuple[Read | Skipped | Broken, Parsed]:
    content = fetched.content
    try:
        before = known(fetched.digest)
        parsed = pool.parse(content.body, name=content.name, media_type=content.media_type, known=before)
    except ParseError as error:
        failure = Failed(content.ref, Stage.PARSED, error.message, retryable=error.retryable)
        return Broken(fetched, failure), Parsed("")
    except OSError as error:
        # Gone or locked since it was listed: the next sync looks again.
        reason = error.strerror or str(error)
        return Broken(fetched, Failed(content.ref, Stage.FETCHED, reason, retryable=True)), Parsed("")
    if not parsed.elements:
        return Skipped(fetched, parsed.empty_reason or "no text", len(parsed.unread)), parsed
    return Read(fetched, parsed), parsed


@dataclass(frozen=True, slots=True)
class _Holder:
    """A file that may hold others.

    :param before: the ref under which the ledger knew it.
    """

    fetched: Fetched
    parsed: Parsed
    before: SourceRef
    depth: int = 1


class _Family:
    """What is attached to one document, level by level."""

    def __init__(self, reading: Reading, root: Fetched) -> None:
        self._reading = reading
        self._root = root
        self._before = {row.ref: row for row in root.attached}
        """What the ledger knew of it and was not met yet."""
        self._files, self._bytes = MAX_FILES, MAX_BYTES
        self._waiting: deque[_Holder] = deque()

    def read(self, parsed: Parsed) -> Iterator[Member]:
        """Every attached file once, then those that are gone."""
        self._waiting.append(_Holder(self._root, parsed, self._root.content.ref))
        while self._waiting:
            yield from self._held_by(self._waiting.popleft())
        yield from (Gone(self._root, row) for row in self._before.values())

    def _held_by(self, holder: _Holder) -> Iterator[Member]:
        files = _first(holder.parsed.attachments, self._files)
        self._files -= len(files)
        new: list[tuple[Attachment, SourceRef]] = []
        for file, ref in zip(files, attached_refs(holder.fetched.content.ref, files), strict=True):
            row = self._before.get(ref)
            known = row and row.stage in _WRITTEN and not row.unread
            if row and known and not file.problem and row.content == file.digest:
                yield from self._keep(row)
            else:
                new.append((file, ref))
        for file, ref in new:
            yield self._read(file, ref, holder)

    def _keep(self, row: LedgerRow) -> Iterator[Kept]:
        del self._before[row.ref]
        yield Kept(self._root, row)
        for inner in [each for each in self._before.values() if each.parent == row.ref]:
            yield from self._keep(inner)

    def _read(self, file: Attachment, ref: SourceRef, holder: _Holder) -> Read | Skipped | Broken:
        row = self._known(file, ref, holder.before)
        child = self._fetched(file, ref, holder, row)
        if problem := self._too_much(file, holder.depth):
            return Skipped(child, problem, unread=int(problem == NO_TEXT))
        outcome, parsed = self._reading(child)
        if parsed.attachments:
            before = row.ref if row else ref
            self._waiting.append(_Holder(child, parsed, before, holder.depth + 1))
        return outcome

    def _known(self, file: Attachment, ref: SourceRef, parent: SourceRef) -> LedgerRow | None:
        """The row of the same file from before: under the same ref, with the same bytes, or of the same name."""
        name = _name(ref)
        beside = [row for row in self._before.values() if row.parent == parent]
        found = (
            self._before.get(ref)
            or next((row for row in beside if file.digest and row.content == file.digest), None)
            or next((row for row in beside if _name(row.ref) == name), None)
        )
        if found is not None:
            del self._before[found.ref]
        return found

    def _fetched(self, file: Attachment, ref: SourceRef, holder: _Holder, row: LedgerRow | None) -> Fetched:
        parsed, above = holder.parsed, holder.fetched.content
        content = Content(
            ref=ref,
            name=file.name or "attachment",
            body=file.data,
            media_type=file.media_type,
            url=above.url,
            modified=parsed.modified or parsed.created or above.modified,
            contributions=_senders(parsed, file),
        )
        return Fetched(
            content,
            (row.document if row else None) or new_document_id(),
            self._root.version,
            "",
            file.digest,
            self._root.access,
            parent=holder.fetched,
            replaces=row.ref if row and row.ref != ref else None,
        )

    def _too_much(self, file: Attachment, depth: int) -> str:
        if file.problem:
            return file.problem
        if depth > MAX_DEPTH:
            return f"attached more than {MAX_DEPTH} levels deep"
        self._bytes -= len(file.data)
        return f"more than {MAX_BYTES // 1_000_000} MB are attached" if self._bytes < 0 else ""


def _first(files: Sequence[Attachment], limit: int) -> list[Attachment]:
    """As many as may be read, and one that stands for the others."""
    if len(files) <= limit:
        return list(files)
    problem = (
        f"{len(files) - max(0, limit)} further files are attached: more than {MAX_FILES} in one document"
    )
    return [*files[: max(0, limit)], Attachment("further files", b"", problem=problem)]


def _senders(parsed: Parsed, file: Attachment) -> tuple[Contribution, ...]:
    """Who sent a message sent what is attached to it."""
    if file.message:
        return tuple(
            Contribution(part.person, Role.SENDER, part.at, part.evidence)
            for part in parsed.contributions
            if part.message == file.message and part.role in AUTHORING
        )
    return tuple(part for part in parsed.contributions if part.role is Role.SENDER)


def _name(ref: SourceRef) -> str:
    return ref.key.rpartition("/")[2].partition("~")[0]


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))
