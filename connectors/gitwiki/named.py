"""The people of each file, as the memory takes them."""

from dataclasses import dataclass, field
from hashlib import blake2b
from os import fsdecode

from connectors.file_tree import moment
from connectors.gitwiki.codeowners import CodeOwners
from connectors.gitwiki.history import History, Past
from connectors.gitwiki.log import Contact
from memory.domain import Contribution, Identity, Role


@dataclass(slots=True)
class Named:
    """Who wrote and owns each file.

    :param source: the name of the source: accounts in CODEOWNERS are its own.
    :param aliases: who each is by the ``.mailmap``.
    """

    history: History
    owners: CodeOwners | None
    source: str
    aliases: dict[Contact, Contact] = field(default_factory=dict)

    def past(self, name: bytes) -> Past | None:
        """What the history says of a file."""
        return self.history.of(name)

    def digest(self, name: bytes) -> str:
        """Changes with the people of a file, or its dates."""
        past = self.history.of(name)
        said = repr((past and (past.created, past.changed), self._contributions(name, past)))
        return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def contributions(self, name: bytes) -> tuple[Contribution, ...]:
        """The author of the first commit, then editors, the last first, then owners."""
        return self._contributions(name, self.history.of(name))

    def _contributions(self, name: bytes, past: Past | None) -> tuple[Contribution, ...]:
        found: dict[tuple[Role, Identity], Contribution] = {}
        if past is not None:
            for contact in past.authors:
                self._add(found, contact, Role.AUTHOR, past.created)
            for contact, at in sorted(past.editors.items(), key=lambda each: -each[1]):
                self._add(found, contact, Role.EDITOR, at)
        for owner in self.owners.of(fsdecode(name)) if self.owners else ():
            identity = (
                Identity(account=f"{self.source}:{owner[1:]}")
                if owner.startswith("@")
                else Identity(address=owner.lower())
            )
            found.setdefault((Role.OWNER, identity), Contribution(identity, Role.OWNER, None, "CODEOWNERS"))
        return tuple(found.values())

    def _add(
        self, found: dict[tuple[Role, Identity], Contribution], contact: Contact, role: Role, at: int
    ) -> None:
        identity = _identity(*self.aliases.get(contact, contact))
        if identity is not None and (Role.AUTHOR, identity) not in found:
            found.setdefault((role, identity), Contribution(identity, role, moment(at), "commits"))


def _identity(name: str, address: str) -> Identity | None:
    name, address = ("".join(filter(str.isprintable, each)).strip() for each in (name, address))
    address = address.lower() if "@" in address else ""
    if name.endswith("[bot]") or not (name or address):
        return None
    return Identity(name, address)
