"""A process that reads files for `ingest.parsers.workers`: started by it, talking over file descriptor 0."""

import base64
import json
import socket
import sys
from types import ModuleType
from typing import Any

from ingest.parsers import pictures, registry, scans
from ingest.parsers.tesseract import Tesseract
from ingest.parsers.wire import Task, pack, parsed_to_json, receive, send
from memory.confine import allow_cpu, confine
from memory.errors import ParseError
from memory.scanned import ScannedPage

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
            send(connection, pack(_answer(data, request, config)))
            del data
    except (EOFError, ConnectionError):
        return


def _answer(data: bytes, request: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    try:
        return _done(data, request, config)
    except ParseError as error:
        return {"error": error.message}
    except MemoryError:
        return {"error": OUT_OF_MEMORY}
    except Exception as error:  # noqa: BLE001 - whatever a library raises on a hostile file is that file's failure
        return {"error": f"broken file: {type(error).__name__}: {str(error)[:200]}"}


def _done(data: bytes, request: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    name, kind, ocr = request["name"], request["media_type"], config["ocr"]
    match Task(request["task"]):
        case Task.ATTACHMENTS:
            parsed = registry.attachments(data, name=name, media_type=kind, ocr=ocr is not None)
            return {"parsed": parsed_to_json(parsed)}
        case Task.RECOGNISE:
            engine = Tesseract(ocr["path"], tuple(ocr["languages"]))
            pages = scans.read_pages(data, kind, request["pages"], engine, timeout_s=config["timeout_s"])
            return {"pages": {number: page.to_json() for number, page in pages.items()}}
        case Task.DRAW:
            picture = pictures.for_people(data, kind, request["pages"][0])
            return {"picture": base64.b64encode(picture).decode("ascii")}
        case Task.READ:
            known = {int(number): ScannedPage.from_json(page) for number, page in request["known"].items()}
            parsed = registry.read(
                data,
                name=name,
                media_type=kind,
                tika_url=config["tika_url"],
                ocr=ocr is not None,
                known=known,
            )
            return {"parsed": parsed_to_json(parsed)}


def _warm_up() -> None:
    registry.read(b"<html><body><p>Ready.</p></body></html>", name="ready.html")
    registry.read(b"{\\rtf1 Ready.}", name="ready.rtf")


if __name__ == "__main__":
    main()
