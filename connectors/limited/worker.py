"""The process that runs a connector for `connectors.limited.connector`: started by it, talking over file descriptor 0."""

import importlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from connectors.base import Change, Checkpoint, SourceConfig
from connectors.limited.shapes import (
    ACCESS,
    ERRORS,
    TOLD,
    change_to_json,
    config_from_json,
    content_to_json,
)
from connectors.limited.wire import TooLong, packed, tell
from memory.confine import allow_cpu, confine
from memory.domain import SourceRef
from memory.errors import MnemeError

_BATCH_S = 0.3
"""What comes in that time is told at once."""

_Answer = tuple[dict[str, Any], bytes]


def main() -> None:
    """Answer until the parent goes."""
    connection = socket.socket(fileno=0)
    lines = connection.makefile("rb")
    told = json.loads(lines.readline())
    confine(told["memory"], network=False, written_bytes=told["written"])
    allow_cpu(told["seconds"])
    module, _, name = told["class"].partition(":")
    source = _Source(getattr(importlib.import_module(module), name), config_from_json(told["config"]))
    while line := lines.readline():
        asked = json.loads(line)
        allow_cpu(told["seconds"])
        with suppress(BrokenPipeError):  # the parent went: so does this, with the next line
            try:
                tell(connection, *source.answer(asked))
            except TooLong:
                tell(connection, *_broken("more is said of it than is taken"))


class _Source:
    """The connector, and the walk through it that is under way."""

    def __init__(self, kind: Any, config: SourceConfig) -> None:
        self._connector = kind(config)
        self._walk: Iterator[Change] = iter(())
        self._doubts: Callable[[str], str] = lambda _key: ""

    def answer(self, asked: dict[str, Any]) -> _Answer:
        """What the connector says, or what it raised."""
        try:
            return _SAID[asked["do"]](self, asked)
        except MnemeError as error:
            kind = next((each.__name__ for each in type(error).__mro__ if each.__name__ in ERRORS), "")
            return {"error": kind, "message": error.message[:2_000], "hint": error.hint[:2_000]}, b""
        except MemoryError:
            return _broken("there is more in it than memory is given for")
        except OSError as error:
            return _broken((error.strerror or str(error) or type(error).__name__).lower())
        except Exception as error:  # noqa: BLE001 - whatever a library raises on a hostile file is that file's failure
            return _broken(f"it is broken ({type(error).__name__}: {str(error)[:200]})")

    def check(self, _: dict[str, Any]) -> _Answer:
        return {"said": self._connector.check()}, b""

    def changes(self, asked: dict[str, Any]) -> _Answer:
        self._walk = iter(self._connector.changes(asked["since"]))
        return {}, b""

    def next(self, asked: dict[str, Any]) -> _Answer:
        return {}, packed([change_to_json(each) for each in self._next(asked["size"])])

    def doubt(self, asked: dict[str, Any]) -> _Answer:
        return {"said": self._doubts(asked["key"])}, b""

    def fetch(self, asked: dict[str, Any]) -> _Answer:
        content = self._connector.fetch(SourceRef(*asked["ref"]))
        return {"content": content_to_json(content)}, content.read()

    def access(self, asked: dict[str, Any]) -> _Answer:
        access = self._connector.access(SourceRef(*asked["ref"]))
        return {"access": ACCESS.dump_python(access, mode="json")}, b""

    def people(self, _: dict[str, Any]) -> _Answer:
        told = self._connector.people()
        return {"told": told is not None}, packed(TOLD.dump_python(told, mode="json")) if told else b""

    def _next(self, size: int) -> Iterator[Change]:
        until = time.monotonic() + _BATCH_S
        for number, change in enumerate(self._walk, 1):
            if isinstance(change, Checkpoint):
                self._doubts = change.doubts or self._doubts
            yield change
            if number >= size or time.monotonic() > until:
                return


def _broken(why: str) -> _Answer:
    return {"error": "", "broken": why}, b""


_SAID = {
    each.__name__: each
    for each in (
        _Source.check,
        _Source.changes,
        _Source.next,
        _Source.doubt,
        _Source.fetch,
        _Source.access,
        _Source.people,
    )
}
"""What it may be asked."""


if __name__ == "__main__":
    main()
