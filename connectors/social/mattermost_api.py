"""Mattermost by its API: what people say in the channels that an account may read."""

import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from connectors.base import Content, SourceConfig
from connectors.http_errors import Refused
from connectors.http_settings import OPTIONS, bearer, web_of
from connectors.social.archive import Archive
from connectors.social.mattermost import MENTION, counted, is_system, moment_of
from connectors.social.mattermost_posts import PostStore
from connectors.social.mattermost_rest import SINCE_MOST, TOGETHER, Account, ChannelShape, Rest, Team
from connectors.social.posts import Post, PostFile, Someone
from connectors.social.threads import Channel, Export, Said, ThreadSource, Unread
from memory.domain import Identity, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable

WHOLE_S = 30 * 86_400.0
"""After so many seconds a channel is read whole again, for what no change tells: posts that were deleted for good."""
OVERLAP_MS = 60_000
"""How long a change may take from the moment that it bears until it can be seen."""


class MattermostApi(ThreadSource):
    """The channels of a Mattermost server that an account may read: public ones of its teams, private ones that it is in.

    The location is the server's address, the secret ``token`` a bot's or a personal access token; options are those of every source on the
    web. A private channel is for its members, a public one of a team that nobody may join unasked for the team's. Patterns and rules
    mean channels by ``TEAM/CHANNEL``. Direct messages that the account is in are taken with the option ``direct=yes``, each for those in it;
    they are meant by ``direct/NAME,NAME``.

    :raises InvalidInput: where the settings name no server, or a pattern cannot be understood.
    """

    kind = "mattermost_api"
    options = (*OPTIONS, "direct")
    secrets: ClassVar[tuple[str, ...]] = ("token",)

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        token = config.secret("token")
        if token is None:
            raise InvalidInput(
                "A Mattermost server is asked with a token.",
                hint="Give a bot's access token by --secret token.",
            )
        direct = config.option("direct", "no")
        if direct not in ("yes", "no"):
            raise InvalidInput(f"direct is yes or no, not {direct}.")
        self.direct = direct == "yes"
        """Whether direct messages are taken."""
        self._only = ""
        # What ends so means channels as a whole: beneath them lies one level only.
        self._by_channel = all(each.endswith(("/", "**")) for each in config.include)
        self._rest = Rest(web_of(config, {"Authorization": bearer(token)}))
        self._store = PostStore(config.state, config.location)

    def check(self) -> str:
        """Say as whom the server is asked, and what that account sees.

        :raises SourceError: where it cannot be asked.
        """
        me, teams = self._rest.me(), self._rest.teams()
        channels = sum(1 for team in teams for _ in self._rest.channels(team))
        names = ", ".join(team.display_name or team.name for team in teams) or "no team"
        return f"{self._rest.web.host} shows {channels:,} channels of {names} to {me.username}."

    def open_export(self, archive: Archive) -> Export:
        """The server as it is now."""
        del archive
        return _Server(self._rest, self._store, self, self._only)

    def _read_for(self, key: str) -> None:
        self._only = key.partition("/")[0]
        try:
            super()._read_for(key)
        finally:
            self._only = ""

    def _covers(self, export: Export, key: str) -> bool:
        assert isinstance(export, _Server)  # noqa: S101 - no other is opened here
        return export.only in ("", key.partition("/")[0])

    def fetch(self, ref: SourceRef) -> Content:
        """A conversation as it was listed, unless nothing is left of it.

        :raises NotFound: where it is not there, or all of it was deleted since.
        :raises SourceError: where it cannot be read, or nobody knows whether it is there.
        """
        content = super().fetch(ref)
        number = ref.key.partition("/")[0]
        known = self._store.seen(number)
        news = self._rest.since(number, max(1, (known[0] if known else 0) - OVERLAP_MS))
        gone = {post["id"] for post in news if post.get("delete_at")}
        if gone and gone.issuperset(post["id"] for post in json.loads(content.read())["posts"]):
            raise NotFound(f"There is no document {ref}.")
        return content

    def takes(self, channel: str) -> bool:
        """Whether anything of a channel may be taken.

        :param channel: ``TEAM/CHANNEL``.
        """
        if self._exclude.matches(f"{channel}/"):
            return False
        return not self._by_channel or self._include.matches(f"{channel}/")

    def close(self) -> None:
        """End the connections, and let go of what was kept."""
        super().close()
        self._store.close()
        self._rest.web.close()

    def _opened(self) -> tuple[Archive, Export]:
        archive = _Files(self._rest)
        try:
            return archive, self.open_export(archive)
        except NotFound as error:
            raise SourceError(
                f"{self._rest.web.host} has no Mattermost at this address.",
                hint="Give the server's own address, https://HOST.",
            ) from error


class _Files:
    """The files of a server, in the place of an export's."""

    whole = True

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self.path = Path(rest.web.host)
        self.sizes: dict[str, int] = {}

    def open(self, name: str) -> BinaryIO:
        return _LateFile(self._rest, name)

    def stamp(self, name: str) -> str:
        return name  # a channel was read whole before its posts are told

    def close(self) -> None:
        """Nothing is held open."""


class _LateFile(io.BytesIO):
    """A file that is asked for with the first bytes of it."""

    def __init__(self, rest: Rest, number: str) -> None:
        super().__init__()
        self._rest, self._number = rest, number

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return self._rest.file(self._number, size if size and size > 0 else 1)
        except SourceUnavailable:
            raise
        except (NotFound, SourceError) as error:
            raise OSError(None, error.message.rstrip(".").lower()) from error


class _Server(Export):
    """One server while it is read."""

    form = "markdown"

    def __init__(self, rest: Rest, store: PostStore, source: MattermostApi, only: str = "") -> None:
        self._rest, self._store, self._source = rest, store, source
        self.only = only
        """The one channel that is read, ``""`` for all."""
        accounts = list(rest.users())
        self._people = {each.id: _someone(each, source) for each in accounts}
        self.people = self._people
        self._names = {each.username.lower(): each.id for each in accounts}
        self._called = {each.id: each.username for each in accounts}
        # Who is deactivated is no member of anything any more, and a program is nobody who could ask.
        self._active = frozenset(each.id for each in accounts if not each.delete_at and not each.is_bot)
        self._listed: set[str] = set()
        self._doubts: dict[str, str] = {}

    def batches(self) -> Iterator[Iterable[Said | Unread]]:
        """A channel at a time, each asked for what is new in it first."""
        for told, name, channel in self._channels():
            if self.only not in ("", told.id):
                continue
            self._listed.add(told.id)
            try:
                if not self._source.takes(name()):
                    self._store.forget(told.id)
                    continue
                self._refresh(told.id)
                read = channel()
            except (Refused, NotFound) as error:
                # Who may see it is not known any more either: it stays as it was.
                self._listed.discard(told.id)
                yield [Unread(told.id, error.message.rstrip("."))]
                continue
            yield self._said(read, told.id)

    def _channels(self) -> Iterator[tuple[ChannelShape, Callable[[], str], Callable[[], Channel]]]:
        """Each channel with what tells how patterns mean it, and what tells who may see it: that may take requests."""
        teams = self._rest.teams()
        for team in teams:
            of_team = cache(partial(self._rest.members, "teams", team.id))
            for told in self._rest.channels(team):
                yield (
                    told,
                    partial(str, f"{team.name}/{told.name}"),
                    partial(self._channel, team, told, of_team),
                )
        if self._source.direct and teams:
            for told in self._rest.direct(teams[0]):
                channel = cache(partial(self._direct, told))
                yield told, partial(_name_of, channel), channel

    def _direct(self, told: ChannelShape) -> Channel:
        members = self._rest.members("channels", told.id)
        names = ",".join(sorted(self._called.get(each, each) for each in members))
        shown = ", ".join(sorted(self._people[each].called for each in members if each in self._people))
        return Channel(told.id, f"direct/{names}", shown, members & self._active)

    def doubts(self, key: str, unread: Mapping[str, str]) -> str:
        """A conversation is gone where its channel was read, or is gone itself; where the account may not see that any more, nobody knows."""
        number = key.partition("/")[0]
        if number in self._listed:
            return ""
        if number in unread:
            return unread[number]
        if number not in self._doubts:  # once for all of its conversations
            self._doubts[number] = self._doubt_of(number)
        return self._doubts[number]

    def _doubt_of(self, number: str) -> str:
        try:
            told = self._rest.channel(number)
        except NotFound:
            self._store.forget(number)
            return ""
        except SourceError as error:
            return error.message.rstrip(".")
        if not told.team_id and not self._source.direct:
            self._store.forget(number)
            return ""
        return "its channel is in none of the account's teams any more"

    def _refresh(self, number: str) -> None:
        """Take in what is new in a channel; all of it where nothing is known, or too much is new to be told at once."""
        known, now = self._store.seen(number), time.time()
        if known is not None and 0 <= now - known[1] < WHOLE_S:
            posts = self._rest.since(number, max(1, known[0] - OVERLAP_MS))
            if len(posts) < SINCE_MOST:
                self._store.update(number, posts, seen=_newest(posts, known[0]))
                return
        posts = list(self._rest.all_posts(number))
        # The newest entries were read first: what changes while the others are read is told by the next `since`.
        self._store.replace(number, posts, seen=_newest(posts[:TOGETHER], 0), whole=now)

    def _channel(self, team: Team, told: ChannelShape, of_team: Callable[[], frozenset[str]]) -> Channel:
        members = self._rest.members("channels", told.id) if told.type != "O" else None
        if members is None and not team.allow_open_invite:
            members = of_team()
        return Channel(
            told.id,
            f"{team.name}/{told.name}",
            f"~{told.display_name or told.name}",
            members if members is None else members & self._active,
        )

    def _said(self, channel: Channel, number: str) -> Iterator[Said | Unread]:
        roots = {
            post["root_id"]
            for post in self._store.posts(number)
            if post.get("root_id") and not is_system(post)
        }
        for post in self._store.posts(number):
            if is_system(post):
                continue
            root = str(post.get("root_id") or "")
            thread = root or (post["id"] if post["id"] in roots else "")
            try:
                yield Said(channel, self._post(post, reply=bool(root)), number, thread)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                yield Unread(number, "a post has not the form of one", str(post["id"])[:60])

    def _post(self, told: dict[str, Any], *, reply: bool) -> Post:
        by, text = told["user_id"], told.get("message") or ""
        if not isinstance(text, str):
            raise TypeError
        if by not in self._people:
            self._people[by] = Someone(Identity(account=self._source.account(by)))
        props, about, edited = told.get("props") or {}, told.get("metadata") or {}, told.get("edit_at")
        hook = props.get("from_webhook") == "true"
        named = (self._names.get(each.lower().rstrip(".-_")) for each in MENTION.findall(text))
        return Post(
            id=told["id"],
            at=moment_of(told["create_at"]),
            by="" if hook else by,
            text=text,
            edited=moment_of(edited) if isinstance(edited, int) and edited else None,
            reply=reply,
            bot=str(props.get("override_username") or "webhook") if hook else "",
            mentions=tuple(dict.fromkeys(each for each in named if each)),
            reactions=tuple(counted(about.get("reactions") or ())),
            files=tuple(_files(told, about.get("files") or ())),
        )


def _files(told: dict[str, Any], known: Iterable[dict[str, Any]]) -> Iterator[PostFile]:
    met = set[str]()
    for each in known:
        met.add(each["id"])
        yield PostFile(
            str(each.get("name") or each["id"]),
            each["id"],
            int(each.get("size") or 0),
            str(each.get("mime_type") or ""),
        )
    for number in told.get("file_ids") or ():
        if number not in met:
            yield PostFile(str(number), problem="the server does not tell what file it is")


def _someone(account: Account, source: MattermostApi) -> Someone:
    full = " ".join(part for part in (account.first_name.strip(), account.last_name.strip()) if part)
    name = full or account.nickname.strip() or account.username
    return Someone(
        Identity(name, account.email.strip().lower(), source.account(account.id)), bot=account.is_bot
    )


def _name_of(channel: Callable[[], Channel]) -> str:
    return channel().name


def _newest(posts: Iterable[Mapping[str, Any]], known: int) -> int:
    return max((int(post["update_at"]) for post in posts), default=known)
