"""What changed in an IMAP account since it was last looked at: folder by folder, and no more of each than is new."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from connectors.base import Change, Checkpoint, Deleted, Upserted
from connectors.imap.folders import Choice
from connectors.imap.session import HEADS, Head, Opened, Session
from connectors.imap.state import Folder, State
from connectors.message_key import message_key, sameness, told_apart
from memory.domain import Failed, SourceRef, Stage
from memory.errors import SourceError, SourceUnavailable

SEARCHED = 10_000
"""Known messages that are looked for at a time, where a server does not tell what vanished."""
ROUNDS = 5
"""How often folders that changed meanwhile are looked at again, so that a mail on its way between two is not gone."""

_UNKNOWN = "?"
"""The version of a message whose last one is not known: what it is now is told in any case."""


@dataclass(frozen=True, slots=True)
class _News:
    """What is new in a folder.

    :param gone: known UIDs that are there no longer; None where the folder was made anew, with a new UIDVALIDITY.
    :param new: UIDs of messages to be read.
    """

    opened: Opened
    gone: frozenset[int] | None
    new: list[int]


class Walk:
    """One walk through the account; brings the state up to date as it goes.

    A folder whose UIDVALIDITY, UIDNEXT and number of messages are as they were is not opened: messages never change.
    Removals are told at the end, when every folder was looked at, so that what moved is not gone. A folder that cannot be
    opened keeps what it had.

    :param whole: nothing is known: what the state does not hold at the end is not there.
    """

    def __init__(
        self,
        session: Session,
        choice: Choice,
        state: State,
        ref: Callable[[str], SourceRef],
        *,
        whole: bool,
    ) -> None:
        self._session = session
        self._choice = choice
        self._state = state
        self._ref = ref
        self._whole = whole
        self._doubts: list[str] = []
        self._was: dict[str, str] = {}
        """The version of each message whose places changed, as it was told last."""

    def changes(self, since: str | None) -> Iterator[Change]:
        """Everything that changed, then the checkpoint.

        :raises SourceUnavailable: where the server goes away, or a folder is made anew meanwhile.
        :raises SourceError: where the folders cannot be listed.
        """
        folders = self._choice.of(self._session.folders())
        yield from self._begin(folders)
        looked = False
        failed: list[str] = []
        for name, raw in folders.items():
            try:
                news = self._look(name, raw)
            except SourceUnavailable:
                raise
            except SourceError as error:
                self._doubts.append(f"{name} cannot be read")
                if not any(name.startswith(above) for above in failed):
                    yield self._failed(f"{name}/", error.message)
                failed.append(f"{name}/")
                continue
            if news:
                looked = True
                yield from self._read(name, raw, news)
        for _ in range(ROUNDS):
            if not (self._whole or self._placeless()) or not (yield from self._look_again()):
                break
        same = not looked and not self._was and since is not None
        yield from self._settle()
        cursor = since if same and since else self._state.encode()
        yield Checkpoint(cursor, doubt="; ".join(self._doubts[:3]))

    def version(self, key: str) -> str:
        """A message's version: its place, and who may see it there."""
        known = self._state.version(key)
        if not known:
            return ""
        folder = self._state.mails[key].places[0][0]
        return f"{known}-{self._choice.access_digest(folder, key)}"

    def _begin(self, folders: dict[str, str]) -> Iterator[Change]:
        """Let go of folders that are not there any more, or of all where the settings are others."""
        state = self._state
        if state.settings != self._choice.digest:
            state.settings = self._choice.digest
            for name in list(state.folders):
                yield from self._forget(name)
            self._was = dict.fromkeys(state.mails, _UNKNOWN)
        self._was.update((key, _UNKNOWN) for key, mail in state.mails.items() if not mail.places)
        missing = self._choice.missing(folders)
        for top in missing:
            self._doubts.append(f"there is no folder {top}")
            yield self._failed(f"{top}/", f"there is no folder {top}")
        for name in [name for name in state.folders if name not in folders]:
            if not any(name == top or name.startswith(f"{top}/") for top in missing):
                yield from self._forget(name)

    def _look(self, name: str, raw: str, *, again: bool = False) -> _News | None:
        """Ask what is new in a folder without taking anything in; None where nothing is.

        :param again: for the second time in this walk: only for what has come meanwhile.
        """
        known = self._state.folders.get(name)
        validity, following, count = self._session.status(raw)
        if known and known.validity != validity:
            known = None
        if known and known.following == following and (again or (not known.unread and known.count == count)):
            return None
        opened = self._session.open(raw, known.validity if known else 0, known.modseq if known else 0)
        if known is None or known.validity != opened.validity:
            return _News(opened, None, self._session.uids(1))
        new = self._session.uids(known.following)
        if again:
            return _News(opened, frozenset(), new)
        gone, missed = self._compare(known, opened, len(new))
        return _News(opened, frozenset(gone), sorted({*new, *missed, *known.unread}))

    def _compare(self, known: Folder, opened: Opened, new: int) -> tuple[set[int], set[int]]:
        """Known UIDs that are there no longer, and others that the server kept back before.

        Those that it names as vanished are believed where they explain its number of messages; else it is searched.
        """
        held = {*known.keys, *known.unread}
        gone: set[int] = set()
        for low, high in opened.vanished or ():
            span = range(low, high + 1)
            gone.update(held.intersection(span) if len(span) < len(held) else (u for u in held if u in span))
        if len(held) - len(gone) + new == opened.count:
            return gone, set()
        ordered, low = sorted(held), 1
        there: set[int] = set()
        for at in range(0, len(ordered), SEARCHED):
            high = ordered[min(at + SEARCHED, len(ordered)) - 1]
            there.update(self._session.uids(low, high))
            low = high + 1
        if low < known.following:
            there.update(self._session.uids(low, known.following - 1))
        return held - there, there - held

    def _read(self, name: str, raw: str, news: _News, *, again: bool = False) -> Iterator[Change]:
        """Take in what is new in a folder.

        :param again: in a second look; what vanished is left to the next walk, which finds it by the same count.
        """
        if news.gone is None:
            if again and name in self._state.folders:
                raise _made_anew(name)
            yield from self._forget(name)
            self._state.folders[name] = Folder(raw, news.opened.validity)
        folder = self._state.folders[name]
        if not again:
            for uid in news.gone or ():
                yield from self._take_out(name, uid)
            folder.modseq = news.opened.modseq
        for at in range(0, len(news.new), HEADS):
            part = news.new[at : at + HEADS]
            heads = list(self._heads(name, part))
            heads += self._kept_back(name, part, heads)
            for uid in folder.unread.intersection(part):
                folder.unread.remove(uid)
                if not any(isinstance(each, tuple) and each[0] == uid for each in heads):
                    yield Deleted(self._ref(_unread(name, uid)), explicit=True)
            for head in heads:
                yield from self._take_in(name, folder, head)
            folder.following = max(folder.following, part[-1] + 1)
        folder.following = max(folder.following, news.opened.following)

    def _heads(
        self, name: str, uids: Sequence[int], *, again: bool = False
    ) -> Iterator[Head | tuple[int, str]]:
        """What the messages are known by; for one that the server twice cannot read, the reason."""
        self._enter(name)
        try:
            yield from self._session.heads(uids)
        except SourceUnavailable:
            raise
        except SourceError as error:
            if again:
                yield uids[0], error.message
            elif len(uids) == 1:
                yield from self._heads(name, uids, again=True)
            else:
                half = len(uids) // 2
                yield from self._heads(name, uids[:half])
                yield from self._heads(name, uids[half:])

    def _kept_back(
        self, name: str, uids: Sequence[int], heads: Sequence[Head | tuple[int, str]]
    ) -> list[tuple[int, str]]:
        """Messages that the server said nothing of although they are there."""
        silent = set(uids).difference(each.uid if isinstance(each, Head) else each[0] for each in heads)
        if not silent:
            return []
        self._enter(name)
        there = silent.intersection(self._session.uids(min(silent), max(silent)))
        return [(uid, "the server does not give its header") for uid in sorted(there)]

    def _enter(self, name: str) -> None:
        """Open the folder, unless it is: whoever takes the changes may have fetched from another one meanwhile."""
        folder = self._state.folders[name]
        if not self._session.enter(folder.raw, folder.validity):
            raise _made_anew(name)

    def _take_in(self, name: str, folder: Folder, head: Head | tuple[int, str]) -> Iterator[Change]:
        if isinstance(head, Head):
            try:
                known_by = self._identify(name, head)
            except SourceUnavailable:
                raise
            except SourceError as error:
                head = head.uid, error.message
        if isinstance(head, tuple):
            folder.unread.add(head[0])
            yield self._failed(_unread(name, head[0]), head[1])
            return
        if known_by is None:
            return
        key, same = known_by
        if not self._choice.takes(name, key):
            folder.keys[head.uid] = ""
            return
        fresh = key not in self._state.mails
        if not fresh:
            self._was.setdefault(key, self.version(key))
        self._state.add(name, head.uid, key, same)
        if fresh:
            yield Upserted(self._ref(key), self.version(key))

    def _identify(self, name: str, head: Head) -> tuple[str, bytes] | None:
        """A message's key, and what it shares with its copies where that was needed; None where it is gone.

        Its text is read only where it has no Message-ID, or one that another message has as well: that may be a copy,
        or something else that somebody sent under that ID. What has only moved is not read.
        """
        key = message_key(head.message_id, b"")
        if head.message_id and key not in self._state.several:
            known = self._state.mails.get(key)
            if known is None or not known.places:
                return key, b""
        self._enter(name)
        text = self._session.body(head.uid)
        if text is None:
            return None
        same = sameness(text)
        if not head.message_id:
            return message_key(b"", same), same
        apart = told_apart(key, same)
        if apart not in self._state.mails and self._same(key) in (b"", same):
            return key, same
        return apart, same

    def _same(self, key: str) -> bytes:
        """What a known message shares with its copies; empty where it cannot be read any more."""
        mail = self._state.mails.get(key)
        if mail and mail.places and not mail.same:
            name, uid = mail.places[0]
            folder = self._state.folders[name]
            # Where that folder was made anew, this walk reads it later, and compares what lies there then.
            same = self._session.enter(folder.raw, folder.validity)
            text = self._session.body(uid) if same else None
            mail.same = sameness(text) if text else b""
        return mail.same if mail else b""

    def _take_out(self, name: str, uid: int) -> Iterator[Change]:
        folder = self._state.folders[name]
        if uid in folder.unread:
            folder.unread.remove(uid)
            yield Deleted(self._ref(_unread(name, uid)), explicit=True)
        elif key := folder.keys[uid]:
            self._was.setdefault(key, self.version(key))
            self._state.remove(name, uid)
        else:
            del folder.keys[uid]

    def _forget(self, name: str) -> Iterator[Change]:
        """Nothing is known of a folder any more; its messages stay known, if need be without a place."""
        if folder := self._state.folders.get(name):
            for uid in [*folder.keys, *folder.unread]:
                yield from self._take_out(name, uid)
            del self._state.folders[name]

    def _look_again(self) -> Generator[Change, None, bool]:
        """Read what has come meanwhile; says whether anything has."""
        found = False
        for name, raw in self._choice.of(self._session.folders()).items():
            try:
                news = self._look(name, raw, again=True)
            except SourceUnavailable:
                raise
            except SourceError:
                continue  # told already, or told by the next walk
            if news and news.new:
                found = True
                yield from self._read(name, raw, news, again=True)
        return found

    def _placeless(self) -> bool:
        return any(not self._state.mails[key].places for key in self._was)

    def _settle(self) -> Iterator[Change]:
        """Tell of messages whose place is another one now, or that have none."""
        for key, was in self._was.items():
            now = self.version(key)
            if now and now != was:
                yield Upserted(self._ref(key), now)
            elif not now and not self._doubts:
                del self._state.mails[key]
                yield Deleted(self._ref(key))

    def _failed(self, key: str, reason: str) -> Failed:
        return Failed(self._ref(key), Stage.SEEN, reason, retryable=True)


def _made_anew(folder: str) -> SourceUnavailable:
    return SourceUnavailable(f"The folder {folder} was made anew while it was listed.")


def _unread(folder: str, uid: int) -> str:
    """The key of a message that cannot be read: no other key has a blank in it."""
    return f"{folder} UID {uid}"
