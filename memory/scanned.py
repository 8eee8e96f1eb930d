"""What was recognised on a page that is a picture: its words, where they stand, how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from memory.errors import InvalidInput

MAX_WORDS = 20_000
"""Words on one page; a newspaper's has a tenth of it."""

UNSURE = 60
"""Words of a lower confidence are marked as uncertain wherever they are shown."""

Box = tuple[int, int, int, int]
"""Left, top, width and height, in pixels of the picture that was read."""

Span = tuple[int, int]
"""Start and end of a word, as offsets in characters into the document's canonical text."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it stands on the page.

    :param confidence: from 0 to 100, as Tesseract gives it.
    :param line, paragraph: which of the page's lines and paragraphs it belongs to, from 0.
    """

    text: str
    confidence: int
    box: Box
    line: int = 0
    paragraph: int = 0


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """A page that was read as a picture.

    :param width, height: of that picture, in pixels.
    :param words: in reading order; none where it shows no text.
    :param problem: why it could not be read; ``""`` where it was.
    """

    width: int
    height: int
    words: tuple[Word, ...] = field(default=())
    problem: str = ""

    @property
    def confidence(self) -> int:
        """The mean of its words' confidences, 0 where it has none."""
        return round(sum(word.confidence for word in self.words) / len(self.words)) if self.words else 0

    def to_json(self) -> dict[str, Any]:
        """As JSON values, one list for each property of the words: what is alike lies together and packs well."""
        return {
            "size": [self.width, self.height],
            "problem": self.problem,
            "text": [word.text for word in self.words],
            "confidence": [word.confidence for word in self.words],
            "line": [word.line for word in self.words],
            "paragraph": [word.paragraph for word in self.words],
            **{side: [word.box[at] for word in self.words] for at, side in enumerate(_SIDES)},
        }

    @classmethod
    def from_json(cls, known: Mapping[str, Any]) -> Self:
        """Read back what `to_json` gave.

        :raises InvalidInput: where it is something else.
        """
        try:
            width, height = (_whole(side) for side in known["size"])
            columns = [known[name] for name in ("text", "confidence", *_SIDES, "line", "paragraph")]
            if any(not isinstance(column, list) or len(column) > MAX_WORDS for column in columns):
                raise TypeError
            words = tuple(_word(*values) for values in zip(*columns, strict=True))
            return cls(width, height, words, _text(known["problem"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput("This is no recognised page.") from error


_SIDES = ("left", "top", "width", "height")
_MOST = 1 << 20


def _word(text: Any, confidence: Any, *numbers: Any) -> Word:
    left, top, width, height, line, paragraph = map(_whole, numbers)
    return Word(_text(text), min(_whole(confidence), 100), (left, top, width, height), line, paragraph)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
