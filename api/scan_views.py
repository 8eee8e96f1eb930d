"""A scanned page for people: the picture with boxes over what is marked, and its text beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from api.page_text import Json
from api.pages import Pages

_AROUND = 4  # pixels that a box is larger than its word


def scan_page(pages: Pages, found: Json, passage: int | None, *, query: str = "", asker: str = "") -> str:
    """The page of a scanned page.

    :param found: as `api.scans.Scans.page` gives it.
    :param passage: the ordinal of the passage in view.
    """
    numbers: Sequence[int] = found["pages"]
    place = numbers.index(found["page"])
    words = found["words"]
    return pages.render(
        "scan.html",
        asker,
        scan=found,
        title=str(found["title"]).strip(),
        before=numbers[place - 1] if place else None,
        after=numbers[place + 1] if place + 1 < len(numbers) else None,
        boxes=_boxes(words),
        paragraphs=_paragraphs(words, pages.words.term("uncertain")),
        found=sum(word["found"] for word in words),
        unsure=sum(word["unsure"] for word in words),
        passage=passage,
        query=query,
    )


def _boxes(words: Sequence[Json]) -> list[dict[str, Any]]:
    """What is drawn over the picture, the first thing to look at called so."""
    shown = [(word, kind) for kind in ("view", "found") for word in words if word[kind]]
    first = next((word for word in words if word["found"]), shown[0][0] if shown else None)
    made = []
    for word, kind in shown:
        left, top, width, height = word["box"]
        made.append(
            {
                "kind": kind,
                "first": word is first and (kind == "found" or not word["found"]),
                "left": left - _AROUND,
                "top": top - _AROUND,
                "width": width + 2 * _AROUND,
                "height": height + 2 * _AROUND,
            }
        )
    return made


def _paragraphs(words: Sequence[Json], unsure: str) -> list[Markup]:
    """The text, what was found in marks and what is uncertain underlined."""
    texts: list[list[Markup]] = []
    for word in words:
        before = str(word["before"])
        if not texts or "\n\n" in before:
            texts.append([])
        elif before:
            texts[-1].append(escape(before))
        texts[-1].append(_word(word, unsure))
    return [Markup("").join(pieces) for pieces in texts]


def _word(word: Mapping[str, Any], unsure: str) -> Markup:
    html = escape(str(word["text"]))
    if word["unsure"]:
        html = Markup('<span class="unsure">{}<span class="hidden"> ({})</span></span>').format(html, unsure)
    return Markup("<mark>{}</mark>").format(html) if word["found"] else html
