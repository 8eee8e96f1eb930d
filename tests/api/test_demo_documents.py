"""The demo company's documents: real files, the same every time, with the answers they promise."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import iscc_tika
import pytest

from api.demo.build import WRITERS, Question, access, build, people, questions
from api.demo.source import (
    Code,
    Heading,
    Listing,
    Paragraph,
    Source,
    Table,
    plain,
    read_all,
    runs,
    typography,
)
from api.demo.words import byline, day

SOURCES = {source.file: source for source in read_all()}
QUESTIONS = questions()
ROLES = {"editor", "approver", "signatory", "owner"}


def spaced(text: str) -> str:
    """One blank wherever there is white space, straight apostrophes: how a reader compares."""
    return " ".join(text.replace("\u2019", "'").split())


def words_of(source: Source) -> str:
    """Everything the source says, without marks."""
    parts: list[str] = [source.title]
    for block in source.blocks():
        match block:
            case Heading(_, text) | Paragraph(text) | Code(text):
                parts.append(plain(text))
            case Listing(items):
                parts += [plain(item) for item in items]
            case Table(rows):
                parts += [plain(cell) for row in rows for cell in row]
    return spaced(" ".join(parts))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def texts(built: Path) -> dict[str, tuple[str, dict[str, list[str]]]]:
    """What Tika reads in every built file: its text and its metadata."""
    read = {}
    for file in SOURCES:
        text, metadata = iscc_tika.Extractor().extract_file_to_string(str(built / file))
        read[file] = (spaced(text), metadata)
    return read


def files_below(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def test_thirty_files_in_all_seven_formats_and_four_languages(built: Path) -> None:
    assert set(files_below(built)) == set(SOURCES)
    assert len(SOURCES) == 30
    assert {source.format for source in SOURCES.values()} == set(WRITERS)
    languages = Counter(source.language for source in SOURCES.values())
    assert set(languages) == {"en", "de", "fr", "da"}
    assert min(languages.values()) >= 5


def test_building_twice_gives_the_same_bytes_and_the_times_of_the_sources(
    built: Path, tmp_path: Path
) -> None:
    again = files_below(build(tmp_path))
    for file, path in files_below(built).items():
        assert path.read_bytes() == again[file].read_bytes(), file
        assert again[file].stat().st_mtime == SOURCES[file].modified.timestamp(), file


def test_every_source_is_of_a_good_length_and_dated() -> None:
    for source in SOURCES.values():
        assert 300 <= len(words_of(source).split()) <= 1200, source.name
        assert source.created < source.modified, source.name
        assert source.created.tzinfo is not None, source.name
        assert source.reference, source.name
    assert len({source.reference for source in SOURCES.values()}) == len(SOURCES)


def test_every_built_file_says_what_its_source_says(
    texts: dict[str, tuple[str, dict[str, list[str]]]],
) -> None:
    for file, source in SOURCES.items():
        text = texts[file][0]
        for block in source.blocks():
            if isinstance(block, Heading):
                assert spaced(plain(block.text)) in text, (file, block.text)
            if isinstance(block, Paragraph) and source.format not in ("md", "pptx"):
                assert spaced(plain(block.text)) in text, (file, block.text)


def test_every_built_file_names_its_author_and_title(
    texts: dict[str, tuple[str, dict[str, list[str]]]],
) -> None:
    for file, source in SOURCES.items():
        text, metadata = texts[file]
        properties = spaced(" ".join(value for values in metadata.values() for value in values))
        where = text if source.format == "md" else properties
        assert spaced(source.title) in where, file
        for author in source.authors:
            assert author.name in where, file
        for _, value in byline(source):
            if source.format != "md":
                assert value in text, (file, value)


def test_everybody_named_is_in_the_directory_and_has_several_documents() -> None:
    known = {person.address: person.name for person in people()}
    assert len(known) == 8
    parts: Counter[str] = Counter()
    for source in SOURCES.values():
        assert source.authors, source.name
        assert set(source.roles) <= ROLES, source.name
        named = {writer for writers in (source.authors, *source.roles.values()) for writer in writers}
        for writer in named:
            assert known[writer.address] == writer.name, source.name
        parts.update(writer.address for writer in named)
    assert min(parts[address] for address in known) >= 4


def test_legal_and_finance_are_closed_and_the_rest_is_open() -> None:
    for file in SOURCES:
        department = file.partition("/")[0]
        group = department if department in ("legal", "finance") else "all-staff"
        assert access(file) == {f"group:{group}"}, file
    groups = {person.name: person.groups for person in people()}
    assert all("group:all-staff" in held for held in groups.values())
    assert {name for name, held in groups.items() if "group:legal" in held} == {
        "Jonas Brandt",
        "Mette Kjærgaard",
    }
    assert {name for name, held in groups.items() if "group:finance" in held} == {
        "Claire Vasseur",
        "Mette Kjærgaard",
    }


def test_twenty_questions_five_across_languages_three_with_something_hidden() -> None:
    assert len(QUESTIONS) == 20
    across = [q for q in QUESTIONS if all(SOURCES[file].language != q.language for file in q.expected)]
    assert len(across) >= 5
    assert sum(bool(question.hidden) for question in QUESTIONS) >= 3


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.question)
def test_the_answer_stands_in_the_document_and_in_the_built_file(
    question: Question, texts: dict[str, tuple[str, dict[str, list[str]]]]
) -> None:
    first = question.expected[0]
    assert spaced(question.answer) in words_of(SOURCES[first])
    assert spaced(question.answer) in texts[first][0]
    elsewhere = [file for file, source in SOURCES.items() if spaced(question.answer) in words_of(source)]
    assert set(elsewhere) <= set(question.expected)
    if question.person:
        source = SOURCES[first]
        named = {writer.address for writers in (source.authors, *source.roles.values()) for writer in writers}
        assert question.person in named


def test_who_asks_may_read_what_is_expected_and_nothing_that_is_hidden() -> None:
    groups = {person.address: person.groups for person in people()}
    for question in QUESTIONS:
        if question.asked_by:
            held = groups[question.asked_by]
            assert all(access(file) & held for file in question.expected), question.question
            assert not any(access(file) & held for file in question.hidden), question.question
            assert set(question.hidden) <= set(SOURCES)
        else:
            assert not question.hidden, question.question


def test_no_two_documents_share_a_paragraph_but_quotes_and_versions() -> None:
    said = {
        source.name: {
            spaced(plain(block.text))
            for block in source.blocks()
            if isinstance(block, Paragraph) and len(block.text) > 60
        }
        for source in SOURCES.values()
    }
    by_name = {source.name: source for source in SOURCES.values()}
    for one, two in combinations(sorted(said), 2):
        if by_name[one].version_of == two or by_name[two].version_of == one:
            assert said[one] & said[two]
            assert said[one] - said[two]
        else:
            assert not said[one] & said[two], (one, two)


def test_a_quote_stands_word_for_word_in_the_document_it_is_taken_from() -> None:
    by_name = {source.name: source for source in SOURCES.values()}
    quoting = [source for source in SOURCES.values() if source.quotes]
    assert quoting
    for source in quoting:
        quotes = [block.text for block in source.blocks() if isinstance(block, Paragraph) and block.quote]
        assert quotes, source.name
        for quote in quotes:
            assert any(spaced(quote) in words_of(by_name[name]) for name in source.quotes), source.name


def test_no_address_leads_out_of_the_example_domain() -> None:
    for source in SOURCES.values():
        for domain in re.findall(r"@([\w.-]+\w)", source.body):
            assert domain.endswith(".example"), source.name
        assert "http" not in source.body, source.name


def test_small_marks_are_read() -> None:
    assert [run.style for run in runs("a **b** *c* `d` [e](f)")] == [
        "",
        "bold",
        "",
        "italic",
        "",
        "code",
        "",
        "link",
    ]
    assert (
        typography("« oui » ; 12 500 € : `a : b`", "fr") == "«\xa0oui\xa0»\xa0; 12\xa0500\xa0€\xa0: `a : b`"
    )
    assert typography('the "Buyer"', "en") == "the “Buyer”"


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "1 October 2026"),
        ("de", "1. Oktober 2026"),
        ("fr", "1er octobre 2026"),
        ("da", "1. oktober 2026"),
    ],
)
def test_a_date_reads_as_it_is_written_there(language: str, written: str) -> None:
    moment = next(
        source.modified for source in SOURCES.values() if source.name == "management/board-minutes-2026-09-24"
    )
    assert day(moment, language) == written
