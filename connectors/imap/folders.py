"""Which folders of an IMAP account a source takes, and who may see what lies in them."""

import unicodedata
from collections.abc import Iterable
from hashlib import blake2b

from imap_tools import FolderInfo

from connectors.base import SourceConfig
from connectors.patterns import AccessRules, Patterns
from memory.domain import Access

_LEFT_OUT = frozenset({"\\trash", "\\junk", "\\drafts"})
"""Special uses (RFC 6154) that are taken only where a pattern includes them."""
_NO_MAIL = frozenset({"\\noselect", "\\nonexistent"})


class Choice:
    """What a source takes. Patterns and rules are about ``FOLDER/MESSAGE-ID``, whatever separates the server's folders.

    :raises InvalidInput: where a pattern cannot be understood.
    """

    def __init__(self, config: SourceConfig) -> None:
        self._all = not config.include
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._access = AccessRules(config.access, config.rules)
        self._tops = [_top(pattern) for pattern in config.include]
        rules = (("**", config.access), *config.rules)
        told = [(pattern, sorted(access.grant), sorted(access.deny)) for pattern, access in rules]
        said = repr((config.include, config.exclude, told))
        self.digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def of(self, listed: Iterable[FolderInfo]) -> dict[str, str]:
        """The folders to read, by name: as we write it, and as the server does."""
        found = {}
        for folder in listed:
            flags = {flag.lower() for flag in folder.flags}
            name = _written(folder.name, folder.delim)
            left_out = self._all and flags & _LEFT_OUT
            if not flags & _NO_MAIL and not left_out and self._may_hold(name):
                found[name] = folder.name
        return dict(sorted(found.items()))

    def missing(self, folders: Iterable[str]) -> list[str]:
        """Folders that a pattern names and that are not there."""
        known = [_form(name) for name in folders]
        tops = dict.fromkeys(top for top in self._tops if top)
        return [top for top in tops if not any(_within(name, top) for name in known)]

    def takes(self, folder: str, key: str) -> bool:
        """Whether a message is wanted."""
        path = f"{folder}/{key}"
        return self._include.matches(path) and not self._exclude.matches(path)

    def access(self, folder: str, key: str) -> Access:
        """Who may see a message."""
        return self._access.of(f"{folder}/{key}")

    def access_digest(self, folder: str, key: str) -> str:
        """Differs where `access` does."""
        return self._access.digest(f"{folder}/{key}")

    def _may_hold(self, name: str) -> bool:
        if self._exclude.matches(f"{name}/"):
            return False
        return self._all or any(not top or _within(_form(name), top) for top in self._tops)


def _top(pattern: str) -> str:
    """The folder in which everything lies that a pattern means; ``""`` where it may lie anywhere."""
    core = pattern.removesuffix("/")
    names = core.removeprefix("/").split("/")
    if "/" not in core:
        return ""
    plain = []
    for name in names:
        if any(mark in name for mark in "*?[\\"):
            break
        plain.append(name)
    # A last name that is plain may be a folder's or a message's.
    return _form("/".join(plain[:-1] if len(plain) == len(names) > 1 else plain))


def _within(name: str, top: str) -> bool:
    return name == top or name.startswith(f"{top}/")


def _written(name: str, separator: str) -> str:
    if separator in ("", "/", "NIL"):
        return name
    return "/".join(part.replace("/", "%2F") for part in name.split(separator))


def _form(name: str) -> str:
    return unicodedata.normalize("NFC", name)
