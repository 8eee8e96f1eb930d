"""Why a document is found or not: every cause there is, what it means and what to do about it.

The sentences are in English here; the pages show them in the reader's language.
"""

from enum import StrEnum
from typing import Any

from api.wording import msg
from memory.catalogue.ledger import without_hold
from memory.domain import Stage


class Cause(StrEnum):
    """What became of a document, for somebody who expected to find it."""

    NOT_SEEN = "not-seen"
    MISSING = "missing"
    WAITING = "waiting"
    EXCLUDED = "excluded"
    FAILED = "failed"
    NO_TEXT = "no-text"
    SKIPPED = "skipped"
    PENDING = "pending"
    NO_ACCESS = "no-access"
    FILTERED = "filtered"
    UNMATCHED = "unmatched"
    BEYOND = "beyond"
    RANKED = "ranked"
    PARTLY = "partly"
    FOUND = "found"


SENTENCES: dict[Cause, tuple[str, str]] = {
    Cause.NOT_SEEN: (
        msg("No source has ever listed it."),
        msg("Check the path, and that a source covers it and was synced: `mneme sources list`."),
    ),
    Cause.MISSING: (
        msg("It would belong to the source {source}, but nothing lies there."),
        msg("Check the path; a file that was moved is found under its new one after the next sync."),
    ),
    Cause.WAITING: (
        msg("It lies in the source {source}, which has not listed it yet."),
        msg("Sync the source: `mneme sync {source}`."),
    ),
    Cause.EXCLUDED: (
        msg("The source {source} leaves it out: {rule}."),
        msg("Change what the source includes and excludes, or its options, if it is wanted."),
    ),
    Cause.FAILED: (
        msg("It was seen but could not be taken in: {reason}."),
        "",  # what to do depends on the reason, see `advice`
    ),
    Cause.NO_TEXT: (
        msg("It holds no text that could be found: {reason}."),
        "",
    ),
    Cause.SKIPPED: (
        msg("It was left out: {reason}."),
        "",
    ),
    Cause.PENDING: (
        msg("It was seen and is on its way ({stage}); it cannot be found yet."),
        msg("Wait for the sync that is running, or start one: `mneme sync {source}`."),
    ),
    Cause.NO_ACCESS: (
        msg("{person} may not see it."),
        msg("It is granted to {grant} and denied to {deny}; {person} holds {held}."),
    ),
    Cause.FILTERED: (
        msg("A filter of the search keeps it out: {filters}."),
        msg("Search without that filter."),
    ),
    Cause.UNMATCHED: (
        msg("It can be found, but neither its words nor its meaning match this search."),
        msg("Use words that stand in it, or another language."),
    ),
    Cause.BEYOND: (
        msg("This search finds it, but behind the first thousand results."),
        msg("Words of its title, or a filter such as source: or type:, bring it to the front."),
    ),
    Cause.RANKED: (
        msg("This search finds it at position {position}."),
        msg("Words of its title, or a filter such as source: or type:, bring it to the front."),
    ),
    Cause.PARTLY: (
        msg("It can be found, but not all that is in it: {reason}."),
        "",
    ),
    Cause.FOUND: (
        msg("It can be found."),
        msg("Give the search as well, to see where it stands in it."),
    ),
}
"""What is said of each cause, and what to do; ``{name}`` stands for a value told with it."""

RULES = {
    "exclude": msg("its pattern {pattern} excludes it"),
    "include": msg("none of its patterns {pattern} includes it"),
    "hidden": msg("its name, or a folder's, begins with a dot"),
    "junk": msg("{pattern} is what programs leave beside documents"),
    "link": msg("it is a symbolic link"),
    "kind": msg("it is no file"),
}
"""What is said of a rule that leaves a document out, see `connectors.base.Coverage`."""

_NEEDLES = (
    (
        "needs OCR",
        msg(
            "Install Tesseract with the languages of your documents (Debian: apt-get install tesseract-ocr tesseract-ocr-deu) and leave MNEME_OCR__ON at true; the next sync recognises it."
        ),
    ),
    (
        "yet to come",
        msg(
            "A sync recognises pages once everything else is done, for MNEME_OCR__MINUTES at most; the next one goes on."
        ),
    ),
    ("could not be recognised", msg("Look at that page itself; a clearer scan may be read.")),
    ("password", msg("Save it without a password, or leave it out of the source.")),
    ("encrypted", msg("Save it without a password, or leave it out of the source.")),
    ("empty file", msg("Nothing to do, unless it should not be empty.")),
    ("no text", msg("Nothing to do, unless it should hold text.")),
    ("larger than", msg("Allow larger files with MNEME_SYNC__MAX_FILE_MB, then try again.")),
    ("no parser", msg("Save it in a format that is read, such as PDF or text.")),
    ("memory", msg("Give the workers more with MNEME_PARSING__MEMORY_MB, then try again.")),
    ("stopped answering", msg("Give it more time with MNEME_PARSING__TIMEOUT_S, then try again.")),
    ("permission", msg("Let the user that runs Mneme read it; the next sync tries again.")),
)


def advice(stage: Stage, reason: str, retryable: bool) -> str:
    """What to do about a document that was not taken in, or not all of it; ``""`` where it was."""
    if stage not in {Stage.FAILED, Stage.SKIPPED} and not without_hold(reason):
        return ""
    for needle, said in _NEEDLES:
        if needle in reason:
            return said
    if retryable:
        return msg("The next sync tries again.")
    return msg("Open it in its program and save it anew, then try again.")


def said(cause: Cause, values: dict[str, Any]) -> tuple[str, str]:
    """The sentence and the hint of a cause, in English."""
    sentence, hint = SENTENCES[cause]
    return sentence.format(**values), (hint or str(values.get("advice", ""))).format(**values)


def cause_of(stage: Stage, reason: str) -> Cause:
    """The cause that a ledger row stands for, its access and the search aside."""
    if stage is Stage.FAILED:
        return Cause.FAILED
    if stage is Stage.SKIPPED:
        return Cause.NO_TEXT if reason.startswith(("no text", "empty")) else Cause.SKIPPED
    if stage in {Stage.INDEXED, Stage.EMBEDDED}:
        return Cause.PARTLY if without_hold(reason) else Cause.FOUND
    return Cause.PENDING
