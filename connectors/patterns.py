"""Which keys a pattern means: include, exclude and access rules, all in one small language.

==============  ==================================================================
``*.pdf``       a name without a slash is looked for at every depth
``/a.pdf``      a slash in front, or in the middle, counts from the top
``drafts``      a file of that name, or everything in a folder of that name
``drafts/``     only what lies in a folder of that name
``a/*.pdf``     ``*`` and ``?`` stay within one name, ``[a-z]`` and ``[!a-z]`` are one character
``a/**/b.pdf``  ``**`` crosses folders, none included
``\\*``          the character itself
==============  ==================================================================

A pattern is held against the key: where a connector writes a character of a name as ``%0A`` or ``%25``,
the pattern says so too. Upper and lower case differ. Two Unicode forms of one name do not: what is typed as ``Verträge``
also means the folder that a Mac wrote with a combining accent.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from memory.domain import Access
from memory.errors import InvalidInput

_WILD = re.compile(
    r"(?P<across>\*\*+)|(?P<within>\*)|(?P<one>\?)|(?P<set>\[)|\\(?P<escaped>.)|(?P<plain>[^\\])", re.DOTALL
)
_MEMBER = re.compile(r"(\\.|[^\\])(?:-(\\.|[^\\\]]))?", re.DOTALL)


class Patterns:
    """Any number of patterns as one compiled question.

    :raises InvalidInput: where one of them is not a pattern.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        regexes = [_regex(pattern) for pattern in patterns]
        self._match = re.compile("|".join(regexes), re.DOTALL).fullmatch if regexes else None

    def __bool__(self) -> bool:
        return self._match is not None

    def matches(self, key: str) -> bool:
        """Whether one of the patterns means this key; no patterns mean none.

        A key that ends in ``/`` is a folder: the answer is yes only where everything that lies
        beneath it is meant, so that a walk may leave the folder out.
        """
        if self._match is None:
            return False
        return self._match(key if key.isascii() else unicodedata.normalize("NFC", key)) is not None


class AccessRules:
    """Who may see what, by key: the last rule that matches replaces what the source starts with."""

    def __init__(self, default: Access, rules: Iterable[tuple[str, Access]] = ()) -> None:
        self._default = (default, digest_of(default))
        self._rules = [(Patterns([pattern]), (access, digest_of(access))) for pattern, access in rules]
        self._rules.reverse()

    def of(self, key: str) -> Access:
        """Who may see the document."""
        return self._decide(key)[0]

    def digest(self, key: str) -> str:
        """A short text that differs where `of` differs: a part of the document's version."""
        return self._decide(key)[1]

    def has(self, key: str) -> bool:
        """Whether a rule matches at all."""
        return any(patterns.matches(key) for patterns, _ in self._rules)

    def _decide(self, key: str) -> tuple[Access, str]:
        for patterns, decision in self._rules:
            if patterns.matches(key):
                return decision
        return self._default


@lru_cache(maxsize=1_000)
def digest_of(access: Access) -> str:
    """A short text that differs where the access does: a part of a document's version."""
    text = ",".join(sorted(access.grant)) + "!" + ",".join(sorted(access.deny))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _regex(pattern: str) -> str:
    text = unicodedata.normalize("NFC", pattern)
    if not text.strip().strip("/"):
        raise InvalidInput(f"Not a pattern: {pattern!r} is empty.", hint="`**` means everything.")
    if text.startswith("!"):
        raise InvalidInput(
            f"Not a pattern: {pattern!r} begins with '!'.",
            hint=r"Put what is not wanted under exclude; write \! for a name that begins so.",
        )
    beneath = text.endswith("/")
    core = text.removesuffix("/")
    names = core.removeprefix("/").split("/")
    if not {"", ".", ".."}.isdisjoint(names):
        raise InvalidInput(f"Not a pattern: {pattern!r} has an empty name, '.' or '..' in it.")
    # A folder in front may be left out as a whole, so that `a/**/b` also means `a/b`.
    parts = ["(?:.*/)?" if name == "**" else _name(name, pattern) + "/" for name in names[:-1]]
    if "/" not in core:
        parts.insert(0, "(?:.*/)?")
    parts.append(_name(names[-1], pattern))
    if beneath:
        parts.append("/.*")
    elif names[-1] != "**":
        parts.append("(?:/.*)?")
    return f"(?:{''.join(parts)})"


def _name(name: str, pattern: str) -> str:
    found: list[str] = []
    at = 0
    while at < len(name):
        token = _WILD.match(name, at)
        if token is None:
            raise InvalidInput(f"Not a pattern: a name in {pattern!r} ends in a backslash.")
        at = token.end()
        match token.lastgroup:
            case "across":
                found.append(".*")
            case "within":
                found.append("[^/]*")
            case "one":
                found.append("[^/]")
            case "set":
                regex, at = _set(name, at, pattern)
                found.append(regex)
            case _:
                found.append(re.escape(token["escaped"] or token["plain"]))
    return "".join(found)


def _set(name: str, at: int, pattern: str) -> tuple[str, int]:
    """The regular expression of the set that opened before `at`, and where it ends."""
    negated = name[at : at + 1] in ("!", "^")
    at += negated
    members: list[str] = []
    while at < len(name) and (name[at] != "]" or not members):
        member = _MEMBER.match(name, at)
        if member is None:
            break
        low, high = member[1][-1], (member[2] or member[1])[-1]
        if low > high:
            raise InvalidInput(f"Not a pattern: {low}-{high} in {pattern!r} runs backwards.")
        members.append(f"{re.escape(low)}-{re.escape(high)}")
        at = member.end()
    if at >= len(name) or name[at] != "]":
        raise InvalidInput(
            f"Not a pattern: a '[' in {pattern!r} is never closed.", hint=r"Write \[ for the character."
        )
    # A set never means the slash, not even one that lies within a range.
    return f"(?!/)[{'^' if negated else ''}{''.join(members)}]", at + 1
