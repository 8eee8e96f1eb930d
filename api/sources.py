"""Sources as people give them: a location, tokens and rules; and as they are kept."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from connectors.base import SourceConfig
from memory.catalogue.sources import Source
from memory.domain import Access, tokens
from memory.errors import InvalidInput

_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*:|[\w.-]+@[\w.-]+:")
"""What begins like this is no path: ``https://...``, ``git@host:path``."""

_LOCAL = frozenset(
    {
        "confluence_export",
        "dokuwiki",
        "folder",
        "gitwiki",
        "mailbox",
        "mattermost",
        "people",
        "mediawiki_dump",
        "pst",
        "push",
        "slack",
        "teams",
        "yammer",
    }
)
"""Kinds whose location is a path on this machine."""


class NewSource(BaseModel):
    """A source to be added."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(description="The connector, for instance `folder`.")
    location: str = Field(description="A path or an address.")
    name: str = Field("", description="The source's name; empty: made from the location.")
    grant: list[str] = Field(
        default_factory=list, description="Tokens that may see it; `public` is everybody."
    )
    deny: list[str] = Field(
        default_factory=list, description="Tokens that may not, whatever they are granted."
    )
    rules: list[str] = Field(
        default_factory=list,
        description="Access of a part: `PATTERN=TOKEN,!TOKEN`; the last that matches replaces grant and deny.",
    )
    include: list[str] = Field(
        default_factory=list, description="Patterns of what to take; empty: everything."
    )
    exclude: list[str] = Field(default_factory=list, description="Patterns of what to leave out.")
    options: dict[str, str] = Field(default_factory=dict, description="What the connector offers besides.")
    secrets: dict[str, SecretStr] = Field(
        default_factory=dict, description="Passwords and tokens by name; kept encrypted, never told again."
    )

    def to_source(self) -> Source:
        """The source as the catalogue keeps it.

        :raises InvalidInput: where the name or a rule cannot be understood.
        """
        location = self.location
        if "://" in location and "@" in urlsplit(location).netloc:
            raise InvalidInput(
                "A user's name or a password stands in the address.",
                hint="Leave them out of it: give --option user=NAME and --secret password.",
            )
        location = located(self.kind, location)
        name = (
            self.name
            or re.sub(r"[^A-Za-z0-9._-]+", "-", Path(location).name).strip("-._").lower()
            or self.kind
        )
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise InvalidInput(
                f"Not a name for a source: {name}.", hint="Use letters, digits, dots and dashes."
            )
        for rule in self.rules:
            parse_rule(rule)
        Access(tokens(self.grant), tokens(self.deny))
        config = self.model_dump(exclude={"kind", "location", "name", "secrets"}, exclude_defaults=True)
        return Source(name, self.kind, location, config)


def parse_rule(rule: str) -> tuple[str, Access]:
    """Read ``PATTERN=TOKEN,!TOKEN``.

    :raises InvalidInput: where it has not that form.
    """
    pattern, equals, listed = rule.rpartition("=")
    if not equals or not pattern:
        raise InvalidInput(f"Not an access rule: {rule}.", hint="It reads PATTERN=TOKEN,!TOKEN.")
    given = tokens(listed.split(","))
    return pattern, Access(
        frozenset(token for token in given if not token.startswith("!")),
        frozenset(token[1:] for token in given if token.startswith("!")),
    )


def located(kind: str, location: str) -> str:
    """A path as seen from any folder: the service does not run where the command was typed. Anything else stays."""
    here = location and kind in _LOCAL and not _ADDRESS.match(location)
    return str(Path(location).expanduser().absolute()) if here else location


def config_of(
    source: Source, secrets: Mapping[str, SecretStr], state: Path, renew: Callable[[str, SecretStr], None]
) -> SourceConfig:
    """The settings a connector is made from.

    :param secrets: decrypted.
    :param state: the folder of its own.
    :param renew: keeps a secret that the source replaced.
    """
    kept: dict[str, Any] = source.config
    return SourceConfig(
        name=source.name,
        location=source.location,
        access=Access(tokens(kept.get("grant", ())), tokens(kept.get("deny", ()))),
        rules=tuple(parse_rule(rule) for rule in kept.get("rules", ())),
        include=tuple(kept.get("include", ())),
        exclude=tuple(kept.get("exclude", ())),
        options=tuple(sorted(kept.get("options", {}).items())),
        secrets=tuple(sorted(secrets.items(), key=lambda pair: pair[0])),
        state=state,
        renew=renew,
    )
