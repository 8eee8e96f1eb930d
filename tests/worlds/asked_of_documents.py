"""What searches, documents and conversations must answer."""

import csv
import io
import json
from collections import Counter

from api.web import PAGE as ON_A_PAGE
from memory.domain import AUTHORING
from tests.worlds.oracle import conversation
from tests.worlds.probe import NOBODY, PAGE, Probe
from tests.worlds.world import COMMON


def search(p: Probe) -> None:
    """Which documents, how many, and how they divide."""
    answer = p.ask("/api/search", params={"q": str(p.search), "limit": 100, "explain": True})
    p.shows(answer, p.found)
    told = answer.json()
    same = (told["total"], told["total_is_exact"], len(told["results"]))
    assert same == (len(p.found), True, len(p.found)), (str(p.search), same, p.found)
    cards = [p.opened.cards[paper.mark] for paper in p.found]
    wanted = {
        "source": Counter(card.source for card in cards),
        "type": Counter(card.type for card in cards),
        "language": Counter(card.language for card in cards if card.language),
        "year": Counter(str(card.modified.year) for card in cards if card.modified),
        "author": Counter(x for c in cards for x in {link.id for link in c.people if link.role in AUTHORING}),
    }
    counted = {
        name: {one["value"]: one["count"] for one in values} for name, values in told["facets"].items()
    }
    assert counted == wanted
    passages = sum(len(result["passages"]) for result in told["results"])
    ranks = [leg["rank"] or 0 for result in told["results"] for leg in result["explain"]]
    assert max(ranks, default=0) <= max(passages, len(p.seen)), "a rank counts what is hidden"
    whole = p.ask("/api/search", params={"q": COMMON, "limit": 100}).json()
    assert whole["total"] == len(p.seen)
    assert [whole["ready"][name] for name in ("passages", "embedded")] == [None, None]


def search_page(p: Probe) -> None:
    """The same as a page; versions of what is found stand beside it."""
    answer = p.ask("/", params={"q": str(p.search), "apart": True}, **PAGE)
    if len(p.found) <= ON_A_PAGE:
        p.shows(answer, p.found, more=True)
    if not p.found:
        p.shows(answer, [])
    whole = p.ask("/", params={"q": COMMON, "explain": True, "exact": True}, **PAGE)
    part = p.ask("/", params={"q": COMMON}, headers={"hx-request": "true"})
    if len(p.seen) <= ON_A_PAGE:
        p.shows(whole, p.seen)
        p.shows(part, p.seen)
    p.shows(p.ask("/", **PAGE), [])
    for stranger in p.some_people():  # whoever has no part in what one may see is nobody
        p.same("/", "GET", {"params": {"q": "author:{}"}, **PAGE}, stranger.mark, NOBODY)


def count(p: Probe) -> None:
    """Exactly how many."""
    assert p.ask("/api/search/count", params={"q": str(p.search)}).json()["total"] == len(p.found)
    for paper in p.some(p.hidden, 1):
        if p.opened.by_words:
            p.same("/api/search/count", "GET", {"params": {"q": "{}"}}, paper.mark, NOBODY)


def export(p: Probe) -> None:
    """The whole list in both forms."""
    answer = p.ask("/api/search/export", params={"q": str(p.search)})
    p.shows(answer, p.found)
    assert len(list(csv.reader(io.StringIO(answer.text)))) == 1 + len(p.found)
    lines = p.ask("/api/search/export", params={"q": str(p.search), "format": "jsonl"})
    p.shows(lines, p.found)
    assert len(list(map(json.loads, lines.text.splitlines()))) == len(p.found)


def document(p: Probe) -> None:
    """One document, with its mail or what is attached to it."""
    for paper in p.some(p.seen):
        answer = p.ask(f"/api/documents/{p.id_of(paper)}", params={"q": COMMON})
        family = [each for each in p.seen if paper.mark == each.holder or each.mark == paper.holder]
        p.shows(answer, [paper, *family])
        holder = p.world.papers[paper.holder] if paper.holder else paper
        wanted = len(conversation(p.world, p.person, holder)) if holder.message else 0
        assert answer.json()["messages"] == wanted
        p.shows(p.ask(f"/documents/{p.id_of(paper)}", **PAGE), [paper, *family], more=True)
    p.is_as_unknown("/api/documents/{}")
    p.is_as_unknown("/documents/{}", **PAGE)


def original(p: Probe) -> None:
    """Its bytes. What is attached is taken out by a process that takes seconds to start, so that is asked elsewhere."""
    for paper in p.some([each for each in p.seen if not each.holder], 1):
        answer = p.ask(f"/api/documents/{p.id_of(paper)}/original")
        p.shows(answer, [paper, *p.world.attached(paper.mark)], more=True)
    p.is_as_unknown("/api/documents/{}/original")


def similar(p: Probe) -> None:
    """All others but its versions."""
    for paper in p.some(p.seen, 1):
        one = p.id_of(paper)
        versions = p.ask(f"/api/documents/{one}/versions")
        p.shows(versions, [], more=True)
        others = {each.mark for each in p.seen} - p.opened.marks(versions.text) - {paper.mark}
        answer = p.ask(f"/api/documents/{one}/similar", params={"limit": 50})
        p.shows(answer, [p.world.papers[mark] for mark in others])
        p.shows(p.ask(f"/documents/{one}/similar", **PAGE), [paper], more=True)
    for path in ("/api/documents/{}/similar", "/api/documents/{}/versions"):
        p.is_as_unknown(path)
    p.is_as_unknown("/documents/{}/similar", **PAGE)


def scan(p: Probe) -> None:
    """A page as a picture: there is none here, and who may not see the document learns no more than that."""
    for paper in p.some(p.seen, 1):
        assert p.ask(f"/api/documents/{p.id_of(paper)}/pages/1").status_code == 404
    p.is_as_unknown("/api/documents/{}/pages/1")
    p.is_as_unknown("/api/documents/{}/pages/1/picture")
    p.is_as_unknown("/documents/{}/pages/1", **PAGE)


def compare(p: Probe) -> None:
    """Two at once: neither may be hidden."""
    for one in p.some(p.seen, 1):
        for two in p.some(p.seen, 1):
            for path, more in (("/api/documents/", {}), ("/documents/", PAGE)):
                answer = p.ask(f"{path}{p.id_of(one)}/compare/{p.id_of(two)}", **more)
                p.shows(answer, [one, two], more=True)
        p.is_as_unknown(f"/api/documents/{p.id_of(one)}/compare/{{}}")
        p.is_as_unknown(f"/documents/{{}}/compare/{p.id_of(one)}", **PAGE)


def thread(p: Probe) -> None:
    """A conversation: each message once that the asker may see."""
    for paper in p.some([each for each in p.seen if each.message], 1):
        answer = p.ask(f"/api/documents/{p.id_of(paper)}/thread").json()
        messages = conversation(p.world, p.person, paper)
        members = {
            mark
            for mark, one in p.opened.documents.items()
            for m in answer["messages"]
            if m["document"] == one
        }
        assert answer["total"] == len(members) == len(messages)
        assert {p.world.papers[mark].message for mark in members} == messages
        assert paper.mark in members
        files = {each["document"] for message in answer["messages"] for each in message["attached"]}
        assert files == {p.id_of(file) for mark in members for file in p.world.attached(mark)}
        p.shows(
            p.ask(f"/documents/{p.id_of(paper)}/thread", **PAGE),
            [p.world.papers[mark] for mark in members],
            more=True,
        )
    p.is_as_unknown("/api/documents/{}/thread")
    p.is_as_unknown("/documents/{}/thread", **PAGE)
