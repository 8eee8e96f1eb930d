"""A repository's log: what each commit did to which files, and who made it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from connectors.gitwiki.program import Git

_FORMAT = "%x01%H%x00%at%x00%an%x00%ae%x00%(trailers:key=Co-authored-by,valueonly=true,separator=%x02)%x00"
_STATUS = re.compile(rb"\n?([ACDMRTUXB]+)(\d*)")
_CONTACT = re.compile(r"\s*(.*?)\s*<\s*([^<>\s]*)\s*>\s*")
_CHUNK = 1 << 20

Contact = tuple[str, str]
"""A name and an address, as they were committed."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit did.

    :param changes: per file a status (``A``, ``D``, ``M``, ``R``), how alike both are of a renamed one in percent, the
        name before, and the name after.
    """

    at: int
    people: list[Contact]
    changes: list[tuple[str, int, bytes, bytes]]


def commits(git: Git, span: str) -> Iterator[Commit]:
    """The commits of a span, parents before their children.

    Of a merge only what differs from all its parents counts: the rest was somebody's commit before.
    """
    args = (
        *("log", "--reverse", "--topo-order", "-c", "-M", "-l2000", "--name-status", "-z"),
        *("--encoding=UTF-8", "--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-color"),
        *("--no-decorate", "--ignore-submodules=all", f"--format={_FORMAT}", span, "--"),
    )
    with git.stream(*args) as out:
        words = _words(out)
        head = next(words, None)
        while head is not None:
            at, name, mail, together = (next(words, b"").decode("utf-8", "replace") for _ in range(4))
            changes: list[tuple[str, int, bytes, bytes]] = []
            while (head := next(words, None)) is not None and not head.startswith(b"\x01"):
                if (status := _STATUS.fullmatch(head)) is None:
                    continue  # what stands between the message and the files
                kind = status[1].decode()
                first = next(words, b"")
                renamed = kind == "R" and bool(status[2])
                second = next(words, b"") if kind in ("R", "C") and status[2] else first
                letter = (
                    "R" if renamed else kind if kind in ("A", "D") else "D" if set(kind) == {"D"} else "M"
                )
                changes.append((letter, int(status[2] or 0), first, second))
            yield Commit(int(at or 0), _people((name, mail), together.split("\x02")), changes)


def _people(first: Contact, others: Sequence[str]) -> list[Contact]:
    found = [first]
    for text in others:
        if (contact := _CONTACT.fullmatch(text)) and (contact[1], contact[2]) not in found:
            found.append((contact[1], contact[2]))
    return found


def _words(out: IO[bytes]) -> Iterator[bytes]:
    """What stands between zero bytes."""
    rest = b""
    while chunk := out.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        yield rest


def mapped(git: Git, contacts: Iterable[Contact], mailmap: str) -> dict[Contact, Contact]:
    """Who each is by a ``.mailmap``, as git itself reads it.

    :param mailmap: the id of that file's blob.
    """
    asked = [each for each in contacts if not re.search(r"[<>\n\0]", "".join(each))]
    lines = "".join(f"{name} <{mail}>\n" for name, mail in asked)
    said = git.run(
        "-c", f"mailmap.blob={mailmap}", "check-mailmap", "--stdin", stdin=lines.encode("utf-8", "replace")
    )
    answers = said.decode("utf-8", "replace").split("\n")
    found = {}
    for each, answer in zip(asked, answers, strict=False):
        if contact := _CONTACT.fullmatch(answer):
            found[each] = (contact[1], contact[2])
    return found
