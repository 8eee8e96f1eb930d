"""The process that reads one archive for `connectors.pst.reader`: started by it, talking over file descriptor 0.

It is given the open archive and nothing else: no network, no environment, a limit of memory and time.
"""

import json
import os
import re
import socket
import sys
from typing import Any

from connectors.limited.wire import tell
from connectors.message_key import message_id, message_key, sameness
from connectors.pst.index import digest
from memory.confine import allow_cpu, confine

MEMORY = 1 << 30
SECONDS = 60.0
"""What one message may take."""

_MAX_FOLDERS = 100_000
_MAX_DEPTH = 64


def main() -> None:
    """Answer until the parent goes."""
    import pypff

    connection = socket.socket(fileno=0)
    confine(MEMORY, network=False)
    allow_cpu(SECONDS)
    with os.fdopen(int(sys.argv[1]), "rb") as raw:
        archive = pypff.file()
        try:
            archive.open_file_object(raw)
            root = archive.get_root_folder()
        except (OSError, MemoryError, RuntimeError, ValueError, TypeError) as error:
            tell(connection, {"broken": _said(error)})
            return
        tell(connection, {"open": True})
        lines = connection.makefile("rb")
        while line := lines.readline():
            asked = json.loads(line)
            if "get" in asked:
                try:
                    message = _at(root, asked["get"])
                except (OSError, MemoryError, ValueError) as error:
                    tell(connection, {"failed": _said(error)})
                    continue
                _message(connection, message)
            else:
                _list(connection, root, {tuple(each) for each in asked["without"]})
        archive.close()


def _list(connection: socket.socket, root: Any, without: set[tuple[int, ...]]) -> None:
    """Every message of every folder, then that it was all."""
    waiting: list[tuple[tuple[int, ...], str, Any]] = [((), "", root)]
    for _ in range(_MAX_FOLDERS):
        if not waiting:
            break
        at, path, folder = waiting.pop()
        told = {"at": at, "folder": path}
        try:
            _messages(connection, folder, told, without)
            inside = _folders(folder, at, path)
        except (OSError, MemoryError, ValueError) as error:
            tell(connection, {**told, "failed": f"the folder is broken: {_said(error)}"})
            continue
        if inside and len(at) >= _MAX_DEPTH:
            tell(connection, {**told, "failed": "folders lie too deep in folders"})
            continue
        waiting.extend(reversed(inside))
    if waiting:
        tell(connection, {"at": (), "folder": "", "failed": f"more than {_MAX_FOLDERS} folders"})
    tell(connection, {"end": True})


def _messages(
    connection: socket.socket, folder: Any, told: dict[str, Any], without: set[tuple[int, ...]]
) -> None:
    for number in range(folder.number_of_sub_messages):
        place = (*told["at"], number)
        if place in without:
            continue
        here = {**told, "at": place}
        tell(connection, {**here, "next": True})
        try:
            message = folder.get_sub_message(number)
        except (OSError, MemoryError, ValueError) as error:
            tell(connection, {**here, "failed": _said(error)})
            continue
        _message(connection, message, here)


def _folders(folder: Any, at: tuple[int, ...], path: str) -> list[tuple[tuple[int, ...], str, Any]]:
    """Each folder in a folder with its place and its path."""
    found = []
    for number in range(folder.number_of_sub_folders):
        each = folder.get_sub_folder(number)
        name = (each.name or "?").replace("/", "_")
        found.append(((*at, number), f"{path}/{name}" if path else name, each))
    return found


def _at(root: Any, place: list[int]) -> Any:
    for number in place[:-1]:
        root = root.get_sub_folder(number)
    return root.get_sub_message(place[-1])


def _message(connection: socket.socket, message: Any, listed: dict[str, Any] | None = None) -> None:
    """Tell the message itself, or, while they are listed, what it is known by."""
    from connectors.pst.compose import TooLarge, compose

    allow_cpu(SECONDS)
    try:
        raw = compose(message)
        told = {} if listed is None else {**listed, **_known(raw)}
    except TooLarge:
        tell(connection, {**(listed or {}), "failed": "larger than 512 MB"})
    except MemoryError:
        tell(connection, {**(listed or {}), "failed": "out of memory"})
    except Exception as error:  # noqa: BLE001 - whatever a hostile message makes the library raise is its own failure
        tell(connection, {**(listed or {}), "failed": _said(error)})
    else:
        tell(connection, told, raw if listed is None else b"")


def _known(raw: bytes) -> dict[str, str]:
    same = sameness(raw)
    return {"key": message_key(message_id(raw), same), "same": same.hex(), "digest": digest(raw)}


def _said(error: BaseException) -> str:
    """What libpff could not do: the first of the sentences it strings together, without the names of its functions."""
    found = re.search(r"pypff_\w+: (.+?)(?:\. (?:lib|py)\w+: .*|\.?)$", str(error), re.DOTALL)
    said = found[1] if found else str(error) or type(error).__name__
    return " ".join(said.split())[:160]


if __name__ == "__main__":
    main()
