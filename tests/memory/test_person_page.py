"""What an asker may know of a person, against the plainest way to work it out: look at each document."""

from collections import Counter
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory.catalogue.catalogue import Catalogue
from memory.domain import AUTHORING, OWNER, Access, Asker, Contribution, Document, Identity, Role, SourceRef
from memory.people.names import display_name, name_key
from tests.memory.conftest import Template

JANE = [
    Identity("Jane Doe", "jane@x.example"),
    Identity("Doe, Jane Annabel", "jane@x.example"),
    Identity("", "jane@x.example"),
    Identity("Jane Doe", "jane@home.example"),
    Identity("JD", account="wiki:jd7"),
]
OTHERS = [Identity("Max Roe", "max@y.example"), Identity("Ann Poe", "ann@y.example"), Identity("Kim Coe")]
ASKER = Asker("", frozenset({"group:a"}))
TEXTS = ["jane", "Doe", "Jane Doe", "Annabel", "jane@home.example", "jd7", "JD", "Annabel Jane Doe", "nobody"]


@st.composite
def _documents(draw: st.DrawFn) -> list[Document]:
    found = []
    for number in range(draw(st.integers(1, 7))):
        people = draw(st.lists(st.sampled_from(JANE + OTHERS), min_size=1, max_size=4, unique=True))
        year = draw(st.integers(2019, 2022))
        found.append(
            Document(
                f"{number:032x}",
                SourceRef("folder", "files", str(number)),
                str(number),
                "message/rfc822",
                created=datetime(year, 1, 1 + number, tzinfo=UTC),
                modified=datetime(year, 1, 1 + number, tzinfo=UTC),
                thread=draw(st.sampled_from([None, "t"])),
                access=Access(
                    frozenset(draw(st.sets(st.sampled_from(["group:a", "group:b"])))),
                    frozenset(draw(st.sampled_from([(), (), ("group:a",)]))),
                ),
                contributions=tuple(
                    Contribution(person, draw(st.sampled_from([Role.SENDER, Role.RECIPIENT, Role.EDITOR])))
                    for person in people
                ),
            )
        )
    return found


def remember(empty: Template, documents: list[Document]) -> Catalogue:
    """A memory of some documents in which all that is Jane's has been joined by hand."""
    catalogue = empty.copy()
    with catalogue.transaction() as connection:
        for document in documents:
            catalogue.documents.replace(connection, document, "", [])
    catalogue.who_is_who.settle()
    hers = {
        person
        for each in (JANE[0].address, JANE[3].address, JANE[4].account)
        for person in catalogue.people.find(each)
    }
    first, *rest = sorted(hers) or [""]
    for other in rest:
        if catalogue.people.get(other).id != catalogue.people.get(first).id:
            catalogue.decisions.merge(first, other, by="owner")
    return catalogue


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(_documents())
def test_a_page_says_what_the_documents_say_that_the_asker_may_see(
    empty: Template, documents: list[Document]
) -> None:
    catalogue = remember(empty, documents)
    pages = catalogue.person_pages
    persons = {
        part.person: _person(catalogue, part.person) for each in documents for part in each.contributions
    }
    for asker in (ASKER, OWNER):
        seen = [each for each in documents if asker.owner or each.access.allows(asker)]
        for person in set(persons.values()):
            theirs = [
                (each, part) for each in seen for part in each.contributions if persons[part.person] == person
            ]
            active = {each.id: each for each, part in theirs if part.role in AUTHORING}
            works = pages.works(person, asker)
            # Once in each role, however often they are named or wrote in it.
            assert Counter((work.document, work.role) for work in works) == Counter(
                {(each.id, part.role) for each, part in theirs}
            )
            assert pages.roles(person, asker) == Counter(
                role for each in seen for role in {part.role for one, part in theirs if one is each}
            )
            assert pages.years(person, asker) == Counter(
                each.modified.year for each in active.values() if each.modified
            )
            company = Counter(
                other
                for each in active.values()
                for other in {persons[part.person] for part in each.contributions} - {person}
            )
            assert {each.id: each.documents for each in pages.company(person, asker)} == company
            assert pages.answered(person, asker) == len(
                {
                    each.id
                    for each, part in theirs
                    if part.role is Role.SENDER and _answers(each, seen, persons, person)
                }
            )
        listed = Counter(
            person for each in seen for person in {persons[part.person] for part in each.contributions}
        )
        assert {each.id: each.documents for each in pages.listed(asker)} == listed
    catalogue.close()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(_documents())
def test_nothing_is_named_by_what_the_asker_may_not_see(empty: Template, documents: list[Document]) -> None:
    """Names, aliases and who is found by them are as if the hidden documents did not exist."""
    seen = [each for each in documents if each.access.allows(ASKER)]
    whole, part = remember(empty, documents), remember(empty, seen)
    persons = {
        _person(whole, one.person): _person(part, one.person) for each in seen for one in each.contributions
    }
    said = {
        text
        for each in seen
        for one in each.contributions
        for text in (display_name(one.person.name), one.person.address, one.person.account)
    }
    for there, here in persons.items():
        aliases = whole.person_pages.aliases(there, ASKER)
        known = {
            text for each in aliases for text in (*each.names, each.shown if each.kind != "name" else "")
        }
        assert known <= said | {""}
        assert whole.person_pages.names([there], ASKER) == {
            there: part.person_pages.names([here], ASKER)[here]
        }
    for text in TEXTS:
        found = {persons[each] for each in whole.person_pages.find(text, ASKER)}
        assert found == set(part.person_pages.find(text, ASKER)), text
    cards = whole.cards.of_documents([each.id for each in seen])
    for each in seen:
        shown = {name_key(link.name) for link in cards[each.id].shown_to(ASKER).people}
        assert shown <= {
            name_key(text)
            for one in each.contributions
            for text in (one.person.name, one.person.address, one.person.account)
        }
    whole.close()
    part.close()


def _person(catalogue: Catalogue, identity: Identity) -> str:
    (found,) = catalogue.people.find(identity.address or identity.account or identity.name)
    return found


def _answers(message: Document, seen: list[Document], persons: dict[Identity, str], person: str) -> bool:
    """Whether somebody else has written in its thread before."""
    return message.thread is not None and any(
        each.thread == message.thread
        and each.created is not None
        and message.created is not None
        and each.created < message.created
        and any(part.role is Role.SENDER and persons[part.person] != person for part in each.contributions)
        for each in seen
    )
