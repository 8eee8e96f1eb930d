"""What a branch of a repository holds at one commit, and what differs between two."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.base import OUT_OF_REACH
from connectors.gitwiki.program import Git, GitFailed, Objects
from memory.errors import SourceError

_LFS = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")
_LFS_BYTES = 1024
"""A pointer is never longer: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a commit.

    :param blob: the id of its bytes.
    :param size: in bytes; None where the repository lacks them.
    """

    blob: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of a file: ``A``, ``D``, ``M`` or ``R``.

    :param old: its name before; the same but for ``R``.
    """

    status: str
    old: bytes
    name: bytes


class Repository:
    """A repository on this machine, read only.

    :param folder: the repository itself: a bare one, or the folder ``.git`` of another.
    :param git: runs git there.
    :param ref: what names the branch (``HEAD``, ``refs/heads/main``).
    """

    def __init__(self, folder: Path, git: Git, ref: str) -> None:
        self._folder = folder
        self._git = git
        self._ref = ref
        self._objects: Objects | None = None

    @property
    def git(self) -> Git:
        """Runs git there."""
        return self._git

    def reach(self) -> None:
        """Make sure that it is there.

        :raises SourceError: where it is not.
        """
        try:
            with (self._folder / "HEAD").open("rb") as head:
                head.read(1)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise SourceError(
                f"There is no Git repository at {self._folder}: {why}.", hint=OUT_OF_REACH
            ) from error

    def head(self) -> str:
        """The commit the branch is at; ``""`` where the repository has none at all.

        :raises SourceError: where the repository is not there or has no such branch.
        """
        self.reach()
        found = self._read(f"{self._ref}^{{commit}}")
        if found is not None:
            return found[0]
        refs = self._git.run("for-each-ref", "--count=20", "--format=%(refname:short)", "refs/heads").decode(
            "utf-8", "replace"
        )
        if not refs.strip() and self._ref in ("HEAD", FETCHED):
            return ""
        named = ", ".join(refs.split()) or "none yet"
        raise SourceError(
            f"The repository has no branch {self._ref.removeprefix('refs/heads/')}.",
            hint=f"Give another by --option branch=NAME; there are: {named}.",
        )

    def files(self, commit: str) -> dict[bytes, File]:
        """The files of a commit by their names, in order; no links, no submodules."""
        found = {}
        listed = self._git.run("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
        for line in listed.split(b"\0"):
            facts, tab, name = line.partition(b"\t")
            if tab and facts.startswith(b"100"):
                _, _, blob, size = facts.split()
                found[name] = File(blob.decode(), int(size) if size.isdigit() else None)
        return found

    def has(self, commit: str) -> bool:
        """Whether a commit is there; after a forced push it may not be."""
        found = self._read(commit)
        return found is not None and found[1] == "commit"

    def is_within(self, older: str, newer: str) -> bool:
        """Whether a commit is a forebear of another."""
        if not older or not self.has(older):
            return False
        try:
            self._git.run("merge-base", "--is-ancestor", older, newer)
        except GitFailed as error:
            if error.said.strip():
                raise
            return False
        return True

    def differences(self, older: str, newer: str) -> Iterator[Difference]:
        """What differs between two commits, moves as such."""
        args = ("-r", "-z", "-M", "-l2000", "--name-status", "--no-ext-diff", "--no-textconv")
        said = self._git.run("diff-tree", *args, "--ignore-submodules=none", older, newer)
        words = iter(said.split(b"\0"))
        for status in words:
            if not status:
                continue
            old = next(words, b"")
            letter = status[:1].decode()
            name = next(words, b"") if letter in ("R", "C") else old
            yield Difference("A" if letter == "C" else letter if letter in "ADR" else "M", old, name)

    def read(self, file: File) -> bytes | Path:
        """A file's bytes; what Git LFS keeps beside the repository, as its path.

        :raises SourceError: where they are not there.
        """
        found = self._read(file.blob)
        if found is None:
            raise SourceError("its bytes are missing in the repository")
        body = found[2]
        if len(body) > _LFS_BYTES or not (pointer := _LFS.match(body)):
            return body
        digest = pointer[1].decode()
        for place in (self._folder, self._common()):
            path = place / "lfs" / "objects" / digest[:2] / digest[2:4] / digest
            if path.is_file() and not path.is_symlink():
                return path
        raise SourceError("its bytes are kept by Git LFS and were not fetched: run `git lfs fetch` there")

    def close(self) -> None:
        """End the process that reads objects."""
        if self._objects is not None:
            self._objects.close()
            self._objects = None

    def _read(self, name: str) -> tuple[str, str, bytes] | None:
        if self._objects is None:
            self._objects = self._git.objects()
        try:
            return self._objects.read(name)
        except SourceError:
            self.close()
            self.reach()
            raise

    def _common(self) -> Path:
        """Where the objects of a linked worktree lie."""
        try:
            return self._folder / (self._folder / "commondir").read_text("utf-8").strip()
        except OSError:
            return self._folder


FETCHED = "refs/mneme/head"
"""The ref in a clone of ours."""


def located(path: Path) -> Path:
    """The repository at a path: a bare one, or that of a folder of files checked out.

    :raises SourceError: where there is none.
    """
    try:
        inner = path / ".git"
        if inner.is_file():  # a linked worktree, or a submodule
            with inner.open("rb") as file:
                said = os.fsdecode(file.read(4096))
            if said.startswith("gitdir:"):
                return path / said.removeprefix("gitdir:").strip()
        for place in (inner, path):
            if (place / "HEAD").is_file() and (
                (place / "objects").is_dir() or (place / "commondir").is_file()
            ):
                return place
        there = path.exists()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read: {error}.", hint=OUT_OF_REACH) from error
    if there:
        raise SourceError(
            f"{path} is not a Git repository.", hint="Give the folder that holds .git, or a bare repository."
        )
    raise SourceError(f"There is no folder {path}.", hint=OUT_OF_REACH)
