"""Who wrote a page, from its history: the first is its author, everybody else an editor."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address

from connectors.mediawiki.shapes import Revision
from memory.domain import Contribution, Identity, Role

EVIDENCE = "page history"

_NOBODY = frozenset(
    {
        "Command line script", "Conversion script", "Delete page script", "Maintenance script", "MediaWiki default",
        "MediaWiki message delivery", "Move page script", "ScriptImporter", "Template namespace initialisation script",
        "Unknown user",
    }
)  # fmt: skip
"""Names that MediaWiki keeps for programs of its own (``$wgReservedUsernames``)."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a history says: by whom, and when first and last."""

    contributions: tuple[Contribution, ...]
    created: datetime | None
    modified: datetime | None


class History:
    """Takes in a history, version by version and oldest first, and holds no more of it than who there was.

    A version with the text of the one before (a move, a protection) is nobody's work. Addresses on the Internet, hidden names,
    temporary accounts and programs are no people.

    :param source: the source's name, for account ids.
    :param bots: names of programs.
    """

    def __init__(self, source: str, bots: frozenset[str] = frozenset()) -> None:
        self._source = source
        self._bots = bots
        self._first: tuple[datetime, str] | None = None
        self._modified: datetime | None = None
        self._last: dict[str, tuple[datetime, Identity]] = {}
        self._before: str | None = None

    def add(self, at: datetime, user: str, account: int, sha1: str | None) -> None:
        """One version.

        :param user: ``""`` where it is hidden, or a temporary account's.
        :param account: the user's number; 0 where there is none.
        :param sha1: of the text; None where that is not known.
        """
        same, self._before = sha1 is not None and sha1 == self._before, sha1
        if same:
            return
        at = at.astimezone(UTC)
        identity = self._identity(user, account)
        key = (identity.account or identity.name) if identity else ""
        if self._first is None or at < self._first[0]:
            self._first = (at, key)
        self._modified = max(at, self._modified or at)
        if identity and (key not in self._last or at >= self._last[key][0]):
            self._last[key] = (at, identity)

    def written(self) -> Written:
        """What it says."""
        if self._first is None:
            return Written((), None, None)
        created, author = self._first
        told = [Contribution(self._last[author][1], Role.AUTHOR, created, EVIDENCE)] if author else []
        editors = sorted(((at, key) for key, (at, _) in self._last.items() if key != author), reverse=True)
        told += [Contribution(self._last[key][1], Role.EDITOR, at, EVIDENCE) for at, key in editors]
        return Written(tuple(told), created, self._modified)

    def _identity(self, user: str, account: int) -> Identity | None:
        # Of another wiki, where versions were imported with their writers: `wiki>Jane`.
        name = " ".join(user.rpartition(">")[2].split())
        if not name or name in _NOBODY or name in self._bots or _is_address(name):
            return None
        return Identity(name=name, account=f"{self._source}:{account}" if account else "")


def written(revisions: Iterable[Revision], source: str, bots: frozenset[str] = frozenset()) -> Written:
    """What a history that the API tells says, oldest version first."""
    history = History(source, bots)
    for each in revisions:
        history.add(each.timestamp, "" if each.temp else each.user or "", each.userid, each.sha1)
    return history.written()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
