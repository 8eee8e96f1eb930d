"""Viva Engage (Yammer): the data export of a network, as a zip or unpacked.

The form is documented at https://learn.microsoft.com/rest/api/yammer/network-data-export: a CSV file with a line of
column names for messages, people, groups, topics and files each. An export covers a time; several of one network may lie beside each
other in one folder, each unpacked into its own, and are read as one.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain

from connectors.social.archive import MAX_ITEM, Archive, reason
from connectors.social.posts import Post, PostFile, Someone
from connectors.social.threads import Channel, Export, Said, ThreadSource, Unread
from memory.domain import Identity
from memory.errors import SourceError

_MENTION = re.compile(r"\[\[user:(\d+)\]\]")
_TOPIC = re.compile(r"\[\[(?:tag|topic):(\d+)\]\]")
_FILE = re.compile(r"uploaded_?file:\[?(\d+)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_THREADS = "threads"
_COMPANY = "All Company"


class Yammer(ThreadSource):
    """A Viva Engage (Yammer) network's data export: its threads with their files, as a zip or unpacked.

    Public groups are for those who may see the source, private messages for whoever takes part in them. Who is in a
    private group no export tells: it is nobody's until a rule means it, ``--rule 'Board/**=group:board'``. Patterns and rules
    mean groups by their names.
    """

    kind = "yammer"
    reads_files_of_others = True

    def open_export(self, archive: Archive) -> Export:
        """The network in these files.

        :raises SourceError: where there is no Messages.csv.
        :raises OSError: where a list cannot be read.
        """
        if not _named(archive, "messages.csv"):
            raise SourceError(
                f"{archive.path} is no export of Viva Engage: it has no Messages.csv.",
                hint="Give the zip as it was downloaded, or the folder it was unpacked into.",
            )
        return _Network(archive, self)


class _Network(Export):
    """One export while it is read."""

    form = "yammer"

    def __init__(self, archive: Archive, source: Yammer) -> None:
        self._archive, self._source = archive, source
        self.people: dict[str, Someone] = {}
        self._unread: list[Unread] = []
        self._files = {row["file_id"] or row["id"]: row for row in self._rows("files.csv")}
        self._topics = {row["id"]: row["name"] for row in self._rows("topics.csv")}
        self._private = {row["id"]: row["private"].lower() == "true" for row in self._rows("groups.csv")}
        for row in self._rows("users.csv"):
            self._take_person(row["id"], row["name"], row["email"])
        self._between: dict[str, set[str]] = {}
        """Who takes part in each private conversation, by its thread."""
        for row in self._rows("messages.csv"):
            if row["in_private_conversation"].lower() == "true":
                found = self._between.setdefault(row["thread_id"], set())
                found.update(_NUMBER.findall(row["participants"]), [row["sender_id"]])
        self._unread = []  # messages are read again, and so is what of them cannot be

    def batches(self) -> Iterator[Iterable[Said | Unread]]:
        """All of it at once: replies may stand anywhere, in another export of the folder too."""
        yield chain(self._messages(), self._unread)

    def doubts(self, key: str, unread: Mapping[str, str]) -> str:
        """What could not be read may have been any thread; what is older than the export is not in it."""
        del key
        return next(iter(unread.values()), "")

    def _rows(self, name: str) -> Iterator["_Row"]:
        for path in _named(self._archive, name):
            yield from (row for row in self._read(path) if isinstance(row, _Row))

    def _read(self, path: str) -> Iterator["_Row | Unread"]:
        csv.field_size_limit(MAX_ITEM)
        try:
            with (
                self._archive.open(path) as raw,
                io.TextIOWrapper(raw, "utf-8-sig", "replace", newline="") as text,
            ):
                reader = csv.reader(line.replace("\0", "") for line in text)
                columns = [column.strip().lower() for column in next(reader, [])]
                for row in reader:
                    if len(row) == len(columns):
                        yield _Row(dict(zip(columns, row, strict=True)), path, reader.line_num)
                    elif row:
                        yield Unread(
                            path,
                            "a row has not as many fields as there are columns",
                            f"line {reader.line_num}",
                        )
        except csv.Error as error:
            yield Unread(path, f"not readable as a table: {error}")
        except OSError as error:
            yield Unread(path, reason(error))

    def _messages(self) -> Iterator[Said | Unread]:
        for path in _named(self._archive, "messages.csv"):
            for row in self._read(path):
                if isinstance(row, Unread):
                    yield row
                    continue
                try:
                    yield from self._said(row)
                except (ValueError, OverflowError):
                    yield Unread(path, "a message has not the form of one", f"line {row.line}")

    def _said(self, row: "_Row") -> Iterator[Said]:
        identity, thread = row["id"], row["thread_id"] or row["id"]
        if not identity:
            raise ValueError
        yield Said(
            self._channel(row, thread),
            self._post(row, identity, thread),
            row.path,
            thread,
            title=row["title"],
        )

    def _channel(self, row: "_Row", thread: str) -> Channel:
        if thread in self._between:
            members = frozenset(self._between[thread])
            shown = ", ".join(sorted(self._called(each) for each in members))
            return Channel(_THREADS, "direct", shown, members)
        group = row["group_name"] or _COMPANY
        # Moved into a private group or made private since: the stricter of what the export says counts.
        private = row["in_private_group"].lower() == "true" or self._private.get(row["group_id"], False)
        return Channel(_THREADS, group, group, frozenset() if private else None, told=not private)

    def _post(self, row: "_Row", identity: str, thread: str) -> Post:
        at = _moment(row["created_at"])
        if at is None:
            raise ValueError
        if row["deleted_at"] or row["deleted_by_id"]:
            return Post(identity, at, gone=True)
        by, program = row["sender_id"], row["sender_type"].lower() not in ("", "user")
        if by and not program and by not in self.people:
            self._take_person(by, row["sender_name"], row["sender_email"])
        text = _TOPIC.sub(lambda found: f"#{self._topics.get(found[1], found[1])}", row["body"])
        return Post(
            id=identity,
            at=at,
            by="" if program else by,
            text=text,
            reply=identity != thread,
            bot=(row["sender_name"] or "bot") if program else "",
            mentions=tuple(each for each in dict.fromkeys(_MENTION.findall(text)) if each in self.people),
            files=tuple(self._attached(row["attachments"])),
        )

    def _attached(self, attachments: str) -> Iterator[PostFile]:
        for identity in dict.fromkeys(_FILE.findall(attachments)):
            row = self._files.get(identity)
            name = (row["name"] if row else "") or f"file {identity}"
            path = row["path"].replace("\\", "/").lstrip("/") if row else ""
            member = next(
                (each for each in self._archive.sizes if path and f"/{each}".endswith(f"/{path}")), ""
            )
            if member:
                yield PostFile(name, member, self._archive.sizes[member])
            else:
                yield PostFile(name, problem="not in the export: make it with its files")

    def _take_person(self, identity: str, name: str, address: str) -> None:
        if identity:
            self.people[identity] = Someone(
                Identity(name.strip(), address.strip().lower(), self._source.account(identity))
            )

    def _called(self, identity: str) -> str:
        return self.people[identity].called if identity in self.people else identity


class _Row:
    """A row by the names of its columns; one that the export lacks is empty."""

    __slots__ = ("_values", "line", "path")

    def __init__(self, values: Mapping[str, str], path: str, line: int) -> None:
        self._values, self.path, self.line = values, path, line

    def __getitem__(self, column: str) -> str:
        return self._values.get(column, "").strip()


def _named(archive: Archive, name: str) -> list[str]:
    """The files of that name, whatever folder they lie in."""
    return [each for each in archive.sizes if each.rpartition("/")[2].lower() == name]


def _moment(text: str) -> datetime | None:
    """A time as the export has it: ``2024-03-01T09:00:00Z`` or ``2024-03-01 09:00:00 UTC``; without a zone it is UTC."""
    plain = text.replace(" UTC", "+00:00").replace("Z", "+00:00").replace("/", "-")
    if not plain:
        return None
    read = datetime.fromisoformat(plain)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
