"""A large directory: people a second, memory, a second time with nothing changed, and one person changed.

    python -m bench.directory [PEOPLE] [--only csv,ldap,scim] [--whole] [--profile]

Everybody has two addresses, a department and a manager (eight to each), and is in a team of forty; teams are in divisions of twenty,
divisions in one group of all. They are told by a table (`people`), by a real slapd (`ldap`) and by requests to a service (`scim`), each
to a memory of its own in a process of its own. Requests tell the first thousand people and the last, and with `--whole` all of them; the others are there at
once as requests would have left them. With `--profile` what takes the time is printed, too.
"""

import argparse
import cProfile
import csv
import json
import multiprocessing
import os
import pstats
import random
import resource
import statistics
import string
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from ldap3 import MODIFY_REPLACE

from api.directory_sync import sync_directory, take_in
from api.scim.resources import person, user_of
from api.service import Service
from api.sources import NewSource
from connectors.directory import PeopleDirectory
from memory.people.directory import Told
from tests.connectors.slapd import BASE, PASSWORD, READER, Slapd, slapd
from tests.memories import counts, service, sync
from tests.serving import serving

TEAM, DIVISION, REPORTS = 40, 20, 8
FIRST = [
    "Anna", "Bente", "Carl", "Dora", "Emil", "Frida", "Georg", "Hanne", "Ivo", "Jens", "Karin", "Lars",
    "Mette", "Niels", "Olga", "Pia", "Rasmus", "Sofie", "Thomas", "Ulla", "Viggo", "Wanda", "Yrsa", "Alma",
    "Bodil", "Claus", "Ditte", "Erik", "Freja", "Gustav", "Henrik", "Ida", "Jonas", "Katrine", "Lene", "Mads",
    "Nanna", "Oskar", "Peter", "Rikke", "Simon", "Tove", "Vera",
]  # fmt: skip
_STARTS = [
    "Ahl", "Berg", "Brun", "Dal", "Ege", "Falk", "Grav", "Hal", "Holm", "Iver", "Jens", "Kirk",
    "Lind", "Lund", "Mos", "Nord", "Oster", "Peder", "Rav", "Sand", "Stein", "Thor", "Ulf", "Vester",
    "Wulf",
]  # fmt: skip
_ENDS = [
    "dahl", "sen", "mann", "gaard", "stroem", "skov", "by", "toft", "vig", "rup", "ing", "holt",
    "feld", "hauge", "lev", "berg", "strand", "quist", "beck", "land",
]  # fmt: skip
LAST = [start + end for start in _STARTS for end in _ENDS]
DEPARTMENTS = [f"Department {number}" for number in range(60)]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def main() -> None:
    """Print the figures."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("people", nargs="?", type=int, default=20_000)
    ask.add_argument("--only", default="csv,ldap,scim")
    ask.add_argument("--whole", action="store_true")
    ask.add_argument("--profile", action="store_true")
    given = ask.parse_args()
    for way in given.only.split(","):
        work = multiprocessing.get_context("spawn").Process(target=WAYS[way], args=(given.people, given))
        work.start()
        work.join()


def who(number: int) -> tuple[str, str, str]:
    """First name, last name and login of somebody; some names are frequent, so that a firm of 20,000 has some hundreds of namesakes."""
    chance = random.Random(number)
    first = FIRST[int(len(FIRST) * chance.random() ** 1.2)]
    last = LAST[int(len(LAST) * chance.random() ** 1.2)]
    middle = f" {chance.choice(string.ascii_uppercase)}." if chance.random() < 0.75 else ""
    return first + middle, last, f"u{number:05}"


def department(number: int) -> str:
    """Where somebody works."""
    return DEPARTMENTS[number // TEAM % len(DEPARTMENTS)]


def by_csv(people: int, given: argparse.Namespace) -> None:
    """Tell everybody by a table."""
    with tempfile.TemporaryDirectory() as place, service(Path(place, "home")) as opened:
        file = Path(place, "people.csv")

        def write(changed: int | None = None) -> None:
            with file.open("w", newline="") as target:
                rows = csv.writer(target)
                rows.writerow(("id", "name", "address", "aliases", "department", "manager", "groups"))
                for number in range(people):
                    first, last, login = who(number)
                    boss = who((number - 1) // REPORTS)[2] if number else ""
                    part = "Elsewhere" if number == changed else department(number)
                    team = f"group:team-{number // TEAM}"
                    rows.writerow(
                        (
                            login,
                            f"{first} {last}",
                            f"{login}@x.example",
                            f"{login}.{last}@x.example",
                            part,
                            boss,
                            team,
                        )
                    )
                for team in range(-(-people // TEAM)):
                    rows.writerow(
                        ("", f"group:team-{team}", "", "", "", "", f"group:division-{team // DIVISION}")
                    )
                for division in range(-(-people // TEAM // DIVISION)):
                    rows.writerow(("", f"group:division-{division}", "", "", "", "", "group:all-of-us"))

        write()
        opened.add_source(NewSource(kind="people", location=str(file), name="corp"))
        synced("csv", opened, people, lambda: write(7), given.profile)


def by_ldap(people: int, given: argparse.Namespace) -> None:
    """Tell everybody by a directory server."""
    with tempfile.TemporaryDirectory() as place, slapd() as server, service(Path(place, "home")) as opened:
        began = time.perf_counter()
        fill(server, people)
        print(f"ldap: slapd filled in {time.perf_counter() - began:.0f} s", flush=True)
        options = [f"user={READER}", f"base={BASE}", "tls=off"]
        opened.add_source(
            NewSource(
                kind="ldap",
                location=f"ldap://localhost:{server.port}",
                name="corp",
                options=dict(each.split("=", 1) for each in options),
                secrets={"password": PASSWORD},
            )
        )

        def change() -> None:
            with server.admin() as admin:
                admin.modify(
                    f"uid=u00007,ou=people,{BASE}", {"departmentNumber": [(MODIFY_REPLACE, ["Elsewhere"])]}
                )

        synced("ldap", opened, people, change, given.profile)


def fill(server: Slapd, people: int) -> None:
    """Write everybody into slapd."""

    def dn(which: str) -> str:
        return f"{which},{BASE}"

    server.fill(
        {
            "ou=people": {"objectClass": "organizationalUnit", "ou": "people"},
            "ou=groups": {"objectClass": "organizationalUnit", "ou": "groups"},
        }
    )
    with server.admin() as admin:
        for number in range(people):
            first, last, login = who(number)
            entry: dict[str, Any] = {
                "objectClass": "inetOrgPerson",
                "uid": login,
                "cn": f"{first} {last}",
                "givenName": first,
                "sn": last,
                "mail": [f"{login}@x.example", f"{login}.{last}@x.example"],
                "departmentNumber": department(number),
            }
            if number:
                entry["manager"] = dn(f"uid={who((number - 1) // REPORTS)[2]},ou=people")
            admin.add(dn(f"uid={login},ou=people"), attributes=entry)
        for name, members in groups(people):
            held = [
                dn(f"cn={each},ou=groups" if each[0] in "td" else f"uid={each},ou=people") for each in members
            ]
            admin.add(
                dn(f"cn={name},ou=groups"),
                attributes={"objectClass": "groupOfNames", "cn": name, "member": held},
            )


def groups(people: int) -> Iterator[tuple[str, list[str]]]:
    """Every group with the logins, or groups, in it: those within others first."""
    teams = -(-people // TEAM)
    for team in range(teams):
        yield f"team-{team}", [who(each)[2] for each in range(team * TEAM, min(people, (team + 1) * TEAM))]
    divisions = -(-teams // DIVISION)
    for division in range(divisions):
        yield (
            f"division-{division}",
            [f"team-{each}" for each in range(division * DIVISION, min(teams, (division + 1) * DIVISION))],
        )
    yield "all-of-us", [f"division-{each}" for each in range(divisions)]


def synced(name: str, opened: Service, people: int, change: Callable[[], None], profile: bool) -> None:
    """Sync the source, again unchanged, and again with one person changed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for what in ("first", "nothing changed", "one person changed"):
        if what == "one person changed":
            change()
        began, worked = time.perf_counter(), time.process_time()
        with profiled(profile):
            job = sync_here(opened, profile)
        took, worked = time.perf_counter() - began, time.process_time() - worked
        told = {
            each: count
            for each, count in job.items()
            if each in ("known", "indexed", "unchanged", "skipped", "removed")
        }
        print(
            f"{name}, {what}: {took:.1f} s, {people / took:,.0f} people/s, {worked:.1f} s of a processor; {told}",
            flush=True,
        )
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"  {more:,.0f} MB more at most", flush=True)


def sync_here(opened: Service, profile: bool) -> dict[str, int]:
    """Sync, in this thread where it is to be profiled."""
    if not profile:
        return counts(sync(opened, "corp"))
    with opened.memory.connected(opened.memory.catalogue.sources.get("corp")) as directory:
        assert isinstance(directory, PeopleDirectory)
        summary = sync_directory(opened.memory, "corp", directory, accept_removals=False)
    return counts({"summaries": [summary.to_json()]})


def by_scim(people: int, given: argparse.Namespace) -> None:
    """Tell people by requests to a service, one after the other: the first and the last, unless all are wanted so."""
    some = people if given.whole else min(1000, people // 4)
    ids: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place:
        home = Path(place, "home")
        home.mkdir()
        if not given.whole:
            with provider(home, "first") as (client, pid):
                send(client, pid, range(some), ids)
            put_there(home, range(some, people - some), ids)
        with provider(home, "last") as (client, pid):
            before = peak(pid)
            send(client, pid, range(people - some, people), ids)
            send_groups(client, people, ids)
            read_everybody(client, people)
            asked(client, people, ids)
            print(f"  {peak(pid) - before:,.0f} MB more at most", flush=True)


@contextmanager
def provider(home: Path, name: str) -> Iterator[tuple[httpx.Client, int]]:
    """A client with a key of its own, and the process of the service that it asks."""
    limits = {"AUTH__METHODS": "keys", "SERVE__PER_MINUTE": "1000000"}
    with (
        serving(home, home.parent / "log", **limits) as address,
        httpx.Client(base_url=address, timeout=600) as client,
    ):
        client.headers["Authorization"] = f"Bearer {(home / 'owner.token').read_text().strip()}"
        if not client.get("/api/sources").raise_for_status().json():
            client.post(
                "/api/sources", json={"kind": "scim", "location": "entra", "name": "corp"}
            ).raise_for_status()
        made = client.post("/api/keys", json={"name": name, "scopes": ["provision"]}).raise_for_status()
        client.headers["Authorization"] = f"Bearer {made.json()['key']}"
        yield client, json.loads((home / "owner.lock").read_text())["pid"]


def put_there(home: Path, numbers: range, ids: dict[str, str]) -> None:
    """Have people there as requests would have left them, all at once."""
    moment = "2026-01-01T00:00:00.000Z"
    with service(home) as opened:
        listed = []
        for number in numbers:
            login, body = scim_user(number, ids)
            ids[login] = uuid.uuid4().hex
            kept = user_of(body)
            listed.append(person(ids[login], kept, {"kept": kept, "created": moment, "modified": moment}))
        take_in(opened.memory, "corp", Told(people=tuple(listed)))


def send(client: httpx.Client, pid: int, numbers: range, ids: dict[str, str]) -> None:
    """Tell some people, one request each."""
    began, worked = time.perf_counter(), processor(pid)
    for number in numbers:
        login, body = scim_user(number, ids)
        ids[login] = client.post("/scim/corp/Users", json=body).raise_for_status().json()["id"]
    took = time.perf_counter() - began
    each = (processor(pid) - worked) / len(numbers) * 1000
    print(
        f"scim, people {numbers.start:,} to {numbers.stop:,}: {len(numbers) / took:,.0f} people/s, {each:.0f} ms of a processor each",
        flush=True,
    )


def send_groups(client: httpx.Client, people: int, ids: dict[str, str]) -> None:
    """Tell every group with its members."""
    began, sent = time.perf_counter(), 0
    for name, members in groups(people):
        body = {
            "displayName": name,
            "externalId": f"e-{name}",
            "members": [{"value": ids[each]} for each in members],
        }
        ids[name] = client.post("/scim/corp/Groups", json=body).raise_for_status().json()["id"]
        sent += 1
    took = time.perf_counter() - began
    print(f"scim, {sent:,} groups: {took:.1f} s, {sent / took:,.0f} groups/s", flush=True)


def read_everybody(client: httpx.Client, people: int) -> None:
    """Read everybody as a provider does that compares, by pages."""
    began, seen = time.perf_counter(), 0
    while seen < people:
        page = client.get("/scim/corp/Users", params={"startIndex": seen + 1, "count": 200})
        seen += page.raise_for_status().json()["itemsPerPage"]
        if seen == 200:
            print(f"scim, the first page of 200: {time.perf_counter() - began:.2f} s", flush=True)
    took = time.perf_counter() - began
    print(f"scim, everybody read by pages of 200: {took:.1f} s, {people / took:,.0f} people/s", flush=True)


def asked(client: httpx.Client, people: int, ids: dict[str, str]) -> None:
    """Single requests, of which providers send one or more for each person: the middle time of some."""
    some = [people * each // 20 for each in range(20)]
    for what, path, text in (
        ("by userName", "Users", 'userName eq "{login}@x.example"'),
        ("by externalId", "Users", 'externalId eq "e-{login}"'),
        ("by address", "Users", 'emails.value eq "{login}@x.example"'),
        ("by an address for work", "Users", 'emails[type eq "work"].value eq "{login}@x.example"'),
        ("group by name", "Groups", 'displayName eq "team-{team}"'),
        ("group by externalId", "Groups", 'externalId eq "e-team-{team}"'),
        ("groups of somebody", "Groups", 'members eq "{id}"'),
        ("is in a group", "Groups", 'id eq "{group}" and members eq "{id}"'),
    ):

        def look(number: int, path: str = path, text: str = text) -> None:
            login, team = who(number)[2], number // TEAM
            filter_ = text.format(login=login, team=team, id=ids[login], group=ids[f"team-{team}"])
            answer = client.get(
                f"/scim/corp/{path}", params={"filter": filter_, "excludedAttributes": "members"}
            )
            if answer.status_code == 400:
                raise NotImplementedError
            assert answer.json()["totalResults"] == 1, (filter_, answer.text[:300])

        timed(what, some, look)

    def same(number: int) -> None:
        login, body = scim_user(number, ids)
        client.put(f"/scim/corp/Users/{ids[login]}", json=body).raise_for_status()

    def change(number: int) -> None:
        body = {"Operations": [{"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Elsewhere"}]}
        client.patch(f"/scim/corp/Users/{ids[who(number)[2]]}", json=body).raise_for_status()

    def leave(number: int) -> None:
        member = f'members[value eq "{ids[who(number)[2]]}"]'
        body = {"Operations": [{"op": "remove", "path": member}]}
        client.patch(f"/scim/corp/Groups/{ids[f'team-{number // TEAM}']}", json=body).raise_for_status()

    timed("somebody told again as before", some, same)
    timed("somebody's department changed", some, change)
    timed("somebody taken out of a group", some, leave)


def timed(what: str, some: list[int], ask: Callable[[int], None]) -> None:
    """Print the middle of some times."""
    times = []
    for number in some:
        began = time.perf_counter()
        try:
            ask(number)
        except NotImplementedError:
            print(f"scim, {what}: not understood", flush=True)
            return
        times.append(time.perf_counter() - began)
    print(
        f"scim, {what}: {statistics.median(times) * 1000:,.1f} ms, {max(times) * 1000:,.1f} ms at most",
        flush=True,
    )


def scim_user(number: int, ids: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Somebody as a provider sends them."""
    first, last, login = who(number)
    boss = ids.get(who((number - 1) // REPORTS)[2]) if number else None
    return login, {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": f"{login}@x.example",
        "externalId": f"e-{login}",
        "displayName": f"{first} {last}",
        "name": {"givenName": first, "familyName": last},
        "emails": [
            {"value": f"{login}@x.example", "type": "work", "primary": True},
            {"value": f"{login}.{last}@x.example", "type": "other"},
        ],
        "active": True,
        ENTERPRISE: {"department": department(number)} | ({"manager": {"value": boss}} if boss else {}),
    }


def peak(pid: int) -> float:
    """The most memory that a process has had, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def processor(pid: int) -> float:
    """Seconds that a process has had a processor."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Print what took the time."""
    if not wanted:
        yield
        return
    with cProfile.Profile() as profile:
        yield
    pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


WAYS: dict[str, Callable[[int, argparse.Namespace], None]] = {"csv": by_csv, "ldap": by_ldap, "scim": by_scim}

if __name__ == "__main__":
    main()
