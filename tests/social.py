"""Exports of social sources, written by the tests themselves."""

import copy
import json
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Told = dict[str, Any]

JANE, BO, EVE = "U0JANE", "U0BO", "U0EVE"
PEOPLE: list[Told] = [
    {
        "id": JANE,
        "name": "jane",
        "profile": {"real_name": "Jane Doe", "email": "jane@x.example"},
    },
    {"id": BO, "name": "bo", "profile": {"real_name": "Bo Chan", "email": "Bo@x.example"}},
    {"id": EVE, "name": "eve", "profile": {"real_name": "Eve Stone", "email": "eve@x.example"}},
    {"id": "U0BOT", "name": "deploy", "is_bot": True, "profile": {"real_name": "Deploy Robot"}},
]


def ts(day: int, minute: int = 0) -> str:
    """A time in March 2024 as Slack writes it."""
    return f"{int(datetime(2024, 3, day, 9, tzinfo=UTC).timestamp()) + 60 * minute}.000100"


def post(text: str, by: str = JANE, day: int = 1, minute: int = 0, **more: Any) -> Told:
    """A message on a day of March 2024."""
    return {"type": "message", "user": by, "text": text, "ts": ts(day, minute)} | more


def thread(first: Told, *replies: Told) -> list[Told]:
    """A message and its replies."""
    root = first | {"thread_ts": first["ts"], "reply_count": len(replies)}
    return [root, *(reply | {"thread_ts": first["ts"]} for reply in replies)]


class SlackExport:
    """A workspace's export that can be changed and written again, as a folder or as a zip.

    :param lists: files that it has; others are left out.
    """

    def __init__(self, path: Path, lists: Iterable[str] = ("channels", "groups", "mpims", "dms")) -> None:
        self.path = path
        self.people = copy.deepcopy(PEOPLE)
        self.channels: dict[str, list[Told]] = {name: [] for name in lists}
        self.messages: dict[str, list[Told]] = {}
        self.files: dict[str, bytes] = {}

    def channel(
        self,
        name: str,
        *messages: Told,
        members: Iterable[str] = (),
        kind: str = "channels",
        identity: str = "",
    ) -> str:
        """A channel with what was said there; gives its id."""
        identity = identity or f"{'D' if kind == 'dms' else 'C'}{name.upper()}"
        entry = {"id": identity, "members": list(members)} | ({} if kind == "dms" else {"name": name})
        kept = [each for each in self.channels[kind] if each["id"] != identity]
        self.channels[kind] = [*kept, entry]
        self.messages[identity if kind == "dms" else name] = list(messages)
        return identity

    def write(self) -> Path:
        """Write it anew."""
        files = self._files()
        if self.path.suffix == ".zip":
            new = self.path.with_suffix(".new")
            with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as packed:
                for name, data in files.items():
                    packed.writestr(name, data)
            new.replace(self.path)
            return self.path
        if self.path.exists():
            shutil.rmtree(self.path)
        for name, data in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(data)
        return self.path

    def _files(self) -> dict[str, bytes]:
        found = {"users.json": _json(self.people)}
        found |= {f"{name}.json": _json(entries) for name, entries in self.channels.items()}
        for folder, messages in self.messages.items():
            for day, said in _by_day(messages).items():
                found[f"{folder}/{day}.json"] = _json(said)
        return found | self.files


def _by_day(messages: Iterable[Told]) -> Mapping[str, list[Told]]:
    days: dict[str, list[Told]] = {}
    for each in messages:
        day = f"{datetime.fromtimestamp(float(each['ts']), UTC):%Y-%m-%d}"
        days.setdefault(day, []).append(each)
    return days


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()
