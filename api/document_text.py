"""The whole text of a document, laid out from its passages."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from api.page_text import Json, Spans, marked
from api.wording import Wording, msg

_MARKS = {"page": msg("Page"), "slide": msg("Slide"), "sheet": msg("Sheet")}


def stretches(passages: Sequence[Json], at: int | None) -> list[tuple[Json, int, int]]:
    """Each passage with the part of it to show: what overlaps is shown once, the one in view whole."""
    laid: list[tuple[Json, int, int]] = []
    shown = 0
    for passage in sorted(passages, key=lambda each: int(each["ordinal"])):
        start = int((passage.get("location") or {}).get("start", shown))
        if passage["ordinal"] == at:
            while laid and start < shown:
                before, low, high = laid[-1]
                cut = max(low, min(high, high - (shown - start)))
                shown -= high - cut
                laid[-1] = (before, low, cut)
                if cut > low:
                    break
                laid.pop()
        low = min(max(0, shown - start), len(passage["text"]))
        laid.append((passage, low, len(passage["text"])))
        shown = max(shown, start + len(passage["text"]))
    return laid


class DocumentText:
    """Gathers passages into blocks: headings, marks of pages, and paragraphs that run over passages."""

    def __init__(self, highlights: Mapping[int, Spans], at: int | None, words: Wording) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.outline: list[dict[str, Any]] = []
        self._highlights, self._at, self._words = highlights, at, words
        self._path: tuple[str, ...] = ()
        self._mark, self._end, self._tail = "", 0, ""
        self._message = ""

    def add(self, passage: Json, low: int, high: int) -> None:
        """Show ``passage["text"][low:high]`` after what is there already."""
        text, ordinal, location = str(passage["text"]), int(passage["ordinal"]), passage.get("location") or {}
        spans = self._highlights.get(ordinal, ())
        fresh = self._marks(location) | self._byline(location, str(passage.get("byline") or ""))
        path = tuple(str(heading) for heading in location.get("heading") or ())
        if path != self._path:
            fresh, low = True, self._headings(path, text, spans, low)
        glue = None if fresh else self._glue(int(location.get("start", self._end)) + low, text[low : low + 1])
        anchor: int | None = ordinal
        for start, end in self._paragraphs(text, low, high):
            html = marked(text, spans, start, end)
            if anchor is not None and glue is not None and "\n\n" not in text[low:start]:
                self._run(anchor, ordinal, escape(glue or "\n"[: start - low]) + html)
            else:
                self.blocks.append({"kind": "text", "runs": []})
                self._run(anchor, ordinal, html)
            anchor = None
        if anchor is not None:  # nothing of it is left to show, but links to it must arrive
            if not self.blocks or self.blocks[-1]["kind"] != "text":
                self.blocks.append({"kind": "text", "runs": []})
            self._run(anchor, ordinal, Markup())
        if high > low:
            self._end, self._tail = int(location.get("start", self._end)) + high, text[low:high][-2:]

    def _run(self, anchor: int | None, ordinal: int, html: Markup) -> None:
        self.blocks[-1]["runs"].append({"anchor": anchor, "in_view": ordinal == self._at, "html": html})

    def _glue(self, start: int, first: str) -> str | None:
        """What stands between the paragraph before and text from `start` on; ``None`` begins a new one."""
        if not self.blocks or self.blocks[-1]["kind"] != "text" or self._tail == "\n\n":
            return None
        if start <= self._end:
            return "\n" if self._tail.endswith("\n") else ""
        return " " if start == self._end + 1 and first.islower() else None

    @staticmethod
    def _paragraphs(text: str, low: int, high: int) -> list[tuple[int, int]]:
        """Spans of the paragraphs in ``text[low:high]``, without the blank lines between them."""
        spans, cursor = [], low
        for piece in text[low:high].split("\n\n"):
            if inner := piece.strip("\n"):
                start = cursor + piece.index(inner)
                if inner.strip() or "\n" not in text[low:high]:
                    spans.append((start, start + len(inner)))
            cursor += len(piece) + 2
        return spans

    def _marks(self, location: Json) -> bool:
        named = [
            f"{self._words.term(word)} {location[name]}"
            for name, word in _MARKS.items()
            if location.get(name)
        ]
        mark = " · ".join(named)
        if not mark or mark == self._mark:
            return False
        self._mark = mark
        scan = location.get("page") if location.get("scanned") else None
        self.blocks.append({"kind": "mark", "label": mark, "scan": scan})
        if "slide" in location or "sheet" in location:
            self.outline.append({"id": f"m{len(self.blocks)}", "depth": 1, "label": mark})
            self.blocks[-1]["id"] = self.outline[-1]["id"]
        return True

    def _byline(self, location: Json, byline: str) -> bool:
        """Open a message of a thread; the same writer's next one is another."""
        message = str(location.get("message") or "")
        if not byline or message == self._message:
            return False
        self._message = message
        self.blocks.append({"kind": "mark", "label": byline})
        return True

    def _headings(self, path: tuple[str, ...], text: str, spans: Spans, low: int) -> int:
        """Open the headings of `path` that are not open; gives where the text goes on after them."""
        common = 0
        while common < min(len(path), len(self._path)) and path[common] == self._path[common]:
            common += 1
        for depth, heading in enumerate(path[common:], start=common + 1):
            html, label = escape(heading), heading
            at = low + len(text[low:]) - len(text[low:].lstrip())
            if heading and text.startswith(heading, at) and text[at + len(heading) :][:1] in {"", "\n"}:
                html, low = marked(text, spans, at, at + len(heading)), at + len(heading)
            self.outline.append({"id": f"h{len(self.blocks)}", "depth": min(depth, 4), "label": label})
            self.blocks.append(
                {"kind": "heading", "level": min(depth + 1, 6), "html": html, "id": self.outline[-1]["id"]}
            )
        self._path = path
        return low
