"""Who may read a file by its Windows security descriptor (MS-DTYP 2.4.6), as grant and deny tokens."""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from memory.domain import Access

EVERYBODY = frozenset({"S-1-1-0", "S-1-5-11", "S-1-5-2", "S-1-5-15"})
"""Everyone, Authenticated Users, Network, This Organization: whoever comes to a share is in all of them."""

NOBODY = frozenset({"S-1-3-0", "S-1-3-1", "S-1-3-4", "S-1-5-7"})
"""Creator Owner and Group (only for what is made later), Owner Rights, Anonymous: none of them is an asker of ours."""

_READ = 0x00000001 | 0x80000000 | 0x10000000
"""FILE_READ_DATA, GENERIC_READ, GENERIC_ALL (MS-DTYP 2.4.3, MS-SMB2 2.2.13.1.1)."""

_DACL_PRESENT = 0x0004
_INHERIT_ONLY = 0x08
_ALLOW, _DENY, _CONDITIONAL_DENY = 0x00, 0x01, 0x0A


@dataclass(frozen=True, slots=True)
class Ace:
    """One entry of the list that bears on reading.

    :param sid: whom it is about, as ``S-1-...``.
    """

    allows: bool
    sid: str


def readers(descriptor: bytes) -> list[Ace] | None:
    """The entries that bear on reading this very file, in their order; None where there is no list, so that all may.

    Entries only for what is made later in a folder are left out. A condition on a grant cannot be checked here, so such a
    grant counts for nothing; one on a denial is taken as fulfilled.

    :raises ValueError: where it is cut off or is no descriptor.
    """
    try:
        control, dacl = struct.unpack_from("<2xH12xI", descriptor)
        if not control & _DACL_PRESENT or dacl == 0:
            return None
        size, count = struct.unpack_from("<2xHH", descriptor, dacl)
        return list(_aces(descriptor[dacl + 8 : dacl + size], count))
    except (struct.error, IndexError) as error:
        raise ValueError("a broken security descriptor") from error


def access_of(aces: Iterable[Ace] | None, tokens: Callable[[str], str], everybody: Access) -> Access:
    """Grants and denials that let nobody read whom the list does not.

    Windows goes through the list until an entry decides; here a denial wins wherever it stands. So a denial is left out where
    the same one was granted before it, and after Everyone was. Somebody who was granted by name, with a group of theirs denied
    further down, may read there and not here: that is the safe side.

    :param tokens: the access token of a SID.
    :param everybody: who Everyone is here.
    """
    grant: set[str] = set()
    deny: set[str] = set()
    all_granted = False
    for ace in [Ace(True, "S-1-1-0")] if aces is None else aces:
        if ace.sid in NOBODY:
            continue
        if ace.sid in EVERYBODY:
            if not ace.allows and not all_granted:
                break  # who was granted before may read, and nobody further
            all_granted = all_granted or ace.allows
            grant |= everybody.grant if ace.allows else frozenset()
            continue
        token = tokens(ace.sid)
        if ace.allows:
            grant.add(token)
        elif token not in grant and not all_granted:
            deny.add(token)
    return Access(frozenset(grant), frozenset(deny))


def sid_of(data: bytes) -> str:
    """A SID in its text form (MS-DTYP 2.4.2)."""
    count = data[1]
    authority = int.from_bytes(data[2:8], "big")
    return "-".join(["S", str(data[0]), str(authority), *map(str, struct.unpack_from(f"<{count}I", data, 8))])


def sid_bytes(sid: str) -> bytes:
    """A SID as it is sent."""
    revision, authority, *parts = map(int, sid.split("-")[1:])
    return (
        struct.pack("<BB", revision, len(parts))
        + authority.to_bytes(6, "big")
        + struct.pack(f"<{len(parts)}I", *parts)
    )


def _aces(data: bytes, count: int) -> Iterator[Ace]:
    at = 0
    for _ in range(count):
        kind, flags, size, mask = struct.unpack_from("<BBHI", data, at)
        if kind in (_ALLOW, _DENY, _CONDITIONAL_DENY) and not flags & _INHERIT_ONLY and mask & _READ:
            yield Ace(kind == _ALLOW, sid_of(data[at + 8 : at + size]))
        if size < 8:
            raise IndexError
        at += size
