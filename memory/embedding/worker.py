"""What a process that embeds does, see `memory.embedding.process`: ``python -m memory.embedding.worker NICE``."""

import json
import os
import queue
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from memory.embedding.base import Embedder, Threaded
from memory.embedding.batching import QUERIES, Batches, Request
from memory.embedding.open import EmbedderSpec
from memory.errors import MnemeError


def main() -> None:
    """Open the embedder, then answer until the parent is gone."""
    os.nice(int(sys.argv[1]))
    # Libraries print; what they print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    spec = requests.get()
    try:
        embedder = EmbedderSpec(**{**spec, "data": Path(spec["data"])}).open()
        _say(answers, {"identity": asdict(embedder.identity)})
    except MnemeError as error:
        _say(answers, _error(error))
        return
    batches = Batches(requests)
    while True:
        _answer(embedder, batches.get(), answers)


def _listen(requests: "queue.SimpleQueue[Request]") -> None:
    """Read requests until the parent closes the pipe or dies, and then end at once, even amid work."""
    for line in sys.stdin.buffer:
        requests.put(json.loads(line))
    os._exit(0)


def _answer(embedder: Embedder, batch: list[Request], answers: IO[bytes]) -> None:
    """Embed what several requests ask for in one go, and answer each."""
    if isinstance(embedder, Threaded):
        embedder.set_threads(batch[-1]["threads"])
    work = embedder.embed_queries if batch[0]["task"] == QUERIES else embedder.embed_passages
    try:
        vectors = work([text for request in batch for text in request["texts"]]).astype("<f4")
    except MnemeError as error:
        for request in batch:
            _say(answers, {"id": request["id"], **_error(error)})
        return
    first = 0
    for request in batch:
        own = vectors[first : first + len(request["texts"])]
        first += len(own)
        _say(answers, {"id": request["id"], "rows": own.shape[0], "size": own.shape[1]}, own.tobytes())


def _say(answers: IO[bytes], message: dict[str, Any], data: bytes = b"") -> None:
    answers.write(json.dumps(message).encode() + b"\n" + data)
    answers.flush()


def _error(error: MnemeError) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    main()
