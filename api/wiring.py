"""Putting a memory together from its settings: the one place that knows every part."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from api.home_folder import CATALOGUE, INDEX, KEYS, RESTORED, RESTORING, SOURCES, clear
from api.lock import OwnerLock
from api.renewed import Renewed
from api.settings import Settings
from api.sources import config_of
from connectors.base import Connector
from connectors.directory import PeopleDirectory
from connectors.registry import connected
from ingest.index_writer import IndexWriter
from ingest.parsers.tesseract import Tesseract, find
from ingest.parsers.workers import ParserPool
from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.sources import Source
from memory.domain import OWNER
from memory.embedding.base import Embedder, ModelIdentity
from memory.embedding.open import EmbedderSpec
from memory.embedding.process import EmbedderProcess
from memory.errors import CatalogueError, IndexUnavailable, MnemeError, ModelMismatch, NotFound
from memory.index.base import Filters, VectorIndex
from memory.keyring import Keyring
from memory.words import WordAnalyser

NAME = "default"
"""The memory's name in the registry: one process serves one memory."""

UNOPTIMISED = 20_000
"""Passages that may be searched exactly: up to here that takes 4 ms, so optimising is not worth its time."""

MUCH_TO_EMBED = 500
"""Passages that take longer to embed than it takes to start the parser workers again."""

PARSERS_REST_S = 60
"""Seconds that parser workers outlive their sync: about 0.15 GB each, and 2 to 5 s saved by the next one."""

log = logging.getLogger("mneme")


@dataclass
class Memory:
    """A memory that this process owns, opened part by part as it is needed.

    :param lock: the right to own it.
    :param busy: held by whoever changes documents: a sync, a removal, a repair.
    :param lent: a pool of parsers that is somebody else's to close; without, the memory has its own.
    """

    settings: Settings
    lock: OwnerLock
    catalogue: Catalogue
    words: WordAnalyser
    spec: EmbedderSpec
    lent: ParserPool | None = None
    busy: threading.Lock = field(default_factory=threading.Lock)
    # A secret that was sealed before the keys were renewed and kept afterwards could never be opened again.
    sealing: threading.RLock = field(default_factory=threading.RLock)
    _index: VectorIndex | None = None
    _passage_embedder: Embedder | None = None
    _query_embedder: EmbedderProcess | None = None
    _parsers: ParserPool | None = None
    _opening: threading.RLock = field(default_factory=threading.RLock)
    _loading: threading.Thread | None = None
    _loaded: threading.Event = field(default_factory=threading.Event)
    model_error: MnemeError | None = None

    @property
    def index(self) -> VectorIndex:
        """The index, opened at the first call.

        :raises IndexUnavailable: where it cannot be opened.
        """
        with self._opening:
            if self._index is None:
                self._index = self._belonging(open_index(self.settings, self.identity()))
            return self._index

    def _belonging(self, index: VectorIndex) -> VectorIndex:
        """The index, unless it is not that of the catalogue: one of both was lost or put back alone."""
        passages, held = self.catalogue.passages, index.count(Filters(), OWNER)
        trouble = ""
        if not held and passages.progress().by_words:
            trouble = "The index has lost all its passages."
        elif held and not passages.any():
            trouble = "The index belongs to another catalogue."
        if trouble:
            index.close()
            raise IndexUnavailable(trouble)
        return index

    def identity(self) -> ModelIdentity:
        """The model's identity: as the catalogue remembers it, so that searching by words waits for no model."""
        known = self.catalogue.get_meta("model")
        if known and known["setting"] == self.spec.model:
            return ModelIdentity(known["name"], known["digest"], known["size"])
        if known and self.catalogue.passages.progress().by_words:
            raise ModelMismatch(
                f"This memory was embedded with {known['name']}, and the settings ask for {self.spec.model}.",
                hint=f"Set MNEME_EMBEDDING__MODEL={known['setting']}, or run `mneme doctor --rebuild` to embed everything anew.",
            )
        # The one for queries is there in a service: a second process for syncs would only have to say its name.
        identity = (self._query_embedder or self.passage_embedder).identity
        self.catalogue.set_meta("model", {"setting": self.spec.model, **_plain(identity)})
        return identity

    @property
    def passage_embedder(self) -> Embedder:
        """The embedder that works for syncs, in a process of its own unless it is light."""
        with self._opening:
            if self._passage_embedder is None:
                self._passage_embedder = (
                    self.spec.open()
                    if self.spec.light
                    else EmbedderProcess(self.spec, nice=self.settings.embedding.nice)
                )
            return self._passage_embedder

    @cached_property
    def ocr(self) -> Tesseract | None:
        """What recognises text on pictures; None where it is off or not installed.

        :raises InvalidSettings: where a language is asked for that is not installed.
        """
        given = self.settings.ocr
        return find(given.tesseract, given.languages) if given.on else None

    @property
    def parsers(self) -> ParserPool:
        """The worker processes that read files."""
        with self._opening:
            if self._parsers is None:
                parsing = self.settings.parsing
                self._parsers = self.lent or ParserPool(
                    workers=parsing.workers,
                    timeout_s=parsing.timeout_s,
                    memory_bytes=parsing.memory_mb * 1024 * 1024,
                    tika_url=parsing.tika_url or None,
                    ocr=self.ocr,
                )
                registry.provide(NAME, ParserPool, self._parsers)
            return self._parsers

    @cached_property
    def keyring(self) -> Keyring:
        """What encrypts the secrets of sources; its keys lie beside the catalogue, not in it."""
        return Keyring(self.settings.home / KEYS / "secrets.keys")

    def connected(self, source: Source) -> AbstractContextManager[Connector | PeopleDirectory]:
        """A source's connector for a while, with its secrets decrypted; those that the source replaces are kept.

        :raises SecretUnreadable: where that is impossible.
        """
        renewed = self.renewed(source)
        renewed.sources = self.catalogue.sources
        return self.tried(source, renewed)

    def tried(self, source: Source, renewed: Renewed) -> AbstractContextManager[Connector | PeopleDirectory]:
        """The same of one that is kept by nobody yet: what it replaces is for whoever will."""
        config = config_of(source, renewed.secrets, self.state_of(source.name), renewed.take)
        return connected(source.kind, config)

    def renewed(self, source: Source) -> Renewed:
        """A source's secrets, decrypted, and what takes in those that the source replaces.

        :raises SecretUnreadable: where one cannot be.
        """
        ring = self.keyring
        secrets = {name: ring.open(source.name, name, sealed) for name, sealed in source.secrets.items()}
        return Renewed(source.name, secrets, ring, self.sealing)

    @contextmanager
    def connected_to_documents(self, source: Source) -> Iterator[Connector]:
        """The connector of a source that has documents, for a while.

        :raises NotFound: where the source is a directory of people: it never had a document.
        """
        with self.connected(source) as connector:
            if isinstance(connector, PeopleDirectory):
                raise NotFound("There is no such document, or you may not see it.")
            yield connector

    def state_of(self, source: str) -> Path:
        """The folder of a source's connector; it may not be there."""
        return self.settings.home / SOURCES / source

    def writer(self) -> IndexWriter:
        """What brings the index to what the catalogue says."""
        own = self.settings.search.own_statistics
        writer = IndexWriter(self.catalogue, self.index, self.words, self.identity(), own_statistics=own)
        registry.provide(NAME, IndexWriter, writer)
        return writer

    def there(self) -> None:
        """Ask the catalogue and the index for something.

        :raises CatalogueAway: where its database cannot be reached.
        :raises IndexAway: where its server cannot be reached.
        """
        self.catalogue.get_meta("model")
        self.index.facts([])

    def finish_interrupted(self) -> None:
        """Finish removals of sources and changes of facts that were interrupted; waits for whoever changes documents."""
        if self.catalogue.sources.removing() or self.catalogue.documents.facts_pending():
            with self.busy:
                self.writer().write_pending()
                self.optimise()  # what was written anew is searched slowly, and takes twice the room

    def load_model(self) -> None:
        """Begin to load the model that embeds queries, in the background."""
        with self._opening:
            if self._loading is None:
                if not self.spec.light:
                    self._query_embedder = EmbedderProcess(self._spec_of_queries(), nice=0)
                self._loading = threading.Thread(target=self._load, name="model", daemon=True)
                self._loading.start()

    def wait_for_model(self, timeout_s: float = 120) -> bool:
        """Wait until queries can be embedded; says whether they can."""
        self.load_model()
        self._loaded.wait(timeout_s)
        return self._loaded.is_set() and self.model_error is None

    def _load(self) -> None:
        began = time.monotonic()
        try:
            embedder = self._query_embedder or self.spec.open()
            self.share_processor(self.busy.locked())
            self._compare(embedder.identity)
            registry.provide(NAME, Embedder, embedder)  # type: ignore[type-abstract]
            log.info("model %s ready after %.1f s", embedder.identity.name, time.monotonic() - began)
        except MnemeError as error:
            self.model_error = error
            log.error("%s Searching goes on by words.", error)
        finally:
            self._loaded.set()

    def _spec_of_queries(self) -> EmbedderSpec:
        """Half of the processors: one short text gains little by more, and a search has more to do than to embed."""
        return replace(self.spec, threads=max(1, (os.cpu_count() or 1) // 2))

    def share_processor(self, sharing: bool) -> None:
        """Embed queries with one thread while a sync embeds beside them; with more again afterwards.

        Threads of one forward pass wait for each other; with more of them than processors, mostly in vain.
        """
        if self._query_embedder is not None:
            self._query_embedder.set_threads(1 if sharing else None)

    def _compare(self, loaded: ModelIdentity) -> None:
        if loaded.digest != self.identity().digest:
            raise ModelMismatch(
                f"The model {self.spec.model} is not the one that this memory was embedded with.",
                hint="Put the old model back, or run `mneme doctor --rebuild` to embed everything anew.",
            )

    @property
    def model_ready(self) -> bool:
        """Whether queries are searched by meaning too."""
        return self._loaded.is_set() and self.model_error is None

    def forget_index(self) -> None:
        """Remove the embedded index and forget which model made it, so that it can be made anew.

        Nobody opens it meanwhile: who had it open would go on with files that are removed.
        """
        with self._opening:
            if not self.settings.index.url:
                if self._index is not None:
                    self._index.close()
                    self._index = None
                shutil.rmtree(index_folder(self.settings), ignore_errors=True)
            # In here too: opened again before that, it would have lost all that the catalogue still counts on.
            self.catalogue.passages.forget_index()
            self.catalogue.set_meta("model", None)

    def optimise(self) -> None:
        """Let the embedded index be optimised by a child process, once enough has been added to be worth it."""
        from memory.index.edge import EdgeIndex

        index = self.index
        if isinstance(index, EdgeIndex) and index.unoptimised() > UNOPTIMISED:
            index.optimise()

    def release_parsers(self) -> None:
        """End the processes that parse at once, where embedding will need the memory for long."""
        progress = self.catalogue.passages.progress()
        with self._opening:
            if self._parsers is not None and progress.by_words - progress.by_meaning > MUCH_TO_EMBED:
                self._parsers.rest(0)

    def release_workers(self) -> None:
        """End the processes that only a sync needs; those that parse wait a while for the next one."""
        with self._opening:
            if isinstance(self._passage_embedder, EmbedderProcess):
                self._passage_embedder.close()
            if self._parsers is not None:
                self._parsers.rest(PARSERS_REST_S)

    def close(self) -> None:
        """Let go of everything, so that another process may own the memory."""
        self.release_workers()
        with self._opening:
            if self._query_embedder is not None:
                self._query_embedder.close()
            if self._parsers is not None and self._parsers is not self.lent:
                self._parsers.close()
            self._parsers = None
            if self._index is not None:
                self._index.close()
                self._index = None
        self.catalogue.close()
        registry.forget(NAME)
        self.lock.release()


def open_memory(settings: Settings, doing: str, *, parsers: ParserPool | None = None) -> Memory:
    """Own the memory in the home folder.

    :param doing: what this process is about to do, to be told to others.
    :param parsers: lent to it, for a process that opens several memories.
    :raises MemoryInUse: where another process owns it.
    :raises CatalogueError: where its catalogue cannot be opened.
    """
    lock = OwnerLock(settings.home, doing)
    try:
        _need_restored(settings)
        catalogue = Catalogue(
            settings.catalogue_url,
            keep_events=_days(settings.events.keep_days),
            keep_audit=_days(settings.audit.keep_days),
        )
    except MnemeError:
        lock.release()
        raise
    embedding = settings.embedding
    spec = EmbedderSpec(embedding.model, settings.home, allow_download=embedding.allow_download)
    memory = Memory(settings, lock, catalogue, WordAnalyser(), spec, parsers)
    registry.provide(NAME, Catalogue, catalogue)
    registry.provide(NAME, WordAnalyser, memory.words)
    registry.opens(NAME, VectorIndex, lambda: memory.index)  # type: ignore[type-abstract]
    return memory


def _need_restored(settings: Settings) -> None:
    home = settings.home
    for left in (home / RESTORING, home / RESTORED):
        if left.exists() and not (home / CATALOGUE).exists():
            raise CatalogueError(
                f"A restore into {home} was interrupted.",
                hint=f"Run `mneme restore` again; or remove {left} to begin with nothing.",
            )
        clear(left)  # with the catalogue, all had come


def open_index(settings: Settings, identity: ModelIdentity) -> VectorIndex:
    """The index the settings name: embedded, or on a Qdrant server."""
    own = settings.search.own_statistics
    if settings.index.url:
        from qdrant_client import QdrantClient

        from memory.index.server import ServerIndex

        key = settings.index.api_key.get_secret_value() or None
        # It would ask for the server's version in a thread of its own, and warn where no log of ours hears it.
        client = QdrantClient(url=settings.index.url, api_key=key, check_compatibility=False)
        return ServerIndex(client, settings.index.collection, identity, own_statistics=own)
    from memory.index.edge import EdgeIndex

    return EdgeIndex(index_folder(settings), identity, own_statistics=own)


def index_folder(settings: Settings) -> Path:
    """Where the embedded index lies."""
    return settings.home / INDEX


def _days(number: int) -> timedelta | None:
    return timedelta(days=number) if number else None


def _plain(identity: ModelIdentity) -> dict[str, str | int]:
    return {"name": identity.name, "digest": identity.digest, "size": identity.size}
