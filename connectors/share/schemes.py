"""Which module speaks what an address begins with."""

import importlib
from collections.abc import Iterable

from connectors.share.tree import Tree
from memory.errors import ConnectorUnavailable, InvalidInput

_TREES = {
    "smb": "connectors.share.smb:SmbTree",
    "sftp": "connectors.share.sftp:SftpTree",
    "webdav": "connectors.share.webdav:WebdavTree",
    "webdavs": "connectors.share.webdav:WebdavTree",
    "http": "connectors.share.webdav:WebdavTree",
    "https": "connectors.share.webdav:WebdavTree",
    "s3": "connectors.share.s3:S3Tree",
}
_ANY_OTHER = "connectors.share.fs:FsspecTree"
_HERE = ("dir", "file", "local")
_NO_SERVERS = (
    *("async_wrapper", "asynclocal", "asyncwrapper", "blockcache", "cached", "data", "filecache", "generic"),
    *("memory", "reference", "simplecache"),
)
"""What fsspec has beside servers: copies, wrappers, and what is in its own process."""
_FORM = "An address reads smb://HOST/SHARE/PATH, sftp://HOST/PATH, webdavs://HOST/PATH, s3://BUCKET/PATH, or as fsspec has it."


def tree_of(location: str) -> tuple[str, type[Tree]]:
    """What speaks the address's scheme, and that scheme.

    :raises InvalidInput: where nothing does.
    :raises ConnectorUnavailable: where that needs a package that is not installed.
    """
    scheme, separator, _ = location.partition("://")
    scheme = scheme.lower()
    if not separator:
        raise InvalidInput("The location is no address of a share.", hint=_FORM)
    if scheme in _HERE:
        raise InvalidInput(
            "Files on this machine are no share.", hint="Add them as a source of the kind `folder`."
        )
    if scheme in _NO_SERVERS or "::" in location:
        raise InvalidInput(f"{scheme}:// is no server.", hint=_FORM)
    module, _, name = _TREES.get(scheme, _ANY_OTHER).partition(":")
    try:
        found: type[Tree] = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConnectorUnavailable(
            f"{scheme}:// needs something that is not installed ({error}).",
            hint='Run `pip install "mneme[share]"`.',
        ) from error
    return scheme, found


def known(names: tuple[str, ...], given: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """The names, and of those given what begins with a name that ends in ``.``."""
    beginnings = tuple(name for name in names if name.endswith("."))
    return (*names, *(name for name, _ in given if beginnings and name.startswith(beginnings)))
