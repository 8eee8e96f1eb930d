"""Mattermost: the bulk export of a server, its JSONL as it is, in its zip, or unpacked.

The form is documented at https://docs.mattermost.com/onboard/bulk-loading-data-format.html: one object a line, first
teams, channels and people, then posts with their replies in them. Posts have no ids there: one is known by its channel,
its time, who wrote it and what it says, which is how Mattermost itself tells them apart when it reads such a file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from connectors.social.archive import Archive, Unreadable, json_lines, reason
from connectors.social.posts import Post, PostFile, Someone
from connectors.social.threads import Channel, Export, Said, ThreadSource, Unread
from memory.domain import Identity
from memory.errors import SourceError

MENTION = re.compile(r"(?<![\w@])@([a-z0-9][a-z0-9._-]*)", re.IGNORECASE)
_LISTS = ("team", "channel", "user", "bot", "direct_channel")


class Mattermost(ThreadSource):
    """A Mattermost server's bulk export: channels, direct messages and attachments, a JSONL file or its zip.

    A private channel and a direct message are for their members. Patterns and rules mean channels by the names of their
    teams and their own, ``sales/offers/**``, and direct messages by ``direct/**``.
    """

    kind = "mattermost"
    reads_files_of_others = True

    def open_export(self, archive: Archive) -> Export:
        """The server in these files.

        :raises SourceError: where there is no JSONL file among them, or it does not begin as an export does.
        :raises OSError: where it cannot be read.
        """
        found = [name for name in archive.sizes if name.endswith(".jsonl")]
        if not found:
            raise SourceError(
                f"{archive.path} is no export of Mattermost: it has no JSONL file.",
                hint="Give the file of `mmctl export`, as it is or unpacked.",
            )
        name = min(found, key=lambda each: (each.count("/"), each))
        return _Server(archive, name, self)


class _Server(Export):
    """One export while it is read."""

    form = "markdown"

    def __init__(self, archive: Archive, name: str, source: Mattermost) -> None:
        self._archive, self._name, self._source = archive, name, source
        self.people: dict[str, Someone] = {}
        self._private: dict[tuple[str, str], bool] = {}
        self._labels: dict[tuple[str, str], str] = {}
        self._members: dict[tuple[str, str], set[str]] = {}
        self._channels: dict[tuple[str, ...], Channel] = {}
        self._unread: list[Unread] = []
        self._met: dict[tuple[str, str], list[str]] = {}
        """What each person has said in each channel at each moment, in the file's order."""
        self._read_lists()

    def batches(self) -> Iterator[Iterable[Said | Unread]]:
        """All of it at once: posts of a day lie anywhere in the file."""
        yield chain(self._unread, self._posts())

    def doubts(self, key: str, unread: Mapping[str, str]) -> str:
        """A line that could not be read may have been any conversation."""
        del key
        return next(iter(unread.values()), "")

    def _lines(self) -> Iterator[tuple[int, Any]]:
        with self._archive.open(self._name) as file:
            yield from json_lines(file)

    def _read_lists(self) -> None:
        """Who and what there is: all of it comes before the first post, whatever was added by hand after that too."""
        first = True
        for number, line in self._lines():
            kind = line.get("type") if isinstance(line, dict) else ""
            if first and kind != "version":
                raise SourceError(
                    f"{self._archive.path} is no export of Mattermost: its first line gives no version.",
                    hint="Give the file of `mmctl export`, as it is or unpacked.",
                )
            first = False
            if kind not in _LISTS:
                continue
            try:
                self._take(str(kind), line[kind])
            except (KeyError, TypeError, AttributeError, ValueError):
                self._unread.append(Unread(self._name, f"a {kind} has not the form of one", f"line {number}"))

    def _take(self, kind: str, told: dict[str, Any]) -> None:
        if kind == "channel":
            place = (_name(told["team"]), _name(told["name"]))
            self._private[place] = told.get("type") != "O"
            self._labels[place] = str(told.get("display_name") or told["name"])
        elif kind == "user":
            self._take_user(told)
        elif kind == "bot":
            name = _name(told["username"])
            shown = str(told.get("display_name") or told["username"])
            self.people[name] = Someone(Identity(shown, account=self._source.account(name)), bot=True)

    def _take_user(self, told: dict[str, Any]) -> None:
        name = _name(told["username"])
        parts = (told.get("first_name"), told.get("last_name"))
        full = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
        address = told.get("email")
        identity = Identity(
            full or str(told.get("nickname") or told["username"]),
            address.strip().lower() if isinstance(address, str) else "",
            self._source.account(name),
        )
        self.people[name] = Someone(identity)
        if told.get("delete_at"):
            return  # who is deactivated is no member of anything any more
        for team in told.get("teams") or ():
            for channel in team.get("channels") or ():
                self._members.setdefault((_name(team["name"]), _name(channel["name"])), set()).add(name)

    def _posts(self) -> Iterator[Said | Unread]:
        self._met.clear()
        try:
            for number, line in self._lines():
                part = f"line {number}"
                if isinstance(line, Unreadable):
                    yield Unread(self._name, line.reason, part)
                    continue
                kind = line.get("type") if isinstance(line, dict) else None
                if kind not in ("post", "direct_post"):
                    continue
                try:
                    yield from list(self._said(line[kind], direct=kind == "direct_post"))
                except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                    yield Unread(self._name, "a post has not the form of one", part)
        except OSError as error:
            yield Unread(self._name, reason(error))

    def _said(self, told: dict[str, Any], *, direct: bool) -> Iterator[Said]:
        channel = self._direct(told["channel_members"]) if direct else self._channel(told)
        replies = [each for each in told.get("replies") or () if not is_system(each)]
        first = self._post(told, channel.id)
        thread = first.id if replies else ""
        if not is_system(told):
            yield Said(channel, first, self._name, thread)
        for reply in replies:
            yield Said(channel, self._post(reply, channel.id, reply=True), self._name, thread)

    def _channel(self, told: dict[str, Any]) -> Channel:
        place = (_name(told["team"]), _name(told["channel"]))
        known = self._channels.get(place)
        if known is None:
            # A channel that the export does not list is anybody's guess: then only its members see it.
            private = self._private.get(place, True)
            known = self._channels[place] = Channel(
                "~".join(place),
                "/".join(place),
                f"~{self._labels.get(place, place[1])}",
                frozenset(self._members.get(place, ())) if private else None,
            )
        return known

    def _direct(self, members: Iterable[Any]) -> Channel:
        names = tuple(sorted({_name(each) for each in members}))
        known = self._channels.get(("", *names))
        if known is None:
            shown = ", ".join(self.people[each].called if each in self.people else each for each in names)
            identity = f"direct~{','.join(names)}"
            known = Channel(identity, f"direct/{','.join(names)}", shown, frozenset(names))
            self._channels["", *names] = known
        return known

    def _post(self, told: dict[str, Any], place: str, *, reply: bool = False) -> Post:
        by, at = _name(told["user"]), told["create_at"]
        text = told.get("message") or ""
        if not isinstance(at, int) or isinstance(at, bool) or not isinstance(text, str):
            raise TypeError
        identity = f"{at}-{by}"
        said = self._met.setdefault((place, identity), [])
        if text not in said:
            said.append(text)
        if number := said.index(text):  # programs post more than once in a millisecond
            identity += f"-{number + 1}"
        if told.get("delete_at"):
            return Post(identity, moment_of(at), gone=True)
        if by not in self.people:
            self.people[by] = Someone(Identity(account=self._source.account(by)))
        named = dict.fromkeys(each.lower().rstrip(".-_") for each in MENTION.findall(text))
        edited = told.get("edit_at")
        props = told.get("props")
        hook = isinstance(props, dict) and props.get("from_webhook") == "true"
        return Post(
            id=identity,
            at=moment_of(at),
            by="" if hook else by,
            text=text,
            edited=moment_of(edited) if isinstance(edited, int) and edited else None,
            reply=reply,
            bot=str(props.get("override_username") or "webhook") if hook and isinstance(props, dict) else "",
            mentions=tuple(each for each in named if each in self.people),
            reactions=tuple(counted(told.get("reactions") or ())),
            files=tuple(self._files(told.get("attachments") or ())),
        )

    def _files(self, attached: Iterable[dict[str, Any]]) -> Iterator[PostFile]:
        root = self._name.rpartition("/")[0]
        for each in attached:
            path = str(each["path"]).replace("\\", "/").lstrip("/")
            shown = path.rpartition("/")[2]
            places = (f"{root}/{path}".lstrip("/"), f"{root}/data/{path}".lstrip("/"))
            member = next((place for place in places if place in self._archive.sizes), "")
            if member:
                yield PostFile(shown, member, self._archive.sizes[member])
            else:
                yield PostFile(shown, problem="not in the export: make it with its attachments")


def is_system(told: dict[str, Any]) -> bool:
    """Whether it tells of joins, headers and the like."""
    return str(told.get("type") or "").startswith("system_")


def counted(reactions: Iterable[dict[str, Any]]) -> list[tuple[str, int]]:
    """Each kind of reaction with how many reacted so, the most frequent first: the server's order may be another each time."""
    counts: dict[str, int] = {}
    for each in reactions:
        name = str(each["emoji_name"])
        counts[name] = counts.get(name, 0) + 1
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value.lower()


def moment_of(milliseconds: int) -> datetime:
    """A moment as Mattermost writes it."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
