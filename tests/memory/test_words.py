"""Words as the index sees them."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdrant_edge import Bm25, Bm25Config

from memory.words import K1, LANGUAGES, B, WordAnalyser

words = WordAnalyser()


def terms(text: str, language: str) -> set[int]:
    return set(words.query(text, [language]).terms)


@pytest.mark.parametrize(
    ("language", "spellings"),
    [
        ("de", ["Kündigung", "kundigung", "KÜNDIGUNGEN", "Ku\u0308ndigung", "Kündigungen"]),
        ("de", ["Straße", "strasse", "STRASSE"]),
        ("de", ["Vertrag", "Verträge", "vertrage"]),
        ("da", ["købt", "kobt", "KØBT"]),
        ("da", ["æble", "aeble", "Æble"]),
        ("da", ["opsigelse", "Opsigelser"]),
        ("da", ["Århus", "arhus"]),
        ("fr", ["résilié", "resilie", "RÉSILIÉ"]),
        ("fr", ["résiliation", "Résiliations", "resiliation"]),
        ("en", ["contract", "Contracts", "CONTRACT"]),
        ("en", ["café", "cafe"]),
        ("xx", ["Żółw", "zołw", "ŻÓŁW"]),
    ],
)
def test_spellings_of_one_word_are_one_term(language: str, spellings: list[str]) -> None:
    assert len({frozenset(terms(one, language)) for one in spellings}) == 1
    assert len(terms(spellings[0], language)) == 1


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("de", "Kündigung", "Kuendigung"),
        ("da", "Århus", "Aarhus"),
        ("da", "købt", "koebt"),
        ("", "run", "running"),
    ],
)
def test_spellings_that_stay_apart(language: str, one: str, other: str) -> None:
    """Known limits of the folding, written down so that a change is seen."""
    assert terms(one, language) != terms(other, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [("de", "für und über"), ("da", "på og også"), ("fr", "à même été"), ("en", "the and of")],
)
def test_stop_words_have_no_terms_with_accents_or_without(language: str, text: str) -> None:
    assert words.query(text, [language]).terms == ()
    assert words.length(text, language) == 0
    assert words.matches(text, language, frozenset(terms(text, ""))) == []


def test_an_unknown_language_has_no_stop_words_and_no_stems() -> None:
    assert words.length("the running für", "") == words.length("the running für", "pl") == 3


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_is_known_to_the_index(language: str) -> None:
    assert words.length("Mneme 2026", language) == 2


def test_a_query_is_read_in_every_language() -> None:
    query = words.query("running Kündigung the", ["en", "de"])
    assert set(query.terms) == terms("running Kündigung the", "en") | terms("running Kündigung the", "de")
    assert set(query.weights) == {1.0}
    assert list(query.terms) == sorted(set(query.terms))
    assert words.query("the", []).terms == words.query("the", [""]).terms != ()


def test_a_repeated_word_of_a_query_counts_by_the_square_root() -> None:
    query = words.query("notice notice Notices contract", ["en"])
    weights = dict(zip(query.terms, query.weights, strict=True))
    (notice,), (contract,) = terms("notice", "en"), terms("contract", "en")
    assert weights == {notice: pytest.approx(math.sqrt(3)), contract: 1.0}


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("was die Kündigung des Vertrags angeht", "Kündigung Vertrags angeht"),
        ("¿Cuántas capturas ha conseguido en su carrera?", "Cuántas capturas conseguido carrera"),
        ("the war of the worlds", "war worlds"),
        ("die hard", "die hard"),
        ("Für und ÜBER die Frist", "Frist"),
    ],
)
def test_stop_words_of_the_query_s_own_language_count_in_no_language(query: str, kept: str) -> None:
    """One stop word tells nothing: it may be a telling word of another language."""
    for language in ("da", "pl"):
        assert terms(query, language) == terms(kept, language)


def test_a_query_is_read_as_unknown_only_where_no_language_is_known() -> None:
    assert words.query("running contracts", ["", "en"]) == words.query("running contracts", ["en"])


def test_weights_are_bm25_with_the_memory_s_own_average() -> None:
    text = "The contract: contracts are running, contract by contract, until notice is given."
    theirs = Bm25(Bm25Config(k=K1, b=B, avg_len=37.5, language="english", ascii_folding=True)).embed_document(
        text
    )
    ours = words.document(text, "en", 37.5)
    assert dict(zip(ours.terms, ours.weights, strict=True)) == pytest.approx(
        dict(zip(theirs.indices, theirs.values, strict=True)), abs=1e-5
    )
    assert words.length(text, "en") == 7


def test_a_long_passage_is_held_back() -> None:
    short, long = words.document("notice", "en", 100), words.document("notice " + "clause " * 300, "en", 100)
    assert short.weights[0] > dict(zip(long.terms, long.weights, strict=True))[short.terms[0]]


def test_an_empty_text_is_no_trouble() -> None:
    assert words.document("", "en", 0).terms == ()
    assert words.length(" \n—", "de") == 0
    assert all(map(math.isfinite, words.document("word", "en", 0).weights))


def test_matches_say_where_a_word_stands() -> None:
    text = "Die Ku\u0308ndigung, für das_Haus!"
    query = frozenset(terms("kündigungen haus", "de"))
    hit = [text[start:end] for start, end in words.matches(text, "de", query)]
    assert hit == ["Ku\u0308ndigung", "Haus"]


@given(
    st.text(st.characters(max_codepoint=0x362), max_size=80),
    st.sampled_from(["en", "de", "fr", "da", "", "ja"]),
)
def test_the_matches_of_a_text_have_the_text_s_terms(text: str, language: str) -> None:
    """Every match is inside the text, in order, and has a term of the whole text.

    In Latin script: Python and Rust know different editions of Unicode and differ over rare letters, among them
    the medieval combining ones from U+0363 on, which only the analyser folds to a letter of their own.
    """
    whole = frozenset(words.document(text, language, 10).terms)
    last = 0
    for start, end in words.matches(text, language, whole):
        assert last <= start < end <= len(text)
        assert whole & set(words.document(text[start:end], language, 10).terms)
        last = end


def test_it_may_be_used_by_many_threads() -> None:
    fresh = WordAnalyser()
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda number: fresh.query("Kündigung notice", [["de", "en"][number % 2]]), range(80))
        )
    assert len(set(answers)) == 2
