"""The pages people see: plain JSON-like values in, one HTML text out.

Nothing is looked up here, nobody's rights are decided and no value is trusted: whatever was written in a
document, a name or an address reaches the browser as text. The pages work without JavaScript; htmx only
swaps what is inside ``#results`` instead of loading the page anew. They hold no inline script or style, so
that they can be served with a content security policy of ``default-src 'self'``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.document_text import DocumentText, stretches
from api.page_links import Links, static_url
from api.page_text import (
    Json,
    Spans,
    counted,
    human_date,
    human_time,
    language_name,
    number,
    type_name,
    web_link,
)
from api.page_views import answer_view, facts_view, people_view, person_view, state_view

_TEMPLATES = Path(__file__).parent / "templates"


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
            "answer": answer_view(answer, Links(asker)) if answer and not problem else None,
            "state": state_view((answer or {}).get("ready") or ready),
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
        text = DocumentText(highlights or {}, at)
        for stretch in stretches(passages, at):
            text.add(*stretch)
        facts = facts_view(document) | {"id": str(document["id"]), "length": document.get("text_length") or 0}
        return self._render(
            "document.html",
            asker,
            document=facts,
            people=people_view(people),
            blocks=text.blocks,
            outline=text.outline,
            query=query,
            at=at,
        )

    def person_page(self, person: Json, *, asker: str = "") -> str:
        """A person: names and addresses, roles, and the documents the asker may see."""
        documents = [
            facts_view(each)
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
            person=person_view(person),
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
