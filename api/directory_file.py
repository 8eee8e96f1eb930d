"""A directory of people as a CSV file: ``name,address,aliases,department,groups``, one person a line."""

import csv
import io

from memory.domain import Access, Identity, tokens
from memory.errors import InvalidInput
from memory.people.directory import ListedGroup, ListedPerson, Told
from memory.people.names import name_key

_NAMED = 5
"""Lines an error names: enough to see what is wrong with the file."""


def read_directory(text: str) -> Told:
    """Read a directory.

    :raises InvalidInput: where it is no CSV with these columns, or naming the lines that cannot be understood.
    """
    reader = csv.DictReader(io.StringIO(text), strict=True)
    found, wrong = [], []
    try:
        if not {"name", "address"} <= set(reader.fieldnames or ()):
            raise InvalidInput(
                "The file has no columns name and address.", hint="Its first line names the columns."
            )
        for row in reader:
            try:
                found.append(_listed(reader.line_num, row))
            except InvalidInput as error:
                wrong.append(f"Line {reader.line_num}: {error.message}")
    except csv.Error as error:
        raise InvalidInput(f"Not a CSV file, after line {reader.line_num}: {error}.") from error
    if wrong:
        more = f" And {len(wrong) - _NAMED} more lines." if len(wrong) > _NAMED else ""
        raise InvalidInput(
            " ".join(wrong[:_NAMED]) + more,
            hint="Nobody was taken in: mend these lines and import the file again.",
        )
    if not found:
        raise InvalidInput(
            "The file names nobody.", hint="Below the line of columns stands a line for each person."
        )
    tokens_of = {person.id: held for person, held in found}
    groups = sorted({token for held in tokens_of.values() for token in held})
    return Told(
        tuple(person for person, _ in found),
        tuple(ListedGroup(token, token) for token in groups),
        within=tokens_of,
        lasting=False,
    )


def _listed(line: int, row: dict[str, str | None]) -> tuple[ListedPerson, frozenset[str]]:
    names = [Identity(name=row["name"] or "", address=(row["address"] or "").strip().lower())]
    for alias in (row.get("aliases") or "").split(";"):
        if alias := alias.strip():
            names.append(Identity(address=alias.lower()) if "@" in alias else Identity(name=alias))
    held = Access(tokens((row.get("groups") or "").split())).grant  # refuses what is no token
    main = names[0].address or name_key(names[0].name) or names[0].name
    return ListedPerson(main, tuple(names), row.get("department") or "", where=f"Line {line}"), held
