"""Confluence's REST API: lists read to their end, and the two shapes that it comes in."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from connectors.confluence.shapes import Content, User, shaped
from connectors.http import Web
from memory.errors import NotFound, SourceError

MEDIA = "api.media.atlassian.com"
"""Where the Cloud keeps files: it sends on to there with a token of its own in the address."""

TOGETHER = 100
"""Entries asked for at once; the server may give fewer."""
_PLURAL = {"page": "pages", "blogpost": "blogposts", "attachment": "attachments"}


class Rest:
    """The API of one wiki.

    :param web: its base is the address that the wiki's pages begin with.
    """

    def __init__(self, web: Web) -> None:
        self._web = web
        self._cloud: bool | None = None
        self.base = ""
        """The address that the wiki itself says its pages begin with."""

    @property
    def host(self) -> str:
        """As people read it."""
        return self._web.host

    @property
    def cloud(self) -> bool:
        """Whether this is the Cloud's shape: users there have account ids."""
        if self._cloud is None:
            self._cloud = bool(self.me().account) or self._web.host.endswith(".atlassian.net")
        return self._cloud

    def me(self) -> User:
        """As whom the wiki is asked."""
        try:
            return shaped(User, self._web.json("rest/api/user/current"))
        except NotFound as error:
            raise self._no_wiki() from error

    def found(self, cql: str, expand: str) -> Iterator[Content]:
        """Everything that a query in CQL finds.

        :raises SourceError: where it is not understood, or the list ends too early.
        """
        params = {"cql": cql, "expand": expand, "limit": str(TOGETHER)}
        try:
            for row in self.rows("rest/api/content/search", params):
                yield shaped(Content, row)
        except NotFound as error:
            raise self._no_wiki() from error

    def rows(self, path: str, params: Mapping[str, str]) -> Iterator[Any]:
        """Every entry of a list, however many answers it comes in."""
        answer = self._web.json(path, {"limit": str(TOGETHER), **params})
        read = set[str]()
        while True:
            if isinstance(answer, list):  # an old kind of answer, which is whole
                yield from answer
                return
            results = answer.get("results") if isinstance(answer, dict) else None
            if not isinstance(results, list):
                raise SourceError(f"{self.host} answers no list where Confluence has one.")
            links = answer.get("_links") if isinstance(answer.get("_links"), dict) else {}
            self.base = _text(links, "base") or self.base
            yield from results
            following = _text(links, "next")
            if not following:
                return
            if following in read:
                raise SourceError(f"{self.host} gives the same part of a list again and again.")
            read.add(following)
            answer = self._web.json(self._within(following, _text(links, "context")))

    def one(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """A single value.

        :raises NotFound: where there is none.
        """
        return self._web.json(path, params)

    def there(self, kind: str, number: str) -> bool:
        """Whether something is still there, by the database: the search that lists are made by may lag behind or be rebuilt."""
        try:
            if self.cloud:
                told = self._web.json(f"api/v2/{_PLURAL[kind]}/{quote(number, safe='')}")
            else:
                told = self._web.json(f"rest/api/content/{quote(number, safe='')}", {"status": "any"})
        except NotFound:
            return False
        status = told.get("status") if isinstance(told, dict) else None
        if not isinstance(status, str):
            raise SourceError(f"{self.host} does not say whether {number} is there.")
        return status.lower() in ("current", "archived") and told.get("type", kind) == kind

    def file(self, path: str, size: int | None) -> Path:
        """An attached file."""
        return self._web.file(path.lstrip("/"), size=size)

    def close(self) -> None:
        """End the connections."""
        self._web.close()

    def _no_wiki(self) -> SourceError:
        return SourceError(
            f"{self.host} has no Confluence at this address.",
            hint="Give the address that pages begin with: https://HOST/wiki in the Cloud, often https://HOST/confluence elsewhere.",
        )

    def _within(self, following: str, context: str) -> str:
        """A link of the API, which begins with a slash, as one beneath the wiki's address: some have its context in them, some not."""
        if re.match(r"https?://", following):
            return following
        if context and context != "/" and following.startswith(f"{context.rstrip('/')}/"):
            following = following[len(context.rstrip("/")) :]
        elif following.startswith("/wiki/") and self.cloud:
            following = following[len("/wiki") :]
        return following.lstrip("/")


def _text(links: Mapping[str, Any], name: str) -> str:
    value = links.get(name)
    return value if isinstance(value, str) else ""
