"""A Windows or Samba share, by SMB 2 and 3."""

import errno
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from itertools import islice
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import smbclient
from smbprotocol.exceptions import (
    SMBAuthenticationError,
    SMBException,
    SMBOSError,
    SMBResponseException,
)
from smbprotocol.file_info import FileInformationClass
from smbprotocol.header import NtStatus

from connectors.base import SourceConfig
from connectors.share.address import address_of
from connectors.share.descriptor import Ace, access_of, readers
from connectors.share.lsa import Account, Lsa, Use
from connectors.share.smb_permissions import descriptors
from connectors.share.tokens import token
from connectors.share.tree import Entry, Kind
from memory.domain import Access
from memory.errors import InvalidInput, SourceError, SourceUnavailable

_FORM = "It reads smb://HOST/SHARE or smb://HOST/SHARE/PATH, with :PORT after the host where that is not 445."
_WAIT_S = 20
_AT_ONCE = 64
"""Names that are looked at together."""

_DIRECTORY, _REPARSE = 0x10, 0x400
_LINKS = (0xA000000C, 0xA0000003)
"""Reparse tags (MS-FSCC 2.1.2.1) of links and junctions; others are files that lie elsewhere, such as deduplicated ones."""
_NO_ID = (0, 0xFFFFFFFFFFFFFFFF)
"""What servers say whose files have no number (MS-FSCC 2.1.9)."""


_NOT_TOLD = (NtStatus.STATUS_ACCESS_DENIED, NtStatus.STATUS_OBJECT_NAME_NOT_FOUND)
"""What the pipe that tells names is refused by."""


def _missing() -> OSError:
    return FileNotFoundError(errno.ENOENT, "no such file")


def _no_folder() -> OSError:
    return NotADirectoryError(errno.ENOTDIR, "not a folder")


def _denied() -> OSError:
    return PermissionError(errno.EACCES, "no permission")


_WRONG_PATH: dict[int, Callable[[], OSError]] = {
    NtStatus.STATUS_OBJECT_NAME_NOT_FOUND: _missing,
    NtStatus.STATUS_OBJECT_PATH_NOT_FOUND: _missing,
    NtStatus.STATUS_NOT_FOUND: _missing,
    NtStatus.STATUS_NO_SUCH_FILE: _missing,
    NtStatus.STATUS_OBJECT_NAME_INVALID: _missing,
    NtStatus.STATUS_DELETE_PENDING: _missing,
    NtStatus.STATUS_NOT_A_DIRECTORY: _no_folder,
    NtStatus.STATUS_FILE_IS_A_DIRECTORY: _no_folder,
    NtStatus.STATUS_ACCESS_DENIED: _denied,
    NtStatus.STATUS_PRIVILEGE_NOT_HELD: _denied,
}
"""What is wrong with one path."""
_AWAY = {
    NtStatus.STATUS_NETWORK_NAME_DELETED,
    NtStatus.STATUS_USER_SESSION_DELETED,
    0xC000035C,  # STATUS_NETWORK_SESSION_EXPIRED
    NtStatus.STATUS_INSUFF_SERVER_RESOURCES,
    NtStatus.STATUS_REQUEST_NOT_ACCEPTED,
}
"""What is wrong with the server, for now."""


class SmbTree:
    """A folder of a share. Its files have numbers that stay when they are moved.

    Permissions are asked for with every listing: a Windows server has a time that their change sets, Samba has none.

    Options: ``user`` (``DOMAIN\\\\NAME``, or ``NAME``; none: the Kerberos ticket at hand), ``encrypt=yes``, ``domain`` (its
    accounts are called by their names alone; by default the user's). Secret: ``password``.
    """

    options = ("user", "encrypt", "domain")
    secrets = ("password",)
    tells_permissions = True
    flat = False

    def __init__(self, config: SourceConfig, permissions: bool) -> None:
        address = address_of(config, _FORM)
        if not address.path:
            raise InvalidInput("The address names no share.", hint=_FORM)
        if config.option("encrypt", "no") not in ("yes", "no"):
            raise InvalidInput("encrypt is yes or no.", hint="Give --option encrypt=yes.")
        password = config.secret("password")
        self.place = f"smb://{address.server}/{address.path}"
        self._host = address.host
        self._root = rf"\\{address.host}" + "\\" + address.path.replace("/", "\\")
        self._cache: dict[str, Any] = {}
        self._how: dict[str, Any] = {
            "username": config.option("user") or None,
            "password": password.get_secret_value() if password else None,
            "port": address.port or 445,
            "encrypt": True if config.option("encrypt") == "yes" else None,
            "connection_timeout": _WAIT_S,
            "connection_cache": self._cache,
        }
        self._domain = (config.option("domain") or config.option("user").rpartition("\\")[0]).casefold()
        self._permissions = permissions
        self._everybody = config.access
        self._tokens: dict[str, str] = {}

    def root(self) -> str:
        """The number of the root folder."""
        try:
            with self._translated():
                return str(smbclient.stat(self._root, **self._how).st_ino)
        except OSError as error:
            raise SourceError(
                f"{self.place} cannot be opened: {error.strerror}.",
                hint="Check the share, the path and the user's rights.",
            ) from error

    def listed(self, folder: str, above: Access | None) -> Generator[Entry, None, None]:
        """What lies in a folder, a screenful at a time."""
        del above
        yield from self._scan(folder, "*")

    def look(self, path: str) -> Entry:
        """One file, by asking in each folder of its path for the name just as it is spelt."""
        parts = path.split("/")
        for depth, name in enumerate(parts):
            found = next(
                (each for each in self._scan("/".join(parts[:depth]), name) if each.name == name), None
            )
            if found is None or (found.kind is not Kind.FOLDER and depth < len(parts) - 1):
                break
        else:
            return found  # type: ignore[return-value]  # a path has one name at least
        raise FileNotFoundError(errno.ENOENT, "no such file", path)

    def access(self, path: str) -> Access:
        """Who may see a file, by its security descriptor."""
        folder, _, name = path.rpartition("/")
        with self._opened(folder, "dir") as opened, self._translated():
            [found] = self._judged(opened, [Entry(name, Kind.FILE)])
        if found.access is None:
            raise OSError(errno.EIO, found.trouble)
        return found.access

    def read(self, path: str, entry: Entry) -> bytes | None:
        """The whole file; None where size or times differ before and after, or from what is known."""
        with self._opened(path, "file") as file, self._translated():
            body = bytearray()
            while len(body) < entry.size and (part := file.read(min(entry.size - len(body), 1 << 20))):
                body += part
            after = file.fd
            after.close(get_attributes=True)
        same = (after.end_of_file, after.last_write_time) == (len(body), entry.modified)
        return bytes(body) if same and len(body) == entry.size else None

    def url(self, path: str) -> str:
        """The address that file managers open."""
        return f"{self.place}/{quote(path.encode('utf-8', 'surrogatepass'))}"

    def close(self) -> None:
        """End the connections."""
        cache, connections = self._cache, list(self._cache.values())
        cache.clear()
        for connection in connections:
            with suppress(SMBException, OSError, ValueError):
                connection.disconnect(close=connection.transport.connected, timeout=5)

    def _scan(self, folder: str, pattern: str) -> Generator[Entry, None, None]:
        with self._opened(folder, "dir") as opened:
            lines = opened.query_directory(pattern, FileInformationClass.FILE_ID_FULL_DIRECTORY_INFORMATION)
            while True:
                with self._translated():
                    entries = [_entry(line) for line in islice(lines, _AT_ONCE)]
                    if self._permissions:
                        entries = self._judged(opened, entries)
                yield from (each for each in entries if each.name not in (".", ".."))
                if len(entries) < _AT_ONCE:
                    return

    @contextmanager
    def _opened(self, path: str, what: str) -> Iterator[Any]:
        """A file (``file``) or a folder to be listed (``dir``)."""
        with self._translated():
            opened: Any = smbclient.open_file(
                self._unc(path), "rb", buffering=0, file_type=what, share_access="rwd", **self._how
            )
        try:
            yield opened
        finally:
            _let_go(opened)

    def _judged(self, folder: Any, entries: list[Entry]) -> list[Entry]:
        """The entries with who may see each file; the questions for all of them are on their way at once."""
        files = [each for each in entries if each.kind is Kind.FILE]
        raw = dict(
            zip(
                (each.name for each in files),
                descriptors(folder.fd, [each.name for each in files]),
                strict=True,
            )
        )
        aces: dict[str, list[Ace] | None] = {}
        for name, each in raw.items():
            with suppress(ValueError):
                if isinstance(each, bytes):
                    aces[name] = readers(each)
        self._learn({ace.sid for each in aces.values() for ace in each or ()})
        told = {
            name: access_of(each, self._tokens.__getitem__, self._everybody) for name, each in aces.items()
        }
        return [
            each
            if each.kind is not Kind.FILE
            else replace(each, access=told[each.name])
            if each.name in told
            else replace(each, trouble="its permissions cannot be read")
            for each in entries
        ]

    def _unc(self, path: str) -> str:
        return self._root + ("\\" + path.replace("/", "\\") if path else "")

    def _learn(self, sids: set[str]) -> None:
        """Find out the tokens of those not met before."""
        unknown = sorted(sids - self._tokens.keys())
        if not unknown:
            return
        for sid, account in zip(unknown, self._accounts(unknown), strict=True):
            self._tokens[sid] = self._token(sid, account)

    def _accounts(self, sids: list[str]) -> list[Account | None]:
        """Who they are; nobody known where the user may not ask for that."""
        pipe_name = rf"\\{self._host}\IPC$\lsarpc"
        try:
            pipe: Any = smbclient.open_file(
                pipe_name, "r+b", buffering=0, file_type="pipe", share_access="rw", **self._how
            )
        except SMBOSError as error:
            if error.ntstatus in _NOT_TOLD:
                return [None] * len(sids)
            raise
        try:
            lsa = Lsa(pipe.write, lambda: pipe.read(0x10000))
            found = lsa.names(sids)
            lsa.close()
        except ValueError as error:
            raise SourceError(f"{self.place} does not say whom its permissions mean: {error}.") from error
        finally:
            _let_go(pipe)
        return found

    def _token(self, sid: str, account: Account | None) -> str:
        if account is None:
            return token("sid", sid)
        domain = account.domain.casefold()
        alone = not domain or domain == self._domain or domain in ("unix user", "unix group")
        kind = "user" if account.use in (Use.USER, Use.COMPUTER) else "group"
        return token(kind, account.name if alone else f"{account.domain}\\{account.name}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of the library as ours."""
        try:
            yield
        except SMBOSError as error:
            raise self._meant(error.ntstatus, error) from error
        except SMBAuthenticationError as error:
            raise self._refused() from error
        except SMBResponseException as error:
            raise self._meant(error.status, error) from error
        except (SMBException, OSError, ValueError) as error:
            # A connection that broke shows as any of these, whatever was asked.
            raise self._away() from error

    def _meant(self, status: int, error: Exception) -> Exception:
        if status in _WRONG_PATH:
            return _WRONG_PATH[status]()
        if status in _AWAY:
            return self._away()
        if status == NtStatus.STATUS_LOGON_FAILURE:
            return self._refused()
        if status == NtStatus.STATUS_BAD_NETWORK_NAME:
            return SourceError(f"There is no such share: {self.place}.", hint=_FORM)
        return OSError(errno.EIO, f"{error}".partition(" '")[0])

    def _away(self) -> SourceUnavailable:
        self.close()
        return SourceUnavailable(f"{self.place} does not answer.")

    def _refused(self) -> SourceError:
        return SourceError(
            f"{self.place} did not let the user in.", hint="Check --option user and the secret password."
        )


def _let_go(opened: Any) -> None:
    """Close it; with a connection that broke the server has done so already."""
    try:
        opened.close()
    except (SMBException, OSError):
        opened.fd = SimpleNamespace(connected=False)


def _entry(line: Any) -> Entry:
    """One line of a listing (FileIdFullDirectoryInformation, MS-FSCC 2.4.20)."""
    name = line["file_name"].get_value().decode("utf-16-le", "surrogatepass")
    attributes, number = line["file_attributes"].get_value(), line["file_id"].get_value()
    size, written = line["end_of_file"].get_value(), line["last_write_time"].get_value()
    # Of what lies elsewhere, the tag stands where the size of extended attributes would.
    if attributes & _REPARSE and line["ea_size"].get_value() in _LINKS:
        kind = Kind.LINK
    else:
        kind = Kind.FOLDER if attributes & _DIRECTORY else Kind.FILE
    changed: datetime = line["change_time"].get_value()
    return Entry(
        name,
        kind,
        size,
        f"{size}-{written.timestamp()}-{changed.timestamp()}-{number}",
        "" if number % (1 << 64) in _NO_ID else str(number),
        written,
        line["creation_time"].get_value(),
    )
