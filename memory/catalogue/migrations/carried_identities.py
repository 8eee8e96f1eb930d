"""What migration 0004 does with rows: the identities of before become the new ones, with all that hangs on them."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from memory.catalogue.identities import keys_of
from memory.domain import Identity
from memory.people.blocks import stored_blocks
from memory.people.names import any_order, better_spelling, display_name, is_several, name_key
from memory.people.profile import Node, Profile


class CarriedIdentities:
    """Reads the tables ``old_...`` and fills the new ones: addresses and accounts are identities, names their aliases.

    The first identity of every person keeps the person's id.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._persons = dict(self._rows("SELECT id, name FROM persons"))
        self._founded: dict[tuple[str, str], tuple[str, str]] = {}
        self._taken: set[str] = set()
        self._names: dict[tuple[str, str], dict[str, str]] = {}
        self._pairs: set[tuple[tuple[str, str], tuple[str, str]]] = set()

    def write(self) -> None:
        """Identities first, then what hangs on them."""
        known = self._rows(
            "SELECT person, kind, value, shown, evidence FROM old_identities ORDER BY kind, value"
        )
        addressed = {row.person for row in known if row.kind != "name"}
        for row in known:
            if row.kind != "name" or row.person not in addressed:
                self._found((row.kind, row.value), row.shown, row.person)
        said = self._rows("SELECT DISTINCT person, CAST(identity AS TEXT) AS said FROM old_contributions")
        for row in said:
            self._met(Identity(**json.loads(row.said)))
        listed = self._listed(known)
        for person, rows in listed.items():
            first = next((row for row in rows if row.kind != "name"), rows[0])
            for row in rows:
                if row.kind == "name":
                    self._call((first.kind, first.value), row.shown)
            self._call((first.kind, first.value), self._persons[person])
        ids = self._write()
        self._write_entries(listed, ids)
        self._write_contributions(said, ids)

    def _rows(self, query: str, **values: Any) -> list[Any]:
        return list(self._connection.execute(sa.text(query), values))

    def _found(self, key: tuple[str, str], shown: str, person: str | None) -> None:
        if key not in self._founded:
            own = person if person is not None and person not in self._taken else uuid.uuid4().hex
            self._taken.add(own)
            self._founded[key] = shown, own

    def _met(self, said: Identity) -> None:
        keys = keys_of(said)
        for key, shown in keys.items():
            self._found(key, shown, None)
            if not is_several(said.name):
                self._call(key, display_name(said.name))
        if len(keys) > 1:
            one, other = keys
            self._pairs.add((one, other))

    def _call(self, key: tuple[str, str], shown: str) -> None:
        if name := name_key(shown):
            names = self._names.setdefault(key, {})
            names[name] = better_spelling(names[name], shown) if name in names else shown

    def _listed(self, known: Iterable[Any]) -> dict[str, list[Any]]:
        """The rows of the persons that a directory gave."""
        query = (
            "SELECT id FROM persons WHERE department <> '' OR id IN (SELECT person FROM old_memberships)"
            " OR id IN (SELECT person FROM old_identities WHERE evidence = 'directory')"
        )
        found: dict[str, list[Any]] = {row.id: [] for row in self._rows(query)}
        for row in known:
            if row.person in found:
                found[row.person].append(row)
        return {person: rows for person, rows in found.items() if rows}

    def _write(self) -> dict[tuple[str, str], int]:
        new = [(shown, own) for shown, own in self._founded.values() if own not in self._persons]
        self._insert("persons", [{"id": own, "name": shown} for shown, own in new])
        self._insert(
            "identities",
            [
                {"kind": kind, "value": value, "shown": shown, "person": own, "founded": own}
                for (kind, value), (shown, own) in self._founded.items()
            ],
        )
        ids = {(row.kind, row.value): row.id for row in self._rows("SELECT id, kind, value FROM identities")}
        self._insert(
            "aliases",
            [
                {"identity": ids[key], "key": name, "sorted": any_order(name), "shown": shown}
                for key, names in self._names.items()
                for name, shown in names.items()
            ],
        )
        pairs = {tuple(sorted((ids[one], ids[other]))) for one, other in self._pairs}
        self._insert("exact_pairs", [{"one": one, "other": other} for one, other in sorted(pairs)])
        self._insert(
            "blocks",
            [
                {"block": block, "identity": which}
                for key, which in ids.items()
                for block in sorted(
                    stored_blocks(Profile((Node(which, *key, dict.fromkeys(self._names.get(key, ()), 1)),)))
                )
            ],
        )
        return ids

    def _write_entries(self, listed: dict[str, list[Any]], ids: dict[tuple[str, str], int]) -> None:
        departments = dict(self._rows("SELECT id, department FROM persons"))
        of_entry = sa.text("UPDATE identities SET entry = :entry WHERE id = :which")
        for entry, (person, rows) in enumerate(listed.items(), 1):
            self._insert("entries", [{"name": self._persons[person], "department": departments[person]}])
            for row in rows:
                # A name is an identity of its own only where the person has no address or account.
                if (which := ids.get((row.kind, row.value))) and (row.kind != "name" or len(rows) == 1):
                    self._connection.execute(of_entry, {"entry": entry, "which": which})
            held = self._rows("SELECT token FROM old_memberships WHERE person = :person", person=person)
            self._insert("memberships", [{"entry": entry, "token": row.token} for row in held])

    def _write_contributions(self, said: Iterable[Any], ids: dict[tuple[str, str], int]) -> None:
        self._connection.execute(
            sa.text(
                "CREATE TABLE old_met (said TEXT PRIMARY KEY, which INTEGER, whose TEXT, name TEXT, address TEXT, account TEXT)"
            )
        )
        rows: dict[str, dict[str, Any]] = {}
        for row in said:
            identity = Identity(**json.loads(row.said))
            key = next(iter(keys_of(identity)))
            rows[row.said] = {
                "said": row.said,
                "which": ids[key],
                "whose": self._founded[key][1],
                "name": identity.name,
                "address": identity.address,
                "account": identity.account,
            }
        self._insert("old_met", list(rows.values()))
        self._connection.execute(
            sa.text(
                "INSERT INTO contributions (document, ordinal, person, identity, name, address, account, role, at, evidence)"
                " SELECT c.document, c.ordinal, m.whose, m.which, m.name, m.address, m.account, c.role, c.at, c.evidence"
                " FROM old_contributions c JOIN old_met m ON m.said = CAST(c.identity AS TEXT)"
            )
        )
        self._connection.execute(sa.text("DROP TABLE old_met"))

    def _insert(self, name: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            table = sa.table(name, *(sa.column(column) for column in rows[0]))
            self._connection.execute(sa.insert(table), rows)
