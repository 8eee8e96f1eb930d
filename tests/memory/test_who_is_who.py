"""Who is who: decided from evidence in whatever order it comes, corrected by hand, and given back unharmed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import new_document_id
from memory.catalogue.identities import CROWDED
from memory.catalogue.schema import identities, joins
from memory.domain import OWNER, Access, Asker, Contribution, Document, Identity, Role, SourceRef
from memory.errors import InvalidInput, NotFound
from memory.people.names import SIGNED
from tests.directories import enrol
from tests.memory.conftest import Template

JANE = Identity("Jane Doe", "jane.doe@x.example")
HERE = [
    JANE,
    Identity("Doe, Jane"),
    Identity("J. Doe", "jdoe@x.example"),
    Identity("Jane Doe", "jane@home.example"),
    Identity("Jane A. Doe"),
    Identity("Jane B. Doe", "jane.b.doe@x.example"),
    Identity("Max Quellmalz", "max@x.example"),
    Identity("Max Quellmalz", "quellmalz@elsewhere.example"),
    Identity("Quellmalz, Max"),
    Identity("Max", account="wiki:mquellmalz"),
    Identity("Sales", "sales@x.example"),
]
_documents = st.lists(
    st.lists(st.integers(0, len(HERE) - 1), min_size=1, max_size=4, unique=True), min_size=1, max_size=6
)
_steps = st.lists(
    st.tuples(
        st.sampled_from(["merge", "split", "not me", "undo", "settle"]),
        st.integers(0, 99),
        st.integers(0, 99),
    ),
    max_size=8,
)


def write(catalogue: Catalogue, *parts: Identity | tuple[Identity, Role]) -> str:
    """A document by some people: the first of them has written it, the others have received it."""
    said = [
        part if isinstance(part, tuple) else (part, Role.RECIPIENT if place else Role.SENDER)
        for place, part in enumerate(parts)
    ]
    new = document(new_document_id(), tuple(Contribution(person, role) for person, role in said))
    with catalogue.transaction() as connection:
        catalogue.documents.replace(connection, new, "", [])
    return new.id


def document(which: str, said: tuple[Contribution, ...]) -> Document:
    access = Access(frozenset({"public"}))
    ref = SourceRef("folder", "files", which)
    return Document(which, ref, which, "text/plain", access=access, contributions=said)


def grouped(catalogue: Catalogue) -> frozenset[frozenset[tuple[str, str, str]]]:
    """Who is one with whom, whatever anybody's id is."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    with catalogue.transaction() as connection:
        for row in connection.execute(select(identities)):
            found.setdefault(row.person, set()).add((row.kind, row.value, row.document))
    return frozenset(map(frozenset, found.values()))


def owned(catalogue: Catalogue) -> dict[int, str]:
    """The person of each identity that stands for itself everywhere."""
    query = select(identities.c.id, identities.c.person).where(identities.c.document == "")
    with catalogue.transaction() as connection:
        return {row.id: row.person for row in connection.execute(query)}


def person(catalogue: Catalogue, called: str) -> str:
    """The one person who is called that."""
    (found,) = catalogue.people.find(called)
    return found


def again(catalogue: Catalogue) -> None:
    """Ask anew who everybody is, as if all had just been met."""
    with catalogue.transaction() as connection:
        connection.execute(update(identities).values(pending=True))
    catalogue.who_is_who.settle()


def decide(catalogue: Catalogue, written: list[str], step: tuple[str, int, int]) -> None:
    """One step of somebody who corrects who is who, as far as it makes sense here."""
    action, one, other = step
    everybody = sorted(set(owned(catalogue).values()))
    first, second = everybody[one % len(everybody)], everybody[other % len(everybody)]
    decisions = catalogue.decisions
    try:
        if action == "merge":
            decisions.merge(first, second, by="owner")
        elif action == "split":
            theirs = [each.id for each in catalogue.person_pages.aliases(first, OWNER)]
            decisions.split(first, theirs[: 1 + other % len(theirs)], by="owner")
        elif action == "not me":
            decisions.not_me(first, written[other % len(written)], by="owner")
        elif action == "undo":
            decisions.undo(1 + one % 4, by="owner")
        else:
            again(catalogue)
    except (InvalidInput, NotFound):
        pass


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(_documents, _documents, _steps)
def test_what_is_decided_by_hand_can_be_taken_back(
    empty: Template, before: list[list[int]], after: list[list[int]], steps: list[tuple[str, int, int]]
) -> None:
    """Whatever was decided, and whatever came meanwhile: undone, all is as if nobody had decided anything."""
    with empty.opened() as catalogue, empty.opened() as untouched:
        written = [write(catalogue, *(HERE[each] for each in here)) for here in before]
        catalogue.who_is_who.settle()
        first = owned(catalogue)
        for step in steps:
            decide(catalogue, written, step)
        decided = grouped(catalogue)
        again(catalogue)
        assert grouped(catalogue) == decided, "decisions outlive any later look at the evidence"
        for each in catalogue.decisions.trail():
            if each.action != "undo" and not each.undone:
                catalogue.decisions.undo(each.id, by="owner")
        assert owned(catalogue) == first
        for here in after:
            write(catalogue, *(HERE[each] for each in here))
            catalogue.who_is_who.settle()
        for here in reversed(before + after):
            write(untouched, *(HERE[each] for each in here))
        untouched.who_is_who.settle()
        assert grouped(catalogue) == grouped(untouched), "neither order nor pace of arrival decides"
        assert {action.action for action in catalogue.decisions.trail()} <= {
            "merge",
            "split",
            "not me",
            "undo",
        }


def test_who_was_known_by_somebody_else_is_asked_anew(empty: Template) -> None:
    """An account and a name are one by the company both had; whoever says it was not theirs takes that away."""
    with empty.opened() as catalogue:
        written = [
            write(catalogue, *(HERE[each] for each in here)) for here in ([3], [9, 0], [10], [3, 8, 0])
        ]
        catalogue.who_is_who.settle()
        shared = next(
            person
            for which, person in owned(catalogue).items()
            if _value(catalogue, which) == HERE[0].address
        )
        before = grouped(catalogue)
        made = catalogue.decisions.not_me(shared, written[3], by="owner")
        decided = grouped(catalogue)
        again(catalogue)
        assert grouped(catalogue) == decided
        catalogue.decisions.undo(made, by="owner")
        assert grouped(catalogue) == before


def _value(catalogue: Catalogue, which: int) -> str:
    with catalogue.transaction() as connection:
        return str(connection.execute(select(identities.c.value).where(identities.c.id == which)).scalar())


def test_evidence_joins_and_is_kept(empty: Template) -> None:
    with empty.opened() as catalogue:
        write(catalogue, Identity("Quellmalz, Max", "max.quellmalz@x.example"), JANE)
        write(catalogue, Identity("Max Quellmalz"), JANE)
        write(catalogue, Identity("Max Quellmalz", account="wiki:17"), JANE)
        catalogue.who_is_who.settle()
        max_ = person(catalogue, "max.quellmalz@x.example")
        assert person(catalogue, "Max Quellmalz") == person(catalogue, "17") == max_
        why = catalogue.person_pages.why_joined(max_)
        assert {each.made_by for each in why} == {"evidence"}
        assert "rare_surname" in {reason["code"] for each in why for reason in each.reasons}
        kept = {(each.name, each.address, each.account) for each in catalogue.people.get(max_).identities}
        assert {("", "max.quellmalz@x.example", ""), ("", "", "wiki:17")} <= kept, "the source's own ids"


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        (JANE, Identity("DOE, Jane", "JANE.DOE@x.example"), True),
        (Identity("Jürgen Quellmalz", "j@x.example"), Identity("Quellmalz, Juergen"), True),
        (Identity("Jane A. Doe", "jane@x.example"), Identity("Jane B. Doe", "jane@y.example"), False),
        (
            Identity("Jane Smith", "jane.smith@x.example"),
            Identity("Jane Smith", "jane.smith2@x.example"),
            False,
        ),
        (Identity("Jane Smith", "jane@x.example"), Identity("Jane Smith", "jane@y.example"), False),
        (Identity("Jane Quellmalz", "sales@x.example"), Identity("Jane Quellmalz", "jane@x.example"), False),
        (Identity("Jane Quellmalz", "jane@x.example"), Identity("Max Quellmalz", "max@x.example"), False),
        (Identity("Michael Quellmalz", "michael.quellmalz@x.example"), Identity("Mike Quellmalz"), True),
        (Identity("Martin Quellmalz", "martin.quellmalz@x.example"), Identity("Martina Quellmalz"), False),
        (Identity("Jane Doe via Board", "board@lists.x.example"), JANE, True),
    ],
)
def test_two_of_a_name(empty: Template, one: Identity, other: Identity, joined: bool) -> None:
    """In documents of their own, with nobody in common: what joins them must lie in the names and addresses."""
    with empty.opened() as catalogue:
        first, second = write(catalogue, one), write(catalogue, other)
        catalogue.who_is_who.settle()
        cards = catalogue.cards.of_documents([first, second])
        ids = {link.id for card in cards.values() for link in card.people}
        assert (len(ids) == 1) is joined


def test_a_signature_joins_even_a_common_name(empty: Template) -> None:
    with empty.opened() as catalogue:
        sender, private = (
            Identity("Jane Smith", "jsmith@x.example"),
            Identity("Jane Smith", "jane.smith@y.example"),
        )
        said = (Contribution(sender, Role.SENDER), Contribution(private, Role.MENTIONED, evidence=SIGNED))
        new = write(catalogue, sender, private)
        catalogue.who_is_who.settle()
        assert len(grouped(catalogue)) == 2, "met in one mail, they may be two"
        with catalogue.transaction() as connection:
            catalogue.documents.replace(connection, document(new, said), "", [])
        catalogue.who_is_who.settle()
        assert len(grouped(catalogue)) == 1
        (why,) = catalogue.person_pages.why_joined(person(catalogue, "Jane Smith"))
        assert "signature" in {reason["code"] for reason in why.reasons}


def test_a_sync_looks_only_at_those_who_may_be_meant(empty: Template) -> None:
    """Somebody unlike anybody new keeps what was decided of them, untouched."""
    with empty.opened() as catalogue:
        write(catalogue, JANE, Identity("Doe, Jane"))
        write(catalogue, Identity("Max Quellmalz", "max@x.example"), Identity("Quellmalz, Max"))
        catalogue.who_is_who.settle()
        mark = update(joins).values(score=-1.0)
        with catalogue.transaction() as connection:
            connection.execute(mark)
        write(catalogue, Identity("J. Doe", "jdoe@x.example"))
        assert catalogue.who_is_who.settle() == 1
        with catalogue.transaction() as connection:
            scores = [row.score for row in connection.execute(select(joins))]
        assert -1.0 in scores
        assert any(score >= 0 for score in scores)


def test_a_name_that_everybody_bears_joins_nobody(empty: Template) -> None:
    """Nor does it cost a comparison of each with each, whether they come at once or one by one."""
    with empty.opened() as catalogue, empty.opened() as slowly:
        for number in range(CROWDED + 1):
            parts = Identity("Quellmalz Shop", f"n{number}@shop{number % 3}.example"), JANE
            write(catalogue, *parts)
            write(slowly, *parts)
            slowly.who_is_who.settle()
            if number == 1:
                assert len(grouped(slowly)) == 2, "two of one rare name who write to the same people are one"
        catalogue.who_is_who.settle()
        assert len(grouped(catalogue)) == CROWDED + 2
        assert grouped(catalogue) == grouped(slowly)


def test_a_decision_says_who_when_and_why(empty: Template) -> None:
    with empty.opened() as catalogue:
        write(catalogue, Identity("Jane Smith", "jane@x.example"))
        write(catalogue, Identity("Jane Smith", "jane@y.example"))
        catalogue.who_is_who.settle()
        one, other = person(catalogue, "jane@x.example"), person(catalogue, "jane@y.example")
        assert one != other
        decision = catalogue.decisions.merge(one, other, by="owner", reason="she moved")
        assert person(catalogue, "jane@x.example") == person(catalogue, "jane@y.example") == one
        assert catalogue.people.get(other).id == one, "a link to either still leads there"
        (row,) = catalogue.decisions.trail(one)
        assert (row.id, row.by, row.action, row.reason) == (decision, "owner", "merge", "she moved")
        with pytest.raises(InvalidInput, match="one person already"):
            catalogue.decisions.merge(one, other, by="owner")
        catalogue.decisions.undo(decision, by="owner")
        assert person(catalogue, "jane@y.example") == other
        assert [each.action for each in catalogue.decisions.trail(one)] == ["undo", "merge"]
        with pytest.raises(InvalidInput, match="undone already"):
            catalogue.decisions.undo(decision, by="owner")


def test_joining_two_gives_neither_the_others_rights(empty: Template) -> None:
    with empty.opened() as catalogue:
        enrol(catalogue, [JANE], "Legal", ["group:legal"])
        enrol(catalogue, [Identity("Max Roe", "max@x.example")], "Sales", ["group:sales"])
        catalogue.who_is_who.settle()
        catalogue.decisions.merge(person(catalogue, "Jane Doe"), person(catalogue, "Max Roe"), by="owner")
        own = {"group:legal", "person:jane.doe@x.example", "public"}
        assert catalogue.people.asker("jane.doe@x.example").tokens == own


def test_a_name_given_by_hand_stays_with_whom_it_was_given_to(empty: Template) -> None:
    """A part that is split off is called as its own papers have it, the rest as somebody said; undone, all are."""
    with empty.opened() as catalogue:
        write(catalogue, Identity("Jane Smith", "jane@x.example"))
        write(catalogue, Identity("Jane Smyth", "smyth@y.example"))
        catalogue.who_is_who.settle()
        one, other = person(catalogue, "jane@x.example"), person(catalogue, "smyth@y.example")
        catalogue.decisions.merge(one, other, by="owner")
        catalogue.decisions.rename(one, "Jane S.", by="owner")
        theirs = [
            each.id
            for each in catalogue.person_pages.aliases(one, OWNER)
            if each.shown in {"smyth@y.example", "Jane Smyth"}
        ]
        split = catalogue.decisions.split(one, theirs, by="owner")
        assert catalogue.people.get(one).name == "Jane S."
        assert catalogue.people.get(other).name == "Jane Smyth"
        catalogue.decisions.rename(other, "J. Smyth", by="owner")
        catalogue.decisions.undo(split, by="owner")
        assert catalogue.people.get(other).name == "J. Smyth", "of two names the one that was given last"


def test_a_result_takes_no_name_from_elsewhere_and_names_each_once(empty: Template) -> None:
    """A title or a spelling may stand in documents only that the reader may not see; the owner sees who somebody is."""
    with empty.opened() as catalogue:
        doe = "doe@x.example"
        shown = write(
            catalogue,
            Identity("DOE, Jane", doe),
            (Identity("Max Roe", "max@x.example"), Role.RECIPIENT),
            (Identity("Roe, Max", "roe@y.example"), Role.RECIPIENT),
            (Identity("VANDERBERG, ANNE", "anne@x.example"), Role.RECIPIENT),
        )
        for _ in range(3):
            write(catalogue, Identity("Prof. Jane Doe", doe), Identity("Anne VanderBerg", "anne@x.example"))
        catalogue.who_is_who.settle()
        one, other = person(catalogue, "max@x.example"), person(catalogue, "roe@y.example")
        if one != other:
            catalogue.decisions.merge(one, other, by="owner")
        card = catalogue.cards.of_documents([shown])[shown]
        names = [link.name for link in card.shown_to(Asker("reader")).people]
        assert names[0] == "Jane DOE"
        assert names[-1] == "ANNE VANDERBERG"
        assert (card.people[0].name, card.people[-1].name) == ("Prof. Jane Doe", "Anne VanderBerg")
        assert len(names) == len(card.people) == 3


def test_what_is_somebodys_stays_theirs_whoever_they_are_joined_to(empty: Template) -> None:
    """The person of an alias is that of the oldest among those joined; what one has saved hangs on one's own key."""
    with empty.opened() as catalogue:
        write(catalogue, Identity("J. D.", "older@x.example"))
        write(catalogue, Identity("Max Roe", "max@x.example"))
        enrol(catalogue, [JANE], "Legal", ["group:legal"])
        catalogue.who_is_who.settle()
        older, jane, lone = (
            catalogue.people.asker(each)
            for each in ("older@x.example", "jane.doe@x.example", "max@x.example")
        )
        assert len({older.key, jane.key, lone.key}) == 3
        told = catalogue.events.pseudonym(jane)
        for other in (jane, lone):
            catalogue.decisions.merge(older.person, other.person, by=jane.key)
        for before, address in ((older, "older"), (jane, "jane.doe"), (lone, "max")):
            now = catalogue.people.asker(f"{address}@x.example")
            assert (now.person, now.key) == (older.person, before.key)
            assert now.tokens == before.tokens
        apart = [
            each.id
            for each in catalogue.person_pages.aliases(older.person, OWNER)
            if each.shown == "max@x.example"
        ]
        catalogue.decisions.split(older.person, apart, by=jane.key)
        assert catalogue.people.asker("max@x.example").key == lone.key
        corporate = Identity("Max Roe", "max.roe@corp.example")
        enrol(catalogue, [corporate, Identity("Max Roe", "max@x.example")])
        assert catalogue.people.asker("max.roe@corp.example").key == lone.key, (
            "as before a directory knew him"
        )
        assert catalogue.events.pseudonym(catalogue.people.asker("jane.doe@x.example")) == told
        assert catalogue.people.departments() == {jane.key: "Legal"}
        assert catalogue.people.get(jane.key).id == older.person, "a key leads to its person"
