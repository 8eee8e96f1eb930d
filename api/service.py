"""Everything Mneme can be asked, as functions from plain values to JSON values.

Routes and pages call these; the command line calls the routes. So all three answer alike.
"""

import shutil
import threading
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from api import attached, conversations
from api.backup import Backups
from api.bylines import bylines
from api.discovery import Discovery
from api.doctor import examine
from api.health import Health
from api.holding import Holding
from api.identify import Identification, OwnerToken
from api.jobs import Jobs
from api.login import Login
from api.metrics import Metrics
from api.peers import Peers
from api.people_service import PeopleService
from api.saved import Saved
from api.scans import Scans
from api.schedule import Schedule
from api.search_setup import built, promote
from api.sources import NewSource
from api.tries import CallerLimits
from api.turns import Turns
from api.upkeep import Upkeep
from api.ways_in import identification
from api.why import Why
from api.wiring import NAME, Memory
from api.witness import saw, tell
from connectors.base import Content, Prepares
from connectors.registry import kinds
from memory.catalogue.events import EventKind
from memory.catalogue.passages import Progress
from memory.domain import Asker
from memory.errors import MemoryInUse
from search.answer import Ready, location_label
from search.pipeline import load_pipeline
from search.recent import Recent
from search.searcher import Searcher, SearchRequest
from search.trace import Tracer
from search.whole import WholeList


@dataclass
class Service:
    """A memory and what can be asked of it."""

    memory: Memory
    holding: Holding = field(init=False)
    jobs: Jobs = field(init=False)
    schedule: Schedule = field(init=False)
    upkeep: Upkeep = field(init=False)
    people: PeopleService = field(init=False)
    owner: OwnerToken = field(default_factory=OwnerToken)
    identify: Identification = field(init=False)
    backups: Backups = field(init=False)
    login: Login = field(init=False)
    scans: Scans = field(init=False)
    turns: Turns = field(init=False)
    health: Health = field(init=False)
    limits: CallerLimits = field(init=False)
    peers: Peers = field(init=False)
    metrics: Metrics = field(init=False)
    _progress: Recent[Progress] = field(init=False)
    _searcher: Searcher | None = None
    _whole: WholeList | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._progress = Recent(self.memory.catalogue.passages.progress)
        self.holding = Holding(self.memory)
        self.jobs = Jobs(
            self.memory, lambda: self._searcher.wanted() if self._searcher else (), self.holding.follow
        )
        self.schedule = Schedule(self.memory.catalogue.sources, self.jobs)
        self.upkeep = Upkeep(self.memory.catalogue, self.jobs, self.schedule)
        self.people = PeopleService(self.memory)
        memory = self.memory
        self.limits = CallerLimits(memory.settings.serve.per_minute)
        self.peers = Peers(memory.settings.serve.proxies)
        self.login = Login(memory.settings.auth, memory.catalogue)
        self.identify = identification(memory.settings, memory.catalogue, self.owner)
        self.backups = Backups(self.memory)
        self.scans = Scans(self.memory)
        self.health = Health(self.memory)
        self.turns = Turns(self.memory.settings.search.at_once)
        self.metrics = Metrics(
            searching=lambda: self.turns.taken,
            ready=lambda: self.health.ready()["ready"],
            meaning=lambda: self.memory.model_ready,
            syncing=lambda: self.jobs.running is not None,
        )

    @property
    def searcher(self) -> Searcher:
        """The search pipeline, built at the first search."""
        with self._opening:
            if self._searcher is None:
                self._searcher = built(self.memory, lambda text: Searcher(NAME, load_pipeline(text, NAME)))
            return self._searcher

    def whole(self) -> WholeList:
        """The same pipeline for whole lists, built when the first is asked for."""
        with self._opening:
            if self._whole is None:
                self._whole = built(self.memory, lambda text: WholeList(NAME, text))
            return self._whole

    def promote(self, name: str, text: str, *, ungated: bool) -> dict[str, Any]:
        """Have another pipeline answer searches from now on."""
        active = promote(self.memory, name, text, ungated=ungated)
        with self._opening:
            self._searcher = self._whole = None
        return active.to_json()

    @property
    def discovery(self) -> Discovery:
        """What leads on from a search or a document."""
        return Discovery(self.memory.catalogue, self.whole)

    @property
    def saved(self) -> Saved:
        """The saved searches."""
        return Saved(self.memory.catalogue, self.searcher)

    @property
    def why(self) -> Why:
        """Says why a document is found or not."""
        return Why(self.memory, Tracer(NAME, self.searcher))

    def search(
        self,
        query: str,
        asker: Asker,
        *,
        limit: int = 10,
        offset: int = 0,
        explain: bool = False,
        wait: bool = False,
    ) -> dict[str, Any]:
        """Search on behalf of an asker.

        :param wait: wait for the model, so that the answer counts meaning too.
        """
        searcher = self.searcher
        if wait:
            self.memory.wait_for_model()
        answer = searcher.search(SearchRequest(query, asker, limit=limit, offset=offset, explain=explain))
        found = [result.card.document for result in answer.results]
        tell(query=query, offset=offset)
        saw(found)
        self.memory.catalogue.events.record(
            EventKind.SEARCH, asker, query, found, answer.took_ms, first=offset + 1
        )
        return answer.to_json()

    def document(self, document: str, asker: Asker, *, query: str = "") -> dict[str, Any]:
        """A document with its passages and people.

        :param query: the search that led there.
        """
        catalogue = self.memory.catalogue
        known = catalogue.documents.get(document, asker)
        card = catalogue.cards.of_documents([document])[document].shown_to(asker)
        passages = catalogue.passages.of_document(document)
        above = bylines(passages, catalogue.documents.bodies([document]).get(document, ("", [])))
        catalogue.events.record(EventKind.OPEN, asker, query, [document])
        saw([document])
        return {
            "id": known.id,
            "ref": str(known.ref),
            "title": known.title,
            "url": known.url,
            "source": card.source,
            "type": card.type,
            "media_type": known.media_type,
            "language": known.language,
            "created": _iso(known.created),
            "modified": _iso(known.modified),
            "formality": known.formality.value,
            **attached.relatives(self.memory, known, asker),
            "messages": conversations.size(self.memory, known, asker),
            "text_length": len(catalogue.documents.text(document)),
            "people": [
                {"id": p.id, "name": p.name, "role": p.role.value, "at": _iso(p.at), "evidence": p.evidence}
                for p in card.people
            ],
            "passages": [
                {
                    "id": p.id,
                    "ordinal": p.ordinal,
                    "text": p.text,
                    "location": {**p.location.to_json(), "label": location_label(p.location)},
                    "byline": byline,
                }
                for p, byline in zip(passages, above, strict=True)
            ],
        }

    def original(self, document: str, asker: Asker) -> tuple[Content, str]:
        """A document's original as its source holds it now, and its media type.

        An attached file is taken out of the document it is attached to.
        """
        known = self.memory.catalogue.documents.get(document, asker)
        source = self.memory.catalogue.sources.get(known.ref.source)
        with self.memory.connected_to_documents(source) as connector:
            content = attached.original(self.memory, known, connector.fetch)
        self.memory.catalogue.events.record(EventKind.OPEN, asker, "", [document])
        saw([document])
        return content, known.media_type

    def add_source(self, new: NewSource) -> dict[str, Any]:
        """Add a source, after its connector has found it."""
        source = new.to_source()
        ring = self.memory.keyring
        with self.memory.sealing:
            sealed = {name: ring.seal(source.name, name, secret) for name, secret in new.secrets.items()}
            source = replace(source, secrets=sealed)
            renewed = self.memory.renewed(source)
            with self.memory.tried(source, renewed) as connector:
                if isinstance(connector, Prepares):
                    connector.prepare()
                found = connector.check()
            self.memory.catalogue.sources.add(replace(source, secrets=sealed | renewed.sealed))
        tell(source=source.name, grant=new.grant, deny=new.deny, rules=new.rules)
        return {"name": source.name, "kind": source.kind, "location": source.location, "found": found}

    def check_source(self, name: str) -> dict[str, Any]:
        """Ask a source whether it can be reached."""
        with self.memory.connected(self.memory.catalogue.sources.get(name)) as connector:
            return {"name": name, "found": connector.check()}

    def keep_secret(self, name: str, secret: str, value: SecretStr) -> dict[str, Any]:
        """Give a source another password or token, once its connector has found the source with it."""
        source = self.memory.catalogue.sources.get(name)
        with self.memory.sealing:
            sealed = self.memory.keyring.seal(name, secret, value)
            tried = replace(source, secrets=source.secrets | {secret: sealed})
            renewed = self.memory.renewed(tried)
            with self.memory.tried(tried, renewed) as connector:
                found = connector.check()
            for each, kept in ({secret: sealed} | renewed.sealed).items():
                self.memory.catalogue.sources.keep_secret(name, each, kept)
        return {"name": name, "secret": secret, "found": found}

    def renew_keys(self) -> dict[str, int]:
        """Encrypt all secrets by a new key."""
        with self.memory.sealing:
            return {"secrets": self.memory.keyring.renew(self.memory.catalogue.sources.reseal)}

    def pause_source(self, name: str, paused: bool) -> dict[str, Any]:
        """Leave a source out of syncs, or take it in again."""
        self.memory.catalogue.sources.pause(name, paused)
        return {"name": name, "paused": paused}

    def remove_source(self, name: str) -> dict[str, Any]:
        """Remove a source with everything that came from it; the files themselves are not touched.

        What a legal hold is on stays, and the source with it, on its way out until the last of them ends.
        What ends it early leaves a source on its way out: this again, a sync, the doctor or the service's start finish it.
        """
        catalogue = self.memory.catalogue
        catalogue.sources.get(name)
        if not self.memory.busy.acquire(blocking=False):
            raise MemoryInUse("A sync is running.", hint="Wait for it, or stop it first.")
        try:
            writer = (
                self.memory.writer()
            )  # an index that cannot be opened refuses before anything has changed
            self.holding.keep_originals(source=name)  # while its connector still has its passwords
            with catalogue.transaction() as connection:
                held = catalogue.holds.held_of(connection, name)
                removed = catalogue.documents.remove_source(connection, name)
                catalogue.directories.forget(connection, name)
                catalogue.sources.remove(connection, name)
            writer.write_pending()
            shutil.rmtree(self.memory.state_of(name), ignore_errors=True)  # the next of that name looks twice
        finally:
            self.memory.busy.release()
        return {"name": name, "removed": removed, "held": held}

    def kinds(self) -> dict[str, str]:
        """The connectors there are."""
        return kinds()

    def doctor(self, *, repair: bool, rebuild: bool, ungated: bool = False) -> dict[str, Any]:
        """Compare catalogue and index, and mend what differs."""
        return examine(self.memory, repair=repair, rebuild=rebuild, ungated=ungated)

    def ready(self, asker: Asker) -> dict[str, Any]:
        """How far the memory can be searched, as an answer to a search says it."""
        return Ready.told(asker, self._progress.get(), meaning=self.memory.model_ready).to_json()

    def close(self) -> None:
        """Stop what runs and let go of the memory."""
        self.schedule.stop()
        self.jobs.stop()
        self.scans.close()
        self.memory.close()


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
