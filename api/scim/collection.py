"""What the people and the groups of a provider have in common: they are looked for, read, made, changed and removed alike."""

import hashlib
import json
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from api.scim.filters import Filter, parse_filter
from api.scim.patch import patched
from memory.catalogue.provisioned import Kept, Provisioned
from memory.errors import Changed, NotFound
from memory.people.directory import Told

MOST = 200
"""Resources in one answer at most."""

_ONE_AT_A_TIME = threading.RLock()
"""What changes something reads first what there is: one process owns a memory, so a lock of its own will do."""

RELATED = frozenset({"groups", "members"})
"""Attributes, in lower case, that cost a look at other entries."""

Resource = dict[str, Any]


class Collection(ABC):
    """The people, or the groups, of one directory.

    :param name: the source's.
    :param known: what it has been told.
    :param tell: takes in what is told now.
    """

    kind: str
    schema: str
    related: str

    def __init__(self, name: str, known: Provisioned, tell: Callable[[Told], None]) -> None:
        self._name = name
        self._known = known
        self._tell = tell

    def find(
        self, text: str, start: int, count: int, less: frozenset[str] = frozenset()
    ) -> tuple[int, list[Resource]]:
        """How many a filter finds, and some of them in the order of their ids.

        :param start: counts from 1.
        :param less: those of `RELATED` that are not to be told.
        :raises InvalidInput: where the filter cannot be understood.
        """
        first, most = max(start, 1) - 1, max(0, min(count, MOST))
        if not text.strip():
            total, page = self._page(first, most)
            return total, self._shown(page, self.related not in less)
        wanted = parse_filter(text)
        tried = self._candidates(wanted)
        shown = self._shown(tried, self.related in {each.partition(".")[0] for each in wanted.named})
        found = [each for each, resource in zip(tried, shown, strict=True) if wanted(resource)]
        return len(found), self._shown(found[first : first + most], self.related not in less)

    def get(self, which: str, less: frozenset[str] = frozenset()) -> Resource:
        """One of them, without some of `RELATED`.

        :raises NotFound: where there is none of that id.
        """
        return self._shown([self._only(which)], self.related not in less)[0]

    def create(self, given: Resource) -> Resource:
        """Take in a new one.

        :raises InvalidInput: where that is none.
        :raises Taken: where another is called so.
        """
        with _ONE_AT_A_TIME:
            return self._write(uuid.uuid4().hex, given, None)

    def replace(self, which: str, given: Resource, match: str = "") -> Resource:
        """Take in what one is now.

        :param match: versions of which it must have one, as ``If-Match`` names them; empty: whatever it is.
        :raises NotFound: where there is none of that id.
        :raises Changed: where it has another version.
        """
        with _ONE_AT_A_TIME:
            return self._write(which, given, self._only(which, match))

    def patch(self, which: str, operations: list[Resource], match: str = "") -> Resource:
        """Change one, as `patched` and `replace` say."""
        with _ONE_AT_A_TIME:
            before = self._only(which, match)
            return self._write(which, patched(self._own(before), operations), before)

    def remove(self, which: str, match: str = "") -> None:
        """Have one be gone, as `replace` says; what somebody wrote stays theirs."""
        with _ONE_AT_A_TIME:
            self._only(which, match)
            self._tell(Told(gone=frozenset({which})))

    @abstractmethod
    def _page(self, first: int, count: int) -> tuple[int, list[Kept]]:
        """How many there are, and some of them; `first` counts from 0."""

    @abstractmethod
    def _candidates(self, wanted: Filter) -> list[Kept]:
        """All that a filter may find, in the order of their ids."""

    @abstractmethod
    def _with_id(self, which: str) -> list[Kept]:
        """The one of an id, or none."""

    @abstractmethod
    def _own(self, kept: Kept) -> Resource:
        """What can be changed of one."""

    @abstractmethod
    def _shown(self, several: Sequence[Kept], related: bool) -> list[Resource]:
        """Some as the provider reads them, where wanted with those that they are in or have in them."""

    @abstractmethod
    def _write(self, which: str, given: Resource, before: Kept | None) -> Resource:
        """Take in what one is now; nothing is done where it was so before."""

    def _only(self, which: str, match: str = "") -> Kept:
        found = self._with_id(which)
        if not found:
            raise NotFound(f"There is nothing of the id {which[:60]}.")
        versions = {each.strip().removeprefix("W/") for each in match.split(",") if each.strip()}
        if versions and not versions & {"*", version(found[0]).removeprefix("W/")}:
            raise Changed(f"What has the id {which[:60]} has changed.", hint="Read it again first.")
        return found[0]

    def _dressed(self, kept: Kept, told: Resource, schemas: Sequence[str] = ()) -> Resource:
        meta = {
            "resourceType": self.kind,
            "created": kept.about["created"],
            "lastModified": kept.about["modified"],
            "location": f"/scim/{self._name}/{self.kind}s/{kept.id}",
            "version": version(kept),
        }
        return {"schemas": [self.schema, *schemas], "id": kept.id, **told, "meta": meta}


def version(kept: Kept) -> str:
    """Another with each request that changes one: an ETag, weak since the groups that somebody is in are no part of it."""
    told = json.dumps(kept.about, sort_keys=True).encode()
    return f'W/"{hashlib.sha256(told).hexdigest()[:16]}"'


def about(kept: Resource, before: Kept | None, **more: Any) -> dict[str, Any]:
    """What is kept of one beside its entry in the directory."""
    now = _now()
    return {"kept": kept, "created": before.about["created"] if before else now, "modified": now, **more}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
