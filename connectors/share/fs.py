"""Whatever else fsspec speaks, as far as its protocols go."""

import errno
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

import fsspec

from connectors.base import SourceConfig
from connectors.share.tree import Entry, Kind
from memory.domain import Access
from memory.errors import InvalidInput, SourceError, SourceUnavailable

_PASSING = {"name", "atime", "last_accessed", "accessed", "islink", "destination", "partial", "nlink"}
"""What is told of a file and says nothing about its bytes."""
_TIMES = ("mtime", "modified", "last_modified", "LastModified", "updated", "modify")


class FsspecTree:
    """A folder as one of fsspec's file systems has it. What it is opened with are options ``fs.NAME`` and secrets ``fs.NAME``.

    A version is made of all that is told of a file. Where that is no more than its name and size, files are read to tell
    whether they changed.
    """

    options = ("fs.",)
    secrets = ("fs.",)
    tells_permissions = False
    flat = False

    def __init__(self, config: SourceConfig, permissions: bool) -> None:
        del permissions
        self._scheme, _, rest = config.location.partition("://")
        if self._scheme not in fsspec.available_protocols():
            raise InvalidInput(
                f"Nothing here speaks {self._scheme}://.",
                hint="Install the package that brings it to fsspec.",
            )
        if "@" in rest.partition("/")[0]:
            raise InvalidInput(
                "A name or password stands in the address.",
                hint="Give them as --option fs.NAME and --secret fs.NAME.",
            )
        self._url = f"{self._scheme}://{rest.rstrip('/')}"
        self.place = self._url
        self._how: dict[str, Any] = {
            name.removeprefix("fs."): value for name, value in config.options if name.startswith("fs.")
        }
        self._how |= {name.removeprefix("fs."): value.get_secret_value() for name, value in config.secrets}
        self._fs: Any = None
        self._root = ""

    def root(self) -> str:
        """The root's path; nothing tells it from another that took its place."""
        try:
            with self._translated():
                # Asked what the root is, some answer without asking their server.
                self._open().ls(self._root, detail=False, refresh=True)
        except OSError as error:
            raise SourceError(
                f"{self.place} cannot be opened: {error.strerror or 'no answer'}.",
                hint="Check the address and the options fs.*.",
            ) from error
        return self.place

    def listed(self, folder: str, above: Access | None) -> Generator[Entry, None, None]:
        """What lies in a folder: fsspec gives all of it at once."""
        del above
        with self._translated():
            found = self._open().ls(self._path(folder), detail=True, refresh=True)
        own = self._path(folder).strip("/")
        for told in found:
            if (path := str(told["name"]).strip("/")) != own:
                name = path.rpartition("/")[2]
                yield self._entry(name, told, f"{folder}/{name}".lstrip("/"))

    def look(self, path: str) -> Entry:
        """One file as it is now."""
        with self._translated():
            fs = self._open()
            fs.invalidate_cache()
            return self._entry(path.rpartition("/")[2], fs.info(self._path(path)), path)

    def access(self, path: str) -> Access:
        """Never asked for."""
        raise OSError(errno.ENOTSUP, "no permissions here", path)

    def read(self, path: str, entry: Entry) -> bytes | None:
        """The whole file; None where it is not as long as it was said to be."""
        with self._translated(), self._open().open(self._path(path), "rb") as file:
            body = bytes(file.read(entry.size + 1))
        return body if len(body) == entry.size else None

    def url(self, path: str) -> str:
        """The address that fsspec takes."""
        return f"{self._url}/{quote(os.fsencode(path))}"

    def close(self) -> None:
        """Forget the file system."""
        self._fs = None

    def _open(self) -> Any:
        if self._fs is None:
            try:
                self._fs, self._root = fsspec.core.url_to_fs(
                    self._url, skip_instance_cache=True, use_listings_cache=False, **self._how
                )
            except ImportError as error:
                raise InvalidInput(
                    f"{self._scheme}:// needs a package that is not installed: {error}.",
                    hint="Install it beside Mneme.",
                ) from error
            except (TypeError, ValueError) as error:
                raise InvalidInput(
                    f"{self._scheme}:// does not take these options.", hint="Check the options fs.*."
                ) from error
        return self._fs

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def _entry(self, name: str, told: Mapping[str, Any], path: str) -> Entry:
        kinds = {"file": Kind.FILE, "directory": Kind.FOLDER, "link": Kind.LINK}
        kind = kinds.get(str(told.get("type")), Kind.OTHER)
        size = told.get("size")
        facts = sorted((key, repr(value)) for key, value in told.items() if key not in _PASSING)
        version = blake2b(repr(facts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
        if kind is Kind.FILE and {key for key, _ in facts} <= {"size", "type"}:
            version = self._digest(path)
        return Entry(
            name,
            kind,
            int(size or 0),
            version,
            modified=_time(told),
            trouble="" if kind is not Kind.FILE or size is not None else "its size is not told",
        )

    def _digest(self, path: str) -> str:
        with self._translated(), self._open().open(self._path(path), "rb") as file:
            digest = blake2b(digest_size=12)
            while part := file.read(1 << 20):
                digest.update(part)
        return digest.hexdigest()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (ConnectionError, TimeoutError, EOFError) as error:
            self.close()
            raise SourceUnavailable(f"{self.place} does not answer.") from error
        except (OSError, SourceError, InvalidInput):
            raise
        except Exception as error:  # each library has errors of its own; what they say may hold a secret
            raise OSError(errno.EIO, f"the library answers {type(error).__name__}") from error


def _time(told: Mapping[str, Any]) -> datetime | None:
    found = next((told[name] for name in _TIMES if told.get(name)), None)
    if isinstance(found, int | float):
        return datetime.fromtimestamp(found, UTC)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)) if isinstance(found, datetime) else None
