"""The pages hold against hostile text, keep to the content security policy and can be read by machines."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import html5lib
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from api.app import create_app
from api.causes import Cause
from api.conversation_views import conversation_page
from api.page_links import STATIC, Links, static_url
from api.page_text import excerpt, marked, merged, web_link
from api.page_views import comparison_view
from api.pages import Pages
from api.people_views import people_page, person_page
from api.source_form import GIVEN, SourceForm
from api.upkeep_views import ledger_page, sources_page, why_page
from memory.catalogue.ledger import Wanted
from memory.domain import Stage
from tests.memories import service

HOSTILE = (
    "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\"' onmouseover='x' {{7*7}} &amp;"
)
LONG = "Donaudampfschifffahrtsgesellschaft" * 30
HEBREW = "הסכם סיום \u202eevil"
TEXTS = [HOSTILE, LONG, HEBREW, "", "  ", "\x00\ud800", "javascript:alert(1)", "a/../b?c#d%2f"]
PAGE = {"accept": "text/html"}
INLINE = re.compile(r"^(on\w+|style|srcdoc|hx-on.*|hx-vals|hx-headers)$")


def passage(text: str, ordinal: int, start: int, **location: Any) -> dict[str, Any]:
    return {
        "id": 100 + ordinal,
        "ordinal": ordinal,
        "text": text,
        "highlights": [[0, 3], [2, 5], [-4, 1], [7, 3], [len(text) - 1, len(text) + 50]],
        "location": {"start": start, "end": start + len(text), **location},
        "score": 0.5,
    }


def person(text: str, role: str = "author") -> dict[str, Any]:
    return {"id": text, "name": text, "role": role, "at": "2026-03-12T09:30:00+00:00", "evidence": text}


def result(text: str, **more: Any) -> dict[str, Any]:
    return {
        "document": text,
        "title": text,
        "url": text,
        "source": text,
        "type": text[:6],
        "media_type": text,
        "language": text[:5],
        "modified": "2026-03-12T09:30:00+00:00",
        "formality": "contract",
        "score": 0.91,
        "people": [
            person(text),
            person("Jane"),
            person("Jo", "signatory"),
            person("A"),
            person("B"),
            person("C"),
        ],
        "passages": [passage(text, 3, 0, label=text), passage(text + " more", 4, 0, page=2, heading=[text])],
        "explain": [
            {"leg": "words", "rank": None, "score": None, "normalised": None},
            {"leg": "meaning", "rank": 1, "score": 0.9, "normalised": 1.0},
        ],
        **more,
    }


def answer(text: str = "notice", **more: Any) -> dict[str, Any]:
    value = {"value": text, "count": 1200, "query": f"x source:{text}"}
    return {
        "query": text,
        "total": 1000,
        "total_is_exact": False,
        "took_ms": 12.3,
        "page": 3,
        "pages": 12,
        "ready": {"words": True, "meaning": False, "percent": 34, "passages": 1200, "embedded": 412},
        "results": [
            result(text),
            result(
                "plain",
                modified=None,
                people=[],
                url="https://dms.example/1?a=1&b=2",
                media_type="message/rfc822",
            ),
        ],
        "facets": {
            "source": [value],
            "type": [{**value, "value": f"t{n}"} for n in range(9)],
            "author": [{**value, "label": text}],
            "language": [],
        },
        "filters": [{"label": f"source: {text}", "query": "x", "field": "source", "value": text}],
        **more,
    }


def document(text: str) -> dict[str, Any]:
    return {
        **result(text),
        "id": text,
        "ref": text,
        "created": None,
        "version": text,
        "text_length": 12345,
        "messages": 3,
    }


def passages(text: str) -> list[dict[str, Any]]:
    return [
        passage("Before any heading.", 0, 0, page=1),
        passage(f"1 {text}\n\nBody", 1, 30, page=1, heading=["1 " + text, "1.1 Deep", "1.1.1 Deeper"]),
        passage(text, 2, 5000, page=2, heading=["2 Other", "a", "b", "c", "d", "e", "f"]),
        passage("Cells\t1", 3, 9000, sheet="Prices"),
        passage("Cells\t1", 4, 9000, sheet="Prices"),
    ]


def rendered(text: str, pages: Pages | None = None) -> Iterator[tuple[str, str]]:
    """Every page in every state, filled with `text`."""
    pages = pages or Pages()
    ready = {"words": False, "meaning": False, "percent": 0, "passages": 0, "embedded": 0}
    problem = {"title": text, "detail": text, "hint": text}
    yield "empty", pages.search_page("", None, text, ready)
    yield "answer", pages.search_page(text, answer(text), text)
    yield "explained", pages.search_page(text, answer(text), text, explain=True)
    yield (
        "nothing",
        pages.search_page(text, answer(text, total=0, results=[], facets={}, total_is_exact=True)),
    )
    yield "beyond", pages.search_page(text, answer(text, results=[], page=99))
    yield "problem", pages.search_page(text, None, problem=problem)
    yield "fragment", pages.results_fragment(text, answer(text), asker=text, explain=True)
    people = [person(text), person(text, "signatory")]
    highlights = {1: [[0, 9], [3, 400]], 2: [[0, 2]]}
    yield "document", pages.document_page(document(text), passages(text), people, highlights, 2, query=text)
    for voted in (False, True):
        asked = {"id": "d", "votes": True, "voted": voted}
        yield f"voted {voted}", pages.document_page(asked, [], [], query="xx")
    for wrong in (None, problem):
        yield (
            "login",
            pages.render("login.html", "", next=text, by_password=True, by_provider=True, problem=wrong),
        )
        yield "password", pages.render("password.html", "", user=text, problem=wrong)
    yield "bare document", pages.document_page({"id": "d"}, [], [])
    identities = [
        {"name": text, "address": text, "account": text},
        {"name": "", "address": "", "account": ""},
    ]
    mine = [{"document": text, "title": text, "role": "author", "at": None, "source": text, "type": ""}]
    yield (
        "person",
        person_page(
            pages,
            {
                "id": text,
                "name": text,
                "shared": True,
                "department": text,
                "managers": [{"id": text, "name": text}],
                "left": True,
                "identities": identities,
                "roles": {text: 3},
                "years": {"2024": 2},
                "answered": 3,
                "company": [{"id": text, "name": text, "documents": 2}],
                "topics": [text],
                "documents": mine,
                "may": {"decide": True, "not_me": True},
                "joined": [
                    {"one": text, "other": text, "made_by": "evidence", "reasons": [{"code": "same_name"}]}
                ],
                "trail": [
                    {
                        "id": 1,
                        "at": "2026-03-12T09:30:00+00:00",
                        "by": text,
                        "action": "merge",
                        "reason": text,
                    }
                    | {"left": [text], "right": [text], "value": "", "undone": False}
                ],
            },
            asker=text,
        ),
    )
    yield "bare person", person_page(pages, {"id": "p"})
    listed = {"query": text, "people": [{"id": text, "name": text, "documents": 2}] * 51}
    yield "people", people_page(pages, listed, 2, asker=text)
    yield "nobody", people_page(pages, {"query": text, "people": []})
    yield from rendered_upkeep(text, pages)
    yield from rendered_judging(text, pages)
    yield from rendered_conversation(text, pages)
    yield "error", pages.error_page(404, text, text, text)


def rendered_conversation(text: str, pages: Pages) -> Iterator[tuple[str, str]]:
    """A conversation: a message in view among others, and one of which nothing is known."""
    people = [person(text, "sender"), *(person(f"{text}{n}", "recipient") for n in range(9))]
    body = f"Before {text}\n\n{text} plain\n\n> {text}\n\n-- \n{text}"
    quote = len(body) - 2 * len(text) - 8
    asides = [
        {"start": quote, "end": quote + len(text) + 2, "kind": "quoted"},
        {"start": len(body) - len(text) - 4, "end": len(body), "kind": "signature"},
    ]
    files = [
        {"document": text, "title": text, "type": text[:5], "reason": ""},
        {"document": None, "title": text, "type": "", "reason": text},
    ]
    message = {"document": "d", "ref": text, "title": text, "language": "en", "at": "2026-03-12T09:30:00Z"}
    message |= {"people": [*people, person(text, "owner")], "text": body, "asides": asides, "attached": files}
    bare = {**message, "document": text, "at": None, "people": [], "text": "", "asides": [], "attached": []}
    found = {
        "document": "d",
        "title": text,
        "total": 120,
        "page": 2,
        "pages": 3,
        "limit": 50,
        "messages": [message, bare],
    }
    for name, view in (("in view", {"ordinal": 0, "start": 2, "end": 9 + len(text)}), ("no passage", None)):
        yield name, conversation_page(pages, {**found, "view": view}, {"d": [[0, 9]]}, query=text, asker=text)
    alone = {**found, "document": text, "view": None, "total": 1, "page": 1, "pages": 1, "messages": [bare]}
    yield "another subject", conversation_page(pages, {**found, "title": "Other", "view": None})
    yield "one message", conversation_page(pages, alone)


def rendered_upkeep(text: str, pages: Pages) -> Iterator[tuple[str, str]]:
    """The pages an owner looks after a memory with."""
    counts = {"indexed": 1, "embedded": 1, "skipped": 2, "failed": 3, "pending": 4}
    source = {"name": text, "kind": text, "location": text, "state": "ready", "paused": False, "held": 0}
    source |= {"stopped": "", "every_minutes": None, "next_sync": None, "last_sync": None, "progress": None}
    source |= {"counts": counts, "directory": None}
    moment, progress = "2026-03-12T09:30:00+00:00", {"done": 3, "total": 9}
    busy = {**source, "name": text + "2", "state": "syncing", "progress": progress, "next_sync": moment}
    ill = {**source, "name": text + "3", "state": "stopped", "stopped": text, "held": 2, "every_minutes": 7}
    job = {"state": "running", "phase": "words", "reading": [text], "done": 3, "total": 9, "errors": []}
    corp = {**source, "name": text + "4", "held": 2, "directory": {"people": 4, "left": 2, "groups": 3}}
    failed = {**job, "state": "failed", "errors": [{"source": text, "message": text, "hint": text}]}
    yield "sources", sources_page(pages, [source, busy, ill, corp], job)
    yield "failed sync", sources_page(pages, [source, ill], failed)
    yield "meaning", sources_page(pages, [source], {**job, "phase": "meaning", "total": None})
    yield "no sources", sources_page(pages, [], {"state": "none"})
    given = SourceForm(kind=text, location=text, name=text, deny=text, options=text, secret=text)
    wrong = {"detail": text, "hint": text}
    form = {"asked": given, "kinds": {text: text}, "problem": wrong, "here": "sources"}
    yield "new source", pages.render("new_source.html", "", **form)
    one = {"name": text, "kind": text, "location": text, "secrets": [text], "found": text, "problem": wrong}
    yield "source", pages.render("source.html", "", given=dict.fromkeys(GIVEN, text), here="sources", **one)
    row = {
        "ref": text,
        "stage": "failed",
        "reason": text,
        "at": moment,
        "advice": "The next sync tries again.",
    }
    fine = {**row, "stage": "embedded", "reason": "", "advice": ""}
    yield "ledger", ledger_page(pages, [row, fine], 999, Wanted("s", (Stage.FAILED,), text), 3, [text])
    yield "empty ledger", ledger_page(pages, [], 0, Wanted(), 1, [])
    yield from rendered_discovery(text, pages)
    asked = {"q": text, "query": text, "for": text}
    legs = [
        {"leg": "words", "rank": 3, "score": 0.5, "used": True},
        {"leg": "meaning", "rank": None, "score": None, "used": True},
        {"leg": "words", "rank": None, "score": 0.1, "used": True},
        {"leg": "meaning", "rank": None, "score": None, "used": False},
    ]
    told: dict[str, Any] = {"ref": text, "title": text, "document": text, "passages": 3, "at": moment}
    told |= {"grant": [], "deny": [text], "held": [], "stage": "indexed", "reason": text, "person": text}
    told |= {"source": text, "position": 3, "filters": [text], "advice": "", "pattern": text}
    told["trace"] = {"legs": legs, "position": 3, "filters": []}
    every = [{**told, "cause": cause.value, "rule_name": "junk"} for cause in Cause]
    yield "why", why_page(pages, asked, every)
    yield "why not", why_page(pages, asked, [], {"title": text, "detail": text, "hint": text}, text)


def rendered_discovery(text: str, pages: Pages) -> Iterator[tuple[str, str]]:
    """The pages that lead on from a search or a document."""
    moment = "2026-03-12T09:30:00+00:00"
    version = {"document": text, "title": text, "ref": text, "modified": moment, "share": 0.5}
    folded = answer(text, folded=1, results=[result(text, versions=[version, {**version, "modified": None}])])
    yield "folded", pages.search_page(text, folded, text)
    bare = {"id": "d", "title": text}
    yield "versions", pages.document_page(bare, [], [], versions=[version], asker=text)
    search = {"id": "s", "name": text, "query": text, "looked": moment, "new": [version]}
    yield "saved", pages.render("saved.html", text, searches=[search, {**search, "new": []}], here="saved")
    yield "none saved", pages.render("saved.html", "", searches=[], here="saved")
    near = {**version, "language": text[:5], "formality": "policy"}
    for name, found in (("similar", [near]), ("nothing similar", [])):
        yield name, pages.render("similar.html", "", similar=found, document=text, title=text)
    pieces = [{"kind": kind, "text": text} for kind in ("same", "removed", "added")]
    blocks = [{"changed": False, "pieces": pieces[:1]}] * 6 + [{"changed": True, "pieces": pieces}]
    compared = {"older": version, "newer": {**version, "modified": None}, "blocks": blocks}
    yield "compared", pages.render("compare.html", "", **comparison_view(compared))
    nothing = {"older": version, "newer": version, "blocks": []}
    yield "compared to nothing", pages.render("compare.html", "", **comparison_view(nothing))


def rendered_judging(text: str, pages: Pages) -> Iterator[tuple[str, str]]:
    """The pages of judges."""
    agreement = {"twice": 4, "agreed": 3, "fleiss": 0.5, "cohen": []}
    pool = {"name": text, "done": 1, "total": 3, "disputed": 2, "agreement": agreement}
    fresh = {**pool, "disputed": 0, "agreement": {**agreement, "twice": 0, "fleiss": None}}
    yield "pools", pages.render("judging.html", text, pools=[pool, fresh], here="judging")
    yield "no pools", pages.render("judging.html", "", pools=[], here="judging")
    said = [{"grade": 3, "comment": text}, {"grade": 0, "comment": ""}]
    asked = {"query": text, "text": text, "document": text, "title": text, "source": text, "type": text[:6]}
    asked |= {"language": text[:5], "modified": "2026-03-12T09:30:00+00:00", "formality": "contract"}
    asked |= {"grade": 2, "comment": text, "said": said}
    asked["passages"] = [{"text": text, "highlights": [[0, 3], [-4, 999]], "label": text}]
    told = {"pool": text, "done": 1, "total": 3, "previous": {"query": text, "document": text}, "open": 2}
    for name, shown in (("", asked), (" nothing", None)):
        yield f"judge{name}", pages.render("judge.html", text, told={**told, "item": shown})
        yield f"settle{name}", pages.render("settle.html", text, told={**told, "item": shown})


def tree(html: str) -> Any:
    return html5lib.parse(html, treebuilder="lxml", namespaceHTMLElements=False).getroot()


@pytest.fixture(
    params=range(len(TEXTS)), ids=["hostile", "long", "rtl", "empty", "blank", "broken", "js", "path"]
)
def shown(request: pytest.FixtureRequest) -> list[tuple[str, Any, str]]:
    return [(name, tree(html), html) for name, html in rendered(TEXTS[request.param])]


def test_pages_keep_to_the_content_security_policy(shown: list[tuple[str, Any, str]]) -> None:
    for name, root, _ in shown:
        assert not root.xpath("//style | //iframe | //object | //base"), name
        scripts = root.xpath("//script")
        judging = name.startswith(("judge", "settle"))
        assert len(scripts) == (0 if name == "fragment" else 2 + judging), name
        for script in scripts:
            assert script.get("src").startswith("/static/"), name
            assert not script.text
        inline = [key for node in root.iter(etree.Element) for key in node.attrib if INLINE.match(key)]
        assert not inline, name
        for image in root.xpath("//img"):
            assert image.get("alt") is not None, name
            assert image.get("src").startswith("/static/"), name


def test_links_lead_only_to_our_pages_or_the_web(shown: list[tuple[str, Any, str]]) -> None:
    for name, root, _ in shown:
        for node in root.xpath("//*[@href or @action or @hx-get]"):
            for address in (node.get("href"), node.get("action"), node.get("hx-get")):
                if address is None or address.startswith("#"):
                    continue
                parts = urlsplit(address)
                ours = not parts.scheme and not parts.netloc and address.startswith("/")
                assert ours or (parts.scheme in {"http", "https"} and parts.netloc), (name, address)
                assert not re.search(r"[\s\"'<>]", address), (name, address)


def test_ids_are_unique_and_point_somewhere(shown: list[tuple[str, Any, str]]) -> None:
    for name, root, _ in shown:
        ids = root.xpath("//@id")
        assert len(ids) == len(set(ids)), name
        for label in root.xpath("//@aria-labelledby | //@aria-describedby | //label/@for"):
            assert label in ids, (name, label)
        if name != "fragment":
            for anchor in root.xpath("//a/@href[starts-with(., '#')]"):
                assert anchor[1:] in ids, (name, anchor)


def test_headings_are_in_order_under_one_title(shown: list[tuple[str, Any, str]]) -> None:
    for name, root, html in shown:
        # Reading order is the order in which they stand, asides apart: they stand beside the text.
        levels = [int(node.tag[1]) for node in root.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
        assert levels.count(1) == 1, name
        assert levels[0] == 1, name
        assert all(after <= before + 1 for before, after in pairwise(levels)), (
            name,
            levels,
        )
        assert len(root.xpath("//main")) == (0 if name == "fragment" else 1), name
        assert len(root.xpath("//title")) == 1, name
        if name != "fragment":
            assert root.xpath("//form[@role='search' and @action='/' and @method='get']//input[@name='q']"), (
                name
            )
            assert html.startswith("<!doctype html>")


def test_names_and_links_can_be_heard(shown: list[tuple[str, Any, str]]) -> None:
    for name, root, _ in shown:
        for node in root.xpath("//a | //button | //summary | //h1 | //h2 | //th"):
            assert "".join(node.itertext()).strip(), (name, etree.tostring(node))
        for control in root.xpath("//input[not(@type='hidden')]"):
            assert root.xpath(f"//label[@for='{control.get('id')}'] | //label[.//input]"), name


def test_templates_are_not_rendered_from_text() -> None:
    for name, html in rendered(HOSTILE):
        assert "49" not in re.sub(r"\?v=\w+", "", html), name
        assert "<script>alert" not in html, name
        html.encode()


def test_parse_errors() -> None:
    for name, html in rendered("notice & <b>"):
        if name == "fragment":
            continue
        parser = html5lib.HTMLParser(strict=False)
        parser.parse(html)
        assert not parser.errors, (name, parser.errors[:3])


def test_everything_asked_for_is_on_a_result() -> None:
    html = Pages().search_page("notice", answer())
    root = tree(html)
    first = root.xpath("//li[@class='result']")[0]
    title = first.xpath(".//h2/a")[0]
    assert title.get("href") == "/documents/notice?passage=3&q=notice#p3"
    chips = ["".join(chip.itertext()) for chip in first.xpath(".//ul[@class='people']//a")]
    assert chips == [
        "Josignatory12 Mar 2026",
        "noticeauthor12 Mar 2026",
        "Janeauthor12 Mar 2026",
        "Aauthor12 Mar 2026",
        "2 more",
    ]
    assert first.xpath(".//ul[@class='people']//a/@href")[-1] == "/documents/notice?q=notice#people"
    assert "page 2 · notice" in "".join(first.itertext())
    assert "".join(root.xpath("//h1//text()")) == "more than 1,000 documents"
    assert "34 % of the passages are searchable by meaning" in html
    assert root.xpath("//ul[@class='filters']//a/@href") == ["/?q=x"]
    assert not root.xpath("//table"), "ranking is explained only when asked for"
    active = root.xpath("//a[contains(@class, 'active')]")
    assert [link.get("href") for link in active] == ["/?q=x"]
    assert root.xpath("//a[@rel='next']/@href") == ["/?q=notice&page=4"]
    assert root.xpath("//a[@rel='next']/@hx-target") == ["#results"]


def test_no_page_is_offered_that_is_not_given_out() -> None:
    root = tree(Pages().search_page("notice", answer(page=100, pages=101)))
    offered = [link.get("href") for link in root.xpath("//nav[@class='pages']//a")]
    assert "/?q=notice&page=100" in offered
    assert "/?q=notice&page=101" not in offered
    assert not root.xpath("//a[@rel='next']")


def test_explain_shows_each_leg_and_stays_on() -> None:
    root = tree(Pages().results_fragment("notice", answer(), explain=True))
    rows = [["".join(cell.itertext()).strip() for cell in row] for row in root.xpath("(//table)[1]/tbody/tr")]
    assert rows == [["words", "–", "–", "–"], ["meaning", "1", "0.9000", "1.0 1.000"]]
    assert all("explain=1" in link for link in root.xpath("//a[@rel]/@href") if link.startswith("/?"))


@pytest.mark.parametrize(("total", "shown"), [(0, "0 documents"), (1, "1 document"), (12, "12 documents")])
def test_exact_totals(total: int, shown: str) -> None:
    root = tree(Pages().search_page("x", answer("x", total=total, total_is_exact=True)))
    assert "".join(root.xpath("//h1//text()")) == shown


def test_nothing_found_says_what_to_try() -> None:
    html = Pages().search_page("x", answer("x", total=0, total_is_exact=True, results=[], facets={}))
    assert "What to try" in html
    assert "Remove a filter" in html


def test_the_empty_page_shows_every_operator() -> None:
    text = "".join(tree(Pages().search_page("", None)).xpath("//code/text()"))
    for operator in ("author:", "source:", "type:", "lang:", "before:", "after:", '"limitation of', "-draft"):
        assert operator in text


def test_only_http_addresses_become_links() -> None:
    for url in (
        "javascript:alert(1)",
        "JaVaScRiPt:x",
        " javascript:x",
        "data:text/html,x",
        "file:///etc/passwd",
        "//x.example",
        "http:",
        "http://[",
        None,
    ):
        assert web_link(url) == ""
    assert web_link("https://x.example/a?b=1") == "https://x.example/a?b=1"
    html = Pages().document_page({**document("x"), "url": "javascript:alert(1)"}, [], [])
    assert "javascript:alert(1)" in "".join(tree(html).xpath("//dd//text()"))
    assert "Open at source" not in html


def flow(*texts: tuple[str, int], at: int | None = None) -> tuple[str, Any]:
    given_passages = [passage(text, ordinal, start) for ordinal, (text, start) in enumerate(texts)]
    root = tree(Pages().document_page({"id": "d"}, given_passages, [], {}, at))
    return "|".join("".join(p.itertext()) for p in root.xpath("//article/p")), root


def test_overlapping_passages_are_shown_once() -> None:
    text, root = flow(("one two three", 0), ("three four", 8), ("four", 14))
    assert text == "one two three four"
    assert root.xpath("//article//@id") == ["p0", "p1", "p2"]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_the_passage_in_view_is_shown_whole(at: int) -> None:
    texts = [("one two three", 0), ("three four", 8), ("four five", 14)]
    text, root = flow(*texts, at=at)
    assert text == "one two three four five"
    assert "".join(root.xpath("//article//*[@class='view']//text()")) == texts[at][0]
    assert root.xpath(f"//article//*[@id='p{at}']")


def test_a_paragraph_runs_over_passages() -> None:
    assert (
        flow(("The end of", 0), ("the line.\n\nNew", 11), ("Other", 50))[0]
        == "The end of the line.|New|Other"
    )
    assert flow(("a\n", 0), ("b", 2))[0] == "a\nb"
    assert flow(("a\n\n", 0), ("b", 3))[0] == "a|b"


def test_headings_of_a_document_are_shown_once_and_outlined() -> None:
    text = "4 Term\n\n4.2 Notice\n\nNinety days."
    given_passages = [passage(text, 0, 0, page=3, heading=["4 Term", "4.2 Notice"])]
    root = tree(
        Pages().document_page({"id": "d"}, given_passages, [], {0: [[12, 18], [20, 26]]}, 0, query="notice")
    )
    article = root.xpath("//article")[0]
    assert ["".join(node.itertext()) for node in article.xpath("./*")] == [
        "Page 3",
        "4 Term",
        "4.2 Notice",
        "Ninety days.",
    ]
    assert [node.tag for node in article.xpath("./*")] == ["p", "h2", "h3", "p"]
    assert article.xpath(".//mark/text()") == ["Notice", "Ninety"]
    assert root.xpath("//nav[@class='outline']//a/text()") == ["4 Term", "4.2 Notice"]
    assert root.xpath("//a[text()='Open original']/@href") == ["/api/documents/d/original"]


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(-5, 50), st.integers(-5, 50))))
def test_marking_never_changes_the_text(text: str, spans: list[tuple[int, int]]) -> None:
    assert marked(text, spans).replace("<mark>", "").replace("</mark>", "") == marked(text, [])
    joined = merged(spans, len(text))
    assert joined == merged(joined, len(text))
    covered = {at for low, high in spans for at in range(max(low, 0), min(high, len(text)))}
    assert covered == {at for low, high in joined for at in range(low, high)}


@given(
    st.text(alphabet="ab <&\u05d0", max_size=900),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=5),
)
def test_an_excerpt_is_a_stretch_of_the_text(text: str, spans: list[tuple[int, int]]) -> None:
    plain = excerpt(text, spans).replace("<mark>", "").replace("</mark>", "").unescape()
    assert plain.removeprefix("… ").removesuffix(" …") in text
    assert len(plain) <= 384


def test_an_excerpt_shows_the_highlights() -> None:
    text = "filler " * 200 + "the clause about notice" + " filler" * 200
    at = text.index("notice")
    assert "<mark>notice</mark>" in excerpt(text, [[at, at + 6]])


@given(st.text(min_size=1))
def test_a_query_survives_its_address(query: str) -> None:
    assert parse_qs(urlsplit(Links().search(query, page=2)).query, keep_blank_values=True) == {
        "q": [query],
        "page": ["2"],
    }


def test_addresses() -> None:
    assert Links().search() == "/"
    assert Links().search("a b", page=1, explain=False) == "/?q=a+b"
    assert Links().document("a/../b?#", 0, "ü") == "/documents/a%2F..%2Fb%3F%23?passage=0&q=%C3%BC#p0"
    assert static_url("mneme.css").startswith("/static/mneme.css?v=")


def test_every_link_keeps_in_whose_place_is_asked() -> None:
    """A link without it would show the owner's view under somebody else's name."""
    assert Links("Jäne").document("d", 2, "x") == "/documents/d?passage=2&q=x&as=J%C3%A4ne#p2"
    checked = 0
    for name, html in rendered("Jane & Jo"):
        root = tree(html)
        if name != "fragment" and not root.xpath("//span[@class='asker']"):
            continue
        checked += 1
        links = root.xpath("//a[not(@id='leave')]/@href | //a/@hx-get")
        ours = [link for link in links if link.startswith("/")]
        assert ours, name
        assert all("as=Jane+%26+Jo" in link for link in ours if link != "/sources"), (name, ours)
        if name != "fragment":
            assert set(root.xpath("//form//input[@name='as']/@value")) == {"Jane & Jo"}, name
    assert checked == 17


def test_every_answer_keeps_in_whose_place_is_asked(tmp_path: Path) -> None:
    with (
        service(tmp_path) as asked,
        TestClient(create_app(lambda: asked), base_url="http://localhost", headers=PAGE) as client,
    ):
        asked.people.import_directory("name,address,groups\nBob Roe,bob@x.example,\n")
        asks = {"as": "bob@x.example"}
        for answer in (
            client.get("/", params={"q": "x", **asks}),
            client.get("/", params={"q": "foo:bar", **asks}, headers={"hx-request": "true"}),
            client.get("/documents/nothing", params=asks),
            client.get("/sources", params=asks),
        ):
            links = tree(answer.text).xpath("//a[not(@id='leave')]/@href")
            ours = [link for link in links if link.startswith("/")]
            assert ours, answer.url
            assert all("as=bob%40x.example" in link for link in ours), answer.url


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast_meets_wcag_aa(scheme: int) -> None:
    css = (STATIC / "mneme.css").read_text()
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css.split(":root")[scheme + 1].split("}")[0]))
    pairs = [
        (text, ground) for text in ("ink", "soft", "link") for ground in ("canvas", "paper", "sunk", "view")
    ]
    pairs += [(name, name.removeprefix("on-")) for name in colours if name.startswith("on-")]
    pairs += [("on-bad", "paper")]
    for text, ground in pairs:
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for edge in ("edge", "view-edge"):
        for ground in ("canvas", "paper"):
            assert contrast(colours[edge], colours[ground]) >= 3, (edge, ground)


def test_no_colour_stands_outside_the_variables() -> None:
    body = (STATIC / "mneme.css").read_text().split("*, *::before")[1]
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s])|rgba?\(|hsla?\(", body)
    assert "url(" not in body


def test_vendored_htmx_comes_with_its_licence() -> None:
    assert "Zero-Clause BSD" in (STATIC / "vendor" / "htmx.LICENSE").read_text()
    assert (STATIC / "vendor" / "htmx.min.js").stat().st_size > 20_000
