"""Directories: who is in which groups, groups of groups, who has left, and what is kept of whom."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.directories import TakenIn
from memory.domain import Identity
from memory.errors import AccessDenied, InvalidInput
from memory.people.directory import ListedGroup, ListedPerson, Told, group_token
from tests.directories import enrol


@pytest.fixture
def catalogue(address: str) -> Iterator[Catalogue]:
    opened = Catalogue(address)
    yield opened
    opened.close()


def person(which: str, *addresses: str, **more: Any) -> ListedPerson:
    """Somebody whom the directory calls by their id, with an account of that name."""
    mail = [Identity(which.title(), each) for each in addresses or (f"{which}@x.example",)]
    return ListedPerson(which, (*mail, Identity(account=f"ldap:{which}")), **more)


def group(name: str, *members: str) -> ListedGroup:
    return ListedGroup(name, group_token(name), frozenset(members))


def staff(count: int = 12) -> list[ListedPerson]:
    return [person(f"p{number}") for number in range(count)]


def take(
    catalogue: Catalogue, *told: ListedPerson | ListedGroup, accept: bool = False, **more: Any
) -> TakenIn:
    people = tuple(each for each in told if isinstance(each, ListedPerson))
    groups = tuple(each for each in told if isinstance(each, ListedGroup))
    given = Told(people, groups, **{"whole": True} | more)
    done = catalogue.directories.take_in("ldap", given, accept_removals=accept)
    assert done.known == done.changed + done.unchanged + done.skipped + done.left + done.held, done
    catalogue.who_is_who.settle()
    return done


def groups_of(catalogue: Catalogue, address: str) -> set[str]:
    return {each for each in catalogue.people.asker(address).tokens if each.startswith("group:")}


def test_a_telling_of_one_entry_says_whose_access_changed_in_groups_it_does_not_tell(
    catalogue: Catalogue,
) -> None:
    take(catalogue, *staff(3), group("legal", "p1"), group("staff", "p1", "p2"), group("all"))
    key = catalogue.people.asker("p1@x.example").key
    told = take(catalogue, group("all", "legal", "p1"), whole=False)
    assert told.access == [{"gained": {"group:all": sorted([key, "group:legal"])}}]
    told = take(catalogue, whole=False, gone=frozenset({"p1"}))
    lost = {"group:all": [key], "group:legal": [key], "group:staff": [key]}
    assert told.access == [{"left": [key]}, {"lost": lost}]
    told = take(catalogue, whole=False, gone=frozenset({"legal"}))
    assert told.access == [{"lost": {"group:all": ["group:legal"]}}]
    told = take(catalogue, person("p2", "other@x.example"), whole=False, within={"p2": frozenset({"all"})})
    assert told.access[0]["gained"] == {"group:all": [catalogue.people.asker("other@x.example").key]}


def test_groups_of_groups_three_deep_with_a_loop(catalogue: Catalogue) -> None:
    nested = [group("legal", "p1", "all"), group("staff", "legal", "p2"), group("all", "staff")]
    take(catalogue, *staff(), *nested)
    everything = {"group:legal", "group:staff", "group:all"}
    assert groups_of(catalogue, "p1@x.example") == groups_of(catalogue, "p2@x.example") == everything
    assert groups_of(catalogue, "p3@x.example") == set()
    done = take(
        catalogue, *staff(), group("legal", "p1"), group("staff", "legal", "p2"), group("all", "staff")
    )
    assert (done.changed, done.unchanged) == (0, 12)
    assert groups_of(catalogue, "p2@x.example") == {"group:staff", "group:all"}
    assert done.access == [{"lost": {"group:legal": ["group:all"]}}]


def test_who_leaves_holds_nothing_and_keeps_what_is_theirs(catalogue: Catalogue) -> None:
    take(catalogue, *staff(), group("legal", "p1", "p2"))
    before = catalogue.people.asker("p1@x.example")
    done = take(catalogue, *(each for each in staff() if each.id != "p1"), group("legal", "p2"))
    assert (done.left, done.held) == (1, 0)
    assert done.access[0] == {"left": [before.key]}
    gone = catalogue.people.asker("p1@x.example")
    assert (gone.person, gone.key, gone.tokens) == (before.person, before.key, {"public"})
    with pytest.raises(AccessDenied, match="left"):
        catalogue.people.asker_at("p1@x.example")
    place = catalogue.people.place(before.person)
    assert place is not None
    assert place.left
    back = take(catalogue, *staff(), group("legal", "p1", "p2"))
    assert back.access[0] == {"joined": [before.key]}
    assert catalogue.people.asker_at("p1@x.example") == before


def test_who_is_switched_off_has_left_however_many_these_are(catalogue: Catalogue) -> None:
    take(catalogue, *staff(), group("legal", "p1", "p2"))
    off = [person(each.id, active=False) for each in staff()]
    done = take(catalogue, *off, group("legal", "p1", "p2"))
    assert (done.left, done.held) == (12, 0)
    assert catalogue.people.asker("p1@x.example").tokens == {"public"}


@pytest.mark.parametrize("remaining", [0, 5])
def test_an_emptied_directory_is_held_until_somebody_confirms(catalogue: Catalogue, remaining: int) -> None:
    take(catalogue, *staff(), group("legal", "p1", "p11"))
    rest = staff()[:remaining]
    done = take(catalogue, *rest)
    assert (done.left, done.held) == (0, 12 - remaining + 1), "the people, and the one group"
    assert groups_of(catalogue, "p11@x.example") == {"group:legal"}
    done = take(catalogue, *rest, accept=True)
    assert (done.left, done.held) == (12 - remaining, 0)
    assert catalogue.people.asker("p11@x.example").tokens == {"public"}


def test_what_is_revoked_counts_though_missing_people_are_held(catalogue: Catalogue) -> None:
    take(catalogue, *staff(), group("legal", "p1", "p2", "p11"), group("staff", "p1"))
    done = take(catalogue, *staff()[:5], group("legal", "p1"), group("staff", "p1"))
    assert done.held == 7
    assert groups_of(catalogue, "p2@x.example") == set()
    assert groups_of(catalogue, "p11@x.example") == {"group:legal"}


def test_an_address_that_is_given_to_somebody_else_takes_nothing_along(catalogue: Catalogue) -> None:
    take(catalogue, *staff(), person("smith", "j.smith@x.example"), group("board", "smith"))
    old = catalogue.people.asker("j.smith@x.example")
    catalogue.saved.add(old.key, "leases", "lease", [])
    take(catalogue, *staff(), group("board", "smith"))
    take(catalogue, *staff(), person("smith2", "j.smith@x.example"), group("board", "smith"))
    new = catalogue.people.asker_at("j.smith@x.example")
    assert new.tokens == {"person:j.smith@x.example", "user:smith2", "public"}
    assert catalogue.saved.of(new.key) == []
    take(
        catalogue,
        *staff(),
        person("smith2", "other@x.example"),
        person("p99", "p99@x.example", "j.smith@x.example"),
    )
    assert "person:j.smith@x.example" not in catalogue.people.asker("other@x.example").tokens
    newest = catalogue.people.asker("j.smith@x.example")
    assert newest == catalogue.people.asker("p99@x.example")
    take(catalogue, *staff(), person("smith2", "other@x.example"), person("p99"))
    nobody = catalogue.people.asker_at("j.smith@x.example")
    assert len({old.key, new.key, newest.key, nobody.key}) == 4


def test_an_id_that_changes_with_all_else_the_same_is_the_same_person(catalogue: Catalogue) -> None:
    """A server that was set up anew gives everybody another id."""
    take(catalogue, *staff(), group("legal", "p1"))
    before = catalogue.people.asker("p1@x.example")
    again = [ListedPerson(f"new-{each.id}", each.names) for each in staff()]
    done = take(catalogue, *again, group("legal", "new-p1"))
    assert (done.changed, done.left, done.held) == (12, 0, 0)
    assert catalogue.people.asker("p1@x.example") == before


def test_two_accounts_with_one_address_are_told_and_the_first_has_it(catalogue: Catalogue) -> None:
    doubled = [person("admin", "p1@x.example"), *staff(), person("off", "p2@x.example", active=False)]
    done = take(catalogue, *doubled, group("roots", "admin"), group("legal", "p1"))
    assert done.problems == ["p1@x.example is listed for two people: P1 is not given it."]
    assert groups_of(catalogue, "p1@x.example") == {"group:roots"}
    assert catalogue.people.asker_at("p2@x.example").tokens == {"person:p2@x.example", "user:p2", "public"}
    assert take(catalogue, *doubled, group("roots", "admin"), group("legal", "p1")).problems == done.problems
    done = take(catalogue, *staff(), person("admin", "admin@x.example"), group("legal", "p1"))
    assert done.problems == []
    assert groups_of(catalogue, "p1@x.example") == {"group:legal"}, (
        "tried again, though nothing of them has changed"
    )


def test_two_groups_of_one_name_give_nobody_anything(catalogue: Catalogue) -> None:
    """Whoever may make groups in a corner of the directory must not make themselves members of the board."""
    groups = [group("board", "p1"), ListedGroup("corner", "group:board", frozenset({"p2"}))]
    done = take(catalogue, *staff(), *groups)
    assert done.problems == ["2 groups would be group:board: none of them gives it."]
    assert groups_of(catalogue, "p1@x.example") == groups_of(catalogue, "p2@x.example") == set()
    catalogue.directories.take_in("scim", Told((), (group("all"),)), strict=True)
    with pytest.raises(InvalidInput, match="another group that gives group:all"):
        catalogue.directories.take_in("scim", Told((), (ListedGroup("2", "group:all"),)), strict=True)


def test_a_directory_goes_before_a_file_by_hand_and_joins_it(catalogue: Catalogue) -> None:
    enrol(catalogue, [Identity("Jane Doe", "p1@x.example")], "Legal", ["group:board"])
    key = catalogue.people.asker("p1@x.example").key
    take(catalogue, *staff(), group("legal", "p1"))
    jane = catalogue.people.asker("p1@x.example")
    assert (jane.key, groups_of(catalogue, "p1@x.example")) == (key, {"group:board", "group:legal"})
    take(catalogue, *(each for each in staff() if each.id != "p1"), group("legal"))
    assert catalogue.people.asker("p1@x.example").tokens == {"public"}, "a file of then says nothing of now"
    with catalogue.transaction() as connection:
        catalogue.directories.forget(connection, "ldap")
    assert groups_of(catalogue, "p1@x.example") == {"group:board"}


def test_managers_are_followed_and_a_ring_of_them_ends(catalogue: Catalogue) -> None:
    chain = [
        person("a", manager="b", department="Legal"),
        person("b", manager="c"),
        person("c", manager="b"),
        person("d", manager="nobody"),
    ]
    take(catalogue, *chain)
    place = catalogue.people.place(catalogue.people.asker("a@x.example").person)
    assert place is not None
    assert (place.department, [name for _, name in place.managers], place.left) == (
        "Legal",
        ["B", "C"],
        False,
    )
    last = catalogue.people.place(catalogue.people.asker("d@x.example").person)
    assert last is not None
    assert last.managers == ()


def test_no_two_names_of_groups_give_one_token() -> None:
    names = ["a b", "a%20b", "a-b", "a,b", "a!b", "a\tb", "Ä=b", "a\u00a0b", "a%b"]
    tokens = [group_token(name) for name in names]
    assert len(set(tokens)) == len(names)
    assert all(not set(token) & set(" ,!=\t\u00a0") for token in tokens)
    with pytest.raises(InvalidInput):
        group_token(" ")


PEOPLE, GROUPS = [f"p{n}" for n in range(4)], [f"g{n}" for n in range(5)]
MEMBERS = st.dictionaries(
    st.sampled_from(GROUPS), st.frozensets(st.sampled_from([*PEOPLE, *GROUPS, "unknown"])), max_size=5
)


def held(members: Mapping[str, frozenset[str]], whom: str) -> set[str]:
    """What somebody holds, said another way: add groups until nothing is added."""
    found: set[str] = set()
    while more := {name for name, inside in members.items() if inside & (found | {whom})} - found:
        found |= more
    return {group_token(name) for name in found}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    first=MEMBERS, then=MEMBERS, one=st.sampled_from(GROUPS), inside=st.frozensets(st.sampled_from(GROUPS))
)
def test_any_groups_of_groups_give_what_an_oracle_says(
    catalogue: Catalogue,
    first: dict[str, frozenset[str]],
    then: dict[str, frozenset[str]],
    one: str,
    inside: frozenset[str],
) -> None:
    """Taken in whole, then changed as a whole, then by one group that is pushed and one that goes."""
    people = [person(each) for each in PEOPLE]

    def same(members: Mapping[str, frozenset[str]]) -> None:
        for each in PEOPLE:
            assert groups_of(catalogue, f"{each}@x.example") == held(members, each)

    for members in (first, then):
        told = [ListedGroup(name, group_token(name), whom) for name, whom in members.items()]
        take(catalogue, *people, *told, accept=True)
        same(members)
    pushed = then | {one: inside | {"p0"}}
    take(catalogue, ListedGroup(one, group_token(one), inside | {"p0"}), whole=False)
    same(pushed)
    take(catalogue, whole=False, gone=frozenset({one}))
    same({name: whom - {one} for name, whom in pushed.items() if name != one})


def test_what_was_told_is_looked_up_by_what_it_has(catalogue: Catalogue) -> None:
    """On either database, whatever the case, and with nothing that stands for something else."""

    def kept(which: str, external: str) -> ListedPerson:
        return person(which, login=f"{which}@x.example", about={"kept": {"externalId": external}})

    take(catalogue, kept("p1", "E-100%_"), kept("p2", "e-100xy"), kept("p3", "e-1"), group("all", "p1", "b"))
    take(catalogue, group("b", "p2"), whole=False, gone=frozenset({"p3"}))
    known = catalogue.provisioned("ldap")

    def ids(**by: Any) -> list[str]:
        return [each.id for each in known.people(**by)]

    assert ids() == ["p1", "p2"]
    assert ids(having=["e-100%_"]) == ids(login="p1@x.example") == ids(ids=["p1", "p3"]) == ["p1"]
    assert ids(having=["e-100", "XY"]) == ["p2"]
    assert ids(having=["e-100"], login="p3@x.example") == ids(ids=[]) == []
    assert [(total, [each.id for each in page]) for total, page in [known.some_people(1, 5)]] == [(2, ["p2"])]
    assert [(each.id, each.members) for each in known.with_members(known.groups())] == [
        ("all", {"p1", "b"}),
        ("b", {"p2"}),
    ]
    within = known.groups_of(["p1", "p2", "b", "none"])
    assert {which: [each.id for each in groups] for which, groups in within.items()} == {
        "p1": ["all"],
        "b": ["all"],
        "p2": ["b"],
    }
