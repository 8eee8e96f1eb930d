"""Asking Tesseract for the words on a picture.

The program is given a picture on its standard input and answers with a table (``tsv``, see
https://tesseract-ocr.github.io/tessdoc/Command-Line-Usage.html). It runs beneath a parser worker and so has its limits.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.parsers.typed import clean
from memory.errors import InvalidSettings, ParseError
from memory.scanned import MAX_WORDS, Word

USUAL = ("deu", "fra", "dan", "eng")
"""English last: what comes first decides between letters that look alike, and English has no umlauts and accents. The languages that are taken as far as they are installed, unless the settings name others."""

INSTALL = "On Debian: apt-get install tesseract-ocr tesseract-ocr-deu tesseract-ocr-fra tesseract-ocr-dan."

_COLUMNS = 12
_A_WORD = "5"  # the level of a row; what stands above it is pages, blocks, paragraphs and lines
_LIST_S = 20


@dataclass(frozen=True, slots=True)
class Tesseract:
    """An installed Tesseract.

    :param path: the program.
    :param languages: what it is to read, by its own names for languages (``deu``).
    """

    path: str
    languages: tuple[str, ...]


def find(command: str, languages: Sequence[str]) -> Tesseract | None:
    """Tesseract as it is installed here; None where it is not.

    :param command: its name or path.
    :param languages: what to read; empty: those of `USUAL` that are installed.
    :raises InvalidSettings: where a language is asked for that is not installed.
    """
    path = shutil.which(command)
    if path is None:
        return None
    installed = _installed(path)
    if missing := [name for name in languages if name not in installed]:
        raise InvalidSettings(
            f"Tesseract has no language {', '.join(missing)}.",
            hint=f"It has {', '.join(installed)}; set MNEME_OCR__LANGUAGES to these, or install the others.",
        )
    wanted = tuple(languages) or tuple(name for name in USUAL if name in installed)
    return Tesseract(path, wanted) if wanted else None


def _installed(path: str) -> list[str]:
    try:
        told = subprocess.run(  # noqa: S603 - the program that the settings name
            [path, "--list-langs"], capture_output=True, timeout=_LIST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = told.stdout.decode("utf-8", "replace").splitlines()[1:]
    return sorted(line.strip() for line in lines if line.strip() not in ("", "osd"))


def recognise(picture: bytes, engine: Tesseract, *, dpi: int, timeout_s: float) -> tuple[Word, ...]:
    """The words on a picture, in reading order.

    :param picture: in a format that Leptonica reads, such as PGM.
    :param dpi: its resolution, 0 where that is not known.
    :raises ParseError: where Tesseract fails or takes longer.
    """
    resolution = ["--dpi", str(dpi)] if dpi else []
    languages = "+".join(engine.languages)
    try:
        answer = subprocess.run(  # noqa: S603 - the program that the settings name
            [engine.path, "-", "-", "-l", languages, *resolution, "tsv"],
            input=picture,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ParseError(f"recognising it took longer than {round(timeout_s)} s") from error
    except OSError as error:
        raise ParseError(f"Tesseract cannot be started: {error.strerror}") from error
    if answer.returncode:
        said = clean(answer.stderr.decode("utf-8", "replace")).splitlines()
        raise ParseError(f"Tesseract failed: {said[-1][:200] if said else answer.returncode}")
    return words_of(answer.stdout.decode("utf-8", "replace"))


def words_of(table: str) -> tuple[Word, ...]:
    """The words of Tesseract's table, their lines and paragraphs counted through the page."""
    rows = [row for row in (line.split("\t") for line in table.splitlines()) if len(row) == _COLUMNS]
    rows = [row for row in rows if row[0] == _A_WORD and clean(row[-1])][:MAX_WORDS]
    lines = _counted([row[1:5] for row in rows])
    paragraphs = _counted([row[1:4] for row in rows])
    return tuple(
        Word(
            clean(row[-1]),
            max(0, min(100, round(float(row[10])))),
            (int(row[6]), int(row[7]), int(row[8]), int(row[9])),
            line,
            paragraph,
        )
        for row, line, paragraph in zip(rows, lines, paragraphs, strict=True)
    )


def _counted(places: Sequence[Sequence[str]]) -> list[int]:
    """A number for each run of equal places."""
    numbers = [0] * min(1, len(places))
    for before, place in pairwise(places):
        numbers.append(numbers[-1] + (place != before))
    return numbers
