"""A folder on a server, by SFTP (version 3, as OpenSSH speaks it)."""

import asyncio
import errno
import shlex
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Generator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, TypeVar
from urllib.parse import quote

import asyncssh

from connectors.base import SourceConfig
from connectors.share.address import address_of
from connectors.share.posix import ENTER, READ, Permissions, access_lists, beneath, names_in, settled
from connectors.share.ssh import Ssh
from connectors.share.tree import Entry, Kind
from memory.domain import Access
from memory.errors import InvalidInput, SourceError

_FORM = "It reads sftp://HOST/PATH, with :PORT after the host where that is not 22; sftp://HOST/~/PATH begins at the user's home."
_AT_ONCE = 200
_T = TypeVar("_T")
_MISSING = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)


class SftpTree:
    """A folder on a server. SFTP tells no numbers of files, so a file that is moved is read again; dates are in whole seconds.

    Owner and group are named as the server's own listing names them, else by number (``user:#1001``). Options: ``user``,
    ``known_hosts`` (a file), ``fingerprint`` of the server's key, ``acl=getfacl`` (with ``permissions=server``, runs that
    command there for each folder; without, mode bits are all that is known). Secrets: ``password``, or ``private_key`` and
    its ``passphrase``.
    """

    options = (*Ssh.options, "acl")
    secrets = Ssh.secrets
    tells_permissions = True
    flat = False

    def __init__(self, config: SourceConfig, permissions: bool) -> None:
        address = address_of(config, _FORM)
        if config.option("acl", "getfacl") != "getfacl":
            raise InvalidInput(
                f"acl is getfacl, not {config.option('acl')}.", hint="Leave it out for mode bits alone."
            )
        if config.option("acl") and not permissions:
            raise InvalidInput(
                "acl says nothing without permissions.", hint="Add --option permissions=server."
            )
        home = address.path == "~" or address.path.startswith("~/")
        self._root = (address.path[2:] or ".") if home else f"/{address.path}"
        self.place = f"sftp://{address.server}/{address.path}"
        self._ssh = Ssh(config, address)
        self._sftp: asyncssh.SFTPClient | None = None
        self._through_which: asyncssh.SSHClientConnection | None = None
        self._permissions = permissions
        self._lists = bool(config.option("acl"))
        self._everybody = config.access

    def root(self) -> str:
        """The root's path without links."""
        try:
            return self._run(self._real())
        except OSError as error:
            raise SourceError(
                f"{self.place} cannot be opened: {error.strerror}.",
                hint="Check the path and the user's rights.",
            ) from error

    def listed(self, folder: str, above: Access | None) -> Generator[Entry, None, None]:
        """What lies in a folder, as the server sends it."""
        lists = self._run(self._access_lists(folder)) if self._lists else {}
        if self._permissions and above is None:
            above = self._run(self._through(folder))
        names: AsyncGenerator[asyncssh.SFTPName, None] = self._run(self._scan(folder))
        try:
            while part := self._run(_some(names)):
                for each in part:
                    if each.filename not in (".", ".."):
                        yield self._entry(each, above, lists.get(str(each.filename)))
        finally:
            if self._ssh.is_open:
                with suppress(SourceError, OSError):
                    self._run(names.aclose())

    def look(self, path: str) -> Entry:
        """One file; where a folder of its path is a link, there is none."""
        attributes = self._run(self._attributes(path))
        for each in attributes[:-1]:
            if _kind(each) is not Kind.FOLDER:
                raise FileNotFoundError(errno.ENOENT, "no such file", path)
        name = path.rpartition("/")[2]
        entry = self._entry(asyncssh.SFTPName(name, attrs=attributes[-1]), None, None)
        return replace(entry, access=self.access(path)) if self._permissions else entry

    def access(self, path: str) -> Access:
        """Who may see a file: whom it lets read, of those whom every folder above it lets enter."""
        folder, _, name = path.rpartition("/")
        for entry in self.listed(folder, None):
            if entry.name == name and entry.access is not None:
                return entry.access
        raise FileNotFoundError(errno.ENOENT, "no such file", path)

    def read(self, path: str, entry: Entry) -> bytes | None:
        """The whole file; None where size or time differ before and after."""

        async def read() -> bytes | None:
            sftp = await self._client()
            async with sftp.open(self._path(path), "rb") as file:
                body = await file.read(entry.size) if entry.size else b""
                after = await file.stat()
            same = _version(after) == entry.version and len(body) == entry.size
            return body if same and isinstance(body, bytes) else None

        return self._run(read())

    def url(self, path: str) -> str:
        """The address that file managers open."""
        return f"{self.place.removesuffix('/')}/{quote(path.encode('utf-8', 'surrogateescape'))}"

    def close(self) -> None:
        """End the connection."""
        self._sftp = self._through_which = None
        self._ssh.close()

    async def _client(self) -> asyncssh.SFTPClient:
        connection = await self._ssh.connection()
        if self._sftp is None or self._through_which is not connection:
            self._sftp = await connection.start_sftp_client(
                path_encoding="utf-8", path_errors="surrogateescape"
            )
            self._through_which = connection
        return self._sftp

    def _path(self, path: str) -> str:
        return f"{self._root.removesuffix('/')}/{path}" if path else self._root

    async def _real(self) -> str:
        sftp = await self._client()
        path = await sftp.realpath(self._root)
        if not stat.S_ISDIR((await sftp.stat(path)).permissions or 0):
            raise NotADirectoryError(errno.ENOTDIR, "not a folder")
        return str(path)

    async def _scan(self, folder: str) -> Any:
        return (await self._client()).scandir(self._path(folder))

    async def _attributes(self, path: str) -> list[asyncssh.SFTPAttrs]:
        """Of each folder on the way, and of the file itself, links not followed."""
        sftp = await self._client()
        steps = accumulate(path.split("/"), "{}/{}".format)
        return await asyncio.gather(*(sftp.lstat(self._path(each)) for each in steps))

    async def _through(self, folder: str) -> Access | None:
        """Who may enter a folder and all above it, those too that the root lies in."""
        sftp = await self._client()
        whole = str(await sftp.realpath(self._root))
        whole = f"{whole.removesuffix('/')}/{folder}".removesuffix("/")
        steps = ["/", *list(accumulate(whole.split("/"), "{}/{}".format))[1:]]
        lists = await self._lists_of(steps) if self._lists else {}
        above: Access | None = None
        for step in steps:
            permissions = lists.get(step) or await self._own(sftp, step)
            above = beneath(above, permissions.access(ENTER))
        return above

    async def _own(self, sftp: asyncssh.SFTPClient, folder: str) -> Permissions:
        """The mode bits of a folder; its own line in its listing has the names."""
        told = await sftp.stat(folder)
        if (told.permissions or 0) & 0o111 != 0o111:
            with suppress(asyncssh.SFTPError):
                async for each in sftp.scandir(folder):
                    if each.filename == ".":
                        return _bits(each)
        return _bits(asyncssh.SFTPName(".", attrs=told))

    async def _access_lists(self, folder: str) -> dict[str, Permissions]:
        """What ``getfacl`` tells of everything in a folder, by name."""
        path = self._path(folder)
        where = shlex.quote(path if path.startswith("/") else f"./{path}")
        found = await self._getfacl(f"find {where}/ -mindepth 1 -maxdepth 1 -exec getfacl -p -E -- {{}} +")
        return {name.rpartition("/")[2]: permissions for name, permissions in found.items()}

    async def _lists_of(self, paths: list[str]) -> dict[str, Permissions]:
        return await self._getfacl(f"getfacl -p -E -- {' '.join(map(shlex.quote, paths))}")

    async def _getfacl(self, command: str) -> dict[str, Permissions]:
        connection = await self._ssh.connection()
        raw = f"LC_ALL=C {command}".encode("utf-8", "surrogateescape")
        done = await connection.run(raw, encoding=None)
        told, said = (each if isinstance(each, bytes) else b"" for each in (done.stdout, done.stderr))
        found = {name.decode("utf-8", "surrogateescape"): each for name, each in access_lists(told)}
        # A folder that `find` may not list is told of by the listing itself.
        if not found and done.exit_status and (b"getfacl" in said or b"find:" not in said):
            raise SourceError(
                f"getfacl cannot be run on {self.place}.",
                hint="Install it there and let the user run commands, or leave out --option acl.",
            )
        return found

    def _entry(self, found: asyncssh.SFTPName, above: Access | None, lists: Permissions | None) -> Entry:
        told = found.attrs
        kind = _kind(told)
        when = None if told.mtime is None else datetime.fromtimestamp(told.mtime, UTC)
        entry = Entry(str(found.filename), kind, told.size or 0, _version(told), "", when)
        if not self._permissions or kind not in (Kind.FILE, Kind.FOLDER):
            return entry
        if self._lists and lists is None:
            return replace(entry, access=Access(), trouble="its permissions cannot be read")
        mine = beneath(above, (lists or _bits(found)).access(READ if kind is Kind.FILE else ENTER))
        return replace(entry, access=settled(mine, self._everybody) if kind is Kind.FILE else mine)

    def _run(self, work: Awaitable[_T]) -> _T:
        try:
            return self._ssh.run(work)
        except _MISSING as error:
            raise FileNotFoundError(errno.ENOENT, "no such file") from error
        except asyncssh.SFTPPermissionDenied as error:
            raise PermissionError(errno.EACCES, "no permission") from error
        except asyncssh.SFTPNotADirectory as error:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder") from error
        except asyncssh.SFTPError as error:
            raise OSError(errno.EIO, error.reason or "the server refuses it") from error


async def _some(names: AsyncIterator[asyncssh.SFTPName]) -> list[asyncssh.SFTPName]:
    """The next names; none at the end."""
    found: list[asyncssh.SFTPName] = []
    while len(found) < _AT_ONCE and (each := await anext(names, None)) is not None:
        found.append(each)
    return found


def _bits(found: asyncssh.SFTPName) -> Permissions:
    """The mode bits, with the names that the server's own listing has."""
    told = found.attrs
    names = names_in(str(found.longname or "")) or ("", "")
    owner, group = (
        name if name and name != str(number) else f"#{number}"
        for name, number in zip(names, (told.uid, told.gid), strict=True)
    )
    return Permissions(owner, group, told.permissions or 0)


def _kind(told: asyncssh.SFTPAttrs) -> Kind:
    kinds = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFLNK: Kind.LINK}
    return kinds.get(stat.S_IFMT(told.permissions or 0), Kind.OTHER)


def _version(told: asyncssh.SFTPAttrs) -> str:
    return f"{told.size}-{told.mtime}"
