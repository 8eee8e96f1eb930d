import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from memory.domain import OWNER, Access, Asker, Contribution, Identity, Role
from memory.errors import InvalidQuery, MnemeError
from memory.index.base import LegQuery
from search.fuse import weigh
from search.pipeline import HYBRID, SHIPPED, load_pipeline
from search.searcher import Searcher, SearchRequest
from search.trace import Tracer
from tests.search.small_memory import EVERYBODY, SmallMemory, small_memory

LEGAL = Access(frozenset({"group:legal"}))
LAWYER = Asker("lawyer", frozenset({"group:legal"}))
GUEST = Asker("guest")


@pytest.fixture
def memory(tmp_path):
    with small_memory(tmp_path) as opened:
        yield opened


def fill(memory: SmallMemory) -> None:
    memory.add(
        "Supply contract", "Termination for convenience needs a notice period of ninety days.", "Prices rise in May.",
        authors=["Jane Doe"], source="contracts", media_type="application/pdf", year=2023,
    )  # fmt: skip
    memory.add("Travel policy", "The notice board lists hotels.", authors=["Bob Ray"], year=2025)
    memory.add(
        "Kündigung", "Die Kündigung des Vertrags braucht drei Monate.", language="de", authors=["Jane Doe"],
        others=[Contribution(Identity(name="Rita Reads"), Role.RECIPIENT)],
    )  # fmt: skip
    memory.add(
        "Secret deal", "The notice period is one day.", access=LEGAL, authors=["Max Hidden"], source="vault"
    )


def test_words_find_before_the_model_is_there(memory):
    fill(memory)
    answer = memory.search("notice period")
    assert {result.card.title for result in answer.results} == {
        "Supply contract",
        "Travel policy",
        "Secret deal",
    }
    assert (answer.ready.words, answer.ready.meaning, answer.ready.percent) == (True, False, 0)
    assert (answer.total, answer.total_is_exact) == (3, True)
    shown = answer.results[0].passages[0]
    assert [shown.passage.text[start:end] for start, end in shown.highlights] == ["notice period"]


def test_meaning_joins_when_the_model_is_there(memory):
    fill(memory)
    memory.embed()
    assert memory.titles("inconvenience") == []
    memory.model_is_ready()
    assert memory.titles("inconvenience")[0] == "Supply contract"
    answer = memory.search("inconvenience", explain=True)
    words, meaning = answer.results[0].explain
    assert (words.leg, words.rank, words.normalised) == ("words", None, 0)
    assert (meaning.leg, meaning.rank, meaning.normalised) == ("meaning", 1, 1)
    assert answer.ready.meaning


def test_a_question_about_a_subject_is_drawn_to_what_came_first(memory):
    """Found by meaning alone, through the passage that shares words with both; never through a hidden one."""
    for number in range(8):
        memory.add(f"Aside {number}", f"The canteen serves soup number {number}.")
    memory.add("Leak", "Compressor seal leaks hydraulic oil near gasket flange bolts.")
    bridge = "Replacement gasket flange bolts torque table."
    near = memory.add("Torque", bridge)
    hidden = memory.add("Notes", "Compressor seal leaks hydraulic oil: gasket bearing whines.", access=LEGAL)
    far = memory.add("Bearing", "Bearing whines.")
    memory.embed()
    memory.model_is_ready()
    asked = "compressor seal leaks hydraulic oil"

    def likeness(query: str, asker: Asker) -> dict[str, float | None]:
        results = memory.search(query, asker, explain=True, limit=20).results
        return {one.card.document: one.explain[1].score for one in results}

    plain = memory.embedder.embed_query(asked)
    alone = dict(memory.index.search(LegQuery(vector=plain), OWNER).meaning)
    told, guest = likeness(asked, LAWYER), likeness(asked, GUEST)
    [ours] = [one.id for one in memory.catalogue.passages.of_document(near)]
    [theirs] = [one.id for one in memory.catalogue.passages.of_document(far)]
    assert min(told[near], guest[near]) > alone[ours]
    assert told[far] > max(alone[theirs], guest[far])
    assert hidden not in guest
    # Two words ask for one place: nothing is drawn.
    short = dict(
        memory.index.search(LegQuery(vector=memory.embedder.embed_query("torque table")), OWNER).meaning
    )
    assert likeness("torque table", OWNER)[near] == pytest.approx(short[ours], abs=1e-5)


def test_words_of_a_question_say_nothing_about_texts_in_another_language(memory):
    for number in range(3):
        memory.add(f"Frist {number}", f"Die Kündigungsfrist beträgt {number} Monate.", language="de")
        memory.add(f"Notice {number}", f"The notice period is {number} months, says Müller.")
    hidden = memory.add("Secret deal", "Le délai de préavis est court.", language="fr", access=LEGAL)
    memory.embed()
    memory.model_is_ready()

    def weights(asker: Asker) -> dict[str, tuple[int | None, float]]:
        results = memory.search("Müller Kündigungsfrist beträgt Monate", asker, explain=True).results
        return {one.card.language: (one.explain[0].shared, one.explain[1].weight) for one in results}

    told = weights(LAWYER)
    assert (told["de"][0], told["en"][0], told["fr"][0]) == (3, 1, 0)
    assert told["de"][1] < told["en"][1] < told["fr"][1] == 1.0
    memory.catalogue.documents.get(hidden, LAWYER)
    assert weights(GUEST) == {language: told[language] for language in ("de", "en")}
    only = memory.search("Müller Kündigungsfrist lang:de", explain=True).results
    assert {one.card.language for one in only} == {"de"}


def test_a_trace_looks_as_the_search_does(memory):
    for number in range(3):
        memory.add(f"Frist {number}", f"Die Kündigungsfrist beträgt {number} Monate.", language="de")
        memory.add(f"Notice {number}", f"The notice period is {number} months.")
    memory.embed()
    memory.model_is_ready()
    searcher = Searcher(memory.name)
    for one in memory.search("notice", explain=True).results:
        _, traced = Tracer(memory.name, searcher).trace(one.card.document, "notice", OWNER).legs
        assert (traced.rank, traced.score) == (
            one.explain[1].rank,
            pytest.approx(one.explain[1].score, abs=1e-5),
        )
    words_alone = Searcher(memory.name, load_pipeline(SHIPPED / "words.yaml", memory.name))
    document = memory.search("notice").results[0].card.document
    assert not Tracer(memory.name, words_alone).trace(document, "notice", OWNER).legs[1].used


def test_words_count_by_how_many_are_found_together_where_the_asker_may_look(memory):
    fill(memory)
    memory.embed()
    memory.model_is_ready()

    def weights(query: str, asker: Asker = OWNER) -> tuple[int | None, float, float]:
        words, meaning = memory.search(query, asker, explain=True).results[0].explain
        assert words.shared == meaning.shared
        return words.shared, words.weight, meaning.weight

    assert weights("inconvenience") == (0, 0.0, 1.0)
    terms = memory.words.query("notice", ("de", "en")).terms
    weight = weigh(1, len(terms), least=0.45, half=0.6)
    assert weights("notice") == (1, pytest.approx(1 - weight), pytest.approx(weight))
    assert weights("secret deal notice period", LAWYER)[0] == 4
    assert weights("secret deal notice period", GUEST)[0] == 2


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("notice author:jane", {"Supply contract"}),
        ('author:"doe, jane"', {"Supply contract", "Kündigung"}),
        ("author:bob author:jane", {"Supply contract", "Kündigung", "Travel policy"}),
        ("author:rita", set()),
        ("type:pdf", {"Supply contract"}),
        ("type:application/pdf notice", {"Supply contract"}),
        ("lang:german", {"Kündigung"}),
        ("lang:klingon", set()),
        ("source:Contracts", {"Supply contract"}),
        ("after:2024 before:2025", {"Kündigung", "Secret deal"}),
        ("after:2025", {"Travel policy"}),
        ('"notice period"', {"Supply contract", "Secret deal"}),
        ("notice -hotels", {"Supply contract", "Secret deal"}),
        ("kundigung", {"Kündigung"}),
        ("-notice", {"Supply contract", "Kündigung"}),
    ],
)
def test_the_query_language(memory, query, titles):
    fill(memory)
    assert set(memory.titles(query)) == titles


def test_a_search_made_of_filters_lists_the_newest_first(memory):
    for year in (2021, 2024, 2022, 2023):
        memory.add(f"of {year}", "text", year=year)
    memory.embed()
    memory.model_is_ready()
    assert memory.titles("source:wiki") == ["of 2024", "of 2023", "of 2022", "of 2021"]
    assert memory.titles("source:wiki", limit=2, offset=2) == ["of 2022", "of 2021"]


def test_stop_words_alone_find_nothing_and_say_why(memory):
    fill(memory)
    answer = memory.search("the of")
    assert (answer.total, answer.results) == (0, ())
    assert "too common" in answer.notes[0]


def test_a_phrase_of_stop_words_is_found(memory):
    memory.add("Hamlet", "To be or not to be, that is the question.")
    memory.add("Other", "To be is fine.")
    assert memory.titles('"to be or not to be"') == ["Hamlet"]


def test_nobody_known_and_nobody_you_may_know_look_the_same(memory):
    fill(memory)
    notes = {memory.search(f"notice author:{name}", GUEST).notes for name in ("zzz", "hidden")}
    said = {note.replace("zzz", "X").replace("hidden", "X") for (note,) in notes}
    assert said == {"Nobody known as X has written anything you may see."}
    assert memory.search("author:hidden", LAWYER).notes == ()
    assert len(memory.search("author:hidden author:jane", GUEST).notes) == 1


def test_an_unknown_language_is_noted(memory):
    fill(memory)
    assert memory.search("lang:klingon").notes == ("No language is known as klingon.",)


def test_facets_lead_to_searches_that_find_what_they_count(memory):
    fill(memory)
    answer = memory.search("notice period kündigung")
    assert answer.facets.keys() == {"source", "type", "language", "author", "year"}
    for values in answer.facets.values():
        for value in values:
            assert memory.search(value.query).total == value.count


def test_filters_lead_back(memory):
    fill(memory)
    answer = memory.search('notice author:"Jane Doe" lang:de after:2023 before:2024 -x')
    assert {one.label: one.query for one in answer.filters} == {
        "without: x": 'notice author:"Jane Doe" lang:de after:2023 before:2024',
        "author: Jane Doe": "notice -x lang:de after:2023 before:2024",
        "language: German": 'notice -x author:"Jane Doe" after:2023 before:2024',
        "year: 2023": 'notice -x author:"Jane Doe" lang:de',
    }


def test_pages(memory):
    for number in range(7):
        memory.add(f"d{number}", f"notice {number}")
    pages = [memory.search("notice", limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert [(page.page, page.pages, len(page.results)) for page in pages] == [
        (1, 3, 3),
        (2, 3, 3),
        (3, 3, 1),
        (4, 3, 0),
    ]
    assert len({result.card.title for page in pages for result in page.results}) == 7


def test_above_the_limit_the_total_is_a_lower_bound(memory):
    for number in range(5):
        memory.add(f"d{number}", "notice")
    text = HYBRID.read_text().replace("words_limit: 1000", "words_limit: 3")
    answer = Searcher(memory.name, load_pipeline(text, memory.name)).search(SearchRequest("notice", OWNER))
    assert (answer.total, answer.total_is_exact) == (3, False)


def test_a_revocation_in_the_catalogue_counts_at_once(memory):
    fill(memory)
    (found,) = [one for one in memory.search("notice", GUEST).results if one.card.title == "Travel policy"]
    with memory.catalogue.transaction() as connection:
        memory.catalogue.documents.restate(connection, found.card.document, LEGAL)
    answer = memory.search("notice", GUEST, explain=True)
    assert [result.card.title for result in answer.results] == ["Supply contract"]
    assert answer.total == 1
    assert [leg.rank for leg in answer.results[0].explain] == [1, None]
    assert [value.label for value in answer.facets["author"]] == ["Jane Doe"]
    assert memory.search("author:bob", GUEST).notes != ()


def test_a_removal_in_the_catalogue_counts_at_once(memory):
    fill(memory)
    document = memory.search("hotels").results[0].card.document
    with memory.catalogue.transaction() as connection:
        memory.catalogue.documents.remove(connection, document)
    assert memory.search("hotels").total == 0


def test_what_was_shown_is_wanted_until_it_has_its_vectors(memory):
    fill(memory)
    shown = [result.card.document for result in memory.search("notice").results]
    assert memory.searcher.wanted() == shown
    assert memory.searcher.wanted() == []
    memory.embed()
    searcher = Searcher(memory.name)
    searcher.search(SearchRequest("notice", OWNER))
    assert searcher.wanted() == []


def test_what_has_no_vectors_yet_is_not_buried(memory):
    for number in range(5):
        memory.add(f"old {number}", f"something about zebra crossing {number}")
    memory.embed()
    memory.model_is_ready()
    for number in range(45):
        memory.add(f"new {number}", "filler", write=False)
    memory.add("newest", "zebra stampede")
    assert "newest" in memory.titles("zebra stampede", limit=3)


def test_highlights_of_a_whole_document(memory):
    fill(memory)
    passages = [{"ordinal": 4, "text": "Two notices here."}, {"ordinal": 5, "text": "None."}]
    assert memory.searcher.highlights("notice type:pdf", "en", passages) == {4: ((4, 11),), 5: ()}
    with pytest.raises(InvalidQuery):
        memory.searcher.highlights("foo:bar", "en", passages)


def test_a_query_that_cannot_be_understood_says_so_itself(memory):
    with pytest.raises(InvalidQuery, match="no filter foo"):
        memory.search("foo:bar")


def test_what_goes_wrong_below_reaches_the_caller_as_ours(memory):
    fill(memory)
    memory.search("notice")
    memory.index.close()
    with pytest.raises(MnemeError, match="The index is closed"):
        memory.search("notice")


def test_an_empty_memory_answers(memory):
    answer = memory.search("anything")
    assert (answer.total, answer.total_is_exact, answer.pages, answer.ready.passages) == (0, True, 1, 0)


def test_many_threads_get_the_same_answers(memory):
    fill(memory)
    memory.embed()
    memory.model_is_ready()
    queries = ["notice period", "kündigung", "hotels", "author:jane", '"notice period"'] * 20
    expected = {query: memory.titles(query) for query in set(queries)}
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(memory.titles, queries)) == [expected[query] for query in queries]
    assert threading.active_count() < 20


def test_the_json_is_what_the_pages_and_the_command_line_read(memory):
    fill(memory)
    memory.embed()
    memory.model_is_ready()
    told = json.loads(json.dumps(memory.search("notice period", GUEST, explain=True).to_json()))
    assert told.keys() == {
        "query", "total", "total_is_exact", "took_ms", "page", "pages", "ready", "notes", "results", "facets", "filters",
    }  # fmt: skip
    first = told["results"][0]
    assert first.keys() == {
        "document", "ref", "title", "url", "source", "type", "media_type", "language", "modified", "formality",
        "score", "people", "passages", "explain",
    }  # fmt: skip
    assert first["people"][0].keys() == {"id", "name", "role", "at", "evidence"}
    assert first["passages"][0].keys() == {
        "id",
        "ordinal",
        "text",
        "highlights",
        "location",
        "score",
        "people",
    }
    assert first["passages"][0]["location"]["label"] == "page 1"
    assert {leg["leg"] for leg in first["explain"]} == {"words", "meaning"}
    assert told["facets"]["source"][0].keys() == {"value", "label", "count", "query"}
    assert told["took_ms"] > 0
    assert "explain" not in memory.search("notice").to_json()["results"][0]
    assert EVERYBODY.public
