"""A source as a form of the pages has it: lists as lines, options as ``name=value``."""

from pydantic import BaseModel, ConfigDict, SecretStr

from api.sources import NewSource
from memory.catalogue.sources import Source
from memory.errors import InvalidInput

GIVEN = ("grant", "deny", "rules", "include", "exclude", "options")
"""What a source may be given beyond kind, location and name."""


class SourceForm(BaseModel):
    """What was typed."""

    model_config = ConfigDict(extra="forbid")

    kind: str = "folder"
    location: str = ""
    name: str = ""
    grant: str = ""
    deny: str = ""
    rules: str = ""
    include: str = ""
    exclude: str = ""
    options: str = ""
    secret: str = ""
    value: SecretStr = SecretStr("")
    second_secret: str = ""
    second_value: SecretStr = SecretStr("")

    @classmethod
    def of(cls, source: Source) -> "SourceForm":
        """A source that is there, as it would be typed; without its secrets."""
        kept = source.config
        lines = {name: "\n".join(kept.get(name, ())) for name in ("rules", "include", "exclude")}
        words = {name: " ".join(kept.get(name, ())) for name in ("grant", "deny")}
        options = "\n".join(f"{name}={value}" for name, value in sorted(kept.get("options", {}).items()))
        return cls(
            kind=source.kind, location=source.location, name=source.name, options=options, **lines, **words
        )

    def shown(self) -> dict[str, str]:
        """What was given beyond kind, location and name, by field."""
        return {name: text for name in GIVEN if (text := getattr(self, name))}

    def to_new(self) -> NewSource:
        """The source to be added.

        :raises InvalidInput: for an option that is no ``name=value``, or a secret without a name or a value.
        """
        return NewSource(
            kind=self.kind,
            location=self.location.strip(),
            name=self.name.strip(),
            grant=self.grant.replace(",", " ").split(),
            deny=self.deny.replace(",", " ").split(),
            rules=_lines(self.rules),
            include=_lines(self.include),
            exclude=_lines(self.exclude),
            options=dict(_option(line) for line in _lines(self.options)),
            secrets=self._secrets(),
        )

    def _secrets(self) -> dict[str, SecretStr]:
        given = ((self.secret, self.value), (self.second_secret, self.second_value))
        for name, value in given:
            if bool(name.strip()) != bool(value.get_secret_value()):
                raise InvalidInput(
                    "A secret has a name and a value.", hint="Fill in both, or leave both empty."
                )
        return {name.strip(): value for name, value in given if name.strip()}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _option(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.strip():
        raise InvalidInput("An option has a name and a value.", hint="Write NAME=VALUE, one to a line.")
    return name.strip(), value.strip()
