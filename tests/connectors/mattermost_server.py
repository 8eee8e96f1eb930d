"""A server that answers as Mattermost's API does (version 4), in a thread of the tests.

It keeps to what Mattermost publishes: lists in pages, posts newest first and by ``before`` or ``since``, deleted posts told only by ``since``, of which no more
than a thousand, private channels shown to members, and e-mail addresses as the server's settings have it.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.connectors.answering import Answer, Listening

TOKEN = "s3cret"
DAY = 1_709_283_600_000  # 2024-03-01T09:00:00Z
MINUTE = 60_000


def number(of: int) -> str:
    """An id as Mattermost writes them."""
    return f"{of:026d}"


@dataclass
class FakeMattermost(Listening):
    """The server's state."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    teams: dict[str, dict[str, Any]] = field(default_factory=dict)
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Channels whose posts the account may not read any more."""
    most: int = 200
    since_most: int = 1_000
    pauses: int = 0
    now: int = DAY
    me: str = ""
    _last: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    @property
    def location(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next(self) -> str:
        self._last += 1
        self.now += MINUTE
        return number(self._last)

    def user(self, name: str, **more: Any) -> str:
        mine = self.next()
        told = {
            "id": mine,
            "username": name,
            "email": f"{name}@x.example",
            "first_name": name.title(),
            "last_name": "",
            "delete_at": 0,
        }
        self.users[mine] = told | more
        return mine

    def team(self, name: str, *members: str, **more: Any) -> str:
        mine = self.next()
        self.teams[mine] = {
            "id": mine,
            "name": name,
            "display_name": name.title(),
            "allow_open_invite": True,
            "delete_at": 0,
        } | more
        self.members[mine] = [self.me, *members]
        return mine

    def channel(self, team: str, name: str, *members: str, kind: str = "O") -> str:
        mine = self.next()
        self.channels[mine] = {
            "id": mine,
            "team_id": team,
            "name": name,
            "display_name": name.title(),
            "type": kind,
            "delete_at": 0,
        }
        self.members[mine] = [self.me, *members]
        return mine

    def post(self, channel: str, text: str, by: str = "", root: str = "", **more: Any) -> str:
        mine = self.next()
        about = {
            "id": mine,
            "channel_id": channel,
            "user_id": by or self.me,
            "message": text,
            "root_id": root,
            "type": "",
            "props": {},
            "metadata": {},
        }
        times = {"create_at": self.now, "update_at": self.now, "edit_at": 0, "delete_at": 0}
        self.posts[mine] = {**about, **times, **more}
        return mine

    def edit(self, post: str, text: str) -> None:
        self.now += MINUTE
        self.posts[post] |= {"message": text, "update_at": self.now, "edit_at": self.now}

    def delete(self, post: str) -> None:
        """As the server does it: replies go with their thread, and stay in the database as deleted."""
        self.now += MINUTE
        for each in self.posts.values():
            if post in (each["id"], each["root_id"]):
                each |= {"update_at": self.now, "delete_at": self.now}

    def answer(self, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        """The status and value that a request gets."""
        shape = re.sub(r"[a-z0-9]{26}", "ID", path)
        known = self._of_us(shape, path, asked)
        return (200, known) if known is not None else self._of_channel(shape, path, asked)

    def _of_us(self, shape: str, path: str, asked: dict[str, str]) -> Any:
        # As the server does it: whatever the team, direct messages, which are of none, come along.
        own = [
            each for each in [*self._of(path[15:41]), *self._of("")] if self.me in self.members[each["id"]]
        ]
        match shape:
            case "users/me":
                return self.users[self.me]
            case "users":
                return self._page(list(self.users.values()), asked)
            case "users/me/teams":
                return [team for team in self.teams.values() if self.me in self.members[team["id"]]]
            case "users/me/teams/ID/channels":
                return [
                    each for each in own if not each["delete_at"] or asked.get("include_deleted") == "true"
                ]
        return None

    def _of_channel(self, shape: str, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        [mine] = re.findall(r"[a-z0-9]{26}", path) or [""]
        if shape in ("teams/ID/channels", "teams/ID/channels/deleted"):
            gone = shape.endswith("deleted")
            rows = [
                each for each in self._of(mine) if each["type"] == "O" and bool(each["delete_at"]) == gone
            ]
            return 200, self._page(rows, asked)
        if shape in ("teams/ID/members", "channels/ID/members"):
            return 200, self._page([{"user_id": each, "delete_at": 0} for each in self.members[mine]], asked)
        if shape in ("channels/ID", "channels/ID/posts"):
            status, told = self._channel(mine)
            return status, self._posts(mine, asked) if status == 200 and shape.endswith("posts") else told
        return 404, {"status_code": 404}

    def _channel(self, mine: str) -> tuple[int, Any]:
        if mine not in self.channels:
            return 404, {"status_code": 404}
        told = self.channels[mine]
        hidden = mine in self.refused or (told["type"] != "O" and self.me not in self.members[mine])
        return (403, {"status_code": 403}) if hidden else (200, told)

    def _of(self, team: str) -> list[dict[str, Any]]:
        return [each for each in self.channels.values() if each["team_id"] == team]

    def _posts(self, channel: str, asked: dict[str, str]) -> dict[str, Any]:
        held = sorted(
            (each for each in self.posts.values() if each["channel_id"] == channel),
            key=lambda each: -each["create_at"],
        )
        if "since" in asked:
            found = [each for each in held if each["update_at"] > int(asked["since"])][: self.since_most]
        else:
            before = (
                self.posts.get(asked["before"], {"create_at": 0})["create_at"]
                if "before" in asked
                else 1 << 60
            )
            found = [each for each in held if not each["delete_at"] and each["create_at"] < before]
            size = min(self.most, int(asked.get("per_page", 60)))
            found = found[int(asked.get("page", 0)) * size :][:size]
        order = [each["id"] for each in found]
        threads = {each["root_id"] for each in found if each["root_id"]} - set(order)
        told = [*found, *(self.posts[each] for each in threads if not self.posts[each]["delete_at"])]
        return {
            "order": order,
            "posts": {each["id"]: each for each in told},
            "next_post_id": "",
            "prev_post_id": "",
        }

    def _page(self, rows: list[Any], asked: dict[str, str]) -> list[Any]:
        size = int(asked.get("per_page", 60))
        return rows[int(asked.get("page", 0)) * size :][:size]

    def got(self, path: str, asked: dict[str, str], token: str) -> Answer:
        """What is answered to a request."""
        if token != f"Bearer {TOKEN}":
            return 401, b"{}", {}
        if self.pauses:
            self.pauses -= 1
            return 429, b"", {"Retry-After": "0"}
        if not path.startswith("/api/v4/"):
            return 404, b"{}", {}
        path = path.removeprefix("/api/v4/")
        if path.startswith("files/"):
            body = self.files.get(path.removeprefix("files/"))
            return 200 if body is not None else 404, body or b"", {}
        status, value = self.answer(path, asked)
        return status, json.dumps(value).encode(), {}


@contextmanager
def mattermost() -> Iterator[FakeMattermost]:
    """A server with an account of ours."""
    made = FakeMattermost()
    made.me = made.user("mneme", is_bot=True)
    made.start()
    try:
        yield made
    finally:
        made.stop()
