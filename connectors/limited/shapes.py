"""What goes between a connector in a limited process and whoever stands for it here, as JSON.

What comes out of the process is looked at value by value: a hostile file may have made it up.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from connectors.base import Change, Checkpoint, Content, Deleted, Moved, SourceConfig, Upserted
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, MnemeError, NotFound, SourceError, SourceUnavailable
from memory.people.directory import Told

_T = TypeVar("_T")

ACCESS, TOLD, TEXT = TypeAdapter(Access), TypeAdapter(Told), TypeAdapter(str)
_CONTENT = TypeAdapter(Content)
ERRORS: dict[str, type[MnemeError]] = {
    each.__name__: each for each in (InvalidInput, NotFound, SourceError, SourceUnavailable)
}
"""What a connector may raise."""


class Nonsense(Exception):
    """This is not what a connector says."""


def read_as(shape: TypeAdapter[_T], value: Any) -> _T:
    """A value of that shape, of JSON values or of the bytes of some.

    :raises Nonsense: where it is something else.
    """
    try:
        return shape.validate_json(value) if isinstance(value, bytes) else shape.validate_python(value)
    except (ValidationError, MnemeError, RecursionError) as error:
        raise Nonsense from error


def content_to_json(content: Content) -> dict[str, Any]:
    """All of it but its bytes."""
    told: dict[str, Any] = _CONTENT.dump_python(
        replace(content, body=b""), mode="json", exclude={"ref", "body"}
    )
    return told


def content_from_json(told: Any, ref: SourceRef, body: bytes) -> Content:
    """The same, read back.

    :raises Nonsense: where it is something else.
    """
    if not isinstance(told, dict):
        raise Nonsense
    own = {"kind": ref.kind, "source": ref.source, "key": ref.key}
    found = replace(read_as(_CONTENT, {**told, "ref": own, "body": b""}), body=body)
    if any(moment and moment.tzinfo is None for moment in (found.created, found.modified)):
        raise Nonsense
    return found


def config_to_json(config: SourceConfig) -> dict[str, Any]:
    """The settings of a source; it has no secrets, or the process would be told none."""
    return {
        "name": config.name,
        "location": config.location,
        "access": _access(config.access),
        "rules": [[pattern, _access(access)] for pattern, access in config.rules],
        "include": config.include,
        "exclude": config.exclude,
        "options": config.options,
        "state": str(config.state) if config.state else None,
    }


def config_from_json(told: dict[str, Any]) -> SourceConfig:
    """The same, read back in the process."""
    return SourceConfig(
        told["name"],
        told["location"],
        ACCESS.validate_python(told["access"]),
        tuple((pattern, ACCESS.validate_python(access)) for pattern, access in told["rules"]),
        tuple(told["include"]),
        tuple(told["exclude"]),
        tuple((name, value) for name, value in told["options"]),
        state=Path(told["state"]) if told["state"] else None,
    )


def _access(access: Access) -> dict[str, list[str]]:
    return {"grant": sorted(access.grant), "deny": sorted(access.deny)}


def change_to_json(change: Change) -> list[Any]:
    """A change as a row; of the source it says nothing."""
    match change:
        case Upserted():
            return ["upserted", change.ref.key, change.version, change.fingerprint, change.size]
        case Failed():
            return ["failed", change.ref.key, change.stage.value, change.reason, change.retryable]
        case Moved():
            return ["moved", change.old.key, change.new.key, change.version]
        case Deleted():
            return ["deleted", change.ref.key, change.explicit]
        case Checkpoint():
            return ["checkpoint", change.cursor, change.doubt, change.whole, change.doubts is not None]


def changes_from_json(raw: bytes, kind: str, source: str, doubts: Callable[[str], str]) -> list[Change]:
    """Rows as changes of one source.

    :param doubts: asks the process of a document that was not met.
    :raises Nonsense: where they are something else.
    """

    def ref(key: Any) -> SourceRef:
        return SourceRef(kind, source, _text(key))

    def change(row: list[Any]) -> Change:
        match row:
            case ["upserted", key, version, fingerprint, int() | None as size]:
                return Upserted(ref(key), _text(version), _text(fingerprint), size)
            case ["failed", key, stage, reason, bool() as retryable]:
                return Failed(ref(key), Stage(stage), _text(reason), retryable)
            case ["moved", old, new, version]:
                return Moved(ref(old), ref(new), _text(version))
            case ["deleted", key, bool() as explicit]:
                return Deleted(ref(key), explicit)
            case ["checkpoint", cursor, doubt, bool() as whole, bool() as asks]:
                return Checkpoint(_text(cursor), _text(doubt), whole, doubts if asks else None)
        raise Nonsense

    try:
        rows = json.loads(raw)
        if not isinstance(rows, list):
            raise Nonsense
        return [change(row) for row in rows]
    except (ValueError, TypeError, RecursionError, InvalidInput) as error:
        raise Nonsense from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # half a character could not be kept
    return value
