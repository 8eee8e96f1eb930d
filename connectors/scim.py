"""People and groups that an identity provider tells by SCIM 2.0; Mneme asks it for nothing."""

from connectors.base import SourceConfig
from memory.people.directory import Told


class Scim:
    """People and groups that an identity provider sends here by SCIM 2.0 (RFC 7643, 7644).

    The location is a name for the provider, for readers only; it sends to ``/scim/NAME`` with a key of the scope `provision`.

    :raises InvalidInput: where an option or a secret is given.
    """

    kind = "scim"

    def __init__(self, config: SourceConfig) -> None:
        config.only()
        self._name = config.name

    def check(self) -> str:
        """Say where the provider sends to."""
        return f"An identity provider sends people and groups to /scim/{self._name}."

    def people(self) -> Told | None:
        """Nothing: it is told of, not asked."""
        return None
