"""A world in a memory: put there by the real sync, asked by whoever lives in it."""

import asyncio
import base64
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from fastapi import Request
from httpx import Response

from api.app import create_app
from api.identify import Identification
from api.roles import PERMISSIONS, Caller, UserRole
from api.service import Service
from api.settings import load
from api.wiring import open_memory
from ingest.parsers import registry
from ingest.parsers.child import Asked as ParserAsked
from ingest.parsers.wire import Task, parsed_to_json
from ingest.parsers.workers import ParserPool
from memory.catalogue.cards import Card
from memory.domain import Identity
from memory.people.directory import BY_HAND, ListedGroup, ListedPerson, Told
from search.pipeline import SHIPPED
from tests.memories import sync
from tests.worlds.oracle import may_see, seen
from tests.worlds.world import COMMON, Paper, Person, World

HOST = "http://127.0.0.1:8377"
FIRST = datetime(2023, 1, 1, 9, 30, tzinfo=UTC)
DOES = PERMISSIONS[UserRole.EMPLOYEE] | PERMISSIONS[UserRole.KNOWLEDGE_MANAGER]
"""What everybody here may do: all that no access to what others have is part of."""

_PASSING = re.compile(rb'"took_ms":[0-9.]+|"request_id":"[^"]*"|[0-9.,]+ ms')
"""What of an answer tells when it was given, and nothing else."""


class Client:
    """Asks the app without a thread of its own for each request, which a test client has: worlds are asked much."""

    def __init__(self) -> None:
        self.app = create_app(_nothing)
        self._runner = asyncio.Runner()
        way = httpx.ASGITransport(self.app)
        self._client = httpx.AsyncClient(transport=way, base_url=HOST)

    def __call__(self, method: str, path: str, **about: Any) -> Response:
        return self._runner.run(self._client.request(method, path, **about))

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


def _nothing() -> Service:
    raise AssertionError("each world gives the app its own service")


class ParsedHere(ParserPool):
    """Reads files in this process: these are harmless, and worlds are many."""

    def _ask(self, body: Path | bytes, asked: ParserAsked) -> dict[str, Any]:
        read = registry.attachments if asked.task is Task.ATTACHMENTS else registry.read
        data = body if isinstance(body, bytes) else body.read_bytes()
        return {"parsed": parsed_to_json(read(data, name=asked.name, media_type=asked.media_type))}


class Badge:
    """A way in: the header ``Badge`` names an address of the directory."""

    challenge = "Badge"
    blocking = False
    ambient = False

    def __init__(self, asked: Service) -> None:
        self._people = cache(asked.memory.catalogue.people.asker_at)

    def __call__(self, request: Request) -> Caller | None:
        address = request.headers.get("badge")
        if address is None:
            return None
        asker = self._people(address)
        return Caller(asker, DOES, asker.key)


@dataclass(frozen=True)
class Asked:
    """One request."""

    person: Person
    method: str
    path: str
    about: dict[str, Any]


@dataclass
class Opened:
    """A world that can be asked.

    :param by_words: whether searches go by words alone.
    :param documents: the ids of documents by mark, and what results show of each.
    :param log: every request that may be repeated.
    """

    world: World
    service: Service
    client: Client
    owner: dict[str, str]
    by_words: bool
    documents: dict[str, str] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    persons: dict[str, str] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)
    requests: int = 0
    kept: dict[str, set[str]] = field(default_factory=dict)
    """Marks that somebody has given away themselves, as the name of a saved search, by theirs."""

    def bring(self, *marks: str) -> None:
        """Put documents into their sources, and have them synced."""
        for mark in marks:
            paper = self.world.papers[mark]
            if not paper.holder:
                path = f"/api/sources/{paper.source}/documents/{paper.key}"
                self.owner_asks("PUT", path, json=self._pushed(paper))
        self.synced()

    def take_away(self, mark: str) -> None:
        """Take a document out of its source, with what is attached to it."""
        paper = self.world.papers.pop(mark)
        for each in self.world.attached(mark):
            del self.world.papers[each.mark]
        self.owner_asks("DELETE", f"/api/sources/{paper.source}/documents/{paper.key}")
        self.synced()

    def owner_asks(self, method: str, path: str, **about: Any) -> Response:
        """What needs the owner, to set the world up."""
        answer = self.client(method, path, headers=self.owner, **about)
        return answer.raise_for_status()

    def synced(self) -> None:
        """Let the memory follow its sources, and look up what became of the documents."""
        job = sync(self.service)
        assert job["state"] == "done", job
        assert not any(summary["failed"] for summary in job["summaries"]), job
        rows = [
            row
            for source in self.world.sources
            for row in self.service.memory.catalogue.ledger.of_source(source)
        ]
        names = {paper.key: mark for mark, paper in self.world.papers.items() if not paper.holder}
        ends = [row.ref.key.rpartition("/")[2].removesuffix(".txt") for row in rows]
        found = {names.get(end, end): row for end, row in zip(ends, rows, strict=True)}
        assert set(found) == set(self.world.papers), "the ledger has each document once"
        self.documents = {mark: str(row.document) for mark, row in found.items()}
        cards = self.service.memory.catalogue.cards.of_documents(self.documents.values())
        self.cards = {mark: cards[document] for mark, document in self.documents.items()}
        links = [link for card in cards.values() for link in card.people]
        marks = {person.name: person.mark for person in [*self.world.people, *self.world.strangers]}
        self.persons |= {marks[link.name]: link.id for link in links}

    def ask(
        self, person: Person, path: str, method: str = "GET", *, again: bool = True, **about: Any
    ) -> Response:
        """Ask as somebody. Whatever is answered, it holds the mark of nothing that is hidden from them.

        :param again: whether the request changes nothing, so that it may be repeated.
        :param about: ``params``, ``json``, ``data`` or ``headers`` of the request.
        """
        answer = self._send(person, method, path, about)
        said, given = answer.text.casefold(), f"{path} {about}".casefold()
        for name in [*self.everything(), *self.documents.values()]:
            if name in given:  # an answer repeats what was asked
                said = said.replace(name, "")
        if method == "POST":
            self.kept.setdefault(person.mark, set()).update(self.marks(given))
        named = {
            mark for mark, paper in self.world.papers.items() if paper.key in said and paper.key not in given
        }
        leaked = (self.marks(said) | named) - self.may_hear_of(person) - self.kept.get(person.mark, set())
        assert not leaked, f"{method} {path} {about} tells {person.address} of {leaked}: {said}"
        if again:
            self.log.append(Asked(person, method, path, about))
        return answer

    def answers(self, requests: Iterable[Asked]) -> list[tuple[int, bytes]]:
        """What these get now, without what tells the time."""
        given = []
        for asked in requests:
            answer = self._send(asked.person, asked.method, asked.path, asked.about)
            given.append((answer.status_code, self.passing(answer.content)))
        return given

    @staticmethod
    def passing(answer: bytes) -> bytes:
        """An answer without what tells when it was given."""
        return _PASSING.sub(b"", answer)

    def marks(self, text: str) -> set[str]:
        """The marks of all documents and people that a text holds, and of documents by their ids."""
        named = {mark for mark in self.everything() if mark in text.casefold()}
        return named | {mark for mark, document in self.documents.items() if document in text}

    def everything(self) -> set[str]:
        """The marks of all there is."""
        return {*self.world.papers, *(p.mark for p in [*self.world.people, *self.world.strangers])}

    def may_hear_of(self, person: Person) -> set[str]:
        """The marks of all that somebody may see, and of the people who had a part in it."""
        papers = seen(self.world, person)
        people = {each.mark for paper in papers for each in (paper.author, *paper.others)}
        return {paper.mark for paper in papers} | people | {person.mark}

    def hidden(self, person: Person) -> list[Paper]:
        """What somebody may not see."""
        return [paper for paper in self.world.papers.values() if not may_see(self.world, person, paper)]

    def _send(self, person: Person, method: str, path: str, about: dict[str, Any]) -> Response:
        self.requests += 1
        about = {**about, "headers": {"badge": person.address, **about.get("headers", {})}}
        answer = self.client(method, path, **about)
        assert answer.status_code < 500, (method, path, about, answer.text)
        return answer

    def _pushed(self, paper: Paper) -> dict[str, Any]:
        access = {"grant": sorted(paper.grant), "deny": sorted(paper.deny)}
        if paper.message:
            mail = base64.b64encode(bytes(self._mail(paper))).decode()
            return {"content_base64": mail, "media_type": "message/rfc822", **access}
        told = [(paper.author, "author"), *((other, "mentioned") for other in paper.others)]
        return {
            "content": paper.text,
            "title": f"Offer {paper.mark}",
            "modified": (FIRST + timedelta(days=paper.day)).isoformat(),
            "contributions": [
                {"role": role, "name": person.name, "address": person.address} for person, role in told
            ],
            **access,
        }

    def _mail(self, paper: Paper) -> EmailMessage:
        made = EmailMessage()
        made["Message-ID"] = f"<{paper.message}>"
        made["From"] = f"{paper.author.name} <{paper.author.address}>"
        if paper.others:
            made["To"] = ", ".join(f"{each.name} <{each.address}>" for each in paper.others)
        made["Subject"] = f"Offer {paper.mark}"
        made["Date"] = format_datetime(FIRST + timedelta(days=paper.day))
        if paper.answers:
            made["In-Reply-To"] = made["References"] = f"<{paper.answers[0]}>"
        made.set_content(paper.text)
        for file in self.world.attached(paper.mark):
            made.add_attachment(file.text, filename=f"{file.mark}.txt")
        if made.is_multipart():
            made.set_boundary(f"part-{paper.key}")  # else every time another, and it is another mail
        return made


@contextmanager
def opened(
    world: World, home: Path, template: Path, client: Client, *, by_words: bool = False, **settings: Any
) -> Iterator[Opened]:
    """A world in a memory of its own.

    :param home: where; made anew.
    :param template: a home folder of `empty_home`, to begin with: making one takes a second.
    """
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(template, home)
    given = {"embedding": {"model": "hash"}, "serve": {"per_minute": 0}} | settings
    with (
        ParsedHere() as parsers,
        closing(Service(open_memory(load(home=home, **given), "worlds", parsers=parsers))) as asked,
    ):
        asked.identify = Identification([Badge(asked), asked.owner])
        if by_words:
            asked.promote("words", (SHIPPED / "words.yaml").read_text(encoding="utf-8"), ungated=True)
        client.app.state.service = asked
        there = Opened(world, asked, client, {"authorization": f"Bearer {asked.owner.token}"}, by_words)
        _settle(there, home)
        there.bring(*world.papers)
        asked.memory.wait_for_model()
        items = sorted(card.ref for card in there.cards.values())
        pool = {"name": "wholepool", "queries": {"q": COMMON}, "items": {"q": items}}
        there.owner_asks("POST", "/api/judging/pools", json=pool)
        yield there


def empty_home(home: Path) -> Path:
    """A memory with nothing in it, closed."""
    given = {"embedding": {"model": "hash"}}
    with closing(Service(open_memory(load(home=home, **given), "worlds"))) as asked:
        assert list(asked.memory.index.ids()) == []
    return home


def _settle(there: Opened, home: Path) -> None:
    """The people and the sources."""
    world = there.world
    people = [ListedPerson(each.mark, (Identity(each.name, each.address),)) for each in world.people]
    groups = [ListedGroup(group, f"group:{group}") for group in world.within]
    within = {each.mark: each.groups for each in world.people} | world.within
    told = Told(tuple(people), tuple(groups), within=within)
    there.service.memory.catalogue.directories.take_in(BY_HAND, told, strict=True)
    for name, grant in there.world.sources.items():
        body = {"kind": "push", "location": str(home / name), "name": name, "grant": sorted(grant)}
        there.owner_asks("POST", "/api/sources", json=body)
