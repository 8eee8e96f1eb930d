"""Who may read a page, by the access rules of a DokuWiki, as grant and deny tokens.

A line has a page, or a namespace with ``*``, then a user, ``@group`` or ``@ALL``, then a level: 0 is nothing, 1 and more is reading. Of the lines about
the page itself the highest level counts that somebody has there, as themselves or by a group; only where they have none at all, those about its
namespace, then about the namespace above, are asked (https://www.dokuwiki.org/acl, `auth_aclcheck` in its inc/auth.php).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.dokuwiki.settings import Settings, User
from memory.domain import Access

ALL = "@ALL"
_LETTERS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "ß": "ss",
        "å": "aa",
        "ø": "oe",
        "æ": "ae",
        "œ": "oe",
        "ð": "dh",
        "þ": "th",
    }
)
_SPECIAL = re.compile(r"[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]")


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line.

    :param viewer: who must be looking, or their group, for the line to be there at all (``%USER%``, ``%GROUP%``).
    """

    subject: str
    reads: bool
    viewer: str = ""


class Acl:
    """The access rules of one wiki.

    Where the accounts are the wiki's own, each user's right is worked out, and a token is ``person:ADDRESS``: a group stands for its members. Where they
    are kept elsewhere, tokens are ``group:NAME`` and ``user:LOGIN`` as the rules name them; somebody in several groups may then see less than
    the wiki shows, since a denial wins, but never more.

    :param everybody: what ``@ALL`` stands for.
    :param by_name: take groups by name, although the accounts are the wiki's own.
    """

    def __init__(self, settings: Settings, everybody: Access, *, by_name: bool = False) -> None:
        self._everybody = everybody
        self._superuser = {each.strip() for each in settings.superuser.split(",") if each.strip()}
        self._users = {} if by_name else settings.users
        self._lines: dict[str, list[_Rule]] = {}
        self._templates: list[tuple[str, str, bool]] = []
        for line in settings.rules or ():
            self._read(line.strip())
        self._subjects = {user.login: _subjects(user) for user in self._users.values()}
        for user in self._users.values():
            self._fill_in(user)
        self._known: dict[tuple[str, ...], Access] = {}

    def of(self, page: str) -> Access:
        """Who may read a page, by its id; of a namespace, by ``NAMESPACE:*``."""
        paths = [path for path in _paths(page) if path in self._lines or self._templates]
        # Where nothing is said of the page itself, all of its namespace have the same.
        key = tuple(path for path in paths if path in self._lines or not self._users)
        if key not in self._known:
            levels = [rules for path in paths if (rules := self._rules(path))]
            self._known[key] = self._by_person(levels) if self._users else self._by_name(levels)
        return self._known[key]

    def _read(self, line: str) -> None:
        words = line.split("#", maxsplit=1)[0].split() if not line.startswith("#") else []
        if len(words) < 3:
            return
        page, subject, level = words[:3]
        reads = level.isdigit() and int(level) > 0
        if "%USER%" in line or "%GROUP%" in line:
            self._templates.append((page, subject, reads))
        else:
            self._lines.setdefault(page, []).append(_Rule(subject, reads))

    def _fill_in(self, user: User) -> None:
        """The lines that are there for one user only."""
        for page, subject, reads in self._templates:
            me = encoded(cleaned(user.login))
            if "%GROUP%" not in page + subject:
                rule = _Rule(subject.replace("%USER%", me), reads, me)
                self._lines.setdefault(page.replace("%USER%", cleaned(user.login)), []).append(rule)
                continue
            for group in user.groups:
                there = page.replace("%GROUP%", cleaned(group)).replace("%USER%", cleaned(user.login))
                mine = f"@{encoded(cleaned(group))}"
                whom = subject.replace("%GROUP%", mine).replace("%USER%", me)
                self._lines.setdefault(there, []).append(_Rule(whom, reads, me))

    def _rules(self, path: str) -> list[_Rule]:
        found = list(self._lines.get(path, ()))
        if not self._users:
            found += self._templated(path)
        return found

    def _templated(self, path: str) -> Iterator[_Rule]:
        """Lines with a place-holder where nobody knows the users: whoever the path names."""
        for page, subject, reads in self._templates:
            kind = "%GROUP%" if "%GROUP%" in page + subject else "%USER%"
            shape = re.escape(page).replace(re.escape(kind), "(?P<who>[^:*]+)", 1)
            if found := re.fullmatch(shape, path):
                who = found.groupdict().get("who", "")
                named = f"@{encoded(who)}" if kind == "%GROUP%" else encoded(who)
                if who and subject in (kind, ALL):
                    yield _Rule(named, reads)

    def _by_person(self, levels: list[list[_Rule]]) -> Access:
        everybody = _decided(levels, {ALL})
        able = {login: self._may(login, levels) for login in self._users}
        tokens = {
            login: f"person:{user.address}" for login, user in self._users.items() if _sound(user.address)
        }
        if not everybody:
            return Access(
                frozenset(token for login, token in tokens.items() if able[login]), self._everybody.deny
            )
        denied = frozenset(token for login, token in tokens.items() if not able[login])
        granted = frozenset(token for login, token in tokens.items() if able[login])
        # Two accounts of one address: who may by one of them, may.
        return Access(self._everybody.grant, self._everybody.deny | (denied - granted))

    def _may(self, login: str, levels: list[list[_Rule]]) -> bool:
        mine = self._subjects[login]
        return not mine.isdisjoint(map(_with_group, self._superuser)) or _decided(levels, mine)

    def _by_name(self, levels: list[list[_Rule]]) -> Access:
        grant: set[str] = set()
        deny: set[str] = set()
        waiting: set[str] = set()
        for rules in levels:
            reading = {rule.subject for rule in rules if rule.reads}
            if reading:
                deny |= waiting
            grant.update(*(self._tokens(subject) for subject in reading))
            if any(rule.subject == ALL for rule in rules):
                break  # nobody is asked further up
            waiting |= {
                token for rule in rules if rule.subject not in reading for token in self._tokens(rule.subject)
            }
        if not (self._everybody.grant and self._everybody.grant <= grant):
            for each in self._superuser:
                grant |= self._tokens(_with_group(each))
        return Access(frozenset(grant), self._everybody.deny | deny)

    def _tokens(self, subject: str) -> frozenset[str]:
        if subject == ALL:
            return self._everybody.grant
        token = f"group:{subject[1:]}" if subject.startswith("@") else f"user:{subject}"
        return frozenset({token} if _sound(token) else ())


def encoded(name: str) -> str:
    """A user's or group's name as the rules have it (`auth_nameencode`)."""
    return _SPECIAL.sub(lambda found: f"%{ord(found[0]):x}", name)


def _decided(levels: Iterable[list[_Rule]], subjects: set[str]) -> bool:
    """Whether somebody may read: the most special level that says anything of them decides."""
    for rules in levels:
        said = [
            rule.reads
            for rule in rules
            if rule.subject in subjects and (not rule.viewer or rule.viewer in subjects)
        ]
        if said:
            return any(said)
    return False


def _paths(page: str) -> Iterator[str]:
    yield page
    space = page.rpartition(":")[0]
    if page.endswith(":*"):
        space = space.rpartition(":")[0]  # that was asked as the page itself
    while space:
        yield f"{space}:*"
        space = space.rpartition(":")[0]
    if page != "*":
        yield "*"


def _subjects(user: User) -> set[str]:
    return {encoded(cleaned(user.login)), ALL, *(f"@{encoded(cleaned(group))}" for group in user.groups)}


def _with_group(member: str) -> str:
    return f"@{encoded(cleaned(member[1:]))}" if member.startswith("@") else encoded(cleaned(member))


def cleaned(name: str) -> str:
    """A name cleaned as the wiki does before it asks its rules (`cleanID` with the settings it comes with)."""
    plain = unicodedata.normalize("NFD", name.lower().translate(_LETTERS))
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    return re.sub(r"_+", "_", re.sub(r"[\x00-\x2c\x2f\x3a-\x60\x7b-\x7f]", "_", plain)).strip("_.-")


def _sound(token: str) -> bool:
    return bool(re.fullmatch(r"[^\s,!=]+", token))
