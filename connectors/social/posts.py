"""The posts of a conversation as every connector of social sources hands them over.

The form is that of `ingest/parsers/thread.py`, which reads it.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from hashlib import blake2b
from typing import Any

from memory.domain import Identity

MAX_FILES = 48 * 1024 * 1024
"""Bytes of files that go along with one conversation."""


@dataclass(frozen=True, slots=True)
class Someone:
    """Who may have written a post.

    :param bot: whether it is a program, which is no person.
    """

    identity: Identity
    bot: bool = False

    @property
    def called(self) -> str:
        """What to show."""
        return self.identity.name or self.identity.address or self.identity.account

    def to_json(self) -> dict[str, str]:
        """What is known of them, without what is empty."""
        known = self.identity
        told = {"name": known.name, "address": known.address, "account": known.account}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class PostFile:
    """A file on a post.

    :param member: its name in the export; ``""`` where it is not there, and `problem` says so.
    :param size: bytes; a file of a post never changes under its name.
    """

    name: str
    member: str = ""
    size: int = 0
    media_type: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody said.

    :param id: lasting, and each once in its conversation.
    :param by: the id of who wrote it; ``""`` where that is nobody known, and `bot` may say what posted it.
    :param edited: when it was last edited.
    :param reply: whether it answers the post that the thread began with.
    :param mentions: ids of people it names.
    :param reactions: each kind with how many reacted so.
    :param gone: whether it was deleted: then nothing else of it counts.
    """

    id: str
    at: datetime
    by: str = ""
    text: str = ""
    edited: datetime | None = None
    reply: bool = False
    bot: str = ""
    mentions: tuple[str, ...] = ()
    reactions: tuple[tuple[str, int], ...] = ()
    files: tuple[PostFile, ...] = ()
    gone: bool = False

    def to_json(self) -> bytes:
        """As one line of JSON, without what is empty."""
        told = {name: value for name in _FIELDS if (value := getattr(self, name))}
        told["at"] = self.at.isoformat()
        if self.edited:
            told["edited"] = self.edited.isoformat()
        if self.files:
            told["files"] = [asdict(file) for file in self.files]
        return json.dumps(told, separators=(",", ":")).encode() + b"\n"


_FIELDS = tuple(each.name for each in fields(Post))


@dataclass(frozen=True, slots=True)
class Conversation:
    """The posts of one thread, or of one day of a channel.

    :param posts: as `Post.to_json` has them.
    :param people: of those who wrote or are mentioned, by the ids in the posts.
    :param form: how texts are marked up: ``slack``, ``markdown``, ``html``, ``yammer`` or ``text``.
    """

    title: str
    place: str
    form: str
    posts: Sequence[Mapping[str, Any]]
    people: Mapping[str, Someone] = field(default_factory=dict)

    def digest(self) -> str:
        """Differs where anything of it differs."""
        told = self._told(self.posts)
        return blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).hexdigest()

    def to_bytes(self, read: Callable[[str, int], bytes]) -> bytes:
        """The form, with the files in it.

        :param read: the bytes of a member of the export, at most so many.
        """
        left = MAX_FILES
        posts = []
        for post in self.posts:
            files = []
            for file in post.get("files", ()):
                files.append(_packed(file, read, left))
                left -= len(files[-1].get("data", "")) * 3 // 4
            posts.append({**post, "files": files} if files else post)
        return json.dumps(self._told(posts), separators=(",", ":")).encode()

    def _told(self, posts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        met = dict.fromkeys(
            each for post in self.posts for each in (post.get("by", ""), *post.get("mentions", ()))
        )
        people = {each: someone for each in met if (someone := self.people.get(each)) is not None}
        bots = {each: someone.called for each, someone in people.items() if someone.bot}
        return {
            "title": self.title,
            "place": self.place,
            "format": self.form,
            "people": {each: someone.to_json() for each, someone in people.items() if not someone.bot},
            "names": bots,
            "posts": [_by_bot(post, bots) for post in posts],
        }


def merged(lines: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Posts in order of time, of several with one id the last that was told, and without those that are gone."""
    last: dict[str, Mapping[str, Any]] = {}
    for line in lines:
        known = last.get(line["id"])
        if known is None or line.get("edited", "") >= known.get("edited", "") or line.get("gone"):
            last[line["id"]] = line if not (known and known.get("gone")) else known
    kept = [line for line in last.values() if not line.get("gone")]
    return sorted(kept, key=lambda line: (line["at"], line["id"]))


def _by_bot(post: Mapping[str, Any], bots: Mapping[str, str]) -> Mapping[str, Any]:
    if post.get("by") not in bots:
        return post
    return {**{name: value for name, value in post.items() if name != "by"}, "bot": bots[post["by"]]}


def _packed(file: Mapping[str, Any], read: Callable[[str, int], bytes], left: int) -> dict[str, Any]:
    told = {
        name: value for name, value in file.items() if name in ("name", "media_type", "problem") and value
    }
    if told.get("problem"):
        return told
    if file.get("size", 0) > left:
        return {**told, "problem": f"larger than {MAX_FILES >> 20} MB together with what hangs on it before"}
    try:
        return {**told, "data": base64.b64encode(read(file["member"], left)).decode("ascii")}
    except OSError as error:
        return {**told, "problem": f"cannot be read: {error.strerror or error}"}
