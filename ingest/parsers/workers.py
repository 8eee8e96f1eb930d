"""Reading files in processes of their own, so that a hostile or broken file costs one error and no more."""

import queue
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ingest.parsers.base import Attachment, Parsed
from ingest.parsers.child import Asked, Child, Died, Limits
from ingest.parsers.detect import HEAD
from ingest.parsers.registry import EMPTY, media_type_of, skip_reason, skipped
from ingest.parsers.scans import Known
from ingest.parsers.tesseract import Tesseract
from ingest.parsers.wire import Task, pages_from_json, parsed_from_json, picture_from_json
from memory.errors import ParseError, ParserUnavailable
from memory.scanned import ScannedPage

MAX_FILE = 512 * 1024 * 1024
"""A larger file is not read."""

FILES_PER_WORKER = 500
"""A worker is replaced after so many files, or when it has kept too much memory."""


class ParserPool:
    """Worker processes that read files, each under a limit of time and memory.

    Workers start when they are first needed, serve many files and are replaced when one dies. Safe to use
    from several threads: as many files are read at a time as there are workers.

    :param workers: how many processes.
    :param timeout_s: how long one file may take.
    :param memory_bytes: how much memory one worker may use.
    :param tika_url: a Tika server to use instead of the built-in Tika.
    :param ocr: what recognises text on pictures; without, they are skipped.
    :param warm_up: whether workers import all parsers as they start; without, they start in a third of a second.
    """

    def __init__(
        self,
        workers: int = 2,
        timeout_s: float = 60,
        memory_bytes: int = 1 << 30,
        tika_url: str | None = None,
        *,
        ocr: Tesseract | None = None,
        warm_up: bool = True,
    ) -> None:
        self._warm = warm_up
        self.workers = max(1, workers)
        self.ocr = ocr
        self._limits = Limits(timeout_s, memory_bytes, tika_url or "", ocr)
        self._slots: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(self.workers):
            self._slots.put(None)
        self._children: set[Child] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._resting: threading.Timer | None = None
        # A child is told to die with the thread that started it, so one thread starts them all and stays.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parsers")
        self._folder = tempfile.TemporaryDirectory(prefix="mneme-parsers-", ignore_cleanup_errors=True)

    def parse(
        self, body: Path | bytes, *, name: str, media_type: str = "", known: Known | None = None
    ) -> Parsed:
        """Read a file in a worker.

        :param body: the bytes, or where they lie.
        :param media_type: as the source declares it; ``""`` lets the bytes decide.
        :param known: what was recognised on pages of it before.
        :raises ParseError: where it cannot be read; the reason is one a reader of the ledger understands.
        :raises ParserUnavailable: where no worker starts, or the pool is closed: another time it may be read.
        :raises OSError: where the path cannot be opened.
        """
        head = _head(body)
        kind = media_type_of(name, head, media_type)
        if not head:
            return skipped(name, kind, EMPTY)
        if reason := skip_reason(kind, ocr=self.ocr is not None):
            return skipped(name, kind, reason)
        pages = {number: page.to_json() for number, page in (known or {}).items()}
        return parsed_from_json(self._ask(body, Asked(name, kind, known=pages)).get("parsed"))

    def attachments(self, body: Path | bytes, *, name: str, media_type: str = "") -> tuple[Attachment, ...]:
        """The files inside a file, as `parse` finds them, without reading its text.

        :raises ParseError: where it cannot be read.
        :raises OSError: where the path cannot be opened.
        """
        kind = media_type_of(name, _head(body), media_type)
        answer = self._ask(body, Asked(name, kind, Task.ATTACHMENTS))
        return parsed_from_json(answer.get("parsed")).attachments

    def recognise(
        self, body: Path | bytes, *, name: str, media_type: str = "", pages: tuple[int, ...]
    ) -> dict[int, ScannedPage]:
        """Recognise the text on pages of a file: as many as are done in half of the time for one file, one at least.

        :param pages: by number from 1.
        :raises ParseError: where the worker dies of it, or has nothing to recognise text with.
        :raises OSError: where the path cannot be opened.
        """
        if self.ocr is None:
            raise ParserUnavailable("nothing recognises text on pictures here")
        kind = media_type_of(name, _head(body), media_type)
        answer = self._ask(body, Asked(name, kind, Task.RECOGNISE, pages))
        return pages_from_json(answer.get("pages"))

    def draw(self, body: Path | bytes, *, name: str, media_type: str, page: int) -> bytes:
        """A page of a PDF or an image file as a JPEG.

        :param page: from 1.
        :raises ParseError: where it cannot be drawn.
        :raises OSError: where the path cannot be opened.
        """
        kind = media_type_of(name, _head(body), media_type)
        return picture_from_json(self._ask(body, Asked(name, kind, Task.DRAW, (page,))).get("picture"))

    def _ask(self, body: Path | bytes, asked: Asked) -> dict[str, Any]:
        data = _bytes(body)
        with self._lock:
            self._wake()
        slot = self._slots.get()
        child: Child | None = slot
        try:
            if child is None:
                child = self._start()
            answer = child.ask(data, asked)
        except Died as death:
            self._end(child)
            child = None
            kind_of = ParserUnavailable if death.blameless else ParseError
            raise kind_of(death.reason) from death
        except ParseError:
            raise
        except BaseException:
            # Interrupted in the middle of an answer: what is left of it would be taken for the next one.
            self._end(child)
            child = None
            raise
        finally:
            if child is not None and (child.served >= FILES_PER_WORKER or child.bloated()):
                self._end(child)
                child = None
            self._slots.put(child)
        return answer

    def warm_up(self) -> None:
        """Start every worker now, each in a few seconds."""
        slots = [self._slots.get() for _ in range(self.workers)]
        for slot in slots:
            child = slot
            try:
                child = child or self._start()
            finally:
                self._slots.put(child)

    def rest(self, after_s: float) -> None:
        """End the workers once nothing has been read for so long: starting them costs seconds, keeping them memory."""
        with self._lock:
            self._wake()
            if not self._closed and self._children:
                self._resting = threading.Timer(after_s, self._end_idle)
                self._resting.daemon = True
                self._resting.start()

    def close(self) -> None:
        """End every worker."""
        with self._lock:
            self._closed = True
            self._wake()
            children = list(self._children)
        for child in children:
            self._end(child)
        self._starter.shutdown()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def pids(self) -> list[int]:
        """The process ids of the running workers, for whoever watches their memory."""
        with self._lock:
            return [child.pid for child in self._children]

    def _wake(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def _end_idle(self) -> None:
        resting: list[Child | None] = []
        with suppress(queue.Empty):
            while True:
                resting.append(self._slots.get_nowait())
        for child in resting:
            self._end(child)
            self._slots.put(None)

    def _start(self) -> Child:
        with self._lock:
            if self._closed:
                raise ParserUnavailable("the parsers are closed")
        start = partial(Child, self._limits, Path(self._folder.name), warm_up=self._warm)
        child = self._starter.submit(start).result()
        with self._lock:
            self._children.add(child)
        return child

    def _end(self, child: Child | None) -> None:
        if child is not None:
            child.close()
            with self._lock:
                self._children.discard(child)


def _head(body: Path | bytes) -> bytes:
    if isinstance(body, bytes):
        return body[:HEAD]
    with body.open("rb") as file:
        return file.read(HEAD)


def _bytes(body: Path | bytes) -> bytes:
    size = len(body) if isinstance(body, bytes) else body.stat().st_size
    if size > MAX_FILE:
        raise ParseError(f"larger than {MAX_FILE // 1024**2} MB")
    return body if isinstance(body, bytes) else body.read_bytes()
