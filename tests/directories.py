"""People for tests, as a directory has them."""

from collections.abc import Sequence

from memory.catalogue.catalogue import Catalogue
from memory.domain import Identity
from memory.people.directory import BY_HAND, ListedGroup, ListedPerson, Told


def enrol(
    catalogue: Catalogue, names: Sequence[Identity], department: str = "", held: Sequence[str] = ()
) -> None:
    """Take in one person as a file by hand has them."""
    which = names[0].address or names[0].name
    person = ListedPerson(which, tuple(names), department)
    groups = tuple(ListedGroup(token, token) for token in held)
    told = Told((person,), groups, within={which: frozenset(held)}, lasting=False)
    catalogue.directories.take_in(BY_HAND, told, strict=True)
