"""What is known of one identity or of several that are one: names, addresses, and where they were met."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from memory.people.addresses import is_role, local_part, own_domain, spelt_name
from memory.people.likeness import firsts_contradict, is_full
from memory.people.names import loose

_NAMES_LOOKED_AT = 8
_SHARED_FROM = 3
"""Different people who write from one address, from which on it is an office's and not a person's."""


@dataclass(frozen=True, slots=True)
class Node:
    """One identity: an address, an account, or a name without either.

    :param id: given in order of arrival; the oldest identity of a person names their lasting id.
    :param kind: ``address``, ``account`` or ``name``.
    :param value: the address, the account, or the name key.
    :param names: how often each name key came with it.
    :param entry: the directory's entry that lists it.
    :param documents, threads: some of those it was met in.
    :param company: ids of identities met in the same documents.
    :param sent, received: some of the messages it wrote and was written to.
    :param signed: some of the messages whose signature names it.
    """

    id: int
    kind: str
    value: str
    names: dict[str, int] = field(default_factory=dict)
    entry: int | None = None
    documents: frozenset[str] = frozenset()
    threads: frozenset[str] = frozenset()
    company: frozenset[int] = frozenset()
    sent: frozenset[str] = frozenset()
    received: frozenset[str] = frozenset()
    signed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Profile:
    """Nodes that are one person as far as is known."""

    nodes: tuple[Node, ...]

    @cached_property
    def ids(self) -> frozenset[int]:
        """The nodes' ids."""
        return frozenset(node.id for node in self.nodes)

    @cached_property
    def bare(self) -> bool:
        """Whether only names are known, no address and no account."""
        return all(node.kind == "name" for node in self.nodes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name keys, the most frequent first; what an address spells out where there is no other."""
        counted: dict[str, int] = {}
        for node in self.nodes:
            for key, count in node.names.items():
                counted[key] = counted.get(key, 0) + count
        written = sorted(counted, key=lambda key: (-counted[key], key))
        if not any(is_full(key) for key in written):
            written += sorted({spelt_name(address) for address in self.addresses} - {""} - counted.keys())
        return tuple(written[:_NAMES_LOOKED_AT])

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """The addresses."""
        return tuple(sorted(node.value for node in self.nodes if node.kind == "address"))

    @cached_property
    def words(self) -> frozenset[str]:
        """One-word names they go by: account names, what stands before the ``@``, names of one word."""
        accounts = {node.value.rpartition(":")[2].casefold() for node in self.nodes if node.kind == "account"}
        alone = {key for node in self.nodes for key in node.names if " " not in key}
        words = accounts | alone | {local_part(address) for address in self.addresses}
        return frozenset(loose(word) for word in words if len(word) >= 4 and word.isalnum())

    @cached_property
    def domains(self) -> frozenset[str]:
        """The organisations their addresses are of."""
        return frozenset(own_domain(address) for address in self.addresses) - {""}

    @cached_property
    def entries(self) -> frozenset[int]:
        """The directory's entries."""
        return frozenset(node.entry for node in self.nodes if node.entry is not None)

    @cached_property
    def shared(self) -> bool:
        """Whether it belongs to an office, a list or several people, so that a name on it joins nobody."""
        if any(is_role(address) for address in self.addresses):
            return True
        apart: list[str] = []
        for key in (key for key in self.names if is_full(key)):
            if all(key.split()[-1] != known.split()[-1] or firsts_contradict(key, known) for known in apart):
                apart.append(key)
        return not self.bare and len(apart) >= _SHARED_FROM

    def met(self, what: str) -> frozenset[str]:
        """The union of one of the nodes' sets: ``documents``, ``threads``, ``sent``, ``received`` or ``signed``."""
        found: Iterable[frozenset[str]] = (getattr(node, what) for node in self.nodes)
        return frozenset().union(*found)

    @cached_property
    def company(self) -> frozenset[int]:
        """Identities met in the same documents, without their own."""
        found: Iterable[frozenset[int]] = (node.company for node in self.nodes)
        return frozenset().union(*found) - self.ids
