"""Texts too short to tell their language are read in the memory's main one."""

from pathlib import Path

from memory.domain import OWNER
from tests.search.small_memory import small_memory


def test_a_title_of_unknown_language_is_found_by_another_form_of_its_word(tmp_path: Path) -> None:
    with small_memory(tmp_path) as memory:
        memory.add("Supplier contracts", "Supplier contracts", language="")
        memory.add("Guide", "How to write a contract, and whom to ask about it.", language="en")
        assert memory.titles("contracting") == ["Guide"]
        assert memory.writer.weigh_words()
        assert memory.catalogue.main_language() == "en"
        assert set(memory.titles("contracting")) == {"Guide", "Supplier contracts"}
        assert not memory.writer.weigh_words()


def test_the_main_language_changes_only_where_another_is_clearly_ahead(tmp_path: Path) -> None:
    with small_memory(tmp_path) as memory:
        memory.add("One", "one", language="en")
        memory.writer.weigh_words()
        memory.add("Eins", "eins", language="de")
        memory.add("List", "7", language="")
        memory.writer.weigh_words()
        assert memory.catalogue.main_language() == "en"
        memory.add("Zwei", "zwei", language="de")
        assert memory.writer.weigh_words()
        assert memory.catalogue.main_language() == "de"


def test_languages_are_counted_most_first(tmp_path: Path) -> None:
    with small_memory(tmp_path) as memory:
        for language in ("en", "de", "de", ""):
            memory.add("x", "x", language=language)
        assert list(memory.catalogue.documents.languages(OWNER).items()) == [("de", 2), ("", 1), ("en", 1)]
