"""A wiki that answers as Confluence's REST API does, in the shape of Data Center or of the Cloud.

It keeps to what Atlassian publishes: nothing is told that was not expanded, lists come in parts (by offset, or by a cursor), a search knows nothing of restrictions
that changed, and what is in the bin is not found. It runs in a thread of the tests.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

from tests.connectors.answering import Answer, Listening

TOKEN = "s3cret"
DAY = "2024-03-{:02d}T09:00:00.000Z"


@dataclass
class Item:
    """A page, blog post, comment or file."""

    id: str
    kind: str
    title: str
    body: bytes
    space: str
    by: str
    parent: str = ""
    version: int = 1
    editors: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    about: str = ""
    trashed: bool = False
    mute: bool = False
    """Whether it is listed, but neither its text nor who may see it is told."""
    unlisted: bool = False
    """Whether the search has lost it."""


@dataclass
class FakeConfluence(Listening):
    """The wiki's state, and its server.

    :param cloud: which shape its answers have.
    :param most: entries that one answer has at most.
    """

    cloud: bool = False
    most: int = 1000
    context: str = ""
    items: dict[str, Item] = field(default_factory=dict)
    users: dict[str, dict[str, str]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    spaces: dict[str, list[str]] = field(default_factory=dict)
    """Who may view each: ``group:NAME``, ``user:ID`` or ``anonymous``; None of it where that is not told."""
    secret_groups: set[str] = field(default_factory=set)
    secret_spaces: set[str] = field(default_factory=set)
    pauses: int = 0
    token: str = TOKEN
    """What must be sent; with none everybody may ask."""
    _last: int = 1000

    def __post_init__(self) -> None:
        super().__init__()

    @property
    def location(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.context}"

    def got(self, path: str, asked: dict[str, str], token: str) -> Answer:
        """What is answered to a request."""
        if self.token and token != f"Bearer {self.token}":
            return 401, b"{}", {}
        if not path.startswith(f"{self.context}/"):
            return 404, b"{}", {}
        if self.pauses:
            self.pauses -= 1
            return 429, b"", {"Retry-After": "0"}
        path = path.removeprefix(self.context)
        if found := re.fullmatch(r"/download/attachments/(\w+)/(.+)", path):
            body = self.file(found[1], unquote(found[2]))
            return 200 if body is not None else 404, body or b"", {}
        status, value = self.answer(path, asked)
        return status, json.dumps(value).encode(), {}

    def add(
        self,
        title: str,
        body: str | bytes = "",
        *,
        kind: str = "page",
        space: str = "DOC",
        by: str = "u1",
        **more: Any,
    ) -> Item:
        """Write something."""
        self._last += 1
        number = f"att{self._last}" if kind == "attachment" and self.cloud else str(self._last)
        data = body if isinstance(body, bytes) else body.encode()
        item = Item(number, kind, title, data, space, by, **more)
        self.items[number] = item
        return item

    def write(self, item: Item, body: str | bytes, by: str = "u1") -> None:
        """A new version."""
        item.body = body if isinstance(body, bytes) else body.encode()
        item.version += 1
        item.editors.append(by)

    def user(self, number: str, name: str, **more: str) -> None:
        """Somebody with an account."""
        self.users[number] = {"displayName": name, **more}

    def file(self, page: str, name: str) -> bytes | None:
        """What is attached to a page under a name."""
        there = [
            each
            for each in self.items.values()
            if (each.parent, each.title) == (page, name) and not each.mute
        ]
        return there[0].body if there else None

    # -- answers ------------------------------------------------------------------------------------------------------

    def answer(self, path: str, params: dict[str, str]) -> tuple[int, Any]:
        """The status and value that a request gets."""
        if path == "/rest/api/user/current":
            return 200, self._user("u1")
        if path == "/rest/api/user":
            number = params.get("accountId" if self.cloud else "key", "")
            return (200, self._user(number)) if number in self.users else (404, {"statusCode": 404})
        if path == "/rest/api/content/search":
            return self._search(params)
        if found := re.fullmatch(r"/rest/api/content/(\w+)", path):
            return (
                self._single(found[1], any_status=params.get("status") == "any")
                if not self.cloud
                else (410, {})
            )
        if found := re.fullmatch(r"/api/v2/(pages|blogposts|attachments)/(\w+)", path):
            kinds = {"pages": "page", "blogposts": "blogpost", "attachments": "attachment"}
            item = self.items.get(found[2])
            right = self.cloud and item is not None and item.kind == kinds[found[1]]
            return self._single(found[2], any_status=True) if right else (404, {})
        return self._about_groups(path, params)

    def _about_groups(self, path: str, params: dict[str, str]) -> tuple[int, Any]:
        if self.cloud and path == "/rest/api/group/by-id":
            name = params["id"].removeprefix("g-")
            return (
                (200, {"type": "group", "name": name, "id": f"g-{name}"})
                if name in self.groups
                else (404, {})
            )
        wanted = (
            r"/rest/api/group/([^/]+)/membersByGroupId" if self.cloud else r"/rest/api/group/([^/]+)/member"
        )
        if found := re.fullmatch(wanted, path):
            name = unquote(found[1])
            if self.cloud:
                name = name.removeprefix("g-") if name.startswith("g-") else "no id"
            if name in self.secret_groups:
                return 403, {}
            return (
                (200, self._part([self._user(each) for each in self.groups[name]], path, params))
                if name in self.groups
                else (404, {})
            )
        if self.cloud and (found := re.fullmatch(r"/api/v2/spaces/(\d+)/permissions", path)):
            key = {self._space_id(key): key for key in self.spaces}.get(found[1], "")
            return self._permissions(key, path, params)
        if not self.cloud and (found := re.fullmatch(r"/rest/api/space/([^/]+)/permissions", path)):
            return self._permissions(unquote(found[1]), path, params)
        return 404, {"message": "nothing here"}

    def _permissions(self, key: str, path: str, params: dict[str, str]) -> tuple[int, Any]:
        if key not in self.spaces or key in self.secret_spaces:
            return 403 if key in self.spaces else 404, {}
        rows: list[Any] = []
        for who in self.spaces[key]:
            kind, _, name = who.partition(":")
            if self.cloud:
                number = {"group": f"g-{name}", "user": name}.get(kind, "anonymous-users")
                rows.append(
                    {
                        "principal": {"type": kind if name else "access_class", "id": number},
                        "operation": {"key": "read", "targetType": "space"},
                    }
                )
            else:
                subject = {
                    "type": kind,
                    **({"name": name} if kind == "group" else {"userKey": name} if name else {}),
                }
                rows.append(
                    {
                        "operation": {"targetType": "space", "operationKey": "read"},
                        "subject": subject,
                        "spaceKey": key,
                    }
                )
        other = {"targetType": "page", "key": "delete", "operationKey": "delete"}
        rows.append(
            {
                "operation": other,
                "subject": {"type": "group", "name": "admins"},
                "principal": {"type": "group", "id": "g-admins"},
            }
        )
        return 200, self._part(rows, path, params) if self.cloud else rows

    def _single(self, number: str, *, any_status: bool) -> tuple[int, Any]:
        item = self.items.get(number)
        if item is None or (item.trashed and not any_status):
            return 404, {}
        return 200, {
            "id": number,
            "type": item.kind,
            "status": "trashed" if item.trashed else "current",
            "title": item.title,
        }

    def _search(self, params: dict[str, str]) -> tuple[int, Any]:
        expand = set(params.get("expand", "").split(","))
        fits = self._fitting(params["cql"])
        rows = [each for each in self.items.values() if not (each.trashed or each.unlisted) and fits(each)]
        most = 50 if any(each.startswith("body") for each in expand) else 200
        told = self._part(rows, "/rest/api/content/search", params, most)
        return 200, told | {"results": [self.content(each, expand) for each in told["results"]]}

    def _fitting(self, cql: str) -> Callable[[Item], bool]:
        """What a query finds, of the few forms of CQL that are known here."""
        tests: list[Callable[[Item], bool]] = []
        for part in cql.partition(" order by ")[0].split(" and "):
            if found := re.fullmatch(r"type (?:=|in) \(?([\w, ]+)\)?", part):
                kinds = set(found[1].split(", "))
                tests.append(lambda each, kinds=kinds: each.kind in kinds)  # type: ignore[misc]
            elif found := re.fullmatch(r"id = (\w+)", part):
                tests.append(lambda each, number=found[1]: each.id == number)  # type: ignore[misc]
            elif found := re.fullmatch(r"container = (\w+)", part):
                tests.append(lambda each, number=found[1]: self.container(each).id == number != each.id)  # type: ignore[misc]
            elif found := re.fullmatch(r"space in \(([^)]*)\)", part):
                keys = set(re.findall(r'"([^"]+)"', found[1]))
                tests.append(lambda each, keys=keys: each.space in keys)  # type: ignore[misc]
            else:
                raise ValueError(f"no CQL that is known here: {part}")
        return lambda each: all(test(each) for test in tests)

    def container(self, item: Item) -> Item:
        """The page that a comment (also a reply to one) or a file belongs to."""
        while item.kind in ("comment", "attachment") and item.parent:
            item = self.items[item.parent]
        return item

    def content(self, item: Item, expand: set[str]) -> dict[str, Any]:
        made = DAY.format(1 + int(item.id.removeprefix("att")) % 20)
        told: dict[str, Any] = {
            "id": item.id,
            "type": item.kind,
            "status": "current",
            "title": item.title,
            "_links": {"webui": f"/display/{item.space}/{quote(item.title, safe='')}"},
            "extensions": {"position": "none"},
        }
        if "version" in expand:
            by = (item.editors or [item.by])[-1]
            told["version"] = {
                "number": item.version,
                "when": DAY.format(20 + min(item.version, 8)),
                "by": self._user(by),
            }
        if "space" in expand:
            told["space"] = {
                "id": int(self._space_id(item.space)),
                "key": item.space,
                "name": item.space.title(),
                "type": "global",
            }
        if "ancestors" in expand:
            above = self._above(item)
            told["ancestors"] = [
                {
                    "id": each.id,
                    "type": "page",
                    "title": each.title,
                    **self._restrictions(each, expand, "ancestors."),
                }
                for each in above
            ]
        if "container" in expand:
            there = self.container(item)
            told["container"] = {
                "id": there.id,
                "type": there.kind,
                "title": there.title,
                "status": "current",
            }
        if any(each.startswith("history") for each in expand):
            told["history"] = {"latest": True, "createdBy": self._user(item.by), "createdDate": made}
            if "history.contributors.publishers" in expand:
                users = [self._user(each) for each in dict.fromkeys([item.by, *item.editors])]
                told["history"]["contributors"] = {"publishers": {"type": "known", "users": users}}
        if "body.storage" in expand and not item.mute and item.kind != "attachment":
            told["body"] = {
                "storage": {"value": item.body.decode("utf-8", "replace"), "representation": "storage"}
            }
        if item.kind == "attachment":
            told["extensions"] = {"mediaType": "text/plain", "fileSize": len(item.body)}
            told["_links"]["download"] = (
                f"/download/attachments/{item.parent}/{quote(item.title)}?version={item.version}&api=v2"
            )
        if "extensions.inlineProperties" in expand and item.about:
            told["extensions"] = {"location": "inline", "inlineProperties": {"originalSelection": item.about}}
        return told | self._restrictions(item, expand, "")

    def _restrictions(self, item: Item, expand: set[str], prefix: str) -> dict[str, Any]:
        asked = {f"{prefix}restrictions.read.restrictions.{whom}" for whom in ("user", "group")}
        if item.mute or not asked <= expand:
            return {"_expandable": {"restrictions": ""}}
        users, groups = [self._user(each) for each in item.users], [self._group(each) for each in item.groups]
        subjects = {
            name: {"results": rows, "start": 0, "limit": 200, "size": len(rows)}
            for name, rows in (("user", users), ("group", groups))
        }
        return {"restrictions": {"read": {"operation": "read", "restrictions": subjects}}}

    def _above(self, item: Item) -> list[Item]:
        found: list[Item] = []
        while item.parent and item.kind == "page":
            item = self.items[item.parent]
            found.insert(0, item)
        return found

    def _group(self, name: str) -> dict[str, str]:
        return {"type": "group", "name": name, **({"id": f"g-{name}"} if self.cloud else {})}

    def _user(self, number: str) -> dict[str, str]:
        known = self.users.get(number, {"displayName": f"Former user {number}"})
        shape = {"type": "known", "accountId": number, "accountType": "atlassian", "email": ""}
        if not self.cloud:
            shape = {"type": "known", "userKey": number, "username": number}
        return {**shape, **known}

    def _space_id(self, key: str) -> str:
        return str(9_000 + list(self.spaces).index(key))

    def _part(self, rows: list[Any], path: str, params: dict[str, str], most: int = 200) -> dict[str, Any]:
        start = int(base64.b64decode(params["cursor"])) if "cursor" in params else int(params.get("start", 0))
        limit = min(int(params.get("limit", 25)), self.most, most)
        links = {"base": f"http://127.0.0.1:{self.port}{self.context}", "context": self.context}
        if start + limit < len(rows):
            at = start + limit
            more = (
                {"cursor": base64.b64encode(str(at).encode()).decode()} if self.cloud else {"start": str(at)}
            )
            kept = {name: value for name, value in params.items() if name not in ("cursor", "start")}
            shown = f"{self.context}{path}" if path.startswith("/api/v2") else path
            links["next"] = f"{shown}?{urlencode(kept | more)}"
        return {
            "results": rows[start : start + limit],
            "start": start,
            "limit": limit,
            "size": len(rows[start : start + limit]),
            "_links": links,
        }


@contextmanager
def confluence(**settings: Any) -> Iterator[FakeConfluence]:
    """A wiki with two users, one group and one space that everybody may view."""
    wiki = FakeConfluence(**settings)
    wiki.context = "/wiki" if wiki.cloud else "/confluence"
    mail = {"email": "jane@x.example"} if wiki.cloud else {"username": "jane"}
    wiki.user("u1", "Jane Doe", **mail)
    wiki.user("u2", "Bo Røe", **({"email": "Bo@X.example"} if wiki.cloud else {"username": "bo"}))
    wiki.groups["staff"] = ["u1", "u2"]
    wiki.spaces["DOC"] = ["anonymous"]
    wiki.start()
    try:
        yield wiki
    finally:
        wiki.stop()
