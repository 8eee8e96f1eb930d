"""The addresses the pages lead to: our own, and those of the static files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

STATIC = Path(__file__).parent / "static"
"""The folder to be served under ``/static``."""


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of our pages.

    :param asker: in whose place the owner asks. Every address carries it as ``as``, for a link that
        lost it would show the owner's view under somebody else's name.
    """

    asker: str = ""

    def search(
        self,
        query: str = "",
        page: int = 1,
        explain: bool = False,
        *,
        exact: bool = False,
        apart: bool = False,
    ) -> str:
        """A search; what is empty, false or the first page is left out.

        :param exact: count exactly.
        :param apart: show each version of a document in its own place.
        """
        flags = {"explain": explain, "exact": exact, "apart": apart}
        shown = {name: "1" for name, on in flags.items() if on}
        return self._address("/", q=query, page=str(page) if page > 1 else "", **shown)

    def export(self, query: str, format: str) -> str:
        """The whole list as a file; CSV with a mark for spreadsheets."""
        return self._address(
            "/api/search/export", q=query, format=format, mark="1" if format == "csv" else ""
        )

    def saved(self, identity: str = "", action: str = "") -> str:
        """The saved searches, or where something is done with one."""
        return self._address("/".join(filter(None, ("/saved", identity, action))))

    def similar(self, document: str) -> str:
        """Documents that mean nearly what one means."""
        return self._address(f"/documents/{_segment(document)}/similar")

    def compare(self, one: str, two: str) -> str:
        """What differs between two documents."""
        return self._address(f"/documents/{_segment(one)}/compare/{_segment(two)}")

    def document(
        self, document: str, ordinal: int | None = None, query: str = "", *, voted: bool = False
    ) -> str:
        """A document, opened at a passage where one is given.

        :param voted: thank for a vote.
        """
        passage = "" if ordinal is None else str(ordinal)
        address = self._address(
            f"/documents/{_segment(document)}", passage=passage, q=query, voted="1" if voted else ""
        )
        return address + (f"#p{passage}" if passage else "")

    def scan(self, document: str, page: int, ordinal: int | None = None, query: str = "") -> str:
        """A page of a document as a picture, with a passage and the search's words marked."""
        passage = "" if ordinal is None else str(ordinal)
        return (
            self._address(f"/documents/{_segment(document)}/pages/{page}", passage=passage, q=query)
            + "#found"
        )

    def picture(self, document: str, page: int) -> str:
        """The picture of a page."""
        return self._address(f"/api/documents/{_segment(document)}/pages/{page}/picture")

    def passage(self, document: str, passage: Mapping[str, Any], query: str = "") -> str:
        """Where a passage that was found stands: on the picture of its page where it was recognised there."""
        location, ordinal = passage.get("location") or {}, passage["ordinal"]
        if location.get("scanned") and location.get("page"):
            return self.scan(document, location["page"], ordinal, query)
        return self.document(document, ordinal, query)

    def thread(
        self, document: str, ordinal: int | None = None, query: str = "", page: int | None = None
    ) -> str:
        """The conversation of a message, opened at a passage of it, at the message, or at the top of a page."""
        passage = "" if ordinal is None else str(ordinal)
        shown = "" if page is None else str(page)
        address = self._address(
            f"/documents/{_segment(document)}/thread", passage=passage, q=query, page=shown
        )
        return address + ("" if page is not None else "#passage" if passage else "#message")

    def person(self, person: str) -> str:
        """A person's page."""
        return self._address(f"/people/{_segment(person)}")

    def judging(self, pool: str = "", query: str = "", document: str = "", *, settle: bool = False) -> str:
        """What there is to judge, a pool's next document, or one that was judged before."""
        path = "/judging" + (f"/{_segment(pool)}" if pool else "") + ("/settle" if settle else "")
        return self._address(path, query=query, document=document)

    def people(self, text: str = "", page: int = 1) -> str:
        """A list of people, by whatever they are called."""
        return self._address("/people", q=text, page=str(page) if page > 1 else "")

    def decide(self, person: str, action: str) -> str:
        """Where a form decides something about a person."""
        return self._address(f"/people/{_segment(person)}/{action}")

    def vote(self, document: str) -> str:
        """Where a form says whether a document answered a search."""
        return self._address(f"/documents/{_segment(document)}/vote")

    def original(self, document: str) -> str:
        """Where the original file is handed out."""
        return self._address(f"/api/documents/{_segment(document)}/original")

    def ledger(self, source: str = "", stage: Sequence[str] = (), text: str = "", page: int = 1) -> str:
        """The ledger, narrowed to a source, stages and a text."""
        pairs = [("source", source), *(("stage", each) for each in stage), ("text", text)]
        pairs.append(("page", str(page) if page > 1 else ""))
        return self._listed("/ledger", pairs)

    def act(self, source: str, action: str) -> str:
        """Where a form does something with a source."""
        return self._address(f"/sources/{_segment(source)}/{action}")

    def hold(self, hold: str, action: str) -> str:
        """Where a legal hold is ended, or what is kept for it handed out."""
        return f"{'/api' if action == 'export' else ''}/holds/{_segment(hold)}/{action}"

    def why(self, document: str = "", query: str = "") -> str:
        """Why a document is found or not."""
        return self._address("/why", q=document, query=query)

    def provider(self, next: str) -> str:
        """Where to go to log in at the identity provider, and from there on."""
        return self._address("/login/oidc", next=next)

    def _listed(self, path: str, pairs: Sequence[tuple[str, str]]) -> str:
        kept = [(name, value) for name, value in [*pairs, ("as", self.asker)] if value]
        return path + (f"?{urlencode(kept, errors='replace')}" if kept else "")

    def in_language(self, address: str, code: str) -> str:
        """The same page in another language of the interface, which is then remembered.

        :param address: path and query of the page.
        """
        path, _, query = address.partition("?")
        kept = dict(parse_qsl(query)) | {"ui": code}
        return self._address(path, **{name: value for name, value in kept.items() if name != "as"})

    def _address(self, path: str, **pairs: str) -> str:
        kept = {name: value for name, value in {**pairs, "as": self.asker}.items() if value}
        return path + (f"?{urlencode(kept, errors='replace')}" if kept else "")


def _segment(text: str) -> str:
    return quote(text, safe="", errors="replace")


@cache
def static_url(name: str) -> str:
    """The address of a static file, with a mark of its content so that browsers may keep it."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"
