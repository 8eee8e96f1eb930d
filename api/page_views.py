"""From JSON to what a template needs, with every value there: nothing of it is looked up or decided here."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from api.page_links import Links
from api.page_text import Json, excerpt, type_name
from api.wording import Wording, msg
from memory.domain import Formality
from memory.media_types import MESSAGES

TERMS = (
    # roles, memory/domain.py
    *(msg("author"), msg("editor"), msg("sender"), msg("recipient"), msg("commenter"), msg("approver")),
    *(msg("signatory"), msg("owner"), msg("mentioned")),
    # how official a document is
    *(msg("contract"), msg("policy"), msg("page"), msg("message"), msg("post"), msg("document")),
    # stages of the ledger
    *(
        msg("seen"),
        msg("fetched"),
        msg("parsed"),
        msg("indexed"),
        msg("embedded"),
        msg("skipped"),
        msg("failed"),
    ),
    # states of a source
    *(
        msg("new"),
        msg("ready"),
        msg("syncing"),
        msg("queued"),
        msg("paused"),
        msg("held"),
        msg("stopped"),
        msg("removing"),
        msg("unknown"),
    ),
    # the legs of a search
    *(msg("words"), msg("meaning")),
    # what a word on a scanned page may be
    msg("uncertain"),
    # where a person was read
    *(msg("by-line"), msg("document properties"), msg("directory"), msg("signature block"), msg("header")),
)
"""Words of ours that come as data: templates show them through the filter ``term``."""

LAST_PAGE = 100
"""The last page of results that is offered: who has read a thousand asks anew."""

_FACETS = {
    "source": msg("Source"),
    "type": msg("Type"),
    "language": msg("Language"),
    "author": msg("Author"),
    "year": msg("Year"),
}
_FILTERS = {
    "-": msg("without"),
    "lang": msg("Language"),
    "after": msg("after"),
    "before": msg("before"),
    **_FACETS,
}
_ROLES_FIRST = ("signatory", "approver", "author", "owner", "editor", "sender", "commenter")


def person_view(person: Json) -> dict[str, Any]:
    """A person as the templates show one."""
    return {
        "id": str(person.get("id") or ""),
        "name": str(person.get("name") or "").strip() or msg("Unnamed"),
        "role": str(person.get("role") or ""),
        "at": person.get("at"),
        "evidence": str(person.get("evidence") or ""),
    }


def people_view(people: Sequence[Json]) -> list[dict[str, Any]]:
    """People with those who answer for the text first, each person once per role."""
    known = {(person["id"], person["name"], person["role"]): person for person in map(person_view, people)}
    order = {role: place for place, role in enumerate(_ROLES_FIRST)}
    return sorted(known.values(), key=lambda person: order.get(person["role"], len(order)))


def facts_view(document: Json) -> dict[str, Any]:
    """What results and document pages say about a document, nothing missing."""
    names = ("url", "source", "type", "media_type", "language", "created", "modified", "ref", "version")
    formality = str(document.get("formality") or "")
    return {name: document.get(name) or "" for name in names} | {
        "title": str(document.get("title") or "").strip() or msg("Untitled"),
        "formality": formality,
        "official": formality if formality in set(Formality) else "other",
    }


def _result(result: Json, query: str, links: Links, words: Wording) -> dict[str, Any]:
    identity, found = str(result["document"]), result.get("passages") or ()
    passages: list[dict[str, Any]] = [
        {
            "html": excerpt(passage["text"], passage.get("highlights") or ()),
            "place": words.place(passage.get("location") or {}),
            "url": links.passage(identity, passage, query),
            "by": people_view(passage.get("people") or ()),
        }
        for passage in found
    ]
    wrote = {person["id"] for person in passages[0]["by"]} if passages else set()
    # Who wrote what was found goes before who began the thread.
    people = sorted(people_view(result.get("people") or ()), key=lambda person: person["id"] not in wrote)
    return facts_view(result) | {
        "link": passages[0]["url"] if passages else links.document(identity, query=query),
        "address": links.document(identity, query=query),
        "thread": links.thread(identity, next((each["ordinal"] for each in found), None), query)
        if result.get("media_type") in MESSAGES
        else "",
        "people": people,
        "passages": passages,
        "score": result.get("score"),
        "explain": result.get("explain") or [],
        "versions": [
            {**version, "link": links.document(version["document"], query=query)}
            | {"compare": links.compare(identity, version["document"])}
            for version in result.get("versions") or ()
        ],
    }


def _facet(name: str, values: Sequence[Json], filters: Sequence[Json], words: Wording) -> dict[str, Any]:
    """One facet; a value that is filtered by already leads to the search without it."""
    without = {str(each["label"]).replace('"', "").casefold(): each["query"] for each in filters}
    choices = []
    for value in values:
        label = str(value.get("label") or value["value"])
        names = [f"{name}: {text}".casefold() for text in (value["value"], label)]
        active = next((without[each] for each in names if each in without), None)
        shown = words.language_name(str(value["value"])) if name == "language" else label
        choices.append(
            {
                "label": type_name(label) if name == "type" else shown,
                "count": value["count"],
                "active": active is not None,
                "query": value["query"] if active is None else active,
            }
        )
    return {"name": name, "label": words.term(_FACETS[name]), "choices": choices}


def numbers(page: int, pages: int) -> list[int | None]:
    """The pages to offer: the ends and those around, with ``None`` for a gap."""
    near = sorted({1, pages, *range(max(1, page - 2), min(pages, page + 2) + 1)})
    offered: list[int | None] = [near[0]]
    for before, after in pairwise(near):
        offered += [after] if after == before + 1 else [None, after]
    return offered


def answer_view(answer: Json, links: Links, words: Wording) -> dict[str, Any]:
    """An answer as the templates show it."""
    query, filters = str(answer["query"]), answer.get("filters") or ()
    facets = answer.get("facets") or {}
    pages = min(max(1, int(answer.get("pages") or 1)), LAST_PAGE)
    page = min(max(1, int(answer.get("page") or 1)), pages)
    return {
        "query": query,
        "total": answer["total"],
        "exact": answer.get("total_is_exact", True),
        "counted": bool(answer.get("counted")),
        "took": words.number(round(answer.get("took_ms") or 0)),
        "page": page,
        "pages": pages,
        "numbers": numbers(page, pages),
        "results": [_result(result, query, links, words) for result in answer.get("results") or ()],
        "facets": [_facet(name, facets[name], filters, words) for name in _FACETS if facets.get(name)],
        "filters": [_filter(each, words) for each in filters],
        "folded": int(answer.get("folded") or 0),
        "notes": [words.said(str(note)) for note in answer.get("notes") or ()],
    }


def _filter(each: Json, words: Wording) -> dict[str, str]:
    """An active filter as a chip says it."""
    field, value = str(each.get("field") or ""), str(each.get("value") or "")
    shown = words.language_name(value) if field == "lang" else value
    label = f"{words.term(_FILTERS[field])}: {shown}" if field in _FILTERS else str(each["label"])
    return {"label": label, "query": str(each["query"])}


_CONTEXT = 2
"""Unchanged paragraphs shown around a change."""


def comparison_view(found: Json) -> dict[str, Any]:
    """Two versions against each other: changes with what stands around them, the rest folded."""
    blocks = found["blocks"]
    near = {
        at + by
        for at, block in enumerate(blocks)
        if block["changed"]
        for by in range(-_CONTEXT, _CONTEXT + 1)
    }
    groups: list[dict[str, Any]] = []
    for at, block in enumerate(blocks):
        shown = at in near
        if not groups or groups[-1]["shown"] != shown:
            groups.append({"shown": shown, "blocks": []})
        groups[-1]["blocks"].append(block)
    changes = sum(1 for block in blocks if block["changed"])
    return {"older": found["older"], "newer": found["newer"], "groups": groups, "changes": changes}


def state_view(ready: Json | None) -> dict[str, Any]:
    """How far the memory can be searched, as the templates say it."""
    known = ready or {}
    return {
        "words": bool(known.get("words", True)),
        "percent": int(known.get("percent", 100)),
    }
