"""A message's own words apart from what it quotes and from its signature, in several languages.

How clients introduce a quotation and what people sign off with is known by `mail-parser-reply`; what follows a
sign-off counts as a signature only where it looks like one, for a thank-you in the middle is no end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ingest.parsers.base import Aside


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some paragraphs of a message.

    :param aside: None for the writer's own words.
    """

    text: str
    aside: Aside | None = None


MAX_SEARCHED = 60_000
"""Characters in which introductions of quotations are looked for: longer bodies are logs and dumps."""

_LANGUAGES = ("en", "de", "fr", "da", "es", "it", "nl", "sv", "pl", "cs", "pt")
_QUOTED = re.compile(r"^\s{0,3}(?:[A-Za-z]{0,4}>|\|(?=\s))")
_DELIMITER = re.compile(r"^(?:-- ?|__+|—)$")
_LISTED = re.compile(r"^_{20,}$")
_INTRODUCED = re.compile(
    r"^(?:-{2,}\s*)?(?:original message|ursprüngliche nachricht|message d'origine|message original|oprindelig meddelelse"
    r"|mensaje original|messaggio originale|forwarded message|weitergeleitete nachricht|message transféré"
    r"|videresendt meddelelse|forwarded by .+|begin forwarded message:?|anfang der weitergeleiteten (?:e-mail|nachricht):?)"
    r"\s*(?:-{2,})?\s*$",
    re.IGNORECASE,
)
_FORWARDED = re.compile(r"forward|weitergeleitet|transf|videresend", re.IGNORECASE)
_WROTE = re.compile(
    r"(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|skrev|schreef|napisał\w*|escreveu)\b.{0,120}:\s*$",
    re.IGNORECASE | re.DOTALL,
)
_MAX_SIGNATURE_LINES, _MAX_SIGNATURE = 12, 700
_MAX_SIGN_OFF = 60


def stretches(text: str, language: str = "") -> list[Stretch]:
    """A plain-text body in its own order, divided.

    :param language: ISO 639-1 of the body, which decides what a sign-off looks like; English is always known.
    """
    found: list[Stretch] = []
    for stretch in _unquoted(text.splitlines()):
        if stretch.aside is None:
            found.extend(_introduced(stretch.text))
        else:
            found.append(stretch)
    return _joined(_signed(found, language))


def introduces(text: str) -> bool:
    """Whether a paragraph introduces what follows it as a quotation: the rest of the message is somebody else's."""
    clean = text.strip()
    if _INTRODUCED.match(clean.partition("\n")[0].strip()):
        return True
    return clean.count("\n") < 12 and bool(clean) and _header_at(clean) == 0


def wrote(text: str) -> bool:
    """Whether a short paragraph ends like ``On Monday, Jane Doe wrote:``."""
    return len(text) < 400 and bool(_WROTE.search(text))


def forwards(text: str) -> bool:
    """Whether a message passes another one on: what it holds is not somebody's answer quoted back."""
    lines = (line.strip() for line in text.splitlines())
    return any(_INTRODUCED.match(line) and _FORWARDED.search(line) for line in lines)


def _unquoted(lines: list[str]) -> Iterator[Stretch]:
    """Lines with a mark of quotation, with the line that introduces them, apart from the others."""
    own: list[str] = []
    at = 0
    while at < len(lines):
        if not _QUOTED.match(lines[at]):
            own.append(lines[at])
            at += 1
            continue
        introduction = _introduction(own)
        if own:
            yield Stretch("\n".join(own))
        quoted = introduction
        while at < len(lines) and (_QUOTED.match(lines[at]) or _gap(lines, at)):
            quoted.append(lines[at])
            at += 1
        yield Stretch("\n".join(quoted), Aside.QUOTED)
        own = []
    if own:
        yield Stretch("\n".join(own))


def _gap(lines: list[str], at: int) -> bool:
    """A blank line between two quoted ones belongs to the quotation."""
    return not lines[at].strip() and at + 1 < len(lines) and bool(_QUOTED.match(lines[at + 1]))


def _introduction(own: list[str]) -> list[str]:
    """Takes ``On Monday, Jane Doe wrote:`` off the end of the lines before a quotation."""
    end = len(own)
    while end and not own[end - 1].strip():
        end -= 1
    for height in (1, 2, 3):
        start = end - height
        if start < 0 or not own[start].strip():
            return []
        if wrote("\n".join(own[start:end])) and (start == 0 or not own[start - 1].strip() or height > 1):
            taken = own[start:end]
            del own[start:]
            return taken
    return []


def _introduced(text: str) -> list[Stretch]:
    """Everything after a quoted message's header, or after a line that says so, is quoted."""
    at = _header_at(text[:MAX_SEARCHED])
    position = 0
    for line in text.splitlines(keepends=True):
        if position >= at >= 0:
            break
        if _INTRODUCED.match(line.strip()):
            at = position
            break
        position += len(line)
    if at < 0:
        return [Stretch(text)]
    return [Stretch(text[:at]), Stretch(text[at:], Aside.QUOTED)]


def _header_at(text: str) -> int:
    """Where the first header of a quoted message begins, -1 where there is none."""
    from mailparser_reply import EmailMessage

    pattern = _patterns(EmailMessage)[0]
    match = pattern.search(text)
    if match is None:
        return -1
    return match.start() + len(match[0]) - len(match[0].lstrip())


@cache
def _patterns(message: type, language: str = "") -> tuple[re.Pattern[str], re.Pattern[str]]:
    chosen = [language] if language in _LANGUAGES else []
    headers = message(text="", languages=list(_LANGUAGES)).HEADER_REGEX
    signatures = message(text="", languages=chosen or ["en"], keep_hyphen_lists=True).SIGNATURE_REGEX
    return headers, signatures


def _signed(found: list[Stretch], language: str) -> list[Stretch]:
    """Divides the last of the writer's own words from the signature after them."""
    for place in range(len(found) - 1, -1, -1):
        stretch = found[place]
        if stretch.aside is None and stretch.text.strip():
            at = signature_at(stretch.text, language)
            if at >= 0:
                own, signature = stretch.text[:at], stretch.text[at:]
                found[place : place + 1] = [Stretch(own), Stretch(signature, Aside.SIGNATURE)]
            break
    return found


def signature_at(text: str, language: str) -> int:
    """Where the signature at the end of somebody's own words begins, -1 where there is none."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for number, line in enumerate(lines):
        rest = text[starts[number] :].strip()
        if _DELIMITER.match(line.rstrip("\r\n")) and rest.count("\n") <= 30:
            return starts[number]
        if _LISTED.match(line.strip()) and rest.count("\n") <= 6:
            return starts[number]  # the footer of a mailing list
    from_line = max(0, len(lines) - _MAX_SIGNATURE_LINES)
    for number in range(max(1, from_line), len(lines)):
        rest = text[starts[number] :].strip()
        if len(rest) <= _MAX_SIGNATURE and _is_sign_off(lines[number].strip(), language):
            return starts[number]
    return -1


def _is_sign_off(line: str, language: str) -> bool:
    """Whether a line is a greeting by itself, not the beginning of a sentence."""
    if not line or len(line) > _MAX_SIGN_OFF or line[-1] in ".?;:":
        return False
    from mailparser_reply import EmailMessage

    match = _patterns(EmailMessage, language)[1].search("\n" + line)
    if match is None:
        return False
    words = line.rstrip(",! ").split()
    return len(words) <= 6 and not line.startswith(("-", "_"))


def _joined(found: list[Stretch]) -> list[Stretch]:
    """Neighbours of one kind together; nothing that is blank."""
    joined: list[Stretch] = []
    for stretch in found:
        if not stretch.text.strip():
            continue
        if joined and joined[-1].aside == stretch.aside:
            joined[-1] = Stretch(f"{joined[-1].text}\n{stretch.text}", stretch.aside)
        else:
            joined.append(stretch)
    return joined
