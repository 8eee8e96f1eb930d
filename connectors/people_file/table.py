"""People as a table: CSV whose first line names the columns, one person, or one group, a line.

| column | what it has |
|---|---|
| ``name``, ``address`` | of a person; both must be there as columns, one of them in each line |
| ``aliases`` | further names and addresses, with ``;`` between |
| ``department`` | |
| ``groups`` | access tokens with blanks between, or names of groups with ``;`` between |
| ``id`` | the lasting number or name of a person; without it the address is |
| ``manager`` | the id, address or name of another person of the table |
| ``left`` | the day on which somebody left or leaves (2026-03-31), or ``yes`` |

A line whose name is an access token (``group:legal-uk``) and which has no address is a group; ``groups`` are those that it is in.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from memory.domain import Access, Identity
from memory.errors import InvalidInput
from memory.people.directory import ListedGroup, ListedPerson, Told, group_token
from memory.people.names import name_key

_NAMED = 5
"""Lines an error names: enough to see what is wrong with the file."""

_COLUMNS = {
    "e-mail": "address", "email": "address", "mail": "address", "full name": "name", "display name": "name", "displayname": "name",
    "alias": "aliases", "group": "groups", "employee id": "id", "employeeid": "id", "left on": "left", "leaves": "left",
}  # fmt: skip
"""How the columns are called elsewhere, in lower case."""

_YES, _NO = {"yes", "true", "1", "x", "ja", "oui"}, {"", "no", "false", "0", "nein", "nej", "non"}


@dataclass(frozen=True, slots=True)
class _Line:
    """A person or a group of one line.

    :param manager: as it is written.
    :param lasting: whether the id stays when the address changes.
    """

    id: str
    person: ListedPerson | None
    held: frozenset[str]
    manager: str = ""
    lasting: bool = True


def decoded(data: bytes) -> str:
    """The text of a table: UTF-8, or what spreadsheets of Western Europe write (Windows-1252).

    :raises InvalidInput: where it is neither.
    """
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput("The file is no text.", hint="Save it as CSV in UTF-8.")


def read_table(text: str) -> Told:
    """Read a table.

    :raises InvalidInput: where it is no CSV with these columns, or naming the lines that cannot be understood.
    """
    found, wrong = [], []
    for number, row in _rows(text):
        try:
            found.append(_line(number, row))
        except InvalidInput as error:
            wrong.append(f"Line {number}: {error.message}")
    if wrong:
        more = f" And {len(wrong) - _NAMED} more lines." if len(wrong) > _NAMED else ""
        raise InvalidInput(
            " ".join(wrong[:_NAMED]) + more,
            hint="Nobody was taken in: mend these lines and import the file again.",
        )
    if not any(each.person for each in found):
        raise InvalidInput(
            "The file names nobody.", hint="Below the line of columns stands a line for each person."
        )
    tokens = {token for each in found for token in each.held} | {each.id for each in found if not each.person}
    return Told(
        tuple(_managed(found)),
        tuple(ListedGroup(token, token) for token in sorted(tokens)),
        within=_within(found),
        lasting=all(each.lasting for each in found),
    )


def _within(found: Iterable[_Line]) -> dict[str, frozenset[str]]:
    """The groups of each. Two lines of one person, by id and address, add up; else the first has the id, and its groups only."""
    held: dict[str, frozenset[str]] = {}
    first: dict[str, str] = {}
    for each in found:
        address = each.person.names[0].address if each.person else ""
        if each.id not in held:
            held[each.id], first[each.id] = each.held, address
        elif not each.person or (address and address == first[each.id]):
            held[each.id] |= each.held
    return held


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line's number and what its columns have."""
    head = text.removeprefix("\ufeff").partition("\n")[0]
    # As spreadsheets write it where the comma divides the parts of a number.
    divider = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True, delimiter=divider)
    try:
        names = [_column(name) for name in reader.fieldnames or ()]
        if not {"name", "address"} <= set(names):
            raise InvalidInput(
                "The file has no columns name and address.", hint="Its first line names the columns."
            )
        reader.fieldnames = names
        for row in reader:
            yield reader.line_num, {name: (value or "").strip() for name, value in row.items() if name}
    except csv.Error as error:
        raise InvalidInput(
            f"Not a CSV file, after line {reader.line_num}: {error}.", hint="Save it as CSV in UTF-8."
        ) from error


def _column(name: str) -> str:
    plain = " ".join(name.split()).casefold()
    return _COLUMNS.get(plain, plain)


def _line(number: int, row: Mapping[str, str]) -> _Line:
    held = Access(frozenset(_tokens(row.get("groups", "")))).grant  # refuses what is no token
    name, address = row["name"], row["address"].lower()
    if not address and name.startswith("group:"):
        return _Line(next(iter(Access(frozenset({name})).grant)), None, held)
    names = [Identity(name=name, address=address)]
    for alias in row.get("aliases", "").split(";"):
        if alias := alias.strip():
            names.append(Identity(address=alias.lower()) if "@" in alias else Identity(name=alias))
    main = row.get("id") or address or name_key(name) or name
    person = ListedPerson(
        main,
        tuple(names),
        row.get("department", ""),
        active=not _has_left(row.get("left", "")),
        where=f"Line {number}",
    )
    return _Line(main, person, held, row.get("manager", ""), bool(row.get("id")))


def _tokens(cell: str) -> Iterator[str]:
    """Access tokens as they are written; names of groups as their tokens."""
    named = ";" in cell or ":" not in cell
    for each in cell.split(";") if named else cell.split():
        if part := each.strip():
            yield part if ":" in part else group_token(part)


def _has_left(cell: str) -> bool:
    said = cell.casefold()
    if said in _YES | _NO:
        return said in _YES
    try:
        return date.fromisoformat(said[:10]) <= datetime.now(UTC).date()
    except ValueError:
        raise InvalidInput(f"Not a day: {cell[:20]!r}; it reads 2026-03-31.") from None


def _managed(found: Iterable[_Line]) -> Iterator[ListedPerson]:
    """The people with the ids of their managers; who cannot be told is nobody's."""
    lines = [(each.person, each.manager.casefold()) for each in found if each.person]
    known: dict[str, set[str]] = {}
    for person, _ in lines:
        ways = {person.id, *(one.address for one in person.names), *(one.name for one in person.names)}
        for way in ways:
            known.setdefault(way.casefold(), set()).add(person.id)
    for person, said in lines:
        meant = known.get(said, set()) - {person.id} if said else set()
        yield replace(person, manager=next(iter(meant)) if len(meant) == 1 else "")
