"""Files on a server: Windows shares (SMB), SFTP, WebDAV, S3, and whatever else fsspec speaks."""

from collections import OrderedDict
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from connectors.base import OUT_OF_REACH, Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.file_tree import (
    GONE,
    Choice,
    key_of,
    name_of,
    object_key_of,
    object_name_of,
    options_of,
    reason,
    shown,
)
from connectors.file_tree import OPTIONS as CHOICES
from connectors.patterns import AccessRules, digest_of
from connectors.share.schemes import known, tree_of
from connectors.share.tree import Entry, Kind
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError

OPTIONS = {**CHOICES, "permissions": ("none", "server")}
"""Options of every share, each with its values; the first is the default."""

_REMEMBERED = 2_000
"""Files just listed whose entries are kept for the fetching that follows: a sync fetches up to 500 behind."""

_COUNTED = 1_000
"""A check counts no more names than that."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder still to be listed.

    :param within: the identities of the folders it lies in, its own last: one that comes back is a loop.
    """

    path: str
    key: str
    access: Access | None
    within: tuple[str, ...]


class Share:
    """Files on a server: `smb://`, `sftp://`, `webdavs://`, `s3://`, or what else fsspec speaks; nothing is changed there.

    The key is the path from the root, with ``/``, written as the connector `folder` writes it. Hidden files and junk are
    left out as there (options ``hidden``, ``junk``). With ``permissions=server`` a document is seen by whom the server lets read it:
    the source's own grants then say who Everyone is, and a rule that matches replaces what the server says. Links are not
    followed; one that the server itself follows into a folder above is left out.

    :raises InvalidInput: where the address, an option or a pattern cannot be understood.
    """

    kind = "share"
    reports_deletions = False

    def __init__(self, config: SourceConfig) -> None:
        scheme, tree = tree_of(config.location)
        what = f"A share source of {scheme}://"
        config.only(
            options=tuple(name for name, _ in config.options), secrets=known(tree.secrets, config.secrets)
        )
        options = options_of(config, OPTIONS, what, known(tree.options, config.options))
        self._name = config.name
        self._asks = options["permissions"] == "server"
        if self._asks and not tree.tells_permissions:
            raise InvalidInput(
                f"{what} tells no permissions.",
                hint="Leave out permissions=server, and say by rules who may see what.",
            )
        self._choice = Choice(config, options)
        self._rules = AccessRules(config.access, config.rules)
        self._denied = config.access.deny
        self._tree = tree(config, self._asks)
        self._recent: OrderedDict[str, Entry] = OrderedDict()

    def check(self) -> str:
        """Say how much lies at the top.

        :raises SourceError: where the server cannot be reached, or its root not listed.
        """
        self._tree.root()
        try:
            with closing(self._listed(_Folder("", "", None, ()))) as names:
                count = sum(1 for _ in islice(names, _COUNTED))
        except OSError as error:
            raise self._unlisted(error) from error
        more = " or more" if count == _COUNTED else ""
        return f"{self._tree.place} has {count:,}{more} {'entry' if count == 1 else 'entries'} at its top."

    def changes(self, since: str | None) -> Iterator[Change]:
        """Walk the whole tree, whatever the cursor: no such server keeps a record of what changed.

        :raises SourceError: where the root cannot be listed, at once; where it goes away meanwhile, then.
        """
        del since
        self._recent.clear()
        return self._walk(self._tree.root())

    def fetch(self, ref: SourceRef) -> Content:
        """The file's bytes.

        :raises NotFound: where the walk would not list it.
        :raises SourceError: where it cannot be read, or changes while it is read.
        """
        path, entry = self._found(ref)
        for _ in range(3):
            try:
                body = self._tree.read(path, entry)
                if body is not None:
                    return Content(
                        ref,
                        shown(path),
                        body,
                        url=self._tree.url(path),
                        created=entry.created,
                        modified=entry.modified,
                    )
                entry = self._tree.look(path)
            except GONE as error:
                raise NotFound(f"There is no document {ref}.") from error
            except OSError as error:
                raise SourceError(f"{ref} cannot be read: {reason(error)}.") from error
        raise SourceError(
            f"{ref} is changed again and again while it is read.", hint="The next sync tries again."
        )

    def url(self, ref: SourceRef) -> str:
        """Where the file lies.

        :raises NotFound: where the walk would not list it.
        :raises SourceError: where the server does not tell.
        """
        path, _ = self._found(ref)
        return self._tree.url(path)

    def access(self, ref: SourceRef) -> Access:
        """What the last rule says that matches the key; else what the server says, where it is asked; else what the source starts with.

        :raises NotFound: where the key is none of this source.
        :raises SourceError: where the server does not tell.
        """
        path = self._path(ref)
        if not self._asks or self._rules.has(ref.key):
            return self._rules.of(ref.key)
        _, entry = self._found(ref)
        try:
            given = entry.access if entry.access is not None else self._tree.access(path)
        except GONE as error:
            raise NotFound(f"There is no document {ref}.") from error
        except OSError as error:
            raise SourceError(f"Who may see {ref} cannot be told: {reason(error)}.") from error
        return Access(given.grant, given.deny | self._denied)

    def close(self) -> None:
        """End the connection."""
        self._tree.close()

    def _walk(self, identity: str) -> Iterator[Change]:
        """One folder at a time, its files as they come, its folders after them: only folders still to come are held."""
        waiting = [_Folder("", "", None, (identity,))]
        while waiting:
            folder = waiting.pop()
            inner: list[_Folder] = []
            try:
                with closing(self._listed(folder)) as names:
                    for entry in names:
                        yield from self._entry(entry, folder, inner)
            except GONE as error:
                if not folder.path:
                    raise self._unlisted(error) from error
                # Removed since its parent was listed, or all of it was: that is seen at the end.
            except OSError as error:
                if not folder.path:
                    raise self._unlisted(error) from error
                yield self._failed(folder.key, Stage.SEEN, reason(error))
            waiting.extend(sorted(inner, key=lambda each: each.path, reverse=True))
        if self._tree.root() != identity:
            raise SourceError(
                f"{self._tree.place} became another folder while it was listed.", hint="Run the sync again."
            )
        yield Checkpoint("")

    def _listed(self, folder: _Folder) -> Generator[Entry, None, None]:
        return self._tree.listed(folder.path.removesuffix("/"), folder.access)

    def _entry(self, entry: Entry, folder: _Folder, inner: list[_Folder]) -> Iterator[Change]:
        """The change one name stands for, if any; a folder is put with the others instead."""
        name = entry.name
        if not self._tree.flat and (name in ("", ".", "..") or "/" in name or "\0" in name):
            # A server that sends such a name is broken, or wants to be asked for what lies elsewhere.
            key = folder.key + object_key_of(name).replace("/", "%2F")
            yield self._failed(key, Stage.SEEN, "a name that leads elsewhere")
            return
        key = folder.key + (object_key_of(name) if self._tree.flat else key_of(name))
        path = folder.path + name
        if entry.kind is Kind.FOLDER:
            again = bool(entry.identity) and entry.identity in folder.within
            if self._choice.name(name) and self._choice.folder(key + "/") and not again:
                within = (*folder.within, entry.identity)
                inner.append(_Folder(path + "/", key + "/", entry.access, within))
        elif entry.kind is not Kind.FILE or not self._wanted(name, key):
            return
        elif entry.trouble:
            yield self._failed(key, Stage.SEEN, entry.trouble)
        else:
            self._recent[path] = entry
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
            yield self._upserted(key, entry)

    def _wanted(self, name: str, key: str) -> bool:
        # Objects may have such names as these in theirs; in a path they never come so far.
        names = (each for each in name.split("/") if each not in ("", ".", ".."))
        return self._choice.key(key) and all(map(self._choice.name, names))

    def _upserted(self, key: str, entry: Entry) -> Upserted:
        version = f"{entry.version}-{self._rules.digest(key)}"
        if self._asks and not self._rules.has(key):
            version += f"-{digest_of(entry.access or Access())}"
        fingerprint = f"{entry.identity}-{entry.size}-{entry.modified}" if entry.identity else ""
        return Upserted(self._ref(key), version, fingerprint, entry.size)

    def _path(self, ref: SourceRef) -> str:
        if (ref.kind, ref.source) != (self.kind, self._name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        return object_name_of(ref.key) if self._tree.flat else name_of(ref.key)

    def _found(self, ref: SourceRef) -> tuple[str, Entry]:
        """The path and what is known of it: as it was just listed, or as it is now."""
        path = self._path(ref)
        if path in self._recent:
            return path, self._recent[path]
        missing = f"There is no document {ref}."
        if not self._wanted(path, ref.key):
            raise NotFound(missing)
        try:
            entry = self._tree.look(path)
        except GONE as error:
            raise NotFound(missing) from error
        except OSError as error:
            raise SourceError(f"{ref} cannot be read: {reason(error)}.") from error
        if entry.kind is not Kind.FILE:
            raise NotFound(missing)
        return path, entry

    def _unlisted(self, error: OSError) -> SourceError:
        return SourceError(f"{self._tree.place} cannot be listed: {reason(error)}.", hint=OUT_OF_REACH)

    def _failed(self, key: str, stage: Stage, why: str) -> Failed:
        return Failed(self._ref(key), stage, why, retryable=True)

    def _ref(self, key: str) -> SourceRef:
        return SourceRef(self.kind, self._name, key)
