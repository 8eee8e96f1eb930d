"""Pools of documents to be judged, and what judges have said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from memory.catalogue.engine import transaction
from memory.catalogue.schema import judgements, pool_items, pool_queries, pools
from memory.catalogue.upsert import upsert
from memory.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Pool:
    """What is to be judged.

    :param name: its lasting name.
    :param judges: how many are to judge each query.
    :param about: where it comes from, for those who evaluate it and never for judges: runs, depth, collection.
    :param queries: texts by query id.
    :param items: for each query the documents, by id, with the ref each had when the pool was made.
    """

    name: str
    judges: int
    about: Mapping[str, Any]
    queries: Mapping[str, str]
    items: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one judge said of one document for one query.

    :param judge: the id of a person, or ``owner``.
    :param grade: 0 to 3.
    :param settles: whether it was given to settle what judges disagree on.
    """

    query: str
    document: str
    judge: str
    grade: int
    comment: str = ""
    settles: bool = False


class Judging:
    """Pools and judgements."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, pool: Pool) -> None:
        """Keep a pool.

        :raises InvalidInput: where the name is taken.
        """
        with transaction(self._engine) as connection:
            if connection.execute(select(pools.c.name).where(pools.c.name == pool.name)).scalar() is not None:
                raise InvalidInput(f"There is a pool named {pool.name} already.", hint="Give another name.")
            connection.execute(
                insert(pools).values(
                    name=pool.name, judges=pool.judges, about=dict(pool.about), created=datetime.now(UTC)
                )
            )
            connection.execute(
                insert(pool_queries),
                [{"pool": pool.name, "query": query, "text": text} for query, text in pool.queries.items()],
            )
            connection.execute(
                insert(pool_items),
                [
                    {"pool": pool.name, "query": query, "document": document, "ref": ref}
                    for query, documents in pool.items.items()
                    for document, ref in documents.items()
                ],
            )

    def names(self) -> list[str]:
        """Every pool, newest first."""
        with transaction(self._engine) as connection:
            return list(
                connection.execute(
                    select(pools.c.name).order_by(pools.c.created.desc(), pools.c.name)
                ).scalars()
            )

    def get(self, name: str) -> Pool:
        """One pool.

        :raises NotFound: where there is none.
        """
        with transaction(self._engine) as connection:
            row = connection.execute(select(pools).where(pools.c.name == name)).one_or_none()
            if row is None:
                raise self.no_pool(name)
            texts = connection.execute(select(pool_queries).where(pool_queries.c.pool == name))
            queries = {one.query: one.text for one in texts}
            items: dict[str, dict[str, str]] = {}
            found = select(pool_items).where(pool_items.c.pool == name)
            for one in connection.execute(found.order_by(pool_items.c.query, pool_items.c.document)):
                items.setdefault(one.query, {})[one.document] = one.ref
        return Pool(row.name, row.judges, row.about, queries, items)

    def no_pool(self, name: str) -> NotFound:
        """The error for a pool that is not there."""
        return NotFound(f"There is no pool {name}.", hint="`mneme eval pool` makes one.")

    def remove(self, name: str) -> None:
        """Forget a pool with its judgements.

        :raises NotFound: where there is none.
        """
        with transaction(self._engine) as connection:
            if not connection.execute(delete(pools).where(pools.c.name == name)).rowcount:
                raise self.no_pool(name)

    def judge(self, pool: str, judgement: Judgement) -> None:
        """Keep a judgement; the same judge's earlier one of the same document is replaced.

        :raises InvalidInput: where the grade is not 0 to 3.
        """
        if not 0 <= judgement.grade <= 3:
            raise InvalidInput(f"A grade is 0 to 3, not {judgement.grade}.")
        key = {
            "pool": pool,
            "query": judgement.query,
            "document": judgement.document,
            "judge": judgement.judge,
            "settles": judgement.settles,
        }
        said = {"grade": judgement.grade, "comment": judgement.comment.strip(), "at": datetime.now(UTC)}
        with transaction(self._engine) as connection:
            upsert(connection, judgements, key, said)

    def judgements(self, pool: str) -> list[Judgement]:
        """Everything judged in a pool, in the order it was said."""
        query = select(judgements).where(judgements.c.pool == pool).order_by(judgements.c.at)
        with transaction(self._engine) as connection:
            return [
                Judgement(row.query, row.document, row.judge, row.grade, row.comment, row.settles)
                for row in connection.execute(query)
            ]
