"""Shares on real servers through the real service: what moves, is revoked or vanishes there, and a sync that is killed."""

import json
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from api.service import Service
from api.sources import NewSource
from memory.domain import OWNER, Asker
from tests.api.test_killed_syncs import progress
from tests.commands import kill_sync
from tests.connectors.samba import PASSWORD as SMB_PASSWORD
from tests.connectors.samba import give, samba
from tests.connectors.shares import KINDS, Shared, shared
from tests.connectors.slapd import BASE, READER, slapd
from tests.connectors.slapd import PASSWORD as LDAP_PASSWORD
from tests.connectors.test_ldap import inet, unit
from tests.connectors.test_share_smb import EVERYONE, Place, allow, deny, unix_user
from tests.memories import counts, service, sync

JOE = Asker(person="joe")
"""Somebody who may read what everybody may."""

FILES = 40


def add(asked: Service, server: Shared, **options: str) -> None:
    """The server as a source that everybody may see, unless it tells who may."""
    config = server.config(**options)
    given = {"options": dict(config.options), "secrets": dict(config.secrets), "grant": ["public"]}
    asked.add_source(NewSource(kind="share", location=config.location, name=config.name, **given))  # type: ignore[arg-type]


@pytest.fixture(params=["smb", "sftp"])
def server(request: pytest.FixtureRequest) -> Iterator[Shared]:
    with shared(request.param) as made:
        yield made


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_what_is_revoked_there_is_gone_here(server: Shared, tmp_path: Path) -> None:
    with service(tmp_path / "home") as asked:
        for name in ("Walnut", "Oak"):
            server.put(f"{name}.txt", f"Forty tables of {name}.")
            (server.files / f"{name}.txt").chmod(0o644)
        add(asked, server, permissions="server")
        assert counts(sync(asked)) == {"known": 2, "indexed": 2}
        assert len(asked.search("tables", JOE)["results"]) == 2
        (server.files / "Walnut.txt").chmod(0o640)
        assert counts(sync(asked)) == {"known": 2, "unchanged": 2}  # neither parsed nor embedded again
        found = asked.search("tables", JOE)["results"]
        assert [each["ref"] for each in found] == [f"share:{server.kind}/Oak.txt"]
        assert len(asked.search("tables", OWNER)["results"]) == 2
        assert server.secret not in json.dumps(asked.upkeep.sources())
        kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
        assert not [path for path in kept if server.secret.encode() in path.read_bytes()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_what_the_server_says_of_an_account_counts_for_who_has_it_in_the_directory(tmp_path: Path) -> None:
    with samba() as files, slapd() as server, service(tmp_path / "home") as asked:
        (files.files / "dept").mkdir()
        give(files.files / "dept", files.user)
        place, reader = Place(files, files.files / "dept"), allow(unix_user(files.user))
        people = unit("people") | inet("news", "Jane News", mail="jane@x.example")
        server.fill(people | inet("max", "Max Roe", mail="max@x.example"))
        with place.opened:
            place.put("walnut.txt", b"A plan for the tables.")
            place.protect("walnut.txt", deny(unix_user("news")), allow(EVERYONE), reader)
            place.put("oak.txt", b"A plan for the tables.")
            place.protect("oak.txt", allow(unix_user("news")), reader)
            for new in (
                NewSource(
                    kind="ldap",
                    location=f"ldap://localhost:{server.port}",
                    name="corp",
                    options={"user": READER, "base": BASE, "tls": "off"},
                    secrets={"password": SecretStr(LDAP_PASSWORD)},
                ),
                NewSource(
                    kind="share",
                    location=place.config.location,
                    name="office",
                    options={"user": files.user, "permissions": "server"},
                    secrets={"password": SecretStr(SMB_PASSWORD)},
                    grant=["public"],
                ),
            ):
                asked.add_source(new)
            sync(asked)
        for address, name in (("jane@x.example", "oak"), ("max@x.example", "walnut")):
            asker = asked.memory.catalogue.people.asker(address)
            found = [each["ref"] for each in asked.search("tables", asker)["results"]]
            assert found == [f"share:office/{name}.txt"]


def test_what_moves_and_what_vanishes(server: Shared, tmp_path: Path) -> None:
    with service(tmp_path / "home") as asked:
        server.fill(FILES)
        server.put("huge.txt", "x")
        os.truncate(server.files / "huge.txt", 1 << 40)
        add(asked, server)
        assert counts(sync(asked)) == {"known": FILES + 1, "indexed": FILES, "skipped": 1}
        sent = server.wire.sent
        assert counts(sync(asked)) == {"known": FILES + 1, "unchanged": FILES, "skipped": 1}
        assert server.wire.sent - sent < 60_000  # nothing was fetched, least of all a terabyte
        (server.files / "0").rename(server.files / "moved")
        moved = len(list((server.files / "moved").iterdir()))
        expected = {"known": FILES + 1, "unchanged": FILES - moved, "skipped": 1}
        # SMB tells the number of a file, SFTP does not.
        if server.kind == "smb":
            expected |= {"moved": moved}
        else:
            expected |= {"indexed": moved, "removed": moved, "known": FILES + 1 + moved}
        assert counts(sync(asked)) == expected
        for folder in list(server.files.iterdir()):
            folder.rename(server.real.place / f"gone-{folder.name}")
        assert counts(sync(asked))["held"] == FILES + 1
        whole(asked, [server])


def test_most_of_a_share_moves_and_is_there_once(server: Shared, tmp_path: Path) -> None:
    """SFTP does not tell which file is which: what came in with the same bytes is what had gone, and weighs nothing."""

    def found() -> list[str]:
        return sorted(each["ref"] for each in asked.search("beech", OWNER, limit=50)["results"])

    with service(tmp_path / "home") as asked:
        for number in range(12):
            server.put(f"Projects/{number}.txt", f"beech plan {number}" if number else "beech plan 1")
        for number in range(8):
            server.put(f"Other/{number}.txt", f"oak {number}")
        add(asked, server)
        assert counts(sync(asked)) == {"known": 20, "indexed": 20}
        (server.files / "Projects").rename(server.files / "Projects 2026")
        job = sync(asked)
        assert (counts(job).get("held", 0), job["embedded"]) == (0, 0)
        assert found() == sorted(f"share:{server.kind}/Projects 2026/{number}.txt" for number in range(12))
        (server.files / "Projects 2026").rename(server.files / "Projects")
        (server.files / "Projects" / "1.txt").unlink()
        for path in (server.files / "Other").iterdir():
            path.rename(server.real.place / f"gone-{path.name}")
        # The others are held: nothing with their bytes came in; of two alike, one new one stands for one old.
        assert counts(sync(asked))["held"] == 9
        assert len(found()) == 12
        assert asked.doctor(repair=False, rebuild=False)["well"]


def whole(asked: Service, servers: list[Shared]) -> None:
    """Every file is there once, in catalogue and index, and these agree."""
    for server in servers:
        rows = [row for row in asked.memory.catalogue.ledger.of_source(server.kind) if row.document]
        assert len({row.ref.key for row in rows}) == len(rows) == FILES
        found = asked.search(f"beech source:{server.kind}", OWNER, limit=100)["results"]
        assert len({each["ref"] for each in found}) == len(found) == FILES
    assert asked.doctor(repair=False, rebuild=False)["well"]


def told(servers: list[Shared]) -> int:
    """How many bytes came from all of them."""
    return sum(server.wire.sent for server in servers)


def given(servers: list[Shared], size: int) -> bool:
    """Whether more than so many bytes came from all of them."""
    return told(servers) > size


def read(home: Path, documents: int) -> bool:
    """Whether so many documents are written."""
    return progress(home)[0] >= documents


@pytest.mark.slow
def test_syncs_that_are_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    choose, home = random.Random(5), tmp_path / "home"
    with ExitStack() as opened:
        servers = [opened.enter_context(shared(kind)) for kind in KINDS]
        with service(home) as asked:
            for server in servers:
                server.fill(FILES)
                add(asked, server)
        killed: list[Any] = []
        for number in range(5):
            # Three fall while servers are read, two while what they gave is written.
            fetched, written = told(servers) + choose.randint(5_000, 100_000), choose.randint(1, 100) + number
            enough = partial(given, servers, fetched) if number < 3 else partial(read, home, written)
            killed.append(kill_sync(home, tmp_path / "said", enough))
        assert killed.count(-9) >= 4, (killed, (tmp_path / "said").read_text())
        with service(home) as asked:
            sync(asked)
            whole(asked, servers)
