"""What pages of people, saved searches, explanations, judging and decisions must answer."""

import json
from collections import Counter

from memory.domain import AUTHORING
from tests.worlds.probe import NOBODY, PAGE, Probe, has_part
from tests.worlds.world import COMMON


def people(p: Probe) -> None:
    """Everybody with a part in what the asker may see, and in how much of it."""
    parts = Counter(
        each.mark for paper in p.seen for each in {paper.author, *paper.others} if has_part(paper, each)
    )
    answer = p.ask("/api/people", params={"limit": 500}).json()["people"]
    wanted = {p.opened.persons[mark]: number for mark, number in parts.items()}
    assert {one["id"]: one["documents"] for one in answer} == wanted, (answer, parts)
    p.ask("/people", **PAGE)
    for who in p.some_people():
        for about in ({"params": {"q": "Ada {}"}}, {"params": {"q": "{}@x.example"}}):
            p.same("/api/people", "GET", about, who.mark, NOBODY)
        p.same("/people", "GET", {"params": {"q": "{}"}, **PAGE}, who.mark, NOBODY)


def person(p: Probe) -> None:
    """One of them, counted over what the asker may see."""
    shown = {
        each.mark: each for paper in p.seen for each in {paper.author, *paper.others} if has_part(paper, each)
    }
    for mark in p.dice.sample(sorted(shown), min(2, len(shown))):
        theirs = [
            paper
            for paper in p.seen
            if shown[mark] in {paper.author, *paper.others} and has_part(paper, shown[mark])
        ]
        answer = p.ask(f"/api/people/{p.opened.persons[mark]}")
        p.shows(answer, theirs)
        told = answer.json()
        cards = [p.opened.cards[paper.mark] for paper in theirs]
        linked = [{link.role for link in card.people if link.id == told["id"]} for card in cards]
        assert told["roles"] == Counter(role.value for roles in linked for role in roles)
        active = [card for card, roles in zip(cards, linked, strict=True) if roles & AUTHORING]
        assert told["years"] == Counter(str(card.modified.year) for card in active if card.modified)
        company = Counter(x for card in active for x in {link.id for link in card.people} - {told["id"]})
        assert {one["id"]: one["documents"] for one in told["company"]} == company
        p.shows(p.ask(f"/people/{p.opened.persons[mark]}", **PAGE), theirs)
    for who in p.some_people(known=True):
        for path, more in (("/api/people/{}", {}), ("/people/{}", PAGE)):
            p.same(path, "GET", more, p.opened.persons[who.mark], "0" * 32)


def saved(p: Probe) -> None:
    """A saved search with its feed."""
    kept = p.ask("/api/saved", "POST", again=False, json={"query": str(p.search)}).json()["id"]
    p.shows(p.ask("/api/saved"), [])
    p.shows(p.ask(f"/saved/{kept}/feed"), p.found)
    p.ask("/saved", **PAGE)
    p.ask(f"/api/saved/{kept}/look", "POST", again=False)
    for other in p.world.people:
        if other != p.person:
            for path, method in (
                ("/api/saved/{}/look", "POST"),
                ("/api/saved/{}", "DELETE"),
                ("/saved/{}/feed", "GET"),
            ):
                p.opened.ask(other, path.replace("{}", kept), method, again=False)
                Probe(p.opened, other, p.dice).same(path, method, {}, kept, "0" * 32)
            for path in ("/saved/{}/look", "/saved/{}/remove"):
                Probe(p.opened, other, p.dice).same(path, "POST", {}, kept, "0" * 32)
    assert [one["id"] for one in p.ask("/api/saved").json()] == [kept], "nobody else could forget it"


def saved_by_page(p: Probe) -> None:
    """The same by forms."""
    p.ask("/saved", "POST", again=False, data={"query": COMMON, "name": "all"})
    kept = next(one["id"] for one in p.ask("/api/saved", again=False).json() if one["name"] == "all")
    assert p.ask(f"/saved/{kept}/look", "POST", again=False).status_code == 303
    p.shows(p.ask(f"/saved/{kept}/feed", again=False), p.seen)
    p.ask(f"/saved/{kept}/remove", "POST", again=False)


def why(p: Probe) -> None:
    """Why it is found; of what is hidden, nothing."""
    for paper in p.some(p.seen, 1):
        answer = p.ask("/api/why", params={"q": f"Offer {paper.mark}", "query": COMMON})
        if not paper.holder:
            assert [each["document"] for each in answer.json()["found"]] == [p.id_of(paper)]
        p.ask("/why", params={"q": f"Offer {paper.mark}"}, **PAGE)
    for paper in p.some(p.hidden, 1):
        for named in ("{}", "Offer {}"):
            p.same("/api/why", "GET", {"params": {"q": named, "query": COMMON}}, paper.mark, NOBODY)
        for named in ("{}", f"push:{paper.source}/{{}}", f"{paper.source}/{{}}"):
            p.same("/api/why", "GET", {"params": {"q": named, "query": COMMON}}, paper.key, "key-zzzzzzx")
        p.same("/why", "GET", {"params": {"q": "{}"}, **PAGE}, paper.mark, NOBODY)
        p.same("/api/why", "GET", {"params": {"q": "{}"}}, p.id_of(paper), "0" * 32)


def judging(p: Probe) -> None:
    """A pool of everything: to each, of what they see."""
    refs = {mark: p.opened.cards[mark].ref for mark in p.world.papers}
    pool = {"name": f"pool-{p.person.mark}", "queries": {"q": COMMON}, "items": {"q": sorted(refs.values())}}
    made = p.ask("/api/judging/pools", "POST", again=False, json=pool)
    if not p.seen:
        assert made.status_code == 422
        for path in ("/judging/{}", "/judging/{}/settle"):
            p.same(path, "GET", PAGE, "wholepool", "otherpool")
        p.same("/api/judging/pools/{}", "DELETE", {}, "wholepool", "otherpool")
        p.same("/api/judging/pools/{}/qrels", "GET", {}, "wholepool", "otherpool")
        return
    assert made.json()["documents"] == len(p.seen)
    assert made.json()["unknown"] == len(p.hidden)
    p.ask(f"/api/judging/pools/pool-{p.person.mark}", "DELETE", again=False)
    [all_of_it] = [one for one in p.ask("/api/judging/pools").json() if one["name"] == "wholepool"]
    assert (all_of_it["done"], all_of_it["total"]) == (0, len(p.seen))
    p.ask("/judging", **PAGE)
    page = p.ask("/judging/wholepool", **PAGE)
    p.shows(page, [paper for paper in p.seen if paper.mark in page.text])
    for paper in p.some(p.seen, 1):
        graded = {"query": "q", "document": p.id_of(paper), "grade": 2}
        assert p.ask("/judging/wholepool", "POST", again=False, data=graded).status_code == 303
        qrels = p.ask("/api/judging/pools/wholepool/qrels").json()
        assert {*qrels["qrels"].get("q", {})} <= {refs[each.mark] for each in p.seen}
        assert p.ask("/judging/wholepool/settle", **PAGE).status_code == 200
    form = {"data": {"query": "q", "document": "{}", "grade": "1"}}
    p.is_as_unknown("/judging/wholepool", "POST", **form)
    p.is_as_unknown("/judging/wholepool/settle", "POST", **form)


def vote(p: Probe) -> None:
    """Only on what one may see."""
    for paper in p.some(p.seen, 1):
        told = {"query": COMMON, "helpful": True}
        assert (
            p.ask(f"/api/documents/{p.id_of(paper)}/vote", "POST", again=False, json=told).status_code == 204
        )
        assert p.ask(f"/documents/{p.id_of(paper)}/vote", "POST", again=False, data=told).status_code == 303
    p.is_as_unknown("/api/documents/{}/vote", "POST", json={"query": COMMON, "helpful": True})
    p.is_as_unknown("/documents/{}/vote", "POST", data={"query": COMMON, "helpful": "1"})


def decisions(p: Probe) -> None:
    """Who is who is decided among those one sees."""
    nobody = "0" * 32
    for who in p.some_people(known=True):
        one = p.opened.persons[who.mark]
        for action, given in (
            ("merge", {"other": p.person.address}),
            ("split", {"identities": [1]}),
            ("name", {"name": "X"}),
        ):
            p.same(f"/api/people/{{}}/{action}", "POST", {"json": given}, one, nobody)
            p.same(f"/people/{{}}/{action}", "POST", {"data": given}, one, nobody)
        for kind in ("json", "data"):
            path = "/api/people/{}/not-me" if kind == "json" else "/people/{}/not-me"
            p.same(path, "POST", {kind: {"document": nobody}}, one, nobody)
        mine = p.opened.persons.get(p.person.mark)
        if mine:
            for told in ("Ada {}", "{}@x.example"):
                p.same(f"/api/people/{mine}/merge", "POST", {"json": {"other": told}}, who.mark, NOBODY)
    if mine := p.opened.persons.get(p.person.mark):
        p.is_as_unknown(f"/api/people/{mine}/not-me", "POST", json={"document": "{}"})
        p.is_as_unknown(f"/people/{mine}/not-me", "POST", data={"document": "{}"})
    p.same("/api/people/decisions/{}/undo", "POST", {}, "1", "999999")
    p.same(f"/people/{nobody}/undo", "POST", {"data": {"decision": "{}"}}, "1", "999999")


def asked_often(p: Probe) -> None:
    """Queries only, and only those that three have asked."""
    told = p.ask("/api/eval/sample", again=False).json()
    assert not p.opened.marks(json.dumps(told)) or len(p.world.people) > 2


def told_to_all(p: Probe) -> None:
    """What says the same to everybody, whatever is in the memory."""
    for path in ("/healthz", "/readyz", "/openapi.json", "/api/eval/active"):
        other = p.dice.choice(p.world.people)
        assert p.ask(path).content == p.opened.ask(other, path, again=False).content
