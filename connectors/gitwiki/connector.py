"""Markdown wikis and other documents in a Git repository, as one branch has them."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from os import fsdecode, fsencode
from pathlib import Path
from urllib.parse import quote

from connectors.base import Change, Checkpoint, Content, Deleted, Moved, SourceConfig, Upserted
from connectors.file_tree import key_of, moment, name_of, shown
from connectors.gitwiki.address import OPTIONS, SECRETS, Remote, address_of
from connectors.gitwiki.clone import Clone
from connectors.gitwiki.codeowners import MAX_BYTES, PLACES, CodeOwners
from connectors.gitwiki.history import History
from connectors.gitwiki.log import mapped
from connectors.gitwiki.named import Named
from connectors.gitwiki.program import Git
from connectors.gitwiki.repository import FETCHED, Difference, File, Repository, located
from connectors.patterns import AccessRules, Patterns
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError

LARGEST = 1 << 28
"""Larger files are not read into memory, whatever the settings allow."""

_BRANCH = re.compile(r"(?!-|/|.*(?:\.\.|@\{|//|/\.|\.lock$|[./]$))[^\x00-\x20\x7f~^:?*\[\\]+")


@dataclass(slots=True)
class _Snapshot:
    """A branch at one commit: its files by name, and who is who there."""

    commit: str
    files: dict[bytes, File]
    named: Named


class GitWiki:
    """Markdown wikis and other documents in Git, here or elsewhere; who wrote what comes from the history.

    The location is a folder with a repository (bare or not), or ``https://``, ``ssh://`` or ``USER@HOST:PATH``: then a
    clone of the branch is kept. Files checked out are not looked at, only what is committed. Options are ``branch``, ``hidden=yes``
    (names that begin with a dot), ``web`` (what to put before a path for its page) and, for repositories elsewhere, ``user``, ``ca``,
    ``proxy`` and ``known_hosts``; secrets ``password``, ``token`` (sent as Bearer) or ``key`` (ssh).

    The key is the path. Links are not followed and submodules not entered. Whoever made the first commit of a file is
    its author, others are editors, co-authors of a commit with them; ``.mailmap`` says who is one. Owners come from ``CODEOWNERS``.

    :raises InvalidInput: where the settings cannot be understood.
    """

    kind = "gitwiki"
    reports_deletions = True

    def __init__(self, config: SourceConfig) -> None:
        config.only(options=("branch", "hidden", "web", *OPTIONS), secrets=SECRETS)
        branch, hidden = config.option("branch"), config.option("hidden", "no")
        if branch and not _BRANCH.fullmatch(branch):
            raise InvalidInput(f"Not a name for a branch: {branch}.")
        if hidden not in ("no", "yes"):
            raise InvalidInput(f"A gitwiki source has no option hidden={hidden}.", hint="Known are: no, yes.")
        if not re.match(r"https?://|$", config.option("web")):
            raise InvalidInput("The option web is an address that begins with https:// or http://.")
        self._name = config.name
        self._hidden = hidden == "yes"
        self._web = config.option("web").rstrip("/")
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._access = AccessRules(config.access, config.rules)
        chosen = repr(
            (branch, hidden, self._web, config.include, config.exclude, config.access, config.rules)
        )
        self._digest = _digest(chosen)
        self._address = address_of(config)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._state = config.state
        self._ref = f"refs/heads/{branch}" if branch else "HEAD"
        self._repository: Repository | None = None
        self._snapshot: _Snapshot | None = None
        self._history: History | None = None

    def check(self) -> str:
        """Say what branch there is.

        :raises SourceError: where the repository cannot be reached or has no such branch.
        """
        Git(Path(tempfile.gettempdir())).version()
        if isinstance(self._address, Remote):
            commit = self._clone(self._address).asked()
            count = ""
        else:
            repository = self._opened()
            commit = repository.head()
            count = f" with {len(repository.files(commit)):,} files" if commit else ""
        where = self._address.url if isinstance(self._address, Remote) else self._address
        if not commit:
            return f"{where} is an empty repository."
        return f"{where} is a repository; {self._ref.removeprefix('refs/heads/')} is at {commit[:10]}{count}."

    def changes(self, since: str | None) -> Iterator[Change]:
        """What differs from the commit of the cursor, or every file.

        :raises SourceError: where the repository cannot be reached.
        """
        if isinstance(self._address, Remote):
            self._clone(self._address).bring_up()
        repository = self._opened()
        head = repository.head()
        known, _, digest = (since or "").partition(" ")
        if since and head and (known, digest) == (head, self._digest):
            yield Checkpoint(since)
            return
        snapshot = self._look(head)
        if known and digest == self._digest and head and repository.has(known):
            yield from self._differing(snapshot, list(repository.differences(known, head)))
            whole = False
        else:
            unique = _unique(snapshot.files)
            for name in snapshot.files:
                yield from self._listed(snapshot, name, unique)
            whole = since is not None
        repository.reach()
        yield Checkpoint(f"{head} {self._digest}", whole=whole)

    def fetch(self, ref: SourceRef) -> Content:
        """The file as it is at the branch's newest commit here.

        :raises NotFound: where the branch does not hold it, or the settings leave it out.
        :raises SourceError: where its bytes are not in the repository.
        """
        name = self._checked(ref)
        repository = self._opened()
        head = repository.head()
        snapshot = self._snapshot
        if snapshot is None or snapshot.commit != head:
            snapshot = self._look(head, read_on=False)
        file = snapshot.files.get(name)
        if file is None or not self._wanted(ref.key):
            raise NotFound(f"There is no document {ref}.")
        if file.size is not None and file.size > LARGEST:
            raise SourceError(f"larger than {LARGEST >> 20} MB")
        past = snapshot.named.past(name)
        return Content(
            ref=ref,
            name=shown(fsdecode(name)),
            body=repository.read(file),
            url=f"{self._web}/{quote(name)}" if self._web else "",
            created=moment(past.created) if past else None,
            modified=moment(past.changed) if past else None,
            contributions=snapshot.named.contributions(name),
        )

    def access(self, ref: SourceRef) -> Access:
        """What the last rule says that matches the path, else what the source starts with.

        :raises NotFound: where the key is none of this source.
        """
        self._checked(ref)
        return self._access.of(ref.key)

    def close(self) -> None:
        """End what was started."""
        if self._repository is not None:
            self._repository.close()
        if self._history is not None:
            self._history.close()
        if self._temporary is not None:
            self._temporary.cleanup()
        self._repository = self._history = self._snapshot = self._temporary = None

    def _differing(self, snapshot: _Snapshot, differences: list[Difference]) -> Iterator[Change]:
        unique = _unique(snapshot.files)
        for each in differences:
            yield from self._different(snapshot, each, unique)
        names = {name for each in differences for name in (each.old, each.name)}
        if not names.isdisjoint(fsencode(place) for place in (".mailmap", *PLACES)):
            for name in snapshot.files:  # who is who, or whose is what, may be otherwise now
                if name not in names:
                    yield from self._listed(snapshot, name, unique)

    def _different(self, snapshot: _Snapshot, each: Difference, unique: dict[str, bytes]) -> Iterator[Change]:
        file = snapshot.files.get(each.name)
        was, is_now = self._is_listed(each.old), file is not None and self._is_listed(each.name)
        if each.status == "R" and was and is_now and file is not None and file.size is not None:
            yield Moved(
                self._ref_of(each.old), self._ref_of(each.name), self._version(snapshot, each.name, file)
            )
            return
        # Where a link or a submodule took its place, it is gone too.
        if was and (each.status in ("D", "R") or not is_now):
            yield Deleted(self._ref_of(each.old))
        if is_now:
            yield from self._listed(snapshot, each.name, unique)

    def _listed(self, snapshot: _Snapshot, name: bytes, unique: dict[str, bytes]) -> Iterator[Change]:
        if not self._is_listed(name):
            return
        file, ref = snapshot.files[name], self._ref_of(name)
        if file.size is None:
            yield Failed(ref, Stage.FETCHED, "its bytes are missing in the repository", retryable=True)
        else:
            mark = file.blob if file.blob in unique else ""
            yield Upserted(ref, self._version(snapshot, name, file), mark, file.size)

    def _version(self, snapshot: _Snapshot, name: bytes, file: File) -> str:
        key = key_of(fsdecode(name))
        return f"{file.blob[:32]}-{snapshot.named.digest(name)}-{self._access.digest(key)}"

    def _is_listed(self, name: bytes) -> bool:
        return self._wanted(key_of(fsdecode(name)))

    def _wanted(self, key: str) -> bool:
        if not {"", ".", ".."}.isdisjoint(key.split("/")):
            return False  # git itself checks nothing like that out
        if not self._hidden and (key.startswith(".") or "/." in key):
            return False
        return self._include.matches(key) and not self._exclude.matches(key)

    def _ref_of(self, name: bytes) -> SourceRef:
        return SourceRef(self.kind, self._name, key_of(fsdecode(name)))

    def _checked(self, ref: SourceRef) -> bytes:
        if (ref.kind, ref.source) != (self.kind, self._name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        return fsencode(name_of(ref.key))

    def _look(self, head: str, *, read_on: bool = True) -> _Snapshot:
        """The branch as it is at a commit.

        :param read_on: read the history up to there; else what is known of it is enough.
        """
        repository = self._opened()
        files = repository.files(head) if head else {}
        history = self._past()
        if read_on and head:
            history.bring_to(repository.git, head, within=repository.is_within(history.commit, head))
        named = Named(history, _owners(repository, files), self._name)
        mailmap = files.get(b".mailmap")
        if mailmap and mailmap.size:
            named.aliases = mapped(repository.git, history.contacts(), mailmap.blob)
        self._snapshot = _Snapshot(head, files, named)
        return self._snapshot

    def _past(self) -> History:
        if self._history is None:
            self._history = History(self._state / "history.db" if self._state else None)
        return self._history

    def _opened(self) -> Repository:
        if self._repository is None:
            if isinstance(self._address, Remote):
                clone = self._clone(self._address)
                if not clone.is_there():
                    clone.bring_up()
                self._repository = Repository(clone.folder, Git(clone.folder), FETCHED)
            else:
                folder = located(self._address)
                self._repository = Repository(folder, Git(folder), self._ref)
        return self._repository

    def _clone(self, remote: Remote) -> Clone:
        if self._state is None and self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory()
        folder = self._state or Path(self._temporary.name if self._temporary else "")
        return Clone(remote, folder / "clone", self._ref)


def _owners(repository: Repository, files: dict[bytes, File]) -> CodeOwners | None:
    for place in PLACES:
        file = files.get(place.encode())
        if file is not None and file.size is not None and file.size <= MAX_BYTES:
            body = repository.read(file)
            return CodeOwners(body.decode("utf-8", "replace")) if isinstance(body, bytes) else None
    return None


def _unique(files: dict[bytes, File]) -> dict[str, bytes]:
    """The blobs that lie at one place only: such a one may be known again elsewhere."""
    found: dict[str, bytes] = {}
    twice = set()
    for name, file in files.items():
        if file.blob in found:
            twice.add(file.blob)
        found[file.blob] = name
    return {blob: name for blob, name in found.items() if blob not in twice}


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
