"""Who changed a page when, by its file of changes (https://www.dokuwiki.org/changelog)."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from connectors.dokuwiki.settings import User
from connectors.file_tree import moment
from memory.domain import Contribution, Identity, Role

_MOST = 20_000_000


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a page since it was last created.

    :param created: seconds since 1970; None where that is not known.
    :param people: role, login and time, the author first, then editors, the last first.
    """

    created: int | None = None
    people: tuple[tuple[Role, str, int], ...] = ()

    def contributions(self, users: Mapping[str, User], source: str) -> tuple[Contribution, ...]:
        """The people, with names and addresses where the wiki knows them."""
        found = []
        for role, login, at in self.people:
            user = users.get(login)
            name, address = (user.name, user.address) if user else ("", "")
            account = f"{source}:{login}"
            found.append(Contribution(Identity(name, address, account), role, moment(at), "changes"))
        return tuple(found)

    def digest(self, users: Mapping[str, User]) -> str:
        """Changes with what `contributions` gives, and costs a walk over all pages less."""
        said = [(login, role.value, at, users.get(login)) for role, login, at in self.people]
        shown = "\n".join(
            f"{role} {at} {login}\t{user.name}\t{user.address}" if user else f"{role} {at} {login}"
            for login, role, at, user in said
        )
        return blake2b(f"{self.created}\n{shown}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def read_changes(file: Path) -> Changes:
    """Read a page's file of changes; nothing where there is none.

    A line has, with tabs between: time, IP address, kind (C created, E edited, e a bit, D deleted, R restored), page, login, summary. Without a login it
    was somebody at an address, who is nobody in particular.

    :raises OSError: where it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            lines = opened.read(_MOST).decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return Changes()
    created: int | None = None
    author = ""
    editors: dict[str, int] = {}
    for line in lines:
        fields = line.split("\t")
        if len(fields) < 5 or not fields[0].isdigit():
            continue
        at, kind, login = int(fields[0][:15]), fields[2], "".join(filter(str.isprintable, fields[4])).strip()
        if kind in ("C", "D"):
            created, author, editors = (at, login, {}) if kind == "C" else (None, "", {})
        elif login:
            editors[login] = max(at, editors.get(login, at))
    people = [(Role.AUTHOR, author, created)] if author and created is not None else []
    people += [
        (Role.EDITOR, login, at)
        for login, at in sorted(editors.items(), key=lambda each: -each[1])
        if login != author
    ]
    return Changes(created, tuple(people))
