"""What a DokuWiki's folder ``conf`` says: whether it has access rules, who administers it, and its users.

https://www.dokuwiki.org/config and https://www.dokuwiki.org/auth:plain
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_plus

from memory.errors import SourceError

_SET = re.compile(
    r"""^\s*\$conf\[['"](?P<name>\w+)['"]\]\s*=\s*(?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>[^"$\\]*)"|(?P<plain>\w+))\s*;""",
    re.MULTILINE,
)
_FILES = ("dokuwiki.php", "local.php", "local.protected.php")
_MOST = 50_000_000


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account; the hash of the password is not kept.

    :param groups: by name, as the wiki has them.
    """

    login: str
    name: str
    address: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides who may see what.

    :param rules: the lines of ``acl.auth.php``; None where the wiki has none and asks for none.
    :param users: of ``users.auth.php``, by login; empty where accounts are kept elsewhere.
    :param superuser: logins, and groups with ``@`` in front, with commas between them.
    """

    rules: tuple[str, ...] | None
    users: dict[str, User]
    superuser: str = ""


def read_settings(folder: Path) -> Settings:
    """Read the folder ``conf``.

    :raises SourceError: where it is not there or cannot be read: then nobody knows who may see what.
    """
    known: dict[str, str] = {}
    found = [text for name in _FILES if (text := _text(folder / name)) is not None]
    if not found:
        raise SourceError(
            f"There are no settings of a DokuWiki in {folder}.",
            hint="Give the folder that has local.php by --option conf=PATH, or --option acl=ignore.",
        )
    for text in found:
        for match in _SET.finditer(text):
            known[match["name"]] = match["single"] or match["double"] or match["plain"] or ""
    users = _users(folder) if known.get("authtype", "authplain") in ("authplain", "plain") else {}
    rules = _text(folder / "acl.auth.php")
    # Rules that are there are kept to, whatever `useacl` says: that may be set by code which nobody runs here.
    if rules is None and known.get("useacl", "0").lower() in ("0", "", "false"):
        return Settings(None, users)
    return Settings(tuple((rules or "").splitlines()), users, known.get("superuser", ""))


def _users(folder: Path) -> dict[str, User]:
    found = {}
    for line in (_text(folder / "users.auth.php") or "").splitlines():
        fields = re.split(r"(?<![^\\]\\):", line.partition("#")[0].strip(), maxsplit=4)
        if len(fields) < 4:
            continue
        del fields[1]  # the hash of the password
        login, name, address, *more = (each.replace("\\:", ":").replace("\\\\", "\\") for each in fields)
        groups = frozenset(group for group in "".join(more).split(",") if group)
        found[login] = User(login, unquote_plus(name), address.strip().lower(), groups)
    return found


def _text(path: Path) -> str | None:
    """None where there is no such file."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}.",
            hint="Allow the user that runs Mneme to read it: without it nobody knows who may see what.",
        ) from error
