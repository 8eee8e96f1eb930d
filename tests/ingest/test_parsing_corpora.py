"""Real files: some hundred odd ones from the tests of two parsers, and contracts whose text lawyers have marked.

A sample that is always the same; `bench/parsing.py` reads all of them.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.parsers.base import ElementKind, Parsed
from ingest.parsers.mbox import EMPTY as DIVIDED
from ingest.parsers.workers import ParserPool
from ingest.split import split
from memory.errors import ParseError

pytestmark = pytest.mark.corpora

EVERY = 11
CONTRACTS = 25
OUR_FAULT = re.compile(r"the parser|took longer|needed more|broken file: \w+(Error|Exception):")
"""Reasons that no file may give: it crashed a worker, or code of ours."""


@pytest.fixture(scope="module")
def outcomes(corpora: Path, pool: ParserPool) -> dict[Path, Parsed | str]:
    """What became of a sample of the parsing corpus: what was read, or the error's message."""
    files = sorted(path for path in (corpora / "parsing").rglob("*") if path.is_file())[::EVERY]

    def read(path: Path) -> Parsed | str:
        try:
            return pool.parse(path, name=path.name)
        except ParseError as error:
            return error.message

    with ThreadPoolExecutor(pool.workers) as threads:
        return dict(zip(files, threads.map(read, files), strict=True))


def plain_text(path: Path) -> str:
    """What Tika alone says a file's text is."""
    import iscc_tika

    try:
        return str(iscc_tika.Extractor().extract_bytes_to_string(bytearray(path.read_bytes()))[0]).strip()
    except TypeError:
        return ""


def test_no_file_crashes_or_hangs(outcomes: dict[Path, Parsed | str]) -> None:
    assert [
        (path.name, said)
        for path, said in outcomes.items()
        if isinstance(said, str) and OUR_FAULT.match(said)
    ] == []


def test_a_file_without_text_says_why(outcomes: dict[Path, Parsed | str]) -> None:
    for path, read in outcomes.items():
        assert isinstance(read, str) or bool(read.elements) != bool(read.empty_reason), path.name


def test_most_files_give_text_and_many_an_author(outcomes: dict[Path, Parsed | str]) -> None:
    read = [said for said in outcomes.values() if isinstance(said, Parsed)]
    assert sum(bool(parsed.elements) for parsed in read) > 0.8 * len(outcomes)
    assert sum(bool(parsed.contributions) for parsed in read) > 0.35 * len(outcomes)


def test_where_tika_finds_text_so_do_we(outcomes: dict[Path, Parsed | str]) -> None:
    missed = []
    for path, read in outcomes.items():
        if isinstance(read, Parsed) and (
            read.elements or (read.empty_reason == DIVIDED and read.attachments)
        ):
            continue
        # Bookmarks of a scan are no text layer; what no parser reads is skipped with that reason.
        read_at_all = not isinstance(read, Parsed) or not read.empty_reason.startswith("no parser")
        if read_at_all and len(plain_text(path)) > 40:
            missed.append(path.name)
    assert missed == []


def test_passages_are_spans_of_the_text(outcomes: dict[Path, Parsed | str]) -> None:
    for read in outcomes.values():
        if isinstance(read, Parsed):
            canonical, pieces = split(read)
            assert bool(pieces) == bool(read.elements)
            assert all(canonical[piece.location.start : piece.location.end] == piece.text for piece in pieces)


@pytest.fixture(scope="module")
def contracts(corpora: Path, pool: ParserPool) -> list[tuple[str, Parsed, str]]:
    """Some contracts: the name, what we read in the PDF, and the text that was published with it."""
    files = sorted((corpora / "contracts" / "pdf").iterdir())[::CONTRACTS]
    with ThreadPoolExecutor(pool.workers) as threads:
        read = list(threads.map(lambda path: pool.parse(path, name=path.name), files))
    texts = (
        (corpora / "contracts" / "txt" / f"{path.stem}.txt").read_text(encoding="utf-8") for path in files
    )
    return [(path.stem, parsed, text) for path, parsed, text in zip(files, read, texts, strict=True)]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def test_a_contract_has_all_its_words(contracts: list[tuple[str, Parsed, str]]) -> None:
    for name, parsed, text in contracts:
        wanted = Counter(words(text))
        found = Counter(words(split(parsed)[0]))
        # Running headers and page numbers are left out.
        assert (wanted & found).total() > 0.95 * wanted.total(), name


def marked(corpora: Path) -> Iterator[tuple[str, str]]:
    """The passages lawyers have marked, by contract."""
    with (corpora / "contracts" / "spans.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            span = json.loads(line)
            yield span["contract"], span["text"]


def test_what_lawyers_marked_is_found_in_one_piece(
    corpora: Path, contracts: list[tuple[str, Parsed, str]]
) -> None:
    texts = {name: " ".join(words(split(parsed)[0])) for name, parsed, _ in contracts}
    spans = [(name, " ".join(words(text))) for name, text in marked(corpora) if name in texts]
    assert len(spans) > 20
    assert sum(text in texts[name] for name, text in spans) > 0.85 * len(spans)


def test_a_contract_has_its_pages_in_order(contracts: list[tuple[str, Parsed, str]]) -> None:
    for name, parsed, _ in contracts:
        pages = [element.page or 0 for element in parsed.elements]
        assert pages == sorted(pages), name
        assert pages[-1] > 1, name


def test_headings_are_lines_of_the_contract_or_begin_one(contracts: list[tuple[str, Parsed, str]]) -> None:
    right = total = 0
    for name, parsed, text in contracts:
        headings = [element.text for element in parsed.elements if element.kind is ElementKind.HEADING]
        assert 3 < len(headings) < 0.5 * len(parsed.elements), name
        lines = "".join(f"\n{' '.join(words(line))}" for line in text.splitlines())
        if lines.count("\n") < 100:
            continue  # its text was published as a few long lines
        right += sum(f"\n{' '.join(words(heading))}" in lines for heading in headings)
        total += len(headings)
    assert right > 0.9 * total > 0
