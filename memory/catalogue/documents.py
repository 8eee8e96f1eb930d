"""Documents under their lasting ids: written, moved and removed so that a crash leaves no gap.

A change is first written here (new passages beside the old, which turn stale), then to the index, then
confirmed here (stale passages dropped). Whatever a crash interrupts stands in the tables as pending and is
done by the next sync; until then the old passages are still found.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from memory.catalogue.engine import after_commit, transaction
from memory.catalogue.hold_schema import is_held
from memory.catalogue.indexes import NONE
from memory.catalogue.ledger import BATCH, named_as
from memory.catalogue.people import People
from memory.catalogue.schema import access, contributions, documents, passages, texts
from memory.catalogue.upsert import upsert
from memory.catalogue.visibility import visible
from memory.domain import (
    Access,
    Asker,
    Contribution,
    Document,
    Formality,
    Identity,
    Location,
    Role,
    SourceRef,
)
from memory.errors import NotFound
from memory.media_types import short_type


@dataclass(frozen=True, slots=True)
class NewPassage:
    """A passage on its way into the catalogue.

    :param length: its words, as BM25 counts them.
    :param digest: the name of its embedding text in the vector cache.
    """

    text: str
    location: Location
    length: int
    digest: str


Aside = tuple[int, int, str]
"""A stretch of a text that is set apart: start, end, and what it is (``quoted``, ``signature``)."""


def new_document_id() -> str:
    """A lasting id: 32 hex digits."""
    return uuid.uuid4().hex


class Documents:
    """The documents of a memory.

    :param changed: called with the id of every document whose facts, access or passages have changed.
    """

    def __init__(self, engine: Engine, people: People, changed: Callable[[str], None]) -> None:
        self._engine = engine
        self._people = people
        self._changed = changed

    def replace(
        self,
        connection: Connection,
        document: Document,
        text: str,
        found: Sequence[NewPassage],
        asides: Sequence[Aside] = (),
    ) -> None:
        """Write a document with its canonical text and passages; what it had before turns stale.

        :param asides: what of the text is set apart: shown, but in no passage.
        """
        upsert(connection, documents, {"id": document.id}, _columns(document))
        upsert(
            connection,
            texts,
            {"document": document.id},
            {"text": text, "asides": [list(aside) for aside in asides]},
        )
        self._write_access(connection, document.id, document.access)
        self._write_contributions(connection, document.id, document.contributions)
        connection.execute(update(passages).where(passages.c.document == document.id).values(stale=True))
        rows = [
            {
                "document": document.id,
                "ordinal": ordinal,
                "text": passage.text,
                "location": passage.location.to_json(),
                "length": passage.length,
                "digest": passage.digest,
            }
            for ordinal, passage in enumerate(found)
        ]
        if rows:
            connection.execute(insert(passages), rows)
        after_commit(connection, lambda: self._changed(document.id))

    def restate(
        self,
        connection: Connection,
        document: str,
        new: Access,
        *,
        ref: SourceRef | None = None,
        url: str | None = None,
        parent: str | None = None,
        narrow: bool = False,
    ) -> None:
        """Give a document new access, and perhaps a new place; the index follows, the text stays.

        What has a ledger row but no document yet is left alone.

        :param narrow: only take rights away: the new access is that of a newer text, which could not be read.
        """
        values: dict[str, object] = {"facts_behind": documents.c.facts_behind + 1}
        if parent is not None:
            values["parent"] = parent
        if ref is not None:
            values |= {"ref": str(ref), "source": ref.source}
        if url is not None:
            values["url"] = url
        done = connection.execute(update(documents).where(documents.c.id == document).values(**values))
        if done.rowcount:
            if narrow:
                new = new.narrowing(_read_access(connection, document))
            self._write_access(connection, document, new)
            after_commit(connection, lambda: self._changed(document))

    def remove(self, connection: Connection, document: str) -> None:
        """Take a document out of every answer at once; the index follows."""
        connection.execute(update(documents).where(documents.c.id == document).values(removed=True))
        connection.execute(update(passages).where(passages.c.document == document).values(stale=True))
        after_commit(connection, lambda: self._changed(document))

    def remove_source(self, connection: Connection, source: str) -> int:
        """Take all documents of a source that no hold is on out of every answer at once; the index follows.

        :return: how many these are.
        """
        free = documents.c.source == source, ~is_held(documents.c.id)
        theirs = select(documents.c.id).where(*free)
        gone = list(connection.execute(theirs).scalars())
        connection.execute(update(passages).where(passages.c.document.in_(theirs)).values(stale=True))
        connection.execute(update(documents).where(*free).values(removed=True))
        for document in gone:
            after_commit(connection, partial(self._changed, document))
        return len(gone)

    def get(self, document: str, asker: Asker) -> Document:
        """One document.

        :raises NotFound: where there is none, or the asker may not see it: the two look the same.
        """
        query = select(documents).where(
            documents.c.id == document, documents.c.removed.is_(False), *visible(asker)
        )
        with transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFound("There is no such document, or you may not see it.")
            return _document(
                row, _read_access(connection, document), _read_contributions(connection, document)
            )

    def by_ref(self, ref: SourceRef) -> str | None:
        """The id of the document that lies at a ref now."""
        query = select(documents.c.id).where(documents.c.ref == str(ref), documents.c.removed.is_(False))
        with transaction(self._engine) as connection:
            return connection.execute(query).scalar()

    def named(self, text: str, asker: Asker, limit: int = 20) -> list[tuple[str, SourceRef]]:
        """Ids and refs of visible documents whose id or title is the text, or that are called so, see `named_as`."""
        fits = or_(
            documents.c.id == text,
            documents.c.title == text,
            named_as(documents.c.ref, text),
        )
        query = (
            select(documents.c.id, documents.c.ref)
            .where(fits, documents.c.removed.is_(False), *visible(asker))
            .order_by(documents.c.ref)
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            return [(row.id, SourceRef.parse(row.ref)) for row in connection.execute(query)]

    def text(self, document: str) -> str:
        """The canonical text; call `get` first, which checks access."""
        with transaction(self._engine) as connection:
            return connection.execute(select(texts.c.text).where(texts.c.document == document)).scalar() or ""

    def bodies(self, wanted: Sequence[str]) -> dict[str, tuple[str, list[Aside]]]:
        """Canonical texts, each with what of it is set apart in reading order; whoever asks has checked access."""
        query = select(texts).where(texts.c.document.in_(wanted))
        with transaction(self._engine) as connection:
            return {
                row.document: (row.text, [(start, end, kind) for start, end, kind in row.asides])
                for row in connection.execute(query)
            }

    def removed(self) -> list[str]:
        """Ids of documents that are to leave the index."""
        with transaction(self._engine) as connection:
            return list(
                connection.execute(select(documents.c.id).where(documents.c.removed.is_(True))).scalars()
            )

    def forget(self, document: str) -> None:
        """Delete a removed document, after the index has let go of it."""
        with transaction(self._engine) as connection:
            connection.execute(
                delete(documents).where(documents.c.id == document, documents.c.removed.is_(True))
            )

    def facts_pending(self) -> dict[str, int]:
        """Documents whose access or people the index does not know yet, each with the mark to give back."""
        query = select(documents.c.id, documents.c.facts_behind).where(
            documents.c.facts_behind != NONE, documents.c.removed.is_(False)
        )
        with transaction(self._engine) as connection:
            return dict(connection.execute(query).all())

    def facts_unknown(self, those: Sequence[str]) -> None:
        """Have the index told the facts of these documents again."""
        with transaction(self._engine) as connection:
            for start in range(0, len(those), BATCH):
                part = documents.c.id.in_(those[start : start + BATCH])
                connection.execute(
                    update(documents).where(part).values(facts_behind=documents.c.facts_behind + 1)
                )

    def facts_written(self, document: str, mark: int) -> None:
        """Note that the index knows the document's facts as they were at the mark; later changes stay pending."""
        with transaction(self._engine) as connection:
            connection.execute(
                update(documents)
                .where(documents.c.id == document, documents.c.facts_behind == mark)
                .values(facts_behind=0)
            )

    def want(self, found: Sequence[str]) -> None:
        """Note that somebody looked for these: their vectors are made first."""
        with transaction(self._engine) as connection:
            connection.execute(
                update(documents).where(documents.c.id.in_(found)).values(wanted=documents.c.wanted + 1)
            )

    def after(self, last: str, limit: int) -> list[str]:
        """The ids that come after one in their order, so that all can be walked through; removed ones are left out."""
        query = select(documents.c.id).where(documents.c.removed.is_(False), documents.c.id > last)
        with transaction(self._engine) as connection:
            return list(connection.execute(query.order_by(documents.c.id).limit(limit)).scalars())

    def languages(self, asker: Asker) -> dict[str, int]:
        """The languages of what the asker may see, as ISO 639-1 codes, with their documents; most come first."""
        many = func.count()
        query = (
            select(documents.c.language, many)
            .where(documents.c.removed.is_(False), *visible(asker))
            .group_by(documents.c.language)
            .order_by(many.desc(), documents.c.language)
        )
        with transaction(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def count(self) -> int:
        """How many documents the memory holds."""
        with transaction(self._engine) as connection:
            return connection.execute(select(func.count()).where(documents.c.removed == false())).scalar_one()

    def _write_access(self, connection: Connection, document: str, new: Access) -> None:
        connection.execute(delete(access).where(access.c.document == document))
        rows = [
            {"document": document, "token": token, "deny": deny}
            for deny, held in ((False, new.grant), (True, new.deny))
            for token in sorted(held)
        ]
        if rows:
            connection.execute(insert(access), rows)

    def _write_contributions(
        self, connection: Connection, document: str, parts: Sequence[Contribution]
    ) -> None:
        connection.execute(delete(contributions).where(contributions.c.document == document))
        met = self._people.register(connection, [part.person for part in parts], document)
        rows = [
            {
                "document": document,
                "ordinal": ordinal,
                "person": who.person,
                "identity": who.identity,
                "name": part.person.name,
                "address": part.person.address,
                "account": part.person.account,
                "role": part.role.value,
                "at": part.at,
                "evidence": part.evidence,
                "message": part.message,
            }
            for ordinal, (part, who) in enumerate(zip(parts, met, strict=True))
        ]
        if rows:
            connection.execute(insert(contributions), rows)


def _columns(document: Document) -> dict[str, object]:
    return {
        "ref": str(document.ref),
        "source": document.ref.source,
        "title": document.title,
        "media_type": document.media_type,
        "type": short_type(document.media_type),
        "language": document.language,
        "created": document.created,
        "modified": document.modified,
        "url": document.url,
        "version": document.version,
        "parent": document.parent,
        "thread": document.thread,
        "formality": document.formality.value,
        "removed": False,
    }


def _document(row: Row[tuple[object, ...]], allowed: Access, parts: tuple[Contribution, ...]) -> Document:
    return Document(
        id=row.id,
        ref=SourceRef.parse(row.ref),
        title=row.title,
        media_type=row.media_type,
        language=row.language,
        created=row.created,
        modified=row.modified,
        url=row.url,
        version=row.version,
        parent=row.parent,
        thread=row.thread,
        formality=Formality(row.formality),
        access=allowed,
        contributions=parts,
    )


def _read_access(connection: Connection, document: str) -> Access:
    rows = connection.execute(
        select(access.c.token, access.c.deny).where(access.c.document == document)
    ).all()
    return Access(frozenset(t for t, deny in rows if not deny), frozenset(t for t, deny in rows if deny))


def _read_contributions(connection: Connection, document: str) -> tuple[Contribution, ...]:
    query = (
        select(contributions).where(contributions.c.document == document).order_by(contributions.c.ordinal)
    )
    return tuple(
        Contribution(
            Identity(row.name, row.address, row.account), Role(row.role), row.at, row.evidence, row.message
        )
        for row in connection.execute(query)
    )
