"""The pages of a memory's upkeep: sources, ledger, and why a document is not found."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.causes import RULES, SENTENCES, Cause
from api.page_links import Links
from api.page_text import Json
from api.page_views import numbers
from api.pages import Pages
from api.wording import Wording, msg
from memory.catalogue.ledger import Wanted
from memory.domain import Stage

LEDGER_PAGE = 50
"""Rows of the ledger on a page."""

INTERVALS = (
    (None, msg("not by the clock")),
    (15, msg("every 15 minutes")),
    (60, msg("every hour")),
    (360, msg("every 6 hours")),
    (1440, msg("every day")),
    (10080, msg("every week")),
)
"""What the sources page offers, in minutes."""


def sources_page(pages: Pages, sources: Sequence[Json], job: Json, *, fragment: bool = False) -> str:
    """The sources with their state, and how far a running sync is.

    :param job: the running sync or the last one, or ``{"state": "none"}``.
    :param fragment: only what changes while a sync runs.
    """
    template = "_sources.html" if fragment else "sources.html"
    running = job["state"] == "running"
    shown = [{**source, "intervals": _intervals(source["every_minutes"])} for source in sources]
    return pages.render(template, "", sources=shown, job=job, running=running, here="sources")


def ledger_page(
    pages: Pages, rows: Sequence[Json], total: int, wanted: Wanted, page: int, sources: Sequence[str]
) -> str:
    """The ledger, newest first."""
    last = max(1, -(-total // LEDGER_PAGE))
    values = {
        "rows": rows,
        "total": total,
        "wanted": {
            "source": wanted.source,
            "stages": [each.value for each in wanted.stages],
            "text": wanted.text,
        },
        "page": page,
        "pages": last,
        "numbers": numbers(page, last),
        "names": sources,
        "stages": [stage.value for stage in Stage],
        "retry": any(row["stage"] in {"failed", "skipped"} for row in rows),
    }
    return pages.render("ledger.html", "", here="ledger", **values)


def why_page(
    pages: Pages,
    asked: Mapping[str, str],
    found: Sequence[Json],
    problem: Json | None = None,
    asker: str = "",
) -> str:
    """Why a document is found or not.

    :param asked: what was typed: ``q``, ``query`` and ``for``.
    :param problem: ``title``, ``detail`` and ``hint`` of what went wrong instead.
    """
    answers = [why_view(each, pages.words, Links(asker)) for each in found]
    values = {"asked": dict(asked), "answers": answers, "problem": problem and dict(problem)}
    return pages.render("why.html", asker, here="why", **values)


def why_view(told: Json, words: Wording, links: Links) -> dict[str, Any]:
    """One document's cause in the reader's language."""
    shown = {name: _listed(value, words) for name, value in told.items()}
    shown["stage"] = words.term(str(told.get("stage") or ""))
    shown["reason"] = words.said(str(told.get("reason") or ""))
    if rule := told.get("rule_name"):
        shown["rule"] = words.term(RULES[rule]).format(pattern=told["pattern"])
    sentence, hint = SENTENCES[Cause(told["cause"])]
    hint = hint or str(told.get("advice") or "")
    names = (
        "ref",
        "cause",
        "title",
        "passages",
        "trace",
        "at",
        "grant",
        "deny",
        "document",
        "stage",
        "reason",
    )
    return {name: told.get(name) for name in names} | {
        "reason": shown["reason"],
        "stage": shown["stage"],
        "said": words.term(sentence).format(**shown),
        "hint": words.term(hint).format(**shown),
        "link": links.document(str(told["document"])) if told.get("passages") else "",
        "good": told["cause"] in {Cause.FOUND, Cause.RANKED},
    }


def _listed(value: Any, words: Wording) -> Any:
    return (", ".join(map(str, value)) or words.term(msg("nobody"))) if isinstance(value, list) else value


def _intervals(every: int | None) -> list[dict[str, Any]]:
    """The intervals to choose from; another one that is set stands among them."""
    known = [{"minutes": minutes, "label": label, "on": minutes == every} for minutes, label in INTERVALS]
    if not any(each["on"] for each in known):
        known.append({"minutes": every, "label": "", "on": True})
    return known
