"""Mattermost's REST API, version 4 (https://developers.mattermost.com/api-documentation/): lists read to their end."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from connectors.http import Web
from connectors.http_shapes import Shape
from connectors.http_shapes import shaped as as_shape
from memory.errors import SourceError, SourceUnavailable

TOGETHER = 200
"""Entries in one answer: more the server does not give."""
SINCE_MOST = 1_000
"""Where that many posts changed in a channel, the server leaves out others without saying so."""
_ID = re.compile(r"[a-z0-9]{26}")


class Team(Shape):
    """A team.

    :param allow_open_invite: whether everybody on the server may join.
    """

    id: str
    name: str
    display_name: str = ""
    allow_open_invite: bool = False
    delete_at: int = 0


class ChannelShape(Shape):
    """A channel: ``O`` is public, ``P`` private, ``D`` and ``G`` are direct messages.

    :param delete_at: when it was archived; its posts stay.
    """

    id: str
    team_id: str = ""
    type: str
    name: str
    display_name: str = ""
    delete_at: int = 0


class Account(Shape):
    """Somebody with an account.

    :param delete_at: when it was deactivated.
    """

    id: str
    username: str
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    nickname: str = ""
    is_bot: bool = False
    delete_at: int = 0


class Member(Shape):
    """Who belongs to a team or a channel."""

    user_id: str
    delete_at: int = 0


class Rest:
    """The API of one server.

    :param web: its base is the server's address.
    """

    def __init__(self, web: Web) -> None:
        self.web = web

    def me(self) -> Account:
        """As whom the server is asked."""
        return shaped(Account, self.web.json("api/v4/users/me"))

    def users(self) -> Iterator[Account]:
        """Everybody, who was deactivated too."""
        return (shaped(Account, row) for row in self._pages("users"))

    def teams(self) -> list[Team]:
        """The teams that the account is in."""
        return [shaped(Team, row) for row in self._list("users/me/teams")]

    def channels(self, team: Team) -> Iterator[ChannelShape]:
        """The public channels of a team, and the private ones that the account is in, archived ones too; each once."""
        met = set[str]()
        mine = self._list(f"users/me/teams/{team.id}/channels", include_deleted="true")
        for rows in (
            mine,
            self._pages(f"teams/{team.id}/channels"),
            self._pages(f"teams/{team.id}/channels/deleted"),
        ):
            for row in rows:
                found = shaped(ChannelShape, row)
                # Of whatever team it is asked, the server tells the direct messages of the account besides.
                if found.id not in met and found.team_id == team.id:
                    met.add(found.id)
                    yield found

    def direct(self, team: Team) -> Iterator[ChannelShape]:
        """The direct messages that the account is in, with one or several others.

        :param team: any that it is in: they are of none.
        """
        rows = self._list(f"users/me/teams/{team.id}/channels", include_deleted="true")
        found = (shaped(ChannelShape, row) for row in rows)
        return (each for each in found if each.type in ("D", "G") and not each.team_id)

    def members(self, of: str, number: str) -> frozenset[str]:
        """The ids of a team's or a channel's members.

        :param of: ``teams`` or ``channels``.
        """
        rows = (shaped(Member, row) for row in self._pages(f"{of}/{number}/members"))
        return frozenset(row.user_id for row in rows if not row.delete_at)

    def since(self, channel: str, moment: int) -> list[dict[str, Any]]:
        """The posts of a channel that changed since, deleted ones too; of more than `SINCE_MOST` only some."""
        return list(self._posts(channel, {"since": str(moment)})[1])

    def all_posts(self, channel: str) -> Iterator[dict[str, Any]]:
        """Every post of a channel, newest first, without those that are deleted.

        ``before`` means a moment, so posts of the very moment of the last one would be passed over: each page begins within the one before, where
        its oldest moment is still ahead.

        :raises SourceUnavailable: where the post that a page is asked for by was deleted for good meanwhile: the server then tells nothing, as at the end.
        """
        before, page, known = "", 0, set[str]()
        while True:
            asked = {"per_page": str(TOGETHER), "page": str(page)} | ({"before": before} if before else {})
            order, posts = self._posts(channel, asked)
            if before and page == 0 and known.isdisjoint(order):
                raise SourceUnavailable(f"{self.web.host} lost posts while they were read.")
            held = {
                post["id"]: post for post in posts
            }  # the first posts of threads come along, wherever they stand
            told = [held[each] for each in order if each in held]
            fresh = [post for post in told if post["id"] not in known]
            yield from fresh
            if not fresh:
                return
            later = [post["id"] for post in told if post["create_at"] > told[-1]["create_at"]]
            if later:
                before, page, known = later[-1], 0, set(order)
            else:  # all of one moment: only their number tells pages apart
                page, known = page + 1, known | set(order)

    def channel(self, number: str) -> ChannelShape:
        """A channel by its id.

        :raises NotFound: where it was deleted for good.
        :raises Refused: where the account may not see it.
        """
        return shaped(ChannelShape, self.web.json(f"api/v4/channels/{checked(number)}"))

    def file(self, number: str, most: int) -> bytes:
        """A file on a post."""
        return self.web.ask("GET", f"api/v4/files/{checked(number)}", max_bytes=most).body

    def _posts(self, channel: str, params: Mapping[str, str]) -> tuple[list[str], list[dict[str, Any]]]:
        told = self.web.json(f"api/v4/channels/{checked(channel)}/posts", params)
        order = told.get("order") if isinstance(told, dict) else None
        posts = told.get("posts") if isinstance(told, dict) else None
        if not isinstance(order, list) or not isinstance(posts, dict | None):
            raise SourceError(f"{self.web.host} answers no posts where Mattermost has some.")
        found = [post for post in (posts or {}).values() if _is_post(post, channel)]
        if len(found) < len(posts or {}):
            raise SourceError(f"{self.web.host} answers posts that have not the form of one.")
        return [str(each) for each in order], found

    def _pages(self, path: str) -> Iterator[Any]:
        for page in range(1_000_000):
            rows = self._list(path, page=str(page), per_page=str(TOGETHER))
            yield from rows
            if len(rows) < TOGETHER:
                return

    def _list(self, path: str, **params: str) -> list[Any]:
        rows = self.web.json(f"api/v4/{path}", params)
        if not isinstance(rows, list):
            raise SourceError(
                f"{self.web.host} answers no list where Mattermost has one.",
                hint="Check the address: it is the server's own.",
            )
        return rows


def checked(number: str) -> str:
    """An id, before it becomes part of an address.

    :raises SourceError: where it is none.
    """
    if not _ID.fullmatch(number):
        raise SourceError("The server gives an id that is none.")
    return number


def _is_post(post: Any, channel: str) -> bool:
    if not isinstance(post, dict) or post.get("channel_id") != channel:
        return False
    times = all(isinstance(post.get(name), int) for name in ("create_at", "update_at"))
    return times and isinstance(post.get("id"), str) and isinstance(post.get("user_id"), str)


_S = TypeVar("_S", bound=Shape)


def shaped(kind: type[_S], value: Any) -> _S:
    """A value of the API as one of these.

    :raises SourceError: where it is none.
    """
    return as_shape(kind, value, "Mattermost", "Check the address: it is the server's own, https://HOST.")
