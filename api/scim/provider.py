"""A directory that an identity provider tells by SCIM: each request is taken in at once, so that a revocation counts from its answer."""

from api.directory_sync import take_in
from api.scim.groups import Groups
from api.scim.users import Users
from api.wiring import Memory
from connectors.scim import Scim
from memory.errors import InvalidInput, NotFound
from memory.people.directory import Told


class Provider:
    """The people and groups of one directory.

    :param name: the source's.
    :param actor: who asks, for the audit.
    :raises NotFound: where there is no such source of the kind scim.
    """

    def __init__(self, memory: Memory, name: str, actor: str) -> None:
        if memory.catalogue.sources.get(name).kind != Scim.kind:
            raise NotFound(f"There is no source {name} that is told by SCIM.")
        self._memory = memory
        self._name = name
        self._actor = actor
        known = memory.catalogue.provisioned(name)
        self.users = Users(name, known, self._take_in)
        self.groups = Groups(name, known, self._take_in)

    def _take_in(self, told: Told) -> None:
        done = take_in(self._memory, self._name, told)
        audit = self._memory.catalogue.audit
        if audit.on:
            for part in done.access:
                audit.note(self._actor, "", f"SCIM {self._name}", {"access": part})
        if done.skipped:
            raise InvalidInput(" ".join(done.problems) or "This could not be taken in.")
