"""An embedder in a process of its own.

For syncs at the lowest priority, so that queries beside it stay fast. For queries because a forward pass
takes Python's global lock once for each of its operations: in the service's process it would wait for other
requests, and they for it, at every one of them.

The two talk over a pair of pipes: a line of JSON each way, and after an answer its numbers. Requests are
sent at once and answered by their numbers: what arrives while a forward pass runs is waiting in the child when
that ends, and goes into the next one together, however long the parent's lock is held by others. When
the parent dies, however it dies, its end of the pipe closes and the child ends itself. (Linux could
kill the child by `PR_SET_PDEATHSIG`, but already when the *thread* that started it ends.)
"""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

import numpy as np

from memory import errors
from memory.embedding.base import ModelIdentity, Vectors
from memory.embedding.batching import QUERIES
from memory.embedding.open import EmbedderSpec
from memory.errors import MnemeError, ModelUnavailable


class EmbedderCrashed(ModelUnavailable):
    """The embedding process ended unexpectedly."""

    retryable = True
    default_hint = "It is started again by itself; if this repeats, the machine may be short of memory."


class EmbedderProcess:
    """Runs an embedder in a child process, started with the first call. Safe for threads.

    Queries that wait are embedded together. A crash raises `EmbedderCrashed`, and the next call starts a new
    process.

    :param spec: the embedder the child opens; `EmbedderSpec.threads` are the child's.
    :param nice: the child's priority, 0 (as the parent) to 19 (lowest).
    """

    def __init__(self, spec: EmbedderSpec, *, nice: int = 19) -> None:
        self._spec = spec
        self._nice = nice
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._threads: int | None = None

    def set_threads(self, threads: int | None) -> None:
        """From the next call on use so many threads; None takes as many as the model took at first."""
        self._threads = threads

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is; starts the process where it does not run yet."""
        with self._lock:
            return self._running().identity

    @property
    def process(self) -> int | None:
        """The process id of the child, or None while there is none."""
        child = self._child
        return child.number if child is not None and child.alive else None

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (len(texts), size), in the order given."""
        return self._begin("embed_passages", texts).result()

    def embed_query(self, text: str) -> Vectors:
        """The vector of a query, shape (size,)."""
        return self.begin_query(text).result()

    def begin_query(self, text: str) -> "Future[Vectors]":
        """Begin to embed a query: what will be its vector, shape (size,), or what went wrong."""
        return self._begin(QUERIES, text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of several queries at once, shape (len(texts), size), in the order given."""
        return self._begin(QUERIES, texts).result()

    def close(self) -> None:
        """End the child; a later call would start a new one."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.stop()

    def _begin(self, task: str, texts: Sequence[str] | str) -> "Future[Vectors]":
        future: Future[Vectors] = Future()
        try:
            with self._lock:
                child = self._running()
            child.ask(task, texts, self._threads, future)
        except MnemeError as error:
            future.set_exception(error)
        return future

    def _running(self) -> "_Child":
        if self._child is None or not self._child.alive:
            dead, self._child = self._child, None
            if dead is not None:
                dead.stop()
            self._child = _Child(self._spec, self._nice)
        return self._child


class _Child:
    """One process, from its start to its end, with the requests it has not answered yet.

    :raises MnemeError: what went wrong when it opened the embedder.
    """

    def __init__(self, spec: EmbedderSpec, nice: int) -> None:
        command = [sys.executable, "-m", "memory.embedding.worker", str(nice)]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._lock = threading.Lock()
        self._asked = 0
        self._ended = False
        self._waiting: dict[int, tuple[Future[Vectors], bool]] = {}
        self._reader = threading.Thread(target=self._read, name="embedded", daemon=True)
        try:
            self._send({**asdict(spec), "data": str(spec.data)})
            answer = self._line()
            if answer is None:
                raise self._crashed()
            if "error" in answer:
                raise _told(answer)
        except MnemeError:
            self.stop()
            raise
        self.identity = ModelIdentity(**answer["identity"])
        self._reader.start()

    @property
    def number(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._ended and self._process.poll() is None

    def ask(
        self, task: str, texts: Sequence[str] | str, threads: int | None, future: "Future[Vectors]"
    ) -> None:
        """Send a request; its answer comes into the future.

        :param texts: several, or one whose vector has the shape (size,).
        :raises EmbedderCrashed: where it has ended.
        """
        single = isinstance(texts, str)
        with self._lock:
            if self._ended:
                raise self._crashed()
            self._asked += 1
            number = self._asked
            self._waiting[number] = future, single
            several = [texts] if single else list(texts)
            try:
                self._send({"id": number, "task": task, "texts": several, "threads": threads})
            except EmbedderCrashed:
                self._waiting.pop(number, None)
                raise

    def stop(self) -> None:
        """End it; whoever still waits for an answer hears that it crashed."""
        with self._lock, suppress(OSError):  # what could not be sent any more
            _pipe(self._process.stdin).close()  # the child ends itself when it sees this
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._reader.ident is not None:
            self._reader.join()
        _pipe(self._process.stdout).close()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            pipe = _pipe(self._process.stdin)
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()
        except (OSError, ValueError) as error:  # broken, or closed by `stop`
            raise self._crashed() from error

    def _read(self) -> None:
        """Hand out answers until there are no more, which is when the process has ended."""
        while (answer := self._line()) is not None:
            future, single = self._waiting.pop(answer["id"])
            if "error" in answer:
                future.set_exception(_told(answer))
                continue
            size = answer["rows"] * answer["size"] * 4
            data = _pipe(self._process.stdout).read(size)
            if len(data) != size:
                self._waiting[answer["id"]] = future, single
                break
            vectors = np.frombuffer(data, dtype="<f4").reshape(answer["rows"], answer["size"]).copy()
            future.set_result(vectors.reshape(-1) if single else vectors)
        with self._lock:
            self._ended = True
            left, self._waiting = self._waiting, {}
        for future, _ in left.values():
            future.set_exception(self._crashed())

    def _line(self) -> dict[str, Any] | None:
        line = _pipe(self._process.stdout).readline()
        answer: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return answer

    def _crashed(self) -> EmbedderCrashed:
        code = self._process.poll()
        how = "" if code is None else f" ({code})"
        return EmbedderCrashed(f"The embedding process ended unexpectedly{how}.")


def _told(answer: dict[str, Any]) -> MnemeError:
    kind: type[MnemeError] = getattr(errors, answer["error"], ModelUnavailable)
    return kind(answer["message"], hint=answer["hint"])


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise EmbedderCrashed
    return pipe
