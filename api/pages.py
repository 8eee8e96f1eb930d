"""The pages people see: plain JSON-like values in, one HTML text out.

Nothing is looked up here, nobody's rights are decided and no value is trusted: whatever was written in a
document, a name or an address reaches the browser as text. The pages work without JavaScript; htmx only
swaps what is inside ``#results`` instead of loading the page anew. They hold no inline script or style, so
that they can be served with a content security policy of ``default-src 'self'``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from memory.domain import Formality

Json = Mapping[str, Any]
"""A JSON object, as the search and the catalogue hand it out."""
Spans = Sequence[Sequence[int]]
"""Stretches of a text as ``[start, end]``, in characters."""

STATIC = Path(__file__).parent / "static"
"""The folder to be served under ``/static``."""

_TEMPLATES = Path(__file__).parent / "templates"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LANGUAGES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian",
    "nb": "Norwegian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip
_FACETS = ("source", "type", "language", "author", "year")
_EXCERPT = 380
_ROLES_FIRST = ("signatory", "approver", "author", "owner", "editor", "sender", "commenter")


# Text ------------------------------------------------------------------------------------------------------


def merged(spans: Spans, length: int) -> list[tuple[int, int]]:
    """The spans in order, cut to ``0..length``, overlapping ones joined and empty ones left out."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted((max(0, int(span[0])), min(length, int(span[1]))) for span in spans):
        if high <= low:
            continue
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


def marked(text: str, spans: Spans, start: int = 0, end: int | None = None) -> Markup:
    """``text[start:end]`` as safe HTML with the spans, which are offsets into `text`, in ``<mark>``."""
    end = len(text) if end is None else end
    pieces, cursor = [], start
    for low, high in merged([(max(start, int(span[0])), span[1]) for span in spans], end):
        pieces += [escape(text[cursor:low]), Markup("<mark>{}</mark>").format(text[low:high])]
        cursor = high
    return Markup("").join([*pieces, escape(text[cursor:end])])


def excerpt(text: str, spans: Spans, length: int = _EXCERPT) -> Markup:
    """The stretch of `text` that holds most highlights, cut between words, as safe HTML."""
    if len(text) <= length:
        return marked(text, spans)
    hits = merged(spans, len(text))
    starts = [max(0, low - length // 5) for low, _ in hits] or [0]
    start = max(starts, key=lambda at: (sum(at <= low and high <= at + length for low, high in hits), -at))
    start = min(start, len(text) - length)
    end = start + length
    if start and (blank := text.find(" ", start, start + 24)) >= 0:
        start = blank + 1
    if end < len(text) and (blank := text.rfind(" ", end - 24, end)) > start:
        end = blank
    lead, trail = "… " if start else "", " …" if end < len(text) else ""
    return Markup("{}{}{}").format(lead, marked(text, spans, start, end), trail)


def human_date(moment: str | None) -> str:
    """``12 Mar 2026`` for an ISO moment; what is no date comes back as it is."""
    if not moment:
        return ""
    try:
        day = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def human_time(moment: str | None) -> str:
    """``12 Mar 2026, 09:30`` for an ISO moment; what is no date comes back as it is."""
    date = human_date(moment)
    if not moment or date == moment:
        return date
    return f"{date}, {datetime.fromisoformat(moment):%H:%M}"


def number(count: int) -> str:
    """A count with separated thousands."""
    return f"{count:,}"


def counted(count: int, one: str, many: str = "") -> str:
    """``1 document``, ``12 documents``."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def language_name(code: str) -> str:
    """English name of a language; an unknown code stays as it is."""
    return _LANGUAGES.get(code.lower().partition("-")[0], code)


def type_name(kind: str) -> str:
    """A file type as people write it: short ones are abbreviations."""
    return kind.upper() if len(kind) <= 4 else kind.capitalize()


def web_link(url: str | None) -> str:
    """`url` where a browser may follow it: http and https only, otherwise ``""``."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return ""
    return (url or "") if parts.scheme in {"http", "https"} and parts.netloc else ""


def place(location: Json) -> str:
    """Where a passage stands, in words: its label, or one made from what is known."""
    if label := str(location.get("label") or "").strip():
        return label
    known = [
        f"{word} {value}" for word in ("page", "slide", "sheet") if (value := location.get(word)) is not None
    ]
    known[1:1] = list(location.get("heading") or ())[-1:]
    return " · ".join(known) or "text"


# Addresses -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of our pages.

    :param asker: in whose place the owner asks. Every address carries it as ``as``, for a link that
        lost it would show the owner's view under somebody else's name.
    """

    asker: str = ""

    def search(self, query: str = "", page: int = 1, explain: bool = False) -> str:
        """A search; what is empty, false or the first page is left out."""
        return self._address("/", q=query, page=str(page) if page > 1 else "", explain="1" if explain else "")

    def document(self, document: str, ordinal: int | None = None, query: str = "") -> str:
        """A document, opened at a passage where one is given."""
        passage = "" if ordinal is None else str(ordinal)
        address = self._address(f"/documents/{_segment(document)}", passage=passage, q=query)
        return address + (f"#p{passage}" if passage else "")

    def person(self, person: str) -> str:
        """A person's page."""
        return self._address(f"/people/{_segment(person)}")

    def original(self, document: str) -> str:
        """Where the original file is handed out."""
        return self._address(f"/api/documents/{_segment(document)}/original")

    def _address(self, path: str, **pairs: str) -> str:
        kept = {name: value for name, value in {**pairs, "as": self.asker}.items() if value}
        return path + (f"?{urlencode(kept, errors='replace')}" if kept else "")


def _segment(text: str) -> str:
    return quote(text, safe="", errors="replace")


@cache
def static_url(name: str) -> str:
    """The address of a static file, with a mark of its content so that browsers may keep it."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"


# Views: the values a template needs, all of them there ------------------------------------------------------


def _person(person: Json) -> dict[str, Any]:
    return {
        "id": str(person.get("id") or ""),
        "name": str(person.get("name") or "").strip() or "Unnamed",
        "role": str(person.get("role") or ""),
        "at": person.get("at"),
        "evidence": str(person.get("evidence") or ""),
    }


def _people(people: Sequence[Json]) -> list[dict[str, Any]]:
    """People with those who answer for the text first, each person once per role."""
    known = {(person["id"], person["name"], person["role"]): person for person in map(_person, people)}
    order = {role: place for place, role in enumerate(_ROLES_FIRST)}
    return sorted(known.values(), key=lambda person: order.get(person["role"], len(order)))


def _facts(document: Json) -> dict[str, Any]:
    """What results and document pages say about a document, nothing missing."""
    names = ("url", "source", "type", "media_type", "language", "created", "modified", "ref", "version")
    formality = str(document.get("formality") or "")
    return {name: document.get(name) or "" for name in names} | {
        "title": str(document.get("title") or "").strip() or "Untitled",
        "formality": formality,
        "official": formality if formality in set(Formality) else "other",
    }


def _result(result: Json, query: str, links: Links) -> dict[str, Any]:
    identity = str(result["document"])
    passages = [
        {
            "html": excerpt(passage["text"], passage.get("highlights") or ()),
            "place": place(passage.get("location") or {}),
            "url": links.document(identity, passage["ordinal"], query),
        }
        for passage in result.get("passages") or ()
    ]
    return _facts(result) | {
        "link": passages[0]["url"] if passages else links.document(identity, query=query),
        "address": links.document(identity, query=query),
        "people": _people(result.get("people") or ()),
        "passages": passages,
        "score": result.get("score"),
        "explain": result.get("explain") or [],
    }


def _facet(name: str, values: Sequence[Json], filters: Sequence[Json]) -> dict[str, Any]:
    """One facet; a value that is filtered by already leads to the search without it."""
    without = {str(each["label"]).replace('"', "").casefold(): each["query"] for each in filters}
    choices = []
    for value in values:
        label = str(value.get("label") or value["value"])
        names = [f"{name}: {text}".casefold() for text in (value["value"], label)]
        active = next((without[each] for each in names if each in without), None)
        shown = {"type": type_name, "language": language_name}.get(name, str)(label)
        choices.append(
            {
                "label": shown,
                "count": value["count"],
                "active": active is not None,
                "query": value["query"] if active is None else active,
            }
        )
    return {"name": name, "label": name.capitalize(), "choices": choices}


def _numbers(page: int, pages: int) -> list[int | None]:
    """The pages to offer: the ends and those around, with ``None`` for a gap."""
    near = sorted({1, pages, *range(max(1, page - 2), min(pages, page + 2) + 1)})
    offered: list[int | None] = [near[0]]
    for before, after in pairwise(near):
        offered += [after] if after == before + 1 else [None, after]
    return offered


def _answer(answer: Json, links: Links) -> dict[str, Any]:
    query, filters = str(answer["query"]), answer.get("filters") or ()
    facets = answer.get("facets") or {}
    pages = max(1, int(answer.get("pages") or 1))
    page = min(max(1, int(answer.get("page") or 1)), pages)
    return {
        "query": query,
        "total": answer["total"],
        "exact": answer.get("total_is_exact", True),
        "took": f"{answer.get('took_ms') or 0:,.0f} ms",
        "page": page,
        "pages": pages,
        "numbers": _numbers(page, pages),
        "results": [_result(result, query, links) for result in answer.get("results") or ()],
        "facets": [_facet(name, facets[name], filters) for name in _FACETS if facets.get(name)],
        "filters": filters,
    }


def _state(ready: Json | None) -> dict[str, Any]:
    known = ready or {}
    return {
        "words": bool(known.get("words", True)),
        "passages": int(known.get("passages") or 0),
        "embedded": int(known.get("embedded") or 0),
    }


# The canonical text of a document, from its passages --------------------------------------------------------


def _stretches(passages: Sequence[Json], at: int | None) -> list[tuple[Json, int, int]]:
    """Each passage with the part of it to show: what overlaps is shown once, the one in view whole."""
    stretches: list[tuple[Json, int, int]] = []
    shown = 0
    for passage in sorted(passages, key=lambda each: int(each["ordinal"])):
        start = int((passage.get("location") or {}).get("start", shown))
        if passage["ordinal"] == at:
            while stretches and start < shown:
                before, low, high = stretches[-1]
                cut = max(low, min(high, high - (shown - start)))
                shown -= high - cut
                stretches[-1] = (before, low, cut)
                if cut > low:
                    break
                stretches.pop()
        low = min(max(0, shown - start), len(passage["text"]))
        stretches.append((passage, low, len(passage["text"])))
        shown = max(shown, start + len(passage["text"]))
    return stretches


class _Text:
    """Gathers passages into blocks: headings, marks of pages, and paragraphs that run over passages."""

    def __init__(self, highlights: Mapping[int, Spans], at: int | None) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.outline: list[dict[str, Any]] = []
        self._highlights, self._at = highlights, at
        self._path: tuple[str, ...] = ()
        self._mark, self._end, self._tail = "", 0, ""

    def add(self, passage: Json, low: int, high: int) -> None:
        """Show ``passage["text"][low:high]`` after what is there already."""
        text, ordinal, location = str(passage["text"]), int(passage["ordinal"]), passage.get("location") or {}
        spans = self._highlights.get(ordinal, ())
        fresh = self._marks(location)
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
            f"{word.capitalize()} {location[word]}"
            for word in ("page", "slide", "sheet")
            if location.get(word)
        ]
        mark = " · ".join(named)
        if not mark or mark == self._mark:
            return False
        self._mark = mark
        self.blocks.append({"kind": "mark", "label": mark})
        if "slide" in location or "sheet" in location:
            self.outline.append({"id": f"m{len(self.blocks)}", "depth": 1, "label": mark})
            self.blocks[-1]["id"] = self.outline[-1]["id"]
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


# Pages -----------------------------------------------------------------------------------------------------


class Pages:
    """Renders every page. One instance serves all requests; it keeps nothing between them.

    :param asker: everywhere, in whose place the owner asks, as it came in ``as``; ``""`` for nobody's. It is
        shown, and kept in every link.
    """

    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(static_url=static_url, own_links=Links())
        filters = (human_date, human_time, number, counted, language_name, type_name, web_link)
        self._templates.filters.update({function.__name__: function for function in filters})

    def _render(self, template: str, asker: str, **values: Any) -> str:
        known = {"query": "", "asker": asker, "here": "", "fragment": False, "links": Links(asker)}
        html = self._templates.get_template(template).render(known | values)
        return html.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be sent

    def search_page(
        self,
        query: str,
        answer: Json | None,
        asker: str = "",
        ready: Json | None = None,
        *,
        explain: bool = False,
        problem: Json | None = None,
    ) -> str:
        """The search page.

        :param query: what was typed.
        :param answer: the answer to it, or ``None`` where nothing was asked.
        :param ready: how far the memory is, where there is no answer that says so.
        :param explain: whether the answer explains its ranking.
        :param problem: ``title``, ``detail`` and ``hint`` of what went wrong instead of an answer.
        """
        values = self._search(query, answer, asker, ready, explain, problem)
        return self._render("search.html", asker, **values)

    def results_fragment(
        self,
        query: str,
        answer: Json | None,
        ready: Json | None = None,
        *,
        asker: str = "",
        explain: bool = False,
        problem: Json | None = None,
    ) -> str:
        """What htmx puts into ``#results``; the parameters are those of `search_page`."""
        values = self._search(query, answer, asker, ready, explain, problem)
        return self._render("_results.html", asker, fragment=True, **values)

    @staticmethod
    def _search(
        query: str,
        answer: Json | None,
        asker: str,
        ready: Json | None,
        explain: bool,
        problem: Json | None,
    ) -> dict[str, Any]:
        return {
            "query": query,
            "answer": _answer(answer, Links(asker)) if answer and not problem else None,
            "state": _state((answer or {}).get("ready") or ready),
            "explain": explain,
            "problem": {"title": "", "detail": "", "hint": ""} | dict(problem) if problem else None,
        }

    def document_page(
        self,
        document: Json,
        passages: Sequence[Json],
        people: Sequence[Json],
        highlights: Mapping[int, Spans] | None = None,
        at: int | None = None,
        *,
        query: str = "",
        asker: str = "",
    ) -> str:
        """A document with its whole text.

        :param passages: all of its passages; overlapping text is shown once.
        :param highlights: by a passage's ordinal, what to mark in its text.
        :param at: the ordinal of the passage in view.
        :param query: the search the reader came from.
        """
        text = _Text(highlights or {}, at)
        for stretch in _stretches(passages, at):
            text.add(*stretch)
        facts = _facts(document) | {"id": str(document["id"]), "length": document.get("text_length") or 0}
        return self._render(
            "document.html",
            asker,
            document=facts,
            people=_people(people),
            blocks=text.blocks,
            outline=text.outline,
            query=query,
            at=at,
        )

    def person_page(self, person: Json, *, asker: str = "") -> str:
        """A person: names and addresses, roles, and the documents the asker may see."""
        documents = [
            _facts(each)
            | {"id": str(each["document"]), "role": str(each.get("role") or ""), "at": each.get("at")}
            for each in person.get("documents") or ()
        ]
        identities = [
            {name: str(each.get(name) or "") for name in ("name", "address", "account")}
            for each in person.get("identities") or ()
        ]
        return self._render(
            "person.html",
            asker,
            person=_person(person),
            identities=identities,
            roles=sorted((person.get("roles") or {}).items(), key=lambda role: (-role[1], role[0])),
            documents=documents,
        )

    def sources_page(
        self,
        sources: Sequence[Json],
        ledger: Sequence[Json] = (),
        *,
        ledger_total: int | None = None,
        asker: str = "",
    ) -> str:
        """The sources, and what was skipped or failed and why.

        :param ledger_total: how many rows there are where `ledger` holds the first of them.
        """
        rows = [
            {
                name: each.get(name) or ""
                for name in ("name", "kind", "location", "state", "paused", "last_sync")
            }
            | {"counts": {"indexed": 0, "skipped": 0, "failed": 0} | dict(each.get("counts") or {})}
            for each in sources
        ]
        entries = [
            {name: each.get(name) or "" for name in ("ref", "stage", "reason", "at")} for each in ledger
        ]
        total = len(entries) if ledger_total is None else ledger_total
        return self._render(
            "sources.html", asker, sources=rows, ledger=entries, ledger_total=total, here="sources"
        )

    def error_page(
        self, status: int, title: str, detail: str = "", hint: str = "", *, asker: str = ""
    ) -> str:
        """What went wrong, and what to do about it."""
        return self._render("error.html", asker, status=status, title=title, detail=detail, hint=hint)
