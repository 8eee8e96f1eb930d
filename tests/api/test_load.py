"""Under more load than there is room for: some are told to come back, the others are answered, and health is told truly."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.service import Service
from memory.domain import OWNER
from memory.errors import MnemeError
from memory.index.base import Filters
from tests.memories import add_folder, service, sync

AT_ONCE = 3
SEARCHES = (
    "/api/search?q=lease",
    "/api/search/count?q=lease",
    "/api/search/export?q=lease",
    "/api/why?q=lease.txt",
    "/api/saved",
    "/?q=lease",
    "/saved",
    "/why?q=lease.txt",
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    place = tmp_path_factory.mktemp("load")
    (place / "files").mkdir()
    (place / "files" / "lease.txt").write_text("The notice period of the lease is three months.")
    with service(place / "home", search={"at_once": AT_ONCE}) as opened:
        add_folder(opened, place / "files")
        assert sync(opened)["state"] == "done"
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: asked), base_url="http://localhost") as opened:
        yield opened


def test_whoever_comes_too_many_is_told_to_come_back(asked: Service, client: TestClient) -> None:
    """Every way to search is refused at once with 503 and Retry-After; what searches nothing is answered."""
    document = client.get("/api/search?q=lease").json()["results"][0]["document"]
    with ExitStack() as turns:
        for _ in range(AT_ONCE):
            turns.enter_context(asked.turns.turn())
        for path in SEARCHES:
            answer = client.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), path
            assert answer.json()["type"] == "urn:mneme:problem:too-busy"
            assert "few seconds" in answer.json()["hint"]
        page = client.get("/?q=lease", headers={"accept": "text/html", "accept-language": "de"})
        assert (page.status_code, page.headers["retry-after"]) == (503, "5")
        assert "Versuchen Sie es in ein paar Sekunden noch einmal." in page.text
        for path in ("/healthz", "/readyz", f"/api/documents/{document}", f"/documents/{document}"):
            assert client.get(path).status_code == 200, path
    for path in SEARCHES:
        assert client.get(path).status_code == 200, path
    assert asked.turns.taken == 0


def test_a_turn_ends_with_the_answer_whatever_becomes_of_it(asked: Service, client: TestClient) -> None:
    assert client.get("/api/search?q=colour:red").status_code == 422
    assert client.get("/api/documents/none/similar").status_code == 404
    assert client.get("/api/search/export?q=lease&format=csv").status_code == 200
    assert asked.turns.taken == 0


def test_an_index_is_made_anew_while_it_is_asked(asked: Service) -> None:
    """Searches and looks at its health meanwhile may be refused; none opens what is being removed."""
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.001):
            asked.health.ready()
            with suppress(MnemeError):
                asked.memory.index.count(Filters(), OWNER)

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for each in asking:
        each.start()
    try:
        for _ in range(4):
            assert asked.doctor(repair=False, rebuild=True)["well"]
    finally:
        done.set()
        for each in asking:
            each.join()
    assert asked.search("lease", OWNER)["total"] == 1


def test_an_index_that_does_not_answer_is_told_and_not_why(tmp_path: Path) -> None:
    """Only whoever runs the service learns what is wrong: it names folders and servers.

    The last one here: a process has one memory, and after this it is another.
    """
    (tmp_path / "home" / "index" / "g1").mkdir(parents=True)
    with (
        service(tmp_path / "home") as opened,
        TestClient(create_app(lambda: opened), base_url="http://localhost") as client,
    ):
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"ready": False, "meaning": False})
        assert client.get("/healthz").json() == {"status": "ok", "meaning": False}
        (trouble,) = client.get("/api/health").json()["troubles"]
        assert f"The index in {tmp_path / 'home' / 'index'} has lost its file CURRENT." in trouble
