"""The clock leaps, by seconds and by years, forwards and back: nothing is lost or double, nobody is kept out, nothing is deleted too early."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.lock import read_token
from api.service import Service
from memory.catalogue.audit import Wanted
from memory.domain import OWNER
from tests.clocks import DAY, LIBRARY, LeapingClock
from tests.memories import add_folder, service, sync
from tests.serving import serving

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="Debian's libfaketime is not installed")

NOTES, YEAR = 30, 366 * DAY
WORDS = ("notice period", "supplier invoice", "warranty", "delivery", "board", "clause", "budget")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clock") / "files"
    folder.mkdir()
    for number in range(NOTES):
        said = " ".join(f"{WORDS[(number * place) % 7]} {number * place % 31}" for place in range(1, 150))
        page = f"<html><head><title>Clause {number}</title><meta name='dcterms.created' content='2026-03-{number % 28 + 1:02}'></head>"
        (folder / f"{number:03}.html").write_text(f"{page}<body><p>{said}</p></body></html>")
    return folder


def answers(asked: Service) -> list[Any]:
    """What is found for some questions, with dates, without ids, which differ from memory to memory."""
    documents = asked.memory.catalogue.documents
    return [
        sorted(
            (
                hit["ref"],
                round(hit["score"], 6),
                str(documents.get(hit["document"], OWNER).created),
                *(each["text"] for each in hit["passages"]),
            )
            for hit in asked.search(query, OWNER, limit=100)["results"]
        )
        for query in WORDS
    ]


@contextmanager
def owner_of(home: Path, place: Path, clock: LeapingClock, **settings: str) -> Iterator[httpx.Client]:
    """The owner of a service that goes by a clock of its own."""
    with serving(home, place / "serve.log", clock, **settings) as address:
        token = {"authorization": f"Bearer {read_token(home)}"}
        with httpx.Client(base_url=address, headers=token, timeout=60) as client:
            yield client


def synced(client: httpx.Client) -> dict[str, Any]:
    """Sync, wait, and give the job as it ended."""
    client.post("/api/sync", json={}).raise_for_status()
    while (job := client.get("/api/sync").json())["state"] == "running":
        time.sleep(0.1)
    return job


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_memory_whose_clock_leaps_all_the_time_becomes_what_others_become(
    files: Path, tmp_path: Path, seed: int
) -> None:
    with service(tmp_path / "plain") as asked:
        add_folder(asked, files, "notes")
        assert sync(asked)["state"] == "done"
        known = answers(asked)
    clock, asking = LeapingClock(tmp_path), 60
    with service(tmp_path / "home") as asked:
        add_folder(asked, files, "notes")
    with owner_of(tmp_path / "home", tmp_path, clock) as client:
        with clock.leaping(seed):
            client.post("/api/sync", json={}).raise_for_status()
            for number in range(asking):
                assert client.get("/api/search", params={"q": WORDS[number % 7]}).status_code == 200
                time.sleep(0.05)
            while (job := client.get("/api/sync").json())["state"] == "running":
                time.sleep(0.1)
        assert (job["state"], job["errors"]) == ("done", [])
        assert synced(client)["summaries"][0]["unchanged"] == NOTES
        assert client.get("/api/audit/verify").json()["holds"]
    with service(tmp_path / "home", audit={"keep_days": 365}) as asked:
        assert asked.doctor(repair=False, rebuild=False)["well"]
        assert len(asked.memory.catalogue.events.all()) == asking
        assert answers(asked) == known


def leap(client: httpx.Client, clock: LeapingClock, seconds: int) -> None:
    """Have the service's clock leap, and wait until it has."""
    clock.leap(seconds)
    for _ in range(100):
        says = parsedate_to_datetime(client.get("/healthz").headers["date"])
        if abs((says - datetime.now(UTC)).total_seconds() - seconds) < 60:
            return
        time.sleep(0.1)
    pytest.fail("The clock does not leap.")


def last_sync(client: httpx.Client) -> dict[str, Any]:
    """When the source was synced last, and is next."""
    [source] = client.get("/api/sources").json()
    return {name: datetime.fromisoformat(source[name]) for name in ("last_sync", "next_sync") if source[name]}


def log_in(client: httpx.Client, password: str) -> httpx.Response:
    given = {"address": "jane@x.example", "password": password}
    return client.post("/login", data=given, headers={"origin": str(client.base_url).rstrip("/")})


@pytest.mark.slow
def test_years_ahead_and_back_delete_nothing_and_keep_nobody_out(files: Path, tmp_path: Path) -> None:
    home, clock, right = tmp_path / "home", LeapingClock(tmp_path), "beech and oak and pine"
    with service(home, audit={"keep_days": 90}) as asked:
        add_folder(asked, files, "notes")
        assert sync(asked)["state"] == "done"
        asked.memory.catalogue.sources.schedule("notes", 60)
        asked.memory.catalogue.users.add("jane@x.example", right)
        asked.search("warranty", OWNER)
        asked.memory.catalogue.audit.note("owner", "", "GET /", {})
    given = {"AUTH__METHODS": "password,keys", "AUDIT__KEEP_DAYS": "90"}
    clock.leap(10 * YEAR)  # as of a machine that has just been started
    with owner_of(home, tmp_path, clock, **given) as client, ExitStack() as clients:
        url, now = client.base_url, datetime.now(UTC)
        while not last_sync(client)["last_sync"] > now + timedelta(days=3000):
            time.sleep(0.2)  # it is due, and synced by the clock
        ahead, guessing = (clients.enter_context(httpx.Client(base_url=url)) for _ in range(2))
        assert log_in(ahead, right).status_code == 303
        assert ahead.get("/api/saved").status_code == 200
        assert [log_in(guessing, "wrong").status_code for _ in range(6)][-1] == 429
        client.get("/api/search", params={"q": "warranty"}).raise_for_status()
        leap(client, clock, 0)
        assert last_sync(client)["next_sync"] <= now + timedelta(minutes=62)
        assert ahead.get("/api/saved").status_code == 401, "its end is years away"
        assert log_in(guessing, right).status_code == 303
        assert guessing.get("/api/saved").status_code == 200
        assert client.get("/api/audit/verify").json()["holds"]
        client.get("/api/search", params={"q": "warranty"}).raise_for_status()
    with service(home, audit={"keep_days": 90}) as asked:
        catalogue = asked.memory.catalogue
        catalogue.audit.expire()
        assert catalogue.audit.entries(Wanted(until=now)), "nothing was deleted for its age"
        assert [event.query for event in catalogue.events.all()] == ["warranty"] * 3
        assert asked.doctor(repair=False, rebuild=False)["well"]
