"""The pages people see: plain JSON-like values in, one HTML text out.

Nothing is looked up here, nobody's rights are decided and no value is trusted: whatever was written in a
document, a name or an address reaches the browser as text. The pages work without JavaScript; htmx only
swaps what is inside ``#results`` instead of loading the page anew. They hold no inline script or style, so
that they can be served with a content security policy of ``default-src 'self'``.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.document_text import DocumentText, stretches
from api.page_links import Links, static_url
from api.page_text import Json, Spans, excerpt, type_name, web_link
from api.page_views import answer_view, facts_view, people_view, state_view
from api.roles import Permission
from api.wording import LANGUAGES, Wording, wording

_TEMPLATES = Path(__file__).parent / "templates"


@cache
def _templates(words: Wording) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(static_url=static_url, own_links=Links(), ui=words.code, languages=LANGUAGES)
    made.filters.update(
        excerpt=excerpt,
        human_date=words.date,
        human_time=words.time,
        number=words.number,
        language_name=words.language_name,
        term=words.term,
        said=words.said,
        type_name=type_name,
        web_link=web_link,
    )
    return made


class Pages:
    """Renders every page, in one language. It keeps nothing between pages.

    :param asker: everywhere, in whose place the owner asks, as it came in ``as``; ``""`` for nobody's. It is
        shown, and kept in every link.
    :param words: the language of the interface.
    :param address: path and query of the page that is asked for, for the links to its other languages.
    :param reader: who has logged in, and can log out; empty where nobody has.
    :param passwords: whether they may have a password, and can change it.
    :param rights: what the reader may do, so that nothing is offered which would be refused.
    """

    def __init__(
        self,
        words: Wording | None = None,
        address: str = "/",
        rights: Collection[Permission] = frozenset(Permission),
        reader: str = "",
        *,
        passwords: bool = False,
    ) -> None:
        self.words = words or wording("en")
        self._templates = _templates(self.words)
        self._address = address
        self._rights = rights
        self._reader = reader
        self._passwords = passwords

    def render(self, template: str, asker: str, **values: Any) -> str:
        """A page from a template of ours.

        :param values: what it shows, as text; nothing of it is trusted.
        """
        known = {
            "query": "",
            "asker": asker,
            "here": "",
            "fragment": False,
            "links": Links(asker),
            "address": self._address,
            "rights": self._rights,
            "reader": self._reader,
            "passwords": self._passwords,
        }
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
        return self.render("search.html", asker, **values)

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
        return self.render("_results.html", asker, fragment=True, **values)

    def _search(
        self,
        query: str,
        answer: Json | None,
        asker: str,
        ready: Json | None,
        explain: bool,
        problem: Json | None,
    ) -> dict[str, Any]:
        return {
            "query": query,
            "answer": answer_view(answer, Links(asker), self.words) if answer and not problem else None,
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
        versions: Sequence[Json] = (),
    ) -> str:
        """A document with its whole text.

        :param document: its facts; ``votes`` where the reader is asked whether it answers the query, ``voted`` where
            they have just said so.
        :param passages: all of its passages; overlapping text is shown once.
        :param highlights: by a passage's ordinal, what to mark in its text.
        :param at: the ordinal of the passage in view.
        :param query: the search the reader came from.
        """
        text = DocumentText(highlights or {}, at, self.words)
        for stretch in stretches(passages, at):
            text.add(*stretch)
        facts = facts_view(document) | {
            "id": str(document["id"]),
            "length": document.get("text_length") or 0,
            "messages": document.get("messages") or 0,
        }
        return self.render(
            "document.html",
            asker,
            document=facts,
            people=people_view(people),
            parent=document.get("parent"),
            attached=document.get("attached") or (),
            blocks=text.blocks,
            outline=text.outline,
            query=query,
            at=at,
            scan=_scan(passages, at),
            versions=versions,
            voted=bool(document.get("voted")),
            votes=bool(document.get("votes")),
        )

    def error_page(
        self, status: int, title: str, detail: str = "", hint: str = "", *, asker: str = ""
    ) -> str:
        """What went wrong, and what to do about it."""
        return self.render("error.html", asker, status=status, title=title, detail=detail, hint=hint)


def _scan(passages: Sequence[Json], at: int | None) -> int | None:
    """The scanned page that the passage in view stands on, else the first there is."""
    scanned = {
        passage["ordinal"]: location["page"]
        for passage in passages
        if (location := passage.get("location") or {}).get("scanned") and location.get("page")
    }
    return scanned.get(at) if at is not None else min(scanned.values(), default=None)
