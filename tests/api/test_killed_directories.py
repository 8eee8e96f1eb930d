"""The directory is read while the network is cut, the server is killed or the sync is: it counts as it was, or as it is now, never in between."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from api.service import Service
from api.sources import NewSource
from memory.domain import OWNER
from memory.errors import NotFound
from tests.commands import kill_sync
from tests.connectors.slapd import BASE, PASSWORD, READER, Entry, Slapd, slapd
from tests.connectors.test_ldap import inet, unit
from tests.connectors.wire import Wire
from tests.memories import add_folder, service, sync

POINTS, PEOPLE, GROUPS = 5, 120, 8
LOOKED_AT = 2
"""Of each twenty, with those who come and leave among them."""

State = dict[str, Any]


def entries(turn: int) -> dict[str, Entry]:
    """The company in one of two states: between them people come, leave, move and change their groups."""
    choose, found = random.Random(turn), unit("people")
    there = [n for n in range(PEOPLE) if n % 20 != turn]
    for number in there:
        above = f"uid=p{choose.choice(there)},ou=people,{BASE}"
        found |= inet(
            f"p{number}",
            f"P{number} Doe",
            mail=address(number),
            manager=above,
            departmentNumber=choose.choice(["Legal", "Sales"]),
        )
    for number in range(GROUPS):
        members = [f"uid=p{n},ou=people,{BASE}" for n in choose.sample(there, 15)]
        within = [f"cn=g{choose.randrange(GROUPS)},{BASE}"]
        found[f"cn=g{number}"] = {
            "objectClass": "groupOfNames",
            "cn": f"g{number}",
            "member": members + within,
        }
    return found


def address(number: int) -> str:
    return f"p{number}@x.example"


def state(asked: Service) -> State:
    """Which tokens everybody holds; of some also what is told of them, and how much they find."""
    assert asked.doctor(repair=False, rebuild=False)["well"]
    people, held = asked.memory.catalogue.people, dict[str, Any]()
    for number in range(PEOPLE):
        try:
            asker = people.asker(address(number))
        except NotFound:
            held[address(number)] = None
            continue
        held[address(number)] = asker.tokens
        if number % 20 < LOOKED_AT:
            page = asked.people.show(asker.person, asker=OWNER, decides=True)
            managers = [each["name"] for each in page["managers"]]
            found = asked.search("walnut", asker)["total"]
            held[page["name"]] = (page["left"], page["department"], managers, found)
    # Whoever comes back is another entry to slapd, and their old one has left for good: that number only grows.
    told = asked.memory.catalogue.directories.counts()["corp"]
    return held | {"people": told["people"], "groups": told["groups"]}


def add_corp(asked: Service, port: int) -> None:
    asked.add_source(
        NewSource(
            kind="ldap",
            location=f"ldap://localhost:{port}",
            name="corp",
            options={"user": READER, "base": BASE},
            secrets={"password": SecretStr(PASSWORD)},
        )
    )


class Corp:
    """A server behind a wire, a memory that reads it through that, and what it is to know in both states."""

    def __init__(self, server: Slapd, place: Path) -> None:
        self.server, self.place, self.home = server, place, place / "home"
        self.wire = Wire(server.port)
        files = place / "files"
        files.mkdir()
        for number in range(GROUPS):
            (files / f"{number}.txt").write_text(f"A walnut table for g{number}.")
        rules = [f"{number}.txt=group:g{number}" for number in range(GROUPS)]
        self.turn(0)
        with service(self.home) as asked:
            add_folder(asked, files, grant=["group:none"], rules=rules)
            add_corp(asked, self.wire.port)
            sync(asked)
            self.turn(1)
            sync(asked, "corp")
            odd = state(asked)
            self.turn(0)
            before = self.wire.sent
            sync(asked, "corp")
            self.size = self.wire.sent - before
            self.whole = (state(asked), odd)
        assert self.whole[0] != odd

    def turn(self, number: int) -> None:
        """Let the company change to a state, two by turns."""
        self.server.fill(entries(number % 2))

    def before_and_after(self, number: int) -> tuple[State, State]:
        """What is known before the change to a state and after it."""
        return self.whole[1 - number % 2], self.whole[number % 2]


@pytest.fixture(scope="module")
def corp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corp]:
    with slapd() as server:
        made = Corp(server, tmp_path_factory.mktemp("corp"))
        yield made
        made.wire.close()


@pytest.mark.slow
def test_the_network_is_cut(corp: Corp) -> None:
    choose = random.Random(1)
    with service(corp.home) as asked:
        for number in range(1, POINTS + 2):
            corp.turn(number)
            before, after = corp.before_and_after(number)
            if number <= POINTS:
                corp.wire.cut_after(choose.randint(1, corp.size - 1))
                job = sync(asked, "corp")
                assert job["state"] == "failed", job
                assert state(asked) == before
            sync(asked, "corp")
            assert state(asked) == after


@pytest.mark.slow
def test_the_server_is_killed(corp: Corp) -> None:
    choose, broken = random.Random(2), 0
    with service(corp.home) as asked:
        for number in range(1, POINTS + 2):
            corp.turn(number)
            before, after = corp.before_and_after(number)
            if number <= POINTS:
                killing = threading.Thread(
                    target=kill_at, args=(corp, choose.randint(1, corp.size * 8 // 10))
                )
                killing.start()
                job = sync(asked, "corp")
                killing.join()
                broken += job["state"] == "failed"
                assert state(asked) == (before if job["state"] == "failed" else after)
                corp.server.start()
            sync(asked, "corp")
            assert state(asked) == after
    assert broken >= POINTS - 1


def kill_at(corp: Corp, size: int) -> None:
    """Kill the server when it has sent so much more."""
    until = corp.wire.sent + size
    while corp.wire.sent < until:
        time.sleep(0.0005)
    corp.server.kill()


@pytest.mark.slow
def test_the_sync_is_killed(corp: Corp) -> None:
    """While it reads, and while what it has read is taken in: that is one transaction."""
    choose, killed = random.Random(3), []
    for number in range(1, POINTS + 2):
        corp.turn(number)
        before, after = corp.before_and_after(number)
        if number <= POINTS:
            until = corp.wire.sent + corp.size * number // POINTS
            later = choose.random() * 0.2

            def enough(until: int = until) -> bool:
                return corp.wire.sent >= until

            killed.append(kill_sync(corp.home, corp.place / "said", enough, later))
        with service(corp.home) as asked:
            if number <= POINTS:
                assert state(asked) in (before, after)
            sync(asked, "corp")
            assert state(asked) == after
    assert killed.count(-9) >= POINTS - 1, (killed, (corp.place / "said").read_text())
