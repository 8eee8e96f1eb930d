"""The demo company's documents: real files, the same every time, with the answers they promise."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import iscc_tika
import pytest

from api.demo.build import (
    ATTACHMENTS,
    WRITERS,
    Question,
    access,
    attachments,
    build,
    build_mail,
    people,
    questions,
)
from api.demo.correspondence import DOMAIN, read_mail
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
ATTACHED = {source.name: source for source in read_all(ATTACHMENTS)}
MAIL = read_mail()
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


def said() -> dict[str, str]:
    """What every document says, by the name the questions call it by."""
    known = {file: words_of(source) for file, source in SOURCES.items()}
    for mail in MAIL:
        known[mail.message_id] = spaced(mail.body)
        for name in mail.attach:
            known[f"{mail.message_id}//{ATTACHED[name].file}"] = words_of(ATTACHED[name])
    return known


SAID = said()


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


def test_eighty_files_in_all_seven_formats_and_four_languages(built: Path) -> None:
    assert set(files_below(built)) == set(SOURCES)
    assert len(SOURCES) == 81
    assert {source.format for source in SOURCES.values()} == set(WRITERS)
    languages = Counter(source.language for source in SOURCES.values())
    assert set(languages) == {"en", "de", "fr", "da"}
    assert min(languages.values()) >= 12


def test_building_twice_gives_the_same_bytes_and_the_times_of_the_sources(
    built: Path, tmp_path: Path
) -> None:
    mail, twice = files_below(build_mail(tmp_path / "one")), files_below(build_mail(tmp_path / "two"))
    assert {name: path.read_bytes() for name, path in mail.items()} == {
        name: path.read_bytes() for name, path in twice.items()
    }
    again = files_below(build(tmp_path / "files"))
    for file, path in files_below(built).items():
        assert path.read_bytes() == again[file].read_bytes(), file
        assert again[file].stat().st_mtime == SOURCES[file].modified.timestamp(), file


def test_every_source_is_of_a_good_length_and_dated() -> None:
    for source in SOURCES.values():
        assert 80 <= len(words_of(source).split()) <= 1200, source.name
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
    assert len(known) == 12
    parts: Counter[str] = Counter()
    for source in SOURCES.values():
        assert source.authors, source.name
        assert set(source.roles) <= ROLES, source.name
        named = {writer for writers in (source.authors, *source.roles.values()) for writer in writers}
        for writer in named:
            assert known[writer.address] == writer.name, source.name
        parts.update(writer.address for writer in named)
    parts.update(addressed(mail.sender)[0] for mail in MAIL)
    assert min(parts[address] for address in known) >= 4
    aliases = {alias for person in people() for alias in person.aliases if "@" in alias}
    written = {each for mail in MAIL for each in addressed(f"{mail.sender}, {mail.to}, {mail.cc}")}
    assert {each for each in written if each.endswith(f"@{DOMAIN}")} <= {*known, *aliases}
    assert len(written & aliases) >= 8, "several write from more than one address"


def addressed(header: str) -> list[str]:
    return re.findall(r"<([^>]+)>", header)


def test_mail_is_kept_in_conversations_with_files_attached() -> None:
    threads = {mail.before[0].id if mail.before else mail.id for mail in MAIL}
    assert len(threads) >= 10
    assert len(MAIL) >= 40
    assert {mail.folder for mail in MAIL} == {"open", "legal", "finance"}
    assert {name for mail in MAIL for name in mail.attach} == set(attachments()) == set(ATTACHED)
    sent = Counter(name for mail in MAIL for name in mail.attach)
    assert max(sent.values()) == 3, "one file is attached to several mails"
    for mail in MAIL:
        assert all(before.at < mail.at for before in mail.before), mail.id
        quoted = mail.written.removeprefix(mail.body)
        assert bool(quoted.strip()) == bool(mail.quotes and mail.before), mail.id


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


def test_thirty_questions_across_languages_about_mail_and_with_something_hidden() -> None:
    assert len(QUESTIONS) == 30
    language = {file: source.language for file, source in SOURCES.items()}
    language |= {mail.message_id: mail.language for mail in MAIL}
    asked = [(q, [language[file] for file in q.expected if file in language]) for q in QUESTIONS]
    assert sum(q.language not in languages for q, languages in asked) >= 8
    assert sum(any("@" in file for file in question.expected) for question in QUESTIONS) >= 5
    assert sum(bool(question.hidden) for question in QUESTIONS) >= 4
    assert sum(question.all for question in QUESTIONS) == 1, (
        "one policy is contradicted by what was agreed since"
    )


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.question)
def test_the_answer_stands_in_the_document_and_in_the_built_file(
    question: Question, texts: dict[str, tuple[str, dict[str, list[str]]]]
) -> None:
    first = question.expected[0]
    assert spaced(question.answer) in SAID[first]
    assert spaced(question.answer) in texts.get(first, (SAID[first],))[0]
    elsewhere = [file for file, text in SAID.items() if spaced(question.answer) in text]
    assert set(elsewhere) <= set(question.expected)
    if question.person and first in SOURCES:
        source = SOURCES[first]
        named = {writer.address for writers in (source.authors, *source.roles.values()) for writer in writers}
        assert question.person in named


def place(file: str) -> str:
    """Where a document lies, as access rules see it; an attached file lies where its mail does."""
    folders = {mail.message_id: mail.folder for mail in MAIL}
    identity = file.partition("//")[0]
    return f"{folders[identity]}/{identity}" if identity in folders else file


def test_who_asks_may_read_what_is_expected_and_nothing_that_is_hidden() -> None:
    groups = {person.address: person.groups for person in people()}
    for question in QUESTIONS:
        if question.asked_by:
            held = groups[question.asked_by]
            assert all(access(place(file)) & held for file in question.expected), question.question
            assert not any(access(place(file)) & held for file in question.hidden), question.question
            assert set(question.hidden) <= set(SAID)
        else:
            assert not question.hidden, question.question


def test_no_two_documents_share_a_paragraph_but_quotes_and_versions() -> None:
    said = {
        source.name: {
            spaced(plain(block.text))
            for block in source.blocks()
            if isinstance(block, Paragraph) and len(block.text) > 60
        }
        for source in [*SOURCES.values(), *ATTACHED.values()]
    }
    for mail in MAIL:
        written = {spaced(part) for part in mail.body.split("\n\n") if len(part) > 60}
        assert written, mail.id
        said[mail.id] = written
    by_name = {source.name: source for source in SOURCES.values()}
    for one, two in combinations(sorted(said), 2):
        versions = {getattr(by_name.get(name), "version_of", "") for name in (one, two)}
        if versions & {one, two}:
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
