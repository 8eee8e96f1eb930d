"""Microsoft Teams: messages as Microsoft Graph gives them, saved as files, as a zip or unpacked.

The resources are documented at https://learn.microsoft.com/graph/api/resources/chatmessage, .../channel, .../team,
.../chat, .../conversationmember and .../user. Any tool that saves Graph's answers makes such files: pages
(``{"value": [...]}``), arrays or single objects in ``.json``, or one resource a line in ``.jsonl``. What a resource is
shows by its properties, so that names and folders mean nothing; ``replies`` and ``members`` may be in it
(``$expand``) or, as the export API has them, replies beside it with ``replyToId``.
"""

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from connectors.social.archive import Archive, Unreadable, json_items, json_lines, reason
from connectors.social.posts import Post, PostFile, Someone
from connectors.social.threads import Channel, Export, Said, ThreadSource, Unread
from memory.domain import Identity
from memory.errors import SourceError

_FORMS = (".json", ".jsonl")


class Teams(ThreadSource):
    """Microsoft Teams as saved from Microsoft Graph: channels and chats with their members and messages.

    A standard channel is for those who may see the source, unless its team is private: then, as with private and
    shared channels and chats, for the members that the export lists. A channel that it does not describe is nobody's. Patterns and
    rules mean channels by the names of their teams and their own, ``Sales/Offers/**``, and chats by ``direct/**``.
    """

    kind = "teams"
    reads_files_of_others = True

    def open_export(self, archive: Archive) -> Export:
        """The messages in these files.

        :raises SourceError: where there is no JSON among them.
        """
        names = [name for name in archive.sizes if name.endswith(_FORMS)]
        if not names:
            raise SourceError(
                f"{archive.path} is no export of Teams: it has no JSON files.",
                hint="Save what Microsoft Graph answers as .json or .jsonl there.",
            )
        return _Tenant(archive, names, self)


@dataclass(slots=True)
class _Team:
    """What is known of a team."""

    name: str = ""
    private: bool = True
    members: set[str] = field(default_factory=set)


class _Tenant(Export):
    """One export while it is read."""

    form = "html"

    def __init__(self, archive: Archive, names: list[str], source: Teams) -> None:
        self._archive, self._names, self._source = archive, names, source
        self.people: dict[str, Someone] = {}
        self._teams: dict[str, _Team] = {}
        self._places: dict[str, dict[str, Any]] = {}
        self._members: dict[str, set[str]] = {}
        self._channels: dict[str, Channel] = {}
        self._files = {
            part: name for name in archive.sizes for part in name.split("/")[:-1] if len(part) > 20
        }
        for _, item, _ in self._items():
            if isinstance(item, dict) and not _is_message(item):
                self._take(item)

    def batches(self) -> Iterator[Iterable[Said | Unread]]:
        """All of it at once: replies may lie in another file than what they answer."""
        yield chain.from_iterable(self._read(*each) for each in self._items())

    def doubts(self, key: str, unread: Mapping[str, str]) -> str:
        """What could not be read may have been any conversation."""
        del key
        return next(iter(unread.values()), "")

    def _items(self) -> Iterator[tuple[str, Any, str]]:
        """Every resource with its file and its place there."""
        for name in self._names:
            try:
                with self._archive.open(name) as file:
                    lines = json_lines(file) if name.endswith(".jsonl") else enumerate(json_items(file), 1)
                    for number, item in lines:
                        yield name, item, str(number)
            except OSError as error:
                yield name, Unreadable(reason(error)), ""

    def _take(self, item: dict[str, Any]) -> None:
        """A team, a channel, a chat or a person; what is none of them says nothing here."""
        identity = item.get("id")
        if not isinstance(identity, str):
            return
        members = item.get("members")
        listed = (
            {each for one in members if (each := self._member(one))} if isinstance(members, list) else None
        )
        if "userPrincipalName" in item:
            self._take_person(identity, item, str(item.get("mail") or ""))
        elif "membershipType" in item or "chatType" in item:
            self._places[identity] = item
            if listed is not None:
                self._members.setdefault(identity, set()).update(listed)
        elif "visibility" in item or "internalId" in item or "isArchived" in item:
            private = str(item.get("visibility") or "private").lower() != "public"
            self._teams[identity] = _Team(str(item.get("displayName") or ""), private, listed or set())

    def _member(self, told: Any) -> str:
        """Takes a `conversationMember`; gives their id."""
        identity = told.get("userId") if isinstance(told, dict) else None
        if not isinstance(identity, str) or not identity:
            return ""
        self._take_person(identity, told, str(told.get("email") or ""))
        return identity

    def _take_person(self, identity: str, told: dict[str, Any], address: str) -> None:
        known = self.people.get(identity)
        before = known.identity if known else None
        self.people[identity] = Someone(
            Identity(
                str(told.get("displayName") or "") or (before.name if before else ""),
                address.strip().lower() or (before.address if before else ""),
                self._source.account(identity),
            )
        )

    def _read(self, file: str, item: Any, part: str) -> Iterator[Said | Unread]:
        if isinstance(item, Unreadable):
            yield Unread(file, item.reason, part if item.number else "")
        elif isinstance(item, dict) and _is_message(item):
            try:
                yield from list(self._messages(file, item))
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                yield Unread(file, "a message has not the form of one", part)

    def _messages(self, file: str, item: dict[str, Any]) -> Iterator[Said]:
        channel = self._channel(item)
        replies = [each for each in item.get("replies") or () if isinstance(each, dict)]
        for each in (item, *replies):
            if each.get("messageType") != "message":
                continue  # who joined, what a channel was renamed to, and the like
            answers = each.get("replyToId") or (item["id"] if each is not item else "")
            thread = "" if item.get("chatId") else str(answers or each["id"])
            yield Said(
                channel,
                self._post(each, reply=bool(answers) and bool(thread)),
                file,
                thread,
                url="" if answers else str(each.get("webUrl") or ""),
                title="" if answers else str(each.get("subject") or ""),
            )

    def _channel(self, item: dict[str, Any]) -> Channel:
        place = item.get("channelIdentity") or {}
        identity = item.get("chatId") or place.get("channelId")
        if not isinstance(identity, str) or not identity:
            raise KeyError
        known = self._channels.get(identity)
        if known is None:
            known = self._channels[identity] = (
                self._chat(identity) if item.get("chatId") else self._of_team(identity, place.get("teamId"))
            )
        return known

    def _chat(self, identity: str) -> Channel:
        members = self._members.get(identity, set())
        called = sorted(self.people[each].called for each in members)
        topic = str(self._places.get(identity, {}).get("topic") or "") or ", ".join(called)
        return Channel(identity, f"direct/{identity}", topic or "chat", frozenset(members))

    def _of_team(self, identity: str, team_id: Any) -> Channel:
        told = self._places.get(identity, {})
        team = self._teams.get(str(team_id or ""), _Team())
        name = str(told.get("displayName") or identity)
        shown = f"{team.name} / {name}" if team.name else name
        members: frozenset[str] | None = frozenset(self._members.get(identity, ()))
        if told.get("membershipType") == "standard":
            members = frozenset(team.members) if team.private else None
        return Channel(identity, f"{team.name or team_id}/{name}", shown, members)

    def _post(self, item: dict[str, Any], *, reply: bool) -> Post:
        identity, at = item["id"], _moment(item["createdDateTime"])
        if not isinstance(identity, str) or not identity or at is None:
            raise TypeError
        if item.get("deletedDateTime"):
            return Post(identity, at, gone=True)
        sender = item.get("from") or {}
        by = self._person(sender.get("user"))
        bot = "" if by else str((sender.get("application") or {}).get("displayName") or "bot")
        body = item.get("body") or {}
        text = str(body.get("content") or "")
        if body.get("contentType") != "html":
            text = f"<p>{html.escape(text)}</p>".replace("\n", "<br>")
        named = [
            self._person((each.get("mentioned") or {}).get("user")) for each in item.get("mentions") or ()
        ]
        return Post(
            id=identity,
            at=at,
            by=by,
            text=text,
            edited=_moment(item.get("lastEditedDateTime")),
            reply=reply,
            bot=bot,
            mentions=tuple(dict.fromkeys(each for each in named if each)),
            reactions=tuple(_counted(item.get("reactions") or ())),
            files=tuple(self._attached(item.get("attachments") or ())),
        )

    def _person(self, user: Any) -> str:
        """The id of a user, whom no list need name."""
        identity = user.get("id") if isinstance(user, dict) else None
        if not isinstance(identity, str) or not identity:
            return ""
        if identity not in self.people:
            self._take_person(identity, user, "")
        return identity

    def _attached(self, attachments: Iterable[dict[str, Any]]) -> Iterator[PostFile]:
        for each in attachments:
            if each.get("contentType") != "reference":
                continue  # cards, and what is quoted
            name = str(each.get("name") or "attachment")
            if (member := self._files.get(str(each.get("id")))) is not None:
                yield PostFile(name, member, self._archive.sizes[member])
            else:
                yield PostFile(name, problem="not in the export: it lies in SharePoint")


def _is_message(item: dict[str, Any]) -> bool:
    return "messageType" in item and "body" in item


def _counted(reactions: Iterable[dict[str, Any]]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for each in reactions:
        name = str(each.get("reactionType") or "like")
        counts[name] = counts.get(name, 0) + 1
    return list(counts.items())


def _moment(value: Any) -> datetime | None:
    """A time as Graph has it: ISO 8601 in UTC."""
    if not value:
        return None
    read = datetime.fromisoformat(str(value))
    if read.tzinfo is None:
        raise ValueError
    return read
