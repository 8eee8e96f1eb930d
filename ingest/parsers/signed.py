"""Who a message's signature says its sender is: the name under it, and their other addresses."""

import re
from collections.abc import Iterator
from datetime import datetime

from memory.domain import Contribution, Identity, Role
from memory.people.addresses import is_role, spells
from memory.people.likeness import is_full
from memory.people.names import SIGNED, name_key

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NAME = re.compile(r"^[^\W\d_][\w'’.-]*(?: [^\W\d_][\w'’.-]*){1,3}$")


def signed(text: str, sender: Identity, at: datetime | None) -> Iterator[Contribution]:
    """What the signature adds to the header: a sender without a name gets the one below, where the address spells it;
    other addresses that spell the name are mentioned as theirs. What spells nothing may be an office's or a colleague's.

    :param text: the signature.
    """
    name = sender.name
    if not is_full(name_key(name)):
        name = next((line for line in _names(text) if spells(sender.address, name_key(line))), "")
        if name:
            yield Contribution(Identity(name, sender.address), Role.SENDER, at, SIGNED)
    if not name:
        return
    for address in dict.fromkeys(found.casefold() for found in _ADDRESS.findall(text)):
        if address != sender.address.casefold() and not is_role(address) and spells(address, name_key(name)):
            yield Contribution(Identity(name, address), Role.MENTIONED, at, SIGNED)


def _names(text: str) -> Iterator[str]:
    """Lines that may be a name and nothing else."""
    for line in text.splitlines():
        plain = line.strip().strip("*_,").strip()
        if (_NAME.match(plain) and plain == plain.title()) or (plain.isupper() and _NAME.match(plain)):
            yield plain
