"""Waiting for a source that cannot be reached for a while: back-off, pauses it asks for, and going on in the middle."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from connectors.base import Change, Checkpoint, Connector, Content, Deleted, Locates, Moved, Upserted
from memory.domain import Access, SourceRef
from memory.errors import RateLimited, SourceUnavailable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source is waited for.

    :param attempts: how often something is tried before its error is believed.
    :param first_s: the longest first pause in seconds; each following one may be twice as long.
    :param longest_s: no pause of ours is longer.
    :param asked_s: a pause that the source asks for is kept up to this; a longer one ends the sync of the source.
    """

    attempts: int = 6
    first_s: float = 1.0
    longest_s: float = 60.0
    asked_s: float = 120.0


class Patient:
    """A connector that tries again where its source cannot be reached for now.

    Only `SourceUnavailable` is tried again, by its type; pauses are random up to a bound that doubles ("full jitter"),
    or, after `RateLimited`, as long as the source asks for. A walk that breaks off is begun again and goes on
    behind what it has told; every change that arrives gives it all attempts anew.

    :param pause: waits for so many seconds; what it raises ends the waiting.
    """

    def __init__(
        self, inner: Connector, pause: Callable[[float], None], patience: Patience | None = None
    ) -> None:
        self._inner = inner
        self._patience = patience or Patience()
        self.kind = inner.kind
        self.reports_deletions = inner.reports_deletions
        self._retrying = Retrying(
            stop=stop_after_attempt(self._patience.attempts),
            wait=self._wait,
            retry=retry_if_exception(self._may_pass),
            sleep=pause,
            reraise=True,
        )

    def changes(self, since: str | None) -> Iterator[Change]:
        """What changed, each document once however often the walk was begun.

        Where a source that reports deletions tells something else of a document at a later beginning, or nothing any
        more, no cursor is given: the next sync looks at everything.

        :raises SourceUnavailable: where the source stays away.
        """
        told: dict[str, int] = {}
        differs = False
        before: set[str] = set()
        """What earlier beginnings told and this one has not."""
        walk: Iterator[Change] | None = None

        def following() -> Change | None:
            nonlocal walk, before
            if walk is None:
                walk = iter(self._inner.changes(since))
            try:
                return next(walk, None)
            except SourceUnavailable:
                walk, before = None, set(told)
                raise

        while (change := self._insist(following)) is not None:
            if isinstance(change, Checkpoint):
                if not self.reports_deletions or not (differs or before):
                    yield change
                continue
            key, mark = _told(change)
            before.discard(key)
            if key not in told:
                told[key] = mark
                yield change
            elif told[key] != mark:
                differs = True

    def check(self) -> str:
        """Say what was found at the source, at once: somebody waits for the answer."""
        return self._inner.check()

    def fetch(self, ref: SourceRef) -> Content:
        """The document's bytes and what the source knows about it."""
        return self._insist(lambda: self._inner.fetch(ref))

    def url(self, ref: SourceRef) -> str:
        """Where the document is shown; its bytes are fetched only where the connector knows no other way."""
        inner = self._inner
        if isinstance(inner, Locates):
            return self._insist(lambda: inner.url(ref))
        return self.fetch(ref).url

    def access(self, ref: SourceRef) -> Access:
        """Who may see the document."""
        return self._insist(lambda: self._inner.access(ref))

    def _insist(self, call: Callable[[], _T]) -> _T:
        """Call; only where that fails is the costly machinery of new attempts set going."""
        try:
            return call()
        except SourceUnavailable as error:
            failed = [error]

        def again() -> _T:
            if failed:
                raise failed.pop()
            return call()

        return self._retrying(again)

    def _may_pass(self, error: BaseException) -> bool:
        asked = error.after_s if isinstance(error, RateLimited) else None
        return isinstance(error, SourceUnavailable) and (asked is None or asked <= self._patience.asked_s)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited) and error.after_s is not None:
            return error.after_s
        patience = self._patience
        return wait_random_exponential(patience.first_s, patience.longest_s)(state)


def _told(change: Change) -> tuple[str, int]:
    """A document's key, and a mark that differs where something else is told of it."""
    if isinstance(change, Upserted):
        return change.ref.key, hash(change.version)
    if isinstance(change, Moved):
        return change.new.key, hash(change.version)
    if isinstance(change, Checkpoint):
        raise TypeError("a checkpoint tells of no document")
    return change.ref.key, hash(type(change) is Deleted)
