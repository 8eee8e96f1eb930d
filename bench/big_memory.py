"""A memory of 100,000 passages to measure on: made-up texts and vectors, real catalogue and index."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from api.settings import Settings
from api.wiring import Memory, open_memory
from memory.catalogue.catalogue import MAIN_LANGUAGE
from memory.catalogue.documents import NewPassage, new_document_id
from memory.catalogue.sources import Source
from memory.catalogue.vectors import text_digest
from memory.domain import Access, Contribution, Document, Identity, Location, Role, SourceRef, Stage

PER_DOCUMENT = 10
WORDS = 130  # about 170 tokens
LANGUAGES = ("en", "de", "fr", "da")


def vocabulary(size: int = 60_000) -> list[str]:
    """Made-up words."""
    letters = random.Random(1)
    syllables = ["ka", "ri", "to", "men", "sol", "ver", "trag", "lu", "pe", "ni", "dor", "ha", "bil", "ost"]
    return sorted({"".join(letters.choices(syllables, k=letters.randint(1, 5))) for _ in range(size)})


def texts(seed: int, size: int) -> Iterator[str]:
    """Passages whose words are as unevenly frequent as real ones (Zipf)."""
    dice, known = np.random.default_rng(seed), vocabulary()
    random.Random(2).shuffle(known)
    while True:
        for row in np.minimum(dice.zipf(1.15, (500, size)) - 1, len(known) - 1):
            yield " ".join(known[word] for word in row)


def queries(count: int, seed: int = 11) -> list[str]:
    """Distinct queries of four words, neither the most frequent nor the rarest."""
    dice, known = np.random.default_rng(seed), vocabulary()
    random.Random(2).shuffle(known)
    return [" ".join(known[word] for word in dice.integers(20, 4000, 4)) for _ in range(count)]


def build(settings: Settings, passages: int) -> None:
    """Fill the home folder, unless it was filled by an earlier run."""
    memory = open_memory(settings, "bench")
    try:
        have = memory.catalogue.passages.progress().by_meaning
        if have < passages:
            _fill(memory, passages - have)
            memory.optimise()
    finally:
        memory.close()


def _fill(memory: Memory, passages: int) -> None:
    catalogue, writer = memory.catalogue, memory.writer()
    if not catalogue.sources.all():
        for number in range(8):
            catalogue.sources.add(Source(f"s{number}", "folder", f"/s{number}", {}))
    # As after a sync; else the first one would weigh the words of all passages anew.
    catalogue.set_meta(MAIN_LANGUAGE, LANGUAGES[0])
    known, dice = texts(3, WORDS), np.random.default_rng(5)
    size = memory.identity().size
    for first in range(0, passages // PER_DOCUMENT, 200):
        digests: dict[str, np.ndarray] = {}
        with catalogue.transaction() as connection:
            for number in range(first, min(first + 200, passages // PER_DOCUMENT)):
                document, parts = _document(number), [next(known) for _ in range(PER_DOCUMENT)]
                found, start = [], 0
                for part in parts:
                    spoken = f"{document.title}\n{part}"
                    found.append(
                        NewPassage(part, Location(start, start + len(part)), WORDS, text_digest(spoken))
                    )
                    start += len(part) + 2
                catalogue.documents.replace(connection, document, "\n\n".join(parts), found)
                catalogue.ledger.write(
                    connection, document.ref, Stage.PARSED, document=document.id, version="1"
                )
                vectors = dice.normal(size=(PER_DOCUMENT, size)).astype(np.float32)
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                digests |= {passage.digest: vector for passage, vector in zip(found, vectors, strict=True)}
        catalogue.vectors.put(memory.identity(), digests)
        writer.write_pending()


def _document(number: int) -> Document:
    at = datetime(2018, 1, 1, tzinfo=UTC) + timedelta(hours=number * 7)
    people = [
        Contribution(Identity(f"Person {n}", f"p{n}@x.example"), role, at, "document properties")
        for n, role in ((number % 500, Role.AUTHOR), (number * 7 % 500, Role.EDITOR))
    ]
    return Document(
        new_document_id(),
        SourceRef("folder", f"s{number % 8}", f"{number}.txt"),
        f"Document {number}",
        "application/pdf" if number % 3 else "text/plain",
        LANGUAGES[number % 4],
        modified=at,
        access=Access(frozenset({f"group:{number % 200}", "group:all" if number % 2 else "group:none"})),
        contributions=tuple(people),
    )


def home(given: Path | None) -> Path:
    """Where the memory lies; kept between runs, because filling it takes minutes."""
    import tempfile

    return given or Path(tempfile.gettempdir()) / "mneme-bench"
