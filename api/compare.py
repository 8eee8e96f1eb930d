"""Two versions of a document against each other, word by word.

Paragraphs are aligned first, then the words of those that changed, so that a long contract costs no more than
its changes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Literal

from rapidfuzz.distance import Indel

Kind = Literal["same", "added", "removed"]

_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
_MOST_WORDS = 4000
"""Words of one change that are compared one by one; a longer change is shown as a whole."""


_FEWEST_SAME = 2
"""Words that must be the same between two changes: fewer are read as part of one change."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that both have, or only the newer or the older one."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, or several that changed together.

    :param changed: whether anything in it differs.
    """

    pieces: tuple[Piece, ...]
    changed: bool


def compare(older: str, newer: str) -> list[Block]:
    """The two texts as blocks: without what was removed it is the newer text, without what was added the older.

    Blank lines and line ends between paragraphs are not compared.
    """
    left, right = _paragraphs(older), _paragraphs(newer)
    blocks: list[Block] = []
    for tag, low, high, start, end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            blocks += [Block((Piece("same", text),), False) for text in left[low:high]]
        else:
            pieces = _words("\n\n".join(left[low:high]), "\n\n".join(right[start:end]))
            blocks.append(Block(tuple(pieces), True))
    return blocks


def _paragraphs(text: str) -> list[str]:
    return [paragraph.strip() for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def _words(older: str, newer: str) -> list[Piece]:
    left, right = _TOKEN.findall(older), _TOKEN.findall(newer)
    if not left or not right or max(len(left), len(right)) > _MOST_WORDS:
        return _joined([Piece("removed", older), Piece("added", newer)])
    pieces: list[Piece] = []
    removed, added = "", ""
    for code in Indel.opcodes(left, right):
        before, after = left[code.src_start : code.src_end], right[code.dest_start : code.dest_end]
        if code.tag == "equal" and (sum(map(str.isalnum, before)) > _FEWEST_SAME or not (removed or added)):
            pieces += [Piece("removed", removed), Piece("added", added), Piece("same", "".join(before))]
            removed, added = "", ""
        else:
            removed, added = removed + "".join(before), added + "".join(after)
    return _joined([*pieces, *_tidied(removed, added)])


def _tidied(removed: str, added: str) -> list[Piece]:
    """The last change, without the end that both have: a full stop is no change."""
    ends = zip(reversed(removed), reversed(added), strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends))
    end = removed[len(removed) - same :]
    kept = [Piece("removed", removed[: len(removed) - same]), Piece("added", added[: len(added) - same])]
    return [*kept, Piece("same", end)]


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Without empty pieces; neighbours of one kind as one."""
    joined: list[Piece] = []
    for piece in pieces:
        if not piece.text:
            continue
        if joined and joined[-1].kind == piece.kind:
            joined[-1] = Piece(piece.kind, joined[-1].text + piece.text)
        else:
            joined.append(piece)
    return joined
