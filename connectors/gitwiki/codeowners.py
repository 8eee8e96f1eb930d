"""Who owns which files, by a ``CODEOWNERS`` file as GitHub and GitLab read it.

https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
https://docs.gitlab.com/user/project/codeowners/reference/
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.patterns import Patterns
from memory.errors import InvalidInput

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where the file may lie; the first there is counts."""

MAX_BYTES = 3_000_000
"""GitHub reads none that is larger."""

_SECTION = re.compile(r"\^?\[([^\]]+)\](?:\[\d+\])?(.*)")
_WORD = re.compile(r"(?:\\.|\S)+")


@dataclass(slots=True)
class _Section:
    owners: tuple[str, ...] = ()
    """Of the patterns that name none themselves."""
    rules: list[tuple[Patterns, Patterns, tuple[str, ...]]] = field(default_factory=list)
    """Which files, which of them not, and whose they are."""


class CodeOwners:
    """The owners of each file: those of the last pattern that means it, in each of GitLab's sections.

    Owners are ``@name`` or an address. Teams (``@group/team``) and roles (``@@maintainer``) are nobody in particular
    and left out. A line that cannot be understood is passed over, as both do.

    :param text: the file.
    """

    def __init__(self, text: str) -> None:
        self._sections = {"": _Section()}
        current = self._sections[""]
        for raw in text.splitlines():
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            if section := _SECTION.fullmatch(line):
                # Names of sections are one whatever their case, and a section may be continued.
                current = self._sections.setdefault(section[1].strip().lower(), _Section())
                current.owners = _owners(section[2]) or current.owners
                continue
            self._add(current, line)

    def of(self, path: str) -> list[str]:
        """Everybody who owns a file: names with ``@`` in front, and addresses."""
        found: dict[str, None] = {}
        for section in self._sections.values():
            for meant, not_meant, owners in reversed(section.rules):
                if meant.matches(path) and not not_meant.matches(path):
                    found |= dict.fromkeys(owners)
                    break
        return list(found)

    def _add(self, section: _Section, line: str) -> None:
        word = _WORD.match(line)
        if word is None:
            return
        pattern = word[0]
        given = _owners(line[word.end() :])
        try:
            meant = Patterns([pattern])
            # `docs/*` is what lies in docs, and not what lies in folders there.
            only_there = pattern.endswith("/*") and "**" not in pattern
            not_meant = Patterns([f"{pattern}/"] if only_there else [])
        except InvalidInput:
            return
        section.rules.append((meant, not_meant, given or section.owners))


def _owners(text: str) -> tuple[str, ...]:
    return tuple(_people(text.partition(" #")[0].split()))


def _people(words: Iterable[str]) -> Iterable[str]:
    for word in words:
        if word.startswith("#"):
            return
        if re.fullmatch(r"@[\w.-]+|[^@\s<>]+@[^@\s<>]+", word):
            yield word
