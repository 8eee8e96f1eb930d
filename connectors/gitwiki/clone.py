"""A clone of a repository elsewhere: one branch, brought up to date before every walk."""

import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from connectors.gitwiki.address import Remote
from connectors.gitwiki.program import Git, GitFailed
from connectors.gitwiki.repository import FETCHED
from memory.errors import RateLimited, SourceError, SourceUnavailable

ASKED_S = 120.0
"""How long a server may take to say what it has."""

FETCHED_S = 4 * 3600.0
"""How long it may take to send a repository; one that sends next to nothing for a minute is given up before."""

_AWAY = re.compile(
    r"could not resolve|couldn't connect|failed to connect|connection (?:timed out|refused|reset|closed)|timed? ?out"
    r"|unreachable|early eof|hung up|unexpected disconnect|operation too slow|rpc failed|bytes (?:of body )?(?:are )?missing"
    r"|unexpected eof|empty reply|transfer closed|recv failure|error: 5\d\d|invalid index-pack|lost connection"
    r"|curl (?:7|18|28|52|55|56|92) |fetch-pack: unexpected|took longer",
    re.IGNORECASE,
)
_MEANT = (
    (
        re.compile(r"host key verification failed", re.IGNORECASE),
        "has a host key that is not known.",
        "Check it, and put it into a file given by --option known_hosts=FILE.",
    ),
    (
        re.compile(
            r"authentication failed|could not read (?:username|password)|permission denied|error: 40[13]|access denied",
            re.IGNORECASE,
        ),
        "refuses the login.",
        "Give a user with the right to read and a password, token or key: `mneme sources secret`.",
    ),
    (
        re.compile(r"redirect|error: 30\d", re.IGNORECASE),
        "sends on to another address.",
        "Add a source with that address.",
    ),
    (
        re.compile(r"not found|does not (?:exist|appear)|error: 404|couldn't find remote ref", re.IGNORECASE),
        "has no such repository.",
        "Check the address, and that it may be read.",
    ),
)


class Clone:
    """What was fetched of a repository elsewhere.

    It holds one branch with its whole history: without that nobody could be told who wrote what. A fetch that breaks off
    leaves what was there before.

    :param folder: where it lies; what lies there of another address is thrown away.
    :param ref: ``HEAD`` or ``refs/heads/NAME``, as the server has it.
    """

    def __init__(self, remote: Remote, folder: Path, ref: str) -> None:
        self._remote = remote
        self._folder = folder
        self._ref = ref

    @property
    def folder(self) -> Path:
        """The repository."""
        return self._folder / "repository.git"

    def is_there(self) -> bool:
        """Whether something was fetched from this address."""
        try:
            return (self._folder / "address").read_text("utf-8") == self._address
        except OSError:
            return False

    def asked(self) -> str:
        """The commit at which the server has the branch; ``""`` where the repository is empty.

        :raises SourceError: where it cannot be asked, or has no such branch.
        """
        with tempfile.TemporaryDirectory() as nowhere, self._git(Path(nowhere)) as git:
            said = self._call(git, "ls-remote", "--", self._remote.url, "HEAD", "refs/heads/*")
        refs: dict[str, str] = {}
        for line in said.decode("utf-8", "replace").splitlines():
            commit, _, name = line.partition("\t")
            refs[name] = commit
        if self._ref in refs:
            return refs[self._ref]
        branches = sorted(name.removeprefix("refs/heads/") for name in refs if name.startswith("refs/heads/"))
        if not branches and self._ref == "HEAD":
            return ""
        raise SourceError(
            f"{self._remote.url} has no branch {self._ref.removeprefix('refs/heads/')}.",
            hint=f"Give another by --option branch=NAME; there are: {', '.join(branches[:20]) or 'none yet'}.",
        )

    def bring_up(self) -> None:
        """Fetch what the server has and we have not.

        :raises SourceUnavailable: where it cannot be reached for now, or goes away meanwhile.
        :raises SourceError: where it refuses.
        """
        wanted = self.asked()
        if not self.is_there():
            self._make()
        with self._git(self.folder) as git:
            if not wanted:
                git.run("update-ref", "-d", FETCHED)
                return
            if self._has(git, wanted):
                return
            self._tidy()
            args = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force")
            self._call(
                git, "fetch", *args, "--", self._remote.url, f"+{self._ref}:{FETCHED}", limit_s=FETCHED_S
            )
            git.run("-c", "gc.auto=6700", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")

    def _tidy(self) -> None:
        """Remove what a fetch left that broke off or was killed: half packs, and locks that would stand for ever.

        Whoever holds such a lock now would be another sync of the source, and there is none.
        """
        locks = (self.folder.glob("*.lock"), self.folder.glob("refs/**/*.lock"), self.folder.glob("gc.pid"))
        for left in chain(self.folder.glob("objects/pack/tmp_*"), *locks):
            left.unlink(missing_ok=True)

    def _has(self, git: Git, commit: str) -> bool:
        said = git.run("for-each-ref", "--format=%(objectname)", FETCHED)
        return said.decode("ascii", "replace").strip() == commit

    @property
    def _address(self) -> str:
        return f"{self._remote.url}\n{self._ref}\n"

    def _make(self) -> None:
        try:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True, mode=0o700)
            Git(self.folder).run("init", "--bare", "--quiet", "--template=")
            (self._folder / "address").write_text(self._address, "utf-8")
        except OSError as error:
            raise _full(self._folder, error) from error

    @contextmanager
    def _git(self, folder: Path) -> Iterator[Git]:
        with self._kept() as kept:
            remote = self._remote
            protocols = [remote.protocol]
            yield Git(folder, settings=remote.settings(), protocols=protocols, ssh=self._ssh(kept))

    @contextmanager
    def _kept(self) -> Iterator[Path]:
        """A folder for a key, gone afterwards; those of syncs that were killed go, too."""
        place = self._folder.parent
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left in place.glob("ssh-*"):
                with suppress(OSError):
                    if time.time() - left.stat().st_mtime > FETCHED_S:
                        shutil.rmtree(left)
            made = tempfile.TemporaryDirectory(prefix="ssh-", dir=place)
        except OSError as error:
            raise _full(place, error) from error
        with made as name:
            yield Path(name)

    def _ssh(self, kept: Path) -> str:
        """The command for ssh; a key is in a file for as long as git runs."""
        words = [
            "ssh",
            "-oBatchMode=yes",
            "-oConnectTimeout=30",
            "-oServerAliveInterval=15",
            "-oServerAliveCountMax=4",
        ]
        words += ["-oForwardAgent=no", "-oClearAllForwardings=yes", "-oPermitLocalCommand=no"]
        if self._remote.known_hosts:
            words += [f"-oUserKnownHostsFile={self._remote.known_hosts}", "-oStrictHostKeyChecking=yes"]
        if self._remote.key:
            file = kept / "key"
            file.touch(mode=0o600)
            file.write_text(self._remote.key.get_secret_value().strip() + "\n", "utf-8")
            words += [f"-i{file}", "-oIdentitiesOnly=yes"]
        return shlex.join(words)

    def _call(self, git: Git, *args: str, limit_s: float = ASKED_S) -> bytes:
        try:
            return git.run(*args, limit_s=limit_s)
        except GitFailed as error:
            raise self._meant(error) from error.__cause__

    def _meant(self, error: GitFailed) -> SourceError:
        """What git says of a server as an error that tells whether waiting helps; without what it was sent."""
        name, said, reason = self._remote.name, error.said, error.message
        if any(hidden and hidden in said for hidden in self._remote.hides()):
            said, reason = "", "git failed over what it was sent"
        if re.search(r"error: 429", said):
            return RateLimited(f"{name} asks for a pause.")
        if _AWAY.search(said):
            return SourceUnavailable(f"{name} cannot be reached: {reason}")
        for pattern, message, hint in _MEANT:
            if pattern.search(said):
                return SourceError(f"{name} {message}", hint=hint)
        return SourceError(reason, hint="Check the address; nothing was taken out of the memory.")


def _full(folder: Path, error: OSError) -> SourceError:
    return SourceError(
        f"{folder} cannot be written: {error.strerror or error}.", hint="Make room, or allow writing there."
    )
