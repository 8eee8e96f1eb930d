"""Where a message lies now in an IMAP account, by its key alone: for an original that is asked for, or one that was moved."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from connectors.imap.folders import Choice
from connectors.imap.session import HEADS, Session
from connectors.message_key import message_key, sameness
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


def search(session: Session, choice: Choice, ref: SourceRef, same: bytes) -> Spot:
    """Ask each folder for the message: by its Message-ID, or where it has none by reading them all.

    :param same: what it shares with its copies; empty where that is not known.
    :raises NotFound: where no folder holds it.
    :raises SourceError: where a folder that may hold it cannot be read, or it could be either of two.
    """
    found: list[tuple[str, Spot]] = []
    doubt: SourceError | None = None
    for name, raw in choice.of(session.folders()).items():
        try:
            validity = session.open(raw).validity
            if choice.takes(name, ref.key):
                found += [(own, Spot(name, raw, validity, uid)) for own, uid in _candidates(session, ref.key)]
        except SourceUnavailable:
            raise
        except SourceError as error:
            doubt = error
    # A Message-ID may itself look like the key of a message that was told apart.
    exact = [spot for own, spot in found if own == ref.key]
    if exact and (same or len(exact) > 1):
        spots = _of_text(session, exact, same)
    else:
        apart = [spot for _, spot in found]
        spots = exact or (_of_text(session, apart, bytes.fromhex(ref.key[-16:])) if apart else [])
    if len(spots) > 1:
        raise SourceError(f"{ref} may be either of two messages of that Message-ID.", hint=_LATER)
    if not spots and doubt:
        raise SourceError(f"{ref} cannot be found: {doubt.message}", hint=_LATER) from doubt
    if not spots:
        raise NotFound(f"There is no document {ref}.")
    return spots[0]


def _candidates(session: Session, key: str) -> Iterator[tuple[str, int]]:
    """Messages in the open folder that may be meant by a key: the key by their Message-ID alone, and the UID."""
    bare = _APART.sub("", key)
    known = unquote(bare)
    by_id = known.isascii() and known.isprintable() and not key.startswith("sha256-")
    uids = session.with_id(known) if by_id else session.uids(1)
    for at in range(0, len(uids), HEADS):
        for head in session.heads(uids[at : at + HEADS]):
            text = b"" if head.message_id else session.body(head.uid) or b""
            own = message_key(head.message_id, sameness(text))
            if own in (key, bare):
                yield own, head.uid


def _of_text(session: Session, spots: list[Spot], same: bytes) -> list[Spot]:
    """Of messages under one Message-ID those of this text, or where that is empty, one of each text."""
    texts: dict[bytes, Spot] = {}
    for spot in spots:
        text = session.body(spot.uid) if session.enter(spot.raw, spot.validity) else None
        if text is not None:
            texts.setdefault(sameness(text), spot)
    if same:
        return [texts[same]] if same in texts else []
    return list(texts.values())
