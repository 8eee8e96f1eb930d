"""What is known of an IMAP account between two syncs: which message lies where. It is the connector's cursor."""

import base64
import json
import zlib
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from connectors.message_key import told_apart
from memory.errors import SourceError

Place = tuple[str, int]
"""A folder's name and a UID in it."""

_FORM = 1
_APART = told_apart("", bytes(8))


@dataclass(slots=True)
class Folder:
    """What is known of a folder.

    :param raw: its name as the server writes it.
    :param validity: its UIDVALIDITY: under another one UIDs mean other messages.
    :param following: every message of a lower UID has been read (UIDNEXT).
    :param modseq: its HIGHESTMODSEQ when what had vanished was last taken in; 0 where the server has none.
    :param keys: each message's key by its UID; ``""`` for one that no pattern wants.
    :param unread: UIDs of messages whose header the server could not give.
    """

    raw: str
    validity: int
    following: int = 1
    modseq: int = 0
    keys: dict[int, str] = field(default_factory=dict)
    unread: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """How many messages are known in it."""
        return len(self.keys) + len(self.unread)


@dataclass(slots=True)
class Mail:
    """A message, wherever it lies.

    :param places: of it and its copies, in order; the first decides about access and version.
    :param same: what it shares with its copies, in 8 bytes; empty where its text was not read yet.
    """

    places: tuple[Place, ...] = ()
    same: bytes = b""


class State:
    """Every message by key, and by folder and UID.

    :param settings: a digest of what the source was told to take and to grant when this was read.
    """

    def __init__(self, settings: str) -> None:
        self.settings = settings
        self.folders: dict[str, Folder] = {}
        self.mails: dict[str, Mail] = {}
        self.several: set[str] = set()
        """Keys that other messages would have too."""

    def add(self, folder: str, uid: int, key: str, same: bytes) -> None:
        """A message lies here.

        :param same: as in `Mail`.
        """
        self.folders[folder].keys[uid] = key
        mail = self.mails.setdefault(key, Mail())
        mail.places = tuple(sorted({*mail.places, (folder, uid)}))
        mail.same = same or mail.same
        if same and key == told_apart(key[: -len(_APART)], same):
            self.several.add(key[: -len(_APART)])

    def remove(self, folder: str, uid: int) -> str:
        """Nothing lies here any more; gives the key of what did, which stays known, if need be without a place."""
        key = self.folders[folder].keys.pop(uid, "")
        if key:
            mail = self.mails[key]
            mail.places = tuple(place for place in mail.places if place != (folder, uid))
        return key

    def version(self, key: str) -> str:
        """Of the place that decides: there a message never changes. Empty where it lies nowhere."""
        mail = self.mails.get(key)
        if mail is None or not mail.places:
            return ""
        folder, uid = mail.places[0]
        name = blake2b(folder.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        return f"{self.folders[folder].validity:x}.{uid:x}.{name}"

    def encode(self) -> str:
        """As text: JSON, compressed; UIDs as differences, and a message by its number among the messages."""
        numbers = {key: number for number, key in enumerate(self.mails, 1)}
        folders = {
            name: {
                "is": [folder.raw, folder.validity, folder.following, folder.modseq],
                "uids": _differences(sorted(folder.keys)),
                "mails": _differences([numbers.get(folder.keys[uid], 0) for uid in sorted(folder.keys)]),
                "unread": sorted(folder.unread),
            }
            for name, folder in self.folders.items()
        }
        same = b"".join(mail.same or bytes(8) for mail in self.mails.values())
        whole = {
            "form": _FORM,
            "settings": self.settings,
            "folders": folders,
            "keys": list(self.mails),
            "several": sorted(self.several),
            "same": base64.b64encode(same).decode(),
        }
        packed = zlib.compress(json.dumps(whole, separators=(",", ":")).encode(), 6)
        return base64.b64encode(packed).decode()

    @classmethod
    def decode(cls, cursor: str) -> "State":
        """Read `encode` back.

        :raises SourceError: where it is no such text.
        """
        try:
            whole: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(cursor)))
            if whole["form"] != _FORM:
                raise ValueError(whole["form"])
            keys, same = whole["keys"], base64.b64decode(whole["same"])
            state = cls(whole["settings"])
            state.several = set(whole["several"])
            for at, key in enumerate(keys):
                read = same[8 * at : 8 * at + 8]
                state.mails[key] = Mail(same=read if any(read) else b"")
            for name, told in whole["folders"].items():
                folder = state.folders[name] = Folder(*told["is"])
                folder.unread = set(told["unread"])
                places = zip(_sums(told["uids"]), _sums(told["mails"]), strict=True)
                folder.keys = {uid: keys[number - 1] if number else "" for uid, number in places}
        except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
            raise SourceError(
                "What was noted of the mailbox at the last sync cannot be read.",
                hint="Remove the source and add it again.",
            ) from error
        state._fill_places()
        return state

    def _fill_places(self) -> None:
        for name in sorted(self.folders):
            for uid, key in self.folders[name].keys.items():
                if key:
                    self.mails[key].places += ((name, uid),)


def _differences(numbers: list[int]) -> list[int]:
    """Small and alike, so that they compress well."""
    return [after - before for before, after in zip([0, *numbers], numbers, strict=False)]


def _sums(differences: list[int]) -> list[int]:
    found, total = [], 0
    for each in differences:
        total += each
        found.append(total)
    return found
