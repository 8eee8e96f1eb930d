"""Where a message lies now in an IMAP account, by its key alone: for an original that is asked for, or one that was moved."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from connectors.imap_folders import Choice
from connectors.imap_session import HEADS, Head, Session
from connectors.message_key import told_apart
from memory.domain import SourceRef
from memory.errors import NotFound, SourceError, SourceUnavailable

_APART = re.compile(r"~[0-9a-f]{16}$")
_LATER = "Run the sync again."


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a message lies.

    :param folder, raw: the folder as we write it, and as the server does.
    :param validity: the UIDVALIDITY under which the UID means it.
    """

    folder: str
    raw: str
    validity: int
    uid: int


def search(session: Session, choice: Choice, ref: SourceRef, mark: bytes | None) -> Spot:
    """Ask each folder for the message: by its Message-ID, or where it has none by reading them all.

    :param mark: what it shares with its copies, where that is known.
    :raises NotFound: where no folder holds it.
    :raises SourceError: where a folder that may hold it cannot be read, or it could be either of two.
    """
    found: dict[bytes, Spot] = {}
    doubt: SourceError | None = None
    for name, raw in choice.of(session.folders()).items():
        try:
            validity = session.open(raw).validity
            for head in _candidates(session, ref.key):
                base, same = session.identify(head) or ("", b"")
                sure = ref.key == told_apart(base, same)
                if (sure or ref.key == base) and mark in (None, same) and choice.takes(name, ref.key):
                    found.setdefault(same, Spot(name, raw, validity, head.uid))
        except SourceUnavailable:
            raise
        except SourceError as error:
            doubt = error
    if len(found) > 1:
        raise SourceError(f"{ref} may be either of two messages of that Message-ID.", hint=_LATER)
    if not found and doubt:
        raise SourceError(f"{ref} cannot be found: {doubt.message}", hint=_LATER) from doubt
    if not found:
        raise NotFound(f"There is no document {ref}.")
    return next(iter(found.values()))


def _candidates(session: Session, key: str) -> Iterator[Head]:
    """Messages in the open folder that may have this key."""
    known = unquote(_APART.sub("", key))
    by_id = known.isascii() and known.isprintable() and not key.startswith("sha256-")
    uids = session.with_id(known) if by_id else session.uids(1)
    for at in range(0, len(uids), HEADS):
        yield from session.heads(uids[at : at + HEADS])
