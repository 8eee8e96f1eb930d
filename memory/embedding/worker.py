"""An embedder in a process of its own.

For syncs at the lowest priority, so that queries beside it stay fast. For queries because a forward pass
takes Python's global lock once for each of its operations: in the service's process it would wait for other
requests, and they for it, at every one of them.

The two talk over a pair of pipes: a line of JSON each way, and after an answer its numbers. When
the parent dies, however it dies, its end of the pipe closes and the child ends itself. (Linux could
kill the child by `PR_SET_PDEATHSIG`, but already when the *thread* that started it ends.)
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np

from memory import errors
from memory.embedding.base import ModelIdentity, Threaded, Vectors
from memory.embedding.open import EmbedderSpec
from memory.errors import MnemeError, ModelUnavailable


class EmbedderCrashed(ModelUnavailable):
    """The embedding process ended unexpectedly."""

    retryable = True
    default_hint = "It is started again by itself; if this repeats, the machine may be short of memory."


class EmbedderProcess:
    """Runs an embedder in a child process, started with the first call.

    Calls of several threads are answered one after the other. A crash raises `EmbedderCrashed`, and
    the next call starts a new process.

    :param spec: the embedder the child opens; `EmbedderSpec.threads` are the child's.
    :param nice: the child's priority, 0 (as the parent) to 19 (lowest).
    """

    def __init__(self, spec: EmbedderSpec, *, nice: int = 19) -> None:
        self._spec = spec
        self._nice = nice
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._identity: ModelIdentity | None = None
        self._threads: int | None = None

    def set_threads(self, threads: int | None) -> None:
        """From the next call on use so many threads; None takes as many as the model took at first."""
        self._threads = threads

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is; starts the process where it does not run yet."""
        with self._lock:
            self._start()
            if self._identity is None:
                raise EmbedderCrashed
            return self._identity

    @property
    def process(self) -> int | None:
        """The process id of the child, or None while there is none."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (len(texts), size), in the order given."""
        return self._call("embed_passages", texts)

    def embed_query(self, text: str) -> Vectors:
        """The vector of a query, shape (size,)."""
        return self._call("embed_queries", [text]).reshape(-1)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of several queries at once, shape (len(texts), size), in the order given."""
        return self._call("embed_queries", texts)

    def close(self) -> None:
        """End the child; a later call would start a new one."""
        with self._lock:
            self._stop()

    def _call(self, task: str, texts: Sequence[str]) -> Vectors:
        with self._lock:
            child = self._start()
            answer = self._exchange(child, {"task": task, "texts": list(texts), "threads": self._threads})
            size = answer["rows"] * answer["size"] * 4
            data = _exactly(_pipe(child.stdout), size)
            if len(data) != size:
                raise self._crashed()
            return np.frombuffer(data, dtype="<f4").reshape(answer["rows"], answer["size"]).copy()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._stop()
        command = [sys.executable, "-m", "memory.embedding.worker", str(self._nice)]
        self._child = child = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        spec = {**asdict(self._spec), "data": str(self._spec.data)}
        try:
            answer = self._exchange(child, spec)
        except MnemeError:
            self._stop()
            raise
        self._identity = ModelIdentity(**answer["identity"])
        return child

    def _exchange(self, child: subprocess.Popen[bytes], message: dict[str, Any]) -> dict[str, Any]:
        try:
            _send(_pipe(child.stdin), message)
            line = _pipe(child.stdout).readline()
        except OSError as error:
            raise self._crashed() from error
        if not line.endswith(b"\n"):
            raise self._crashed()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            kind = getattr(errors, answer["error"], ModelUnavailable)
            raise kind(answer["message"], hint=answer["hint"])
        return answer

    def _crashed(self) -> EmbedderCrashed:
        child = self._child
        self._stop()
        how = f" ({child.returncode})" if child is not None else ""
        return EmbedderCrashed(f"The embedding process ended unexpectedly{how}.")

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        _pipe(child.stdin).close()  # the child ends itself when it sees this
        _pipe(child.stdout).close()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise EmbedderCrashed
    return pipe


def _send(pipe: IO[bytes], message: dict[str, Any]) -> None:
    pipe.write(json.dumps(message).encode() + b"\n")
    pipe.flush()


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = b""
    while len(data) < size and (more := pipe.read(size - len(data))):
        data += more
    return data


def _listen(requests: "queue.SimpleQueue[dict[str, Any]]") -> None:
    """Read requests until the parent closes the pipe or dies, and then end at once, even amid work."""
    for line in sys.stdin.buffer:
        requests.put(json.loads(line))
    os._exit(0)


def main() -> None:
    """What the child does: open the embedder, then answer until the parent is gone."""
    os.nice(int(sys.argv[1]))
    # Libraries print; what they print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    spec = requests.get()
    try:
        embedder = EmbedderSpec(**{**spec, "data": Path(spec["data"])}).open()
        _send(answers, {"identity": asdict(embedder.identity)})
    except MnemeError as error:
        _send(answers, _error(error))
        return
    while True:
        request = requests.get()
        if isinstance(embedder, Threaded):
            embedder.set_threads(request["threads"])
        try:
            work = embedder.embed_passages if request["task"] == "embed_passages" else embedder.embed_queries
            vectors = work(request["texts"])
        except MnemeError as error:
            _send(answers, _error(error))
            continue
        _send(answers, {"rows": vectors.shape[0], "size": vectors.shape[1]})
        answers.write(vectors.astype("<f4").tobytes())
        answers.flush()


def _error(error: MnemeError) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    main()
