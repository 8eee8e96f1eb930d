import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.words import WordAnalyser
from search.highlight import Highlighter

WORDS = WordAnalyser()


def marked(query: str, text: str, language: str = "en", phrases: tuple[str, ...] = ()) -> list[str]:
    terms = WORDS.query(query, [language]).terms
    return [text[start:end] for start, end in Highlighter(WORDS, query, terms, phrases).spans(text, language)]


def test_words_are_marked_whatever_their_form():
    assert marked("contracts", "The Contract and other contracts.") == ["Contract", "contracts"]
    assert marked("Kündigung", "Die Kündigungen sind KUNDIGUNG.", "de") == ["Kündigungen", "KUNDIGUNG"]


def test_stop_words_are_not_marked():
    assert marked("the notice of termination", "the end of the notice") == ["notice"]


def test_neighbours_are_marked_as_one():
    assert marked("notice period", "A notice period, then notice. Period") == [
        "notice period",
        "notice",
        "Period",
    ]
    assert marked("e mail", "an E-Mail") == ["E-Mail"]


def test_phrases_are_marked_whole_and_only_as_whole_words():
    text = "Limitation  of\nliability; limitation of liabilityX"
    assert marked("", text, phrases=("limitation of liability",)) == ["Limitation  of\nliability"]
    assert (
        marked("limitation of liability", text, phrases=("limitation of liability",))[0]
        == "Limitation  of\nliability"
    )


def test_a_phrase_of_signs_marks_nothing():
    assert marked("", "a (b) [c]", phrases=("([",)) == []


_text = st.text(st.sampled_from("ab é'-_.\n ß") | st.characters(codec="utf-8"), max_size=60)


@given(_text, _text, st.sampled_from(["", "en", "de", "fr", "da"]))
def test_spans_are_in_order_apart_and_within_the_text(query, text, language):
    terms = WORDS.query(query, [language]).terms
    spans = Highlighter(WORDS, query, terms, (query,)).spans(text, language)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(set(edges))
    assert all(0 <= edge <= len(text) for edge in edges)


@pytest.mark.parametrize("language", ["", "en", "xx"])
def test_a_text_is_found_in_itself(language):
    assert marked("zebra", "one zebra", language) == ["zebra"]


def test_in_a_text_of_an_unknown_language_the_very_words_are_marked():
    terms = WORDS.query("contracts", ["en"]).terms
    spans = Highlighter(WORDS, "contracts", terms).spans("A contract, CONTRACTS", "")
    assert spans == ((12, 21),)
