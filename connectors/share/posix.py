"""Who may read a file by its mode bits and POSIX access list (POSIX.1e, draft 17), as grant and deny tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.share.tokens import token
from memory.domain import Access

READ, ENTER = 4, 1
"""What a file needs of its own permissions, and of each folder that it lies in."""

EVERYBODY = "*"
"""Stands for all whom no other entry means, until `settled` puts in who they are."""

_LISTED = re.compile(r"\S{10}\S?\s+\d+\s+(\S+)\s+(\S+)\s+\d+\s")
_ESCAPED = re.compile(rb"\\(?:([0-7]{3})|\\)")


@dataclass(frozen=True, slots=True)
class Permissions:
    """What is set for one file.

    :param owner, group: by name, or as ``#1001`` where only the number is known.
    :param mode: the permission bits; with an access list, the group's bits are its mask.
    :param users, groups: further entries of an access list, with their bits; the owning group's own is in `groups` too.
    """

    owner: str
    group: str
    mode: int
    users: tuple[tuple[str, int], ...] = ()
    groups: tuple[tuple[str, int], ...] = ()

    def access(self, need: int) -> Access:
        """Grants and denials that let nobody in whom the system does not.

        The system asks in turn: is it the owner, a named user, one of the groups, anybody else; the first that fits decides.
        Here a denial wins over any grant. So somebody whose own entry grants, and whose group's does not where everybody's
        does, may read there and not here: that is the safe side.

        :param need: `READ` or `ENTER`.
        """
        mask = self.mode >> 3 & 7
        users = [(self.owner, self.mode >> 6 & 7), *((name, bits & mask) for name, bits in self.users)]
        groups = [(name, bits & mask) for name, bits in self.groups] or [(self.group, mask)]
        others = bool(self.mode & need)
        grant = {token("user", name) for name, bits in users if bits & need}
        deny = {token("user", name) for name, bits in users if not bits & need}
        in_groups = {token("group", name) for name, bits in groups if bits & need}
        if others:
            deny |= {token("group", name) for name, bits in groups if not bits & need} - in_groups
        return Access(
            frozenset(grant | in_groups | ({EVERYBODY} if others else set())),
            frozenset(deny - grant),
        )


def beneath(above: Access | None, access: Access) -> Access:
    """Who may by both what a file says and what the folders above it say.

    Of two lists of names only what stands in both is sure to be let through by both.
    """
    if above is None:
        return access
    if EVERYBODY in above.grant:
        grant = access.grant
    else:
        grant = above.grant if EVERYBODY in access.grant else access.grant & above.grant
    return Access(grant, access.deny | above.deny)


def settled(access: Access, everybody: Access) -> Access:
    """The same with the tokens of those who are everybody here."""
    if EVERYBODY not in access.grant:
        return access
    return Access(access.grant - {EVERYBODY} | everybody.grant, access.deny)


def names_in(longname: str) -> tuple[str, str] | None:
    """Owner and group in a line of a listing as ``ls -l`` writes it; None where it cannot be told which they are."""
    found = _LISTED.match(longname)
    return (found[1], found[2]) if found else None


def access_lists(told: bytes) -> Iterator[tuple[bytes, Permissions]]:
    """Each file with what ``getfacl`` told of it."""
    for block in told.split(b"\n\n"):
        head = dict(re.findall(rb"^# (file|owner|group): (.*)$", block, re.MULTILINE))
        lines = re.findall(rb"^(user|group|mask|other):(.*):([r-][w-][x-])", block, re.MULTILINE)
        if set(head) != {b"file", b"owner", b"group"} or not lines:
            continue
        owner, group = (_name(head[each]) for each in (b"owner", b"group"))
        users: list[tuple[str, int]] = []
        groups: list[tuple[str, int]] = []
        bits = {b"user": 0, b"group": 0, b"other": 0}
        for kind, name, letters in lines:
            value = sum(1 << 2 - at for at, letter in enumerate(letters) if letter != ord("-"))
            if kind == b"group":
                groups.append((_name(name) if name else group, value))
            if name:
                users += [(_name(name), value)] if kind == b"user" else []
            else:
                bits[kind] = value
        mode = bits[b"user"] << 6 | bits.get(b"mask", bits[b"group"]) << 3 | bits[b"other"]
        yield _unescaped(head[b"file"]), Permissions(owner, group, mode, tuple(users), tuple(groups))


def _name(raw: bytes) -> str:
    name = _unescaped(raw).decode("utf-8", "backslashreplace")
    return f"#{name}" if name.isdigit() else name


def _unescaped(raw: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 8) & 255]) if found[1] else b"\\", raw)
