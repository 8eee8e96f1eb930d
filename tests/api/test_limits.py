"""How much one caller may ask, and how long somebody who guesses is heard."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.service import Service
from memory.catalogue.audit import Wanted
from tests.memories import service

PER_MINUTE = 20
ROUGHLY = 20
"""The count slides: where a minute begins anew in the midst, a few more are taken."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    serve = {"per_minute": PER_MINUTE}
    auth = {"methods": "keys,password"}
    with service(tmp_path_factory.mktemp("limits"), serve=serve, auth=auth, audit={"keep_days": 1}) as opened:
        yield opened


@pytest.fixture(scope="module")
def app(asked: Service) -> Iterator[Any]:
    made = create_app(lambda: asked)
    with TestClient(made, base_url="http://localhost"):
        yield made


def coming_from(app: Any, address: str, token: str = "") -> TestClient:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return TestClient(app, base_url="http://localhost", client=(address, 1), headers=headers)


def test_one_caller_asks_so_much_and_others_are_not_slowed(asked: Service, app: Any) -> None:
    owner = coming_from(app, "127.0.0.1", asked.owner.token)
    keys = [owner.post("/api/keys", json={"name": "x"}).json()["key"] for _ in range(2)]
    busy, other = (coming_from(app, "192.0.2.1", key) for key in keys)
    answers = [busy.get("/api/saved") for _ in range(PER_MINUTE + ROUGHLY)]
    assert {each.status_code for each in answers[:PER_MINUTE]} == {200}
    assert answers[-1].status_code == 429
    assert answers[-1].json()["type"] == "urn:mneme:problem:too-many-requests"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert other.get("/api/saved").status_code == 200
    assert {owner.get("/api/saved").status_code for _ in range(PER_MINUTE + ROUGHLY)} == {200}


def test_who_guesses_on_is_told_to_wait_and_fills_no_audit(asked: Service, app: Any) -> None:
    guesser = coming_from(app, "198.51.100.1")
    answers = [
        guesser.get("/api/saved", headers={"authorization": f"Bearer mneme_{number:012x}_x"}).status_code
        for number in range(100 + ROUGHLY)
    ]
    assert set(answers[:100]) == {401}
    assert answers[-1] == 429
    noted = asked.memory.catalogue.audit.total(Wanted())
    assert guesser.get("/api/saved").status_code == 429
    assert asked.memory.catalogue.audit.total(Wanted()) == noted
    beside = coming_from(app, "198.51.100.1", asked.owner.token)
    assert beside.get("/api/saved").status_code == 200, "who is known is heard, whoever else comes from there"
    assert coming_from(app, "198.51.100.2").get("/api/saved").status_code == 401


def test_what_anybody_may_send_is_small_and_fills_no_audit(asked: Service, app: Any) -> None:
    stranger = coming_from(app, "203.0.113.2")
    ours = {"origin": "http://localhost"}

    def piecewise() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"address=" + b"x" * 1000 + b"&"

    form = {"content-type": "application/x-www-form-urlencoded"}
    assert stranger.post("/login", content=piecewise(), headers=ours | form).status_code == 413
    for _ in range(60):
        stranger.post("/login", data={"address": "x"})
    noted = asked.memory.catalogue.audit.total(Wanted())
    for _ in range(20):
        assert stranger.post("/login", data={"address": "x"}).status_code == 429
    assert asked.memory.catalogue.audit.total(Wanted()) == noted


def test_who_only_reads_sends_no_more_than_a_question_has(asked: Service, app: Any) -> None:
    """The body is read before the route asks for the permission."""
    owner = coming_from(app, "127.0.0.1", asked.owner.token)
    reader = coming_from(app, "192.0.2.9", owner.post("/api/keys", json={"name": "y"}).json()["key"])
    large = b'{"name": "' + b"x" * 1_000_000 + b'"}'
    for path in ("/api/saved", "/api/sources"):
        assert reader.post(path, content=large).status_code == 413, path
        assert reader.post(path, content=b"{}").status_code == 403, path


def test_whoever_is_not_logged_in_yet_is_no_guesser(app: Any) -> None:
    reader = coming_from(app, "203.0.113.1")
    for _ in range(130):
        assert (
            reader.get("/saved", headers={"accept": "text/html"}, follow_redirects=False).status_code == 303
        )
    assert reader.get("/login").status_code == 200


def test_nobody_at_all_fills_the_memory_of_this_machine(asked: Service, app: Any) -> None:
    """Whoever may bring in much may not bring in anything."""
    owner = coming_from(app, "127.0.0.1", asked.owner.token)
    large = b'{"name": "' + b"x" * 66_000_000 + b'"}'
    for path in ("/api/sources", "/api/saved"):
        answer = owner.post(path, content=large, headers={"content-type": "application/json"})
        assert answer.status_code == 413, (path, answer.text[:200])
