"""Headings in text that does not mark them: PDF, plain text, word processing without styles.

Three signs, strongest first: numbering (``1.2``, ``§ 3``, ``ARTICLE IV``, ``Artikel 2``), capitals
throughout, and a short line that stands alone above a long paragraph. Precision counts more than
recall: a heading starts a new passage, so a wrong one cuts a sentence in two.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_KEYWORD = re.compile(
    r"(?:article|section|chapter|part|appendix|annex|exhibit|schedule|addendum|attachment"
    r"|artikel|abschnitt|kapitel|teil|anhang|anlage|ziffer"
    r"|chapitre|partie|annexe|titre|avenant"
    r"|afsnit|bilag|del|punkt|§{1,2}|paragraph)"
    r"\s*(?P<number>\d{1,3}(?:\.\d{1,3})*[a-z]?|[IVXLC]{1,7}|[A-Z])(?![\w-])(?P<rest>.*)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,5}|[IVXLC]{1,7}|[A-Z])(?P<dot>[.)]?)\s+(?P<rest>\S.*)"
)
_RUN_IN = re.compile(
    r"(?P<head>(?:(?:section|article|artikel|§)\s*)?\d{1,3}(?:\.\d{1,3}){0,4}\.?\s+(?P<title>[^\W\d_][^.:;]{2,70})\.)"
    r"\s+(?P<body>[\"“„«(]?[^\W_].{20,})",
    re.IGNORECASE | re.DOTALL,
)
# A verb of these makes a sentence of a numbered line in the languages read most; no grammar needed.
_SENTENCE = re.compile(
    r"\b(?:shall|means?|hereby|agrees?|represents|includes|bedeutet|bezeichnet|désigne|betyder|will|must|is|are|was|were|has|have|may|can|should"
    r"|wird|werden|ist|sind|hat|haben|muss|müssen|kann|können|soll|darf"
    r"|est|sont|doit|doivent|peut|peuvent|sera|seront|ont"
    r"|er|skal|kan|har|må|blev|bliver)\b"
)
# `What is excluded` and `Wer haftet` have a verb and are headings all the same.
_ASKING = re.compile(
    r"(?:what|when|where|which|who|whom|why|how|was|wann|wo|welche[rs]?|wer|wem|warum|wie|que|quoi|quand|qui|quel(?:le)?s?"
    r"|comment|pourquoi|hvad|hvornår|hvor|hvilke[nt]?|hvem|hvorfor|hvordan)\s",
    re.IGNORECASE,
)
_COMPANY = re.compile(
    r"\b(?:inc|corp|corporation|ltd|llc|l\.l\.c|llp|plc|gmbh|ag|sa|s\.a|a/s|aps|co|company)\.?$",
    re.IGNORECASE,
)
_ABBREVIATED_LAW = re.compile(r"\s*(?:Abs|Nr|Satz|S|stk|al|alinéa|para|no)\b\.?", re.IGNORECASE)
_LEADERS = re.compile(r"(?:\.\s?){3,}|…|\s\d{1,4}$")
_LINK = re.compile(r"@|https?://|www\.")
_ENDED = re.compile(r"[.!?:;…][\"'”“’»)\]]*$")

MAX_CHARACTERS = 120
MAX_WORDS = 14


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a line alone says: `level` 0 is no heading; a weak one needs the right neighbours."""

    level: int = 0
    numbered: bool = False
    weak: bool = False


_NONE = _Candidate()


def heading_level(line: str) -> int:
    """The depth of the heading a line is by its own signs (numbering, capitals), 0 for no heading."""
    found = _candidate(line)
    return 0 if found.weak else found.level


def heading_levels(blocks: Sequence[str], outline: Mapping[str, int] | None = None) -> list[int]:
    """The depth of every block that is a heading where it stands, 0 for the others.

    :param blocks: the document's paragraphs in reading order.
    :param outline: headings known from elsewhere (the bookmarks of a PDF) as `outline_key` to depth.
    """
    known = outline or {}
    found = [_candidate(block) for block in blocks]
    levels = [
        known.get(outline_key(block)) or (candidate.level if not candidate.weak else 0)
        for block, candidate in zip(blocks, found, strict=True)
    ]
    for place, block in enumerate(blocks):
        following = blocks[place + 1].lstrip() if place + 1 < len(blocks) else ""
        if following[:1].islower() and not block.isupper():
            levels[place] = 0  # the sentence goes on
        elif (
            not levels[place]
            and (found[place].weak or _plain(block))
            and _heads_a_paragraph(blocks, levels, place)
        ):
            levels[place] = found[place].level or 2
    _demote_lists(found, levels)
    if levels and not any(known.get(outline_key(block)) for block in blocks[-1:]):
        levels[-1] = 0  # nothing stands beneath the last line
    return levels


def run_in(block: str) -> tuple[str, str] | None:
    """Split a clause that opens with its own heading, ``2.1 OVERVIEW. As set forth ...``.

    :return: heading and body, or None where the block has no such opening.
    """
    match = _RUN_IN.match(block)
    if match is None:
        return None
    words = match["title"].split()
    shouted = match["title"].isupper() and len(words) <= 10
    titled = (
        len(words) <= 7
        and all(word[0].isupper() or len(word) <= 4 for word in words)
        and words[0][0].isupper()
    )
    if not (shouted or titled) or _SENTENCE.search(match["title"]):
        return None
    # `No. 5` and `Inc. has` end in a full stop that ends no heading.
    if _COMPANY.search(match["title"]) or len(words[-1]) <= 2:
        return None
    return match["head"], match["body"]


def outline_key(text: str) -> str:
    """A heading without numbering, case and blanks, to compare bookmarks with lines."""
    return re.sub(r"[\W\d_]+", "", text).casefold()


def _candidate(line: str) -> _Candidate:
    text = line.strip()
    if not 2 <= len(text) <= MAX_CHARACTERS or "\n" in text or len(text.split()) > MAX_WORDS:
        return _NONE
    if _LINK.search(text) or _LEADERS.search(text.rstrip(".") if text.isupper() else text):
        # Leaders and a page number at the end: a table of contents; but `Article 7` ends in a number too.
        bare = _KEYWORD.fullmatch(text)
        if bare is None or bare["rest"].strip():
            return _NONE
    return _by_keyword(text) or _by_number(text) or _by_capitals(text)


def _by_keyword(text: str) -> _Candidate | None:
    match = _KEYWORD.match(text)
    if match is None or not (text[0].isupper() or text[0] == "§"):
        return None
    rest = match["rest"].lstrip(" .:–—-)\t")
    if match["rest"].startswith((",", ";", "(")) or _ABBREVIATED_LAW.match(match["rest"]):
        return _NONE  # a reference in a sentence that happens to start the line
    if rest and not _title_like(rest):
        return _NONE
    return _Candidate(level=1 + match["number"].count("."), numbered=True)


def _by_number(text: str) -> _Candidate | None:
    match = _NUMBERED.match(text)
    if match is None:
        return None
    number, dotted = match["number"], bool(match["dot"]) or "." in match["number"]
    if not dotted and not number.isdigit():
        return None  # `A short line` or `I agree`
    if not _title_like(match["rest"]) or re.search(r"\b\d{4}$", match["rest"]):
        return _NONE
    # `12 Main Street` looks like `12 Termination`: only what follows tells them apart.
    return _Candidate(level=1 + number.count("."), numbered=True, weak=not dotted)


def _by_capitals(text: str) -> _Candidate:
    letters = [character for character in text if character.isalpha()]
    if len(letters) < 4 or not text.isupper() or ":" in text or "_" in text or "/S/" in text:
        return _NONE
    if text[-1] in ",;-" or len(letters) < 0.6 * len(text.replace(" ", "")) or _COMPANY.search(text):
        return _NONE
    if text.endswith(".") and len(text.split()) > 6:
        return _NONE
    return _Candidate(level=1)


def _title_like(rest: str) -> bool:
    """Whether what follows a number reads as a title and not as a sentence."""
    words = rest.split()
    letters = sum(character.isalpha() for character in rest)
    opening = rest.lstrip("\"“„«'([")
    if letters < 3 or letters < 0.5 * len(rest) or len(rest) > 100 or len(words) > 12:
        return False
    if not opening or not (opening[0].isupper() or opening[0].isdigit()) or rest[-1] in ",;:-–—":
        return False
    if rest.isupper():
        return not re.search(r"[.;!?]\s", rest)
    if re.search(r"[;!?]\s|[^\W\d_]{4,}\.\s", rest) or (_SENTENCE.search(rest) and not _asks(rest)):
        return False
    capitals = sum(word[0].isupper() for word in words if len(word) > 3)
    long_words = sum(len(word) > 3 for word in words)
    return not rest.endswith(".") or (len(words) <= 6 and capitals == long_words)


def _asks(rest: str) -> bool:
    """Whether a title is a question, with its mark or short and without one."""
    return rest.endswith("?") or (bool(_ASKING.match(rest)) and len(rest.split()) <= 7 and rest[-1] != ".")


def _plain(block: str) -> bool:
    text = block.strip()
    letters = sum(character.isalpha() for character in text)
    if not 3 <= len(text) <= 60 or len(text.split()) > 8 or "\n" in text or not text[0].isupper():
        return False
    return (
        text[-1] not in ".,;:!?-–_"
        and letters >= 0.75 * len(text.replace(" ", ""))
        and not _LINK.search(text)
    )


def _heads_a_paragraph(blocks: Sequence[str], levels: Sequence[int], place: int) -> bool:
    """Whether the block stands alone above a long paragraph, and cuts no sentence."""
    if place + 1 >= len(blocks):
        return False
    below, above = blocks[place + 1].strip(), blocks[place - 1].strip() if place else ""
    if len(below) < 100 or not (below[0].isupper() or below[0] in '"“„«(') or "." not in below:
        return False
    return not above or levels[place - 1] > 0 or bool(_ENDED.search(above))


def _demote_lists(found: Sequence[_Candidate], levels: list[int]) -> None:
    """Numbered lines one below the other are a list or a table of contents, not headings."""
    start = 0
    while start < len(levels):
        end = start
        while end < len(levels) and levels[end] and found[end].numbered:
            end += 1
        run = levels[start:end]
        if len(run) >= 4 or (len(run) == 3 and len(set(run)) == 1):
            # The last one may head the text that follows.
            levels[start : end - 1] = [0] * (end - 1 - start)
        start = max(end, start + 1)
