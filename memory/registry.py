"""Where Haystack components find what they work on: they are data themselves and hold only names.

A component's ``__init__`` takes the memory's name; its ``warm_up`` asks here for the catalogue, the index
or the embedder of that memory.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from memory.errors import MnemeError

T = TypeVar("T")

_lock = threading.Lock()
_provided: dict[tuple[str, type], Any] = {}
_opened: dict[tuple[str, type], Callable[[], Any]] = {}


def provide(memory: str, key: type[T], value: T) -> None:
    """Make a part of a memory known, replacing what was known under that type.

    :param memory: the memory's name.
    :param key: the type it is asked for by: a class of ours or a Protocol.
    """
    with _lock:
        _provided[memory, key] = value


def opens(memory: str, key: type[T], part: Callable[[], T]) -> None:
    """Make known how a part of a memory is come by that is opened when it is first needed.

    :param part: gives the part, the same one until it was closed; whatever it raises reaches who needs it.
    """
    with _lock:
        _opened[memory, key] = part


def find(memory: str, key: type[T]) -> T | None:
    """A part of a memory, or None where it is not there (yet)."""
    return cast("T | None", _provided.get((memory, key)))


def need(memory: str, key: type[T]) -> T:
    """A part of a memory.

    :raises MnemeError: where nobody has provided it, or it cannot be opened.
    """
    if part := _opened.get((memory, key)):
        return cast("T", part())
    found = find(memory, key)
    if found is None:
        raise MnemeError(f"The memory {memory!r} has no {key.__name__} yet.", hint="Open the memory first.")
    return found


def forget(memory: str) -> None:
    """Forget everything of a memory that is being closed."""
    with _lock:
        for known in (_provided, _opened):
            for part in [part for part in known if part[0] == memory]:
                del known[part]
