"""What stands here for a connector, or a directory, that reads files of others in a limited process.

The process tells keys and never the source they are of, so that whoever takes it over speaks for this source alone.
"""

from collections.abc import Iterator
from functools import partial

from connectors.base import Change, Checkpoint, Closes, Connector, Content, SourceConfig
from connectors.directory import PeopleDirectory
from connectors.limited.asked import Asked
from connectors.limited.shapes import ACCESS, TEXT, TOLD, changes_from_json, content_from_json, read_as
from memory.domain import Access, SourceRef
from memory.people.directory import Told

_BATCH = 512
"""Changes that are told at once, at most."""

_MAX_CHANGES = 256 << 20
_MAX_TOLD = 256 << 20


class LimitedConnector:
    """A connector whose every call is made in the process.

    What ends the process while a document is fetched is that document's failure, and the walk is begun anew by `connectors.patience`; what
    ends it on the walk is the source's.

    :param made: the class that reads the files.
    :raises InvalidInput: where the configuration does not suit it.
    """

    def __init__(self, made: type[Connector], config: SourceConfig) -> None:
        self._asked = _asked(made, config)
        self.kind, self._name = made.kind, config.name
        self.reports_deletions = made.reports_deletions

    def check(self) -> str:
        """What was found, in one sentence."""
        return _check(self._asked)

    def changes(self, since: str | None) -> Iterator[Change]:
        """What changed, or everything; ever more of it is read ahead."""
        return self._walked(self._asked.begin(since))

    def fetch(self, ref: SourceRef) -> Content:
        """The document, with its bytes."""
        head, body = self._asked.do("fetch", ref=[ref.kind, ref.source, ref.key])
        with self._asked.sense():
            return content_from_json(head.get("content"), ref, body)

    def access(self, ref: SourceRef) -> Access:
        """Who may see the document."""
        head, _ = self._asked.do("access", ref=[ref.kind, ref.source, ref.key])
        with self._asked.sense():
            return read_as(ACCESS, head.get("access"))

    def close(self) -> None:
        """End the process."""
        self._asked.close()

    def _walked(self, walk: int) -> Iterator[Change]:
        size = 1
        while True:
            _, body = self._asked.do("next", walk=walk, size=size, most=_MAX_CHANGES)
            with self._asked.sense():
                found = changes_from_json(body, self.kind, self._name, partial(self._doubt, walk))
            yield from found
            if not found or isinstance(found[-1], Checkpoint):
                return
            size = min(2 * size, _BATCH)

    def _doubt(self, walk: int, key: str) -> str:
        """Why a document that was not met may be there all the same."""
        head, _ = self._asked.do("doubt", walk=walk, key=key)
        with self._asked.sense():
            return read_as(TEXT, head.get("said"))


class LimitedDirectory:
    """A directory whose every call is made in the process.

    :param made: the class that reads the files.
    :raises InvalidInput: where the configuration does not suit it.
    """

    def __init__(self, made: type[PeopleDirectory], config: SourceConfig) -> None:
        self._asked = _asked(made, config)
        self.kind = made.kind

    def check(self) -> str:
        """What was found, in one sentence."""
        return _check(self._asked)

    def people(self) -> Told | None:
        """Everybody and every group."""
        head, body = self._asked.do("people", most=_MAX_TOLD)
        with self._asked.sense():
            return read_as(TOLD, body) if head.get("told") else None

    def close(self) -> None:
        """End the process."""
        self._asked.close()


def limited(
    made: type[Connector] | type[PeopleDirectory], config: SourceConfig
) -> LimitedConnector | LimitedDirectory:
    """The same in a limited process.

    :raises InvalidInput: where the configuration does not suit it.
    """
    if hasattr(made, "people"):
        return LimitedDirectory(made, config)  # type: ignore[arg-type]
    return LimitedConnector(made, config)


def _asked(made: type[Connector] | type[PeopleDirectory], config: SourceConfig) -> Asked:
    tried = made(config)  # so that what is wrong with the settings is said at once
    if isinstance(tried, Closes):
        tried.close()
    return Asked(f"{made.__module__}:{made.__qualname__}", config)


def _check(asked: Asked) -> str:
    head, _ = asked.do("check")
    with asked.sense():
        return read_as(TEXT, head.get("said"))
