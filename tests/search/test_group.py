from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from memory.catalogue.cards import Card
from memory.domain import Access, Formality, PersonLink, Role
from search.facets import FacetCounter
from search.fuse import Ranking
from search.group import group
from search.query import Query


def card(document: str, **known: object) -> Card:
    facts = {
        "ref": f"folder:wiki/{document}",
        "title": document,
        "url": "",
        "source": "wiki",
        "type": "pdf",
        "media_type": "application/pdf",
        "language": "de",
        "modified": datetime(2024, 3, 5, tzinfo=UTC),
        "formality": Formality.PAGE,
        "access": Access(frozenset({"public"})),
        "people": (),
    }
    return Card(document, **{**facts, **known})  # type: ignore[arg-type]


def test_a_document_stands_where_its_best_passage_stands():
    a, b = card("a"), card("b")
    groups = group(Ranking((5, 1, 2, 3, 4), (0.9, 0.8, 0.7, 0.6, 0.5)), {5: a, 1: b, 2: a, 3: a, 4: a})
    assert groups == [[(5, 0.9), (2, 0.7), (3, 0.6)], [(1, 0.8)]]


def test_passages_without_a_card_are_left_out():
    assert group(Ranking((1, 2), (0.9, 0.8)), {2: card("a")}) == [[(2, 0.8)]]


@given(st.dictionaries(st.integers(1, 300), st.integers(1, 20), max_size=100))
def test_every_document_appears_once_with_its_best_passages(documents):
    cards = {number: card(f"d{number}") for number in set(documents.values())}
    ranking = Ranking(tuple(documents), tuple(1 - at / 1000 for at in range(len(documents))))
    groups = group(ranking, {passage: cards[number] for passage, number in documents.items()})
    assert sorted(documents[shown[0][0]] for shown in groups) == sorted(set(documents.values()))
    for shown in groups:
        of_document = [passage for passage in documents if documents[passage] == documents[shown[0][0]]]
        assert [passage for passage, _ in shown] == of_document[:3]
    assert groups == sorted(groups, key=lambda shown: -shown[0][1])


def test_facets_count_documents_and_carry_the_search_with_each_value():
    people = (
        PersonLink("1", "Jane Doe", Role.AUTHOR),
        PersonLink("1", "Jane Doe", Role.EDITOR),
        PersonLink("2", "Bob", Role.RECIPIENT),
    )
    cards = [
        card("a", people=people),
        card("b", source="mail", type="eml"),
        card("c", modified=None, language=""),
    ]
    facets = FacetCounter().count(Query.parse("notice type:pdf"), cards)
    assert [(one.value, one.count, one.query) for one in facets["source"]] == [
        ("wiki", 2, "notice source:wiki type:pdf"),
        ("mail", 1, "notice source:mail type:pdf"),
    ]
    assert [one.query for one in facets["type"]] == ["notice type:pdf", "notice type:pdf type:eml"]
    assert [(one.value, one.label, one.count) for one in facets["language"]] == [("de", "German", 2)]
    assert [(one.value, one.label, one.count, one.query) for one in facets["author"]] == [
        ("1", "Jane Doe", 1, 'notice author:"Jane Doe" type:pdf')
    ]
    assert [(one.value, one.count, one.query) for one in facets["year"]] == [
        ("2024", 2, "notice type:pdf after:2024 before:2025")
    ]


def test_who_shares_a_name_is_asked_for_by_id():
    people = (PersonLink("1", "Jane Doe", Role.AUTHOR), PersonLink("2", "Jane Doe", Role.OWNER))
    facets = FacetCounter().count(Query.parse("notice"), [card("a", people=people)])
    assert [one.query for one in facets["author"]] == ["notice author:1", "notice author:2"]
