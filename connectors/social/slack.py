"""Slack: the export of a workspace, as a zip or unpacked.

The form is documented at https://slack.com/help/articles/220556107 and, for messages, at
https://api.slack.com/events/message: lists of people and channels, and in a folder for each channel a JSON array for
each day.
"""

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import SourceConfig
from connectors.social.archive import Archive, Unreadable, json_items, listed, reason, root_of
from connectors.social.posts import Post, PostFile, Someone
from connectors.social.threads import Channel, Export, Said, ThreadSource, Unread, key_part
from memory.domain import Identity
from memory.errors import InvalidInput, SourceError

_LISTS = {"channels.json": False, "groups.json": True, "mpims.json": True, "dms.json": True}
"""The lists of channels, and whether only members may read these."""

_PEOPLE = ("users.json", "org_users.json")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TS = re.compile(r"\d{1,11}(?:\.\d{1,9})?")
_MENTION = re.compile(r"<@([A-Z0-9]+)")
_CHANNEL = re.compile(r"<#([A-Z0-9]+)(?:\|[^<>]*)?>")
_SAID = {"", "me_message", "bot_message", "thread_broadcast", "file_share", "file_comment", "reply_broadcast"}
"""Messages that somebody wrote; the other subtypes tell of joins, topics and the like."""

_GONE = {"tombstone", "message_deleted"}


class Slack(ThreadSource):
    """A Slack workspace's export: its channels, direct messages and files, as a zip or unpacked.

    A private channel, a group and a direct message are for their members. Patterns and rules mean channels by their
    names, ``legal/**``, and direct messages by ``direct/**``. The option ``url`` is the workspace's address, so that
    results lead there.

    An unpacked export may be copied in part: a day that it lacks deletes nothing, unless the option ``whole=yes`` says that it lacks
    none: Slack writes no file for a day of which nothing is left. A zip is whole; what lies outside of the dates it covers stays.
    """

    kind = "slack"
    reads_files_of_others = True
    options = ("url", "whole")

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        url = config.option("url").rstrip("/")
        if url and not re.fullmatch(r"https?://[^\s/]+", url):
            raise InvalidInput(
                f"Not the address of a workspace: {url}.", hint="It reads https://acme.slack.com."
            )
        self._url = url
        whole = config.option("whole", "no")
        if whole not in ("yes", "no"):
            raise InvalidInput(f"whole is yes or no, not {whole}.")
        self.whole = whole == "yes"
        """Whether an unpacked export is said to be complete."""

    def open_export(self, archive: Archive) -> Export:
        """The workspace in these files.

        :raises SourceError: where they are no export of Slack.
        :raises OSError: where one of its lists cannot be read.
        """
        root = root_of(archive.sizes, *_PEOPLE, *_LISTS)
        if root is None:
            raise SourceError(
                f"{archive.path} is no export of Slack: it has no channels.json.",
                hint="Give the zip as it was downloaded, or the folder that has channels.json.",
            )
        return _Workspace(archive, root, self)

    @property
    def url(self) -> str:
        """The workspace's address, ``""`` where none was given."""
        return self._url


class _Workspace(Export):
    """One export while it is read."""

    form = "slack"

    def __init__(self, archive: Archive, root: str, source: Slack) -> None:
        self._archive, self._root, self._source = archive, root, source
        self._met: dict[str, Someone] = {}
        self.people: ChainMap[str, Someone] = ChainMap(self._listed_people(), self._met)
        self._missing_lists: set[str] = set()
        self.channels: dict[str, tuple[Channel, str]] = {}
        for name, private in _LISTS.items():
            if (entries := self._list(name)) is None:
                self._missing_lists.add(name)
            for entry in entries or ():
                self._take_channel(entry, private=private)
        self._days = self._find_days()
        every = [day for days in self._days.values() for day in days]
        self._covered = (min(every, default=""), max(every, default=""))
        self._files = _attached(archive.sizes, root)

    def batches(self) -> Iterator[Iterable[Said | Unread]]:
        """Each channel's messages, in order of the days."""
        for channel, folder in self.channels.values():
            yield self._channel(channel, folder)

    def doubts(self, key: str, unread: Mapping[str, str]) -> str:
        """Why a conversation may be there though it was not met: its day, its channel or its list is not."""
        channel, _, rest = key.partition("/")
        if channel not in self.channels:
            lists = {"D": "dms.json", "G": "groups.json"}.get(channel[:1], "channels.json")
            return f"{lists} is missing" if lists in self._missing_lists else ""
        folder = self.channels[channel][1]
        broken = next((why for name, why in unread.items() if name.startswith(f"{folder}/")), "")
        day = _day_of(rest)
        first, last = self._covered
        if broken or not day or first <= day <= last:
            return broken or self.cut(key)
        return f"the export covers {first} to {last} only"

    def cut(self, key: str) -> str:
        """A day within those covered that an unpacked export has no file of."""
        channel, _, rest = key.partition("/")
        day, (first, last) = _day_of(rest), self._covered
        if self._archive.whole or self._source.whole or not day or not first <= day <= last:
            return ""
        folder = self.channels[channel][1] if channel in self.channels else ""
        return "" if day in self._days.get(folder, ()) else f"{folder}/{day}.json is missing"

    def _listed_people(self) -> dict[str, Someone]:
        found: dict[str, Someone] = {}
        for name in _PEOPLE:
            for entry in self._list(name) or ():
                if isinstance(identity := entry.get("id"), str) and identity:
                    found[identity] = self._someone(identity, entry)
        return found

    def _someone(self, identity: str, entry: Mapping[str, Any]) -> Someone:
        profile = entry.get("profile")
        profile = profile if isinstance(profile, dict) else {}
        names = (
            profile.get("real_name"),
            entry.get("real_name"),
            profile.get("display_name"),
            entry.get("name"),
        )
        name = next((each.strip() for each in names if isinstance(each, str) and each.strip()), "")
        address = profile.get("email")
        return Someone(
            Identity(
                name,
                address.strip().lower() if isinstance(address, str) else "",
                self._source.account(identity),
            ),
            bot=bool(entry.get("is_bot")) or identity == "USLACKBOT",
        )

    def _list(self, name: str) -> Iterator[dict[str, Any]] | None:
        """The entries of a list of the export, read one by one; None where it has none of that name."""
        path = f"{self._root}{name}"
        return listed(self._archive, path) if path in self._archive.sizes else None

    def _take_channel(self, entry: dict[str, Any], *, private: bool) -> None:
        identity = entry.get("id")
        if not isinstance(identity, str) or not identity or key_part(identity) in self.channels:
            return
        name = entry.get("name") if isinstance(entry.get("name"), str) else ""
        members = entry.get("members")
        known = [each for each in members if isinstance(each, str)] if isinstance(members, list) else []
        direct = not name or str(name).startswith("mpdm-")
        channel = Channel(
            identity,
            f"direct/{name or identity}" if direct else str(name),
            ", ".join(self._called(each) for each in known) if direct else f"#{name}",
            frozenset(known) if private else None,
        )
        self.channels[key_part(identity)] = channel, f"{self._root}{name or identity}"

    def _called(self, identity: str) -> str:
        someone = self.people.get(identity)
        return someone.called if someone else identity

    def _find_days(self) -> dict[str, dict[str, str]]:
        """Of each folder the days it has a file of, with the file's name."""
        found: dict[str, dict[str, str]] = {}
        for name in self._archive.sizes:
            folder, _, file = name.rpartition("/")
            day = file.removesuffix(".json")
            if file.endswith(".json") and _DAY.fullmatch(day):
                found.setdefault(folder, {})[day] = name
        return found

    def _channel(self, channel: Channel, folder: str) -> Iterator[Said | Unread]:
        for name in self._days.get(folder, {}).values():
            try:
                with self._archive.open(name) as file:
                    yield from self._messages(channel, name, json_items(file))
            except OSError as error:
                yield Unread(name, reason(error))

    def _messages(self, channel: Channel, file: str, items: Iterator[Any]) -> Iterator[Said | Unread]:
        for number, item in enumerate(items, 1):
            if isinstance(item, Unreadable):
                yield Unread(file, item.reason)
                continue
            try:
                yield from self._message(channel, file, item)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
                yield Unread(file, "a message has not the form of one", part=str(number))

    def _message(self, channel: Channel, file: str, item: dict[str, Any]) -> Iterator[Said]:
        kind = item.get("subtype") or ""
        if kind == "message_changed":
            item = {**item["message"]}
            kind = item.get("subtype") or ""
        elif kind == "message_deleted":
            before = item.get("previous_message") or {}
            item = {**before, "ts": item.get("deleted_ts") or before["ts"]}
            kind = "message_deleted"
        if kind not in _SAID | _GONE:
            return
        began = item.get("thread_ts") or ""
        replies = item.get("reply_count")
        in_thread = bool(began) or bool(replies)
        thread = str(began or item["ts"]) if in_thread else ""
        if thread and not _TS.fullmatch(thread):
            raise ValueError
        post = self._post(item, kind, thread)
        url = f"{self._source.url}/archives/{channel.id}"
        told = int(replies) if isinstance(replies, int) and not post.gone else 0
        yield Said(
            channel,
            post,
            file,
            thread,
            told,
            f"{url}/p{thread.replace('.', '')}" if thread and self._source.url else "",
        )

    def _post(self, item: dict[str, Any], kind: str, thread: str) -> Post:
        at = _moment(item["ts"])
        if kind in _GONE:
            return Post(item["ts"], at, gone=True)
        by, bot = self._writer(item, kind)
        text = _CHANNEL.sub(self._channel_name, _text(item))
        edited = item.get("edited")
        mentioned = dict.fromkeys(_MENTION.findall(text))
        return Post(
            id=item["ts"],
            at=at,
            by=by,
            text=text,
            edited=_moment(edited["ts"]) if isinstance(edited, dict) and edited.get("ts") else None,
            reply=bool(thread) and thread != item["ts"],
            bot=bot,
            mentions=tuple(each for each in mentioned if each in self.people),
            reactions=tuple(_reactions(item.get("reactions") or ())),
            files=tuple(self._post_files(item.get("files") or ())),
        )

    def _writer(self, item: dict[str, Any], kind: str) -> tuple[str, str]:
        """Who wrote it, else what a program calls itself."""
        by = item.get("user") or ""
        if not isinstance(by, str):
            raise TypeError
        if kind == "bot_message" or (item.get("bot_id") and not by):
            profile = item.get("bot_profile") or {}
            return "", str(item.get("username") or profile.get("name") or "bot")
        if by and by not in self.people:
            # Of another workspace, or missing from the list: the message itself says a little.
            told = item.get("user_profile")
            profile = {**told, "email": None} if isinstance(told, dict) else {}
            known = self._someone(by, {"profile": profile, "is_bot": bool(item.get("bot_id"))})
            self._met[by] = known
        return by, ""

    def _channel_name(self, found: re.Match[str]) -> str:
        """A public channel by its name; what a private one is called is for its members."""
        known = self.channels.get(found[1])
        public = known is not None and known[0].members is None
        return f"<#{found[1]}|{known[0].name}>" if known and public else f"<#{found[1]}|private>"

    def _post_files(self, files: Iterable[dict[str, Any]]) -> Iterator[PostFile]:
        for file in files:
            if file.get("mode") == "tombstone" or not file.get("id"):
                continue
            name = str(file.get("name") or file.get("title") or file["id"])
            media_type = str(file.get("mimetype") or "")
            if (member := self._files.get(str(file["id"]))) is not None:
                yield PostFile(name, member, self._archive.sizes[member], media_type)
            else:
                yield PostFile(name, media_type=media_type, problem="not in the export: it lies at Slack")


def _attached(names: Iterable[str], root: str) -> dict[str, str]:
    """Files by their ids: tools that fetch them put them under ``__uploads/ID/``, or as ``attachments/ID-NAME``."""
    found: dict[str, str] = {}
    for name in names:
        parts = name.removeprefix(root).split("/")
        if len(parts) >= 3 and parts[0] == "__uploads":
            found.setdefault(parts[1], name)
        elif len(parts) >= 2 and parts[-2] == "attachments":
            found.setdefault(parts[-1].partition("-")[0], name)
    return found


def _text(item: dict[str, Any]) -> str:
    """What it says; a program's message may say it in what is attached to it only."""
    text = item.get("text") or ""
    if not isinstance(text, str):
        raise TypeError
    if text.strip():
        return text
    told = []
    for part in item.get("attachments") or ():
        told += [part.get(name) for name in ("pretext", "title", "text")] if isinstance(part, dict) else []
        if isinstance(part, dict) and not any(told):
            told.append(part.get("fallback"))
    return "\n".join(each for each in told if isinstance(each, str) and each)


def _reactions(found: Iterable[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    for each in found:
        count = each.get("count")
        users = each.get("users") or ()
        yield str(each["name"]), count if isinstance(count, int) else len(users)


def _moment(ts: str) -> datetime:
    if not isinstance(ts, str) or not _TS.fullmatch(ts):
        raise ValueError
    whole, _, part = ts.partition(".")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        seconds=int(whole), microseconds=int(part[:6].ljust(6, "0") or 0)
    )


def _day_of(rest: str) -> str:
    """The day on which a thread began, or that a conversation is of."""
    if _DAY.fullmatch(rest):
        return rest
    try:
        return f"{_moment(rest):%Y-%m-%d}"
    except (ValueError, OverflowError):
        return ""
