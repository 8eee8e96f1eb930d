"""A process that reads files for `ingest.parsers.workers`: started by it, talking over file descriptor 0."""

import json
import socket
import sys
from types import ModuleType
from typing import Any

from ingest.parsers import registry
from ingest.parsers.confine import allow_cpu, confine
from ingest.parsers.wire import pack, parsed_to_json, receive, send
from memory.errors import ParseError

OUT_OF_MEMORY = "out of memory"


def main() -> None:
    """Read one file after another until the parent goes."""
    connection = socket.socket(fileno=0)
    try:
        config = json.loads(receive(connection))
        confine(config["memory_bytes"], network=bool(config["tika_url"]))
        # thinc, which spaCy brings, imports torch where it finds it: 190 MB and 1.5 s that no parser needs.
        sys.modules["torch"] = None  # type: ignore[assignment]
        # unstructured imports spaCy for its grammar, which `ingest.parsers.typed` does without: a third of the start.
        sys.modules["spacy"] = ModuleType("spacy")
        if config["warm_up"]:
            _warm_up()
        send(connection, pack({"ready": True}))
        while True:
            request = json.loads(receive(connection))
            data = receive(connection)
            # Tika collects garbage on threads of its own, so its processor time may pass the clock's.
            allow_cpu(2 * config["timeout_s"])
            send(connection, pack(_answer(data, request, config["tika_url"])))
            del data
    except (EOFError, ConnectionError):
        return


def _answer(data: bytes, request: dict[str, Any], tika_url: str) -> dict[str, Any]:
    try:
        name, kind = request["name"], request["media_type"]
        if request["only_attachments"]:
            parsed = registry.attachments(data, name=name, media_type=kind)
        else:
            parsed = registry.read(data, name=name, media_type=kind, tika_url=tika_url)
        return {"parsed": parsed_to_json(parsed)}
    except ParseError as error:
        return {"error": error.message}
    except MemoryError:
        return {"error": OUT_OF_MEMORY}
    except Exception as error:  # noqa: BLE001 - whatever a library raises on a hostile file is that file's failure
        return {"error": f"broken file: {type(error).__name__}: {str(error)[:200]}"}


def _warm_up() -> None:
    registry.read(b"<html><body><p>Ready.</p></body></html>", name="ready.html")
    registry.read(b"{\\rtf1 Ready.}", name="ready.rtf")


if __name__ == "__main__":
    main()
