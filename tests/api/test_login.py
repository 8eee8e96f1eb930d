"""Logging in to the pages with a password: sessions, their cookies, and what somebody might try against them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from api.app import create_app
from api.login import safe_place
from api.service import Service
from api.settings import load
from api.tries import LoginTries
from memory.catalogue.login_schema import sessions, users
from memory.errors import TooManyRequests
from tests.memories import service

URL = "https://memory.x.example"
JANE, BOB = "jane@x.example", "bob@x.example"
PASSWORD = "walnut tables for forty"
PAGE = {"accept": "text/html"}
OURS = {"origin": URL}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A memory to which people log in with a password; others reach it through TLS."""
    settings = {"auth": {"methods": "password,keys", "administrators": "group:it"}, "serve": {"url": URL}}
    with service(tmp_path_factory.mktemp("login"), **settings, audit={"keep_days": 30}) as opened:
        opened.people.import_directory(
            f"name,address,groups\nJane Doe,{JANE},group:it\nBob Roe,{BOB},group:staff\n"
        )
        for address in (JANE, BOB):
            opened.memory.catalogue.users.add(address, PASSWORD)
        yield opened


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Memory.X.example:443/", URL),
        ("https://memory.x.example:8443", "https://memory.x.example:8443"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_the_address_is_compared_as_browsers_write_it(given: str, kept: str, tmp_path: Path) -> None:
    assert load(home=tmp_path, serve={"url": given}).serve.url == kept


@pytest.fixture(scope="module")
def app(asked: Service) -> Iterator[Any]:
    made = create_app(lambda: asked)
    with TestClient(made, base_url=URL):
        yield made


def browser(app: Any, address: str = "192.0.2.1") -> TestClient:
    """A browser of its own."""
    return TestClient(app, base_url=URL, follow_redirects=False, headers=PAGE | OURS, client=(address, 1))


def log_in(client: TestClient, address: str = JANE, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/login", data={"address": address, "password": password, **more})


def test_whoever_opens_a_page_logs_in_and_comes_back_to_it(app: Any) -> None:
    client = browser(app)
    sent = client.get("/saved?x=1")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=%2Fsaved%3Fx%3D1")
    part = client.get("/?q=x", headers={"hx-request": "true", "accept": "*/*"})
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/login?next=%2F%3Fq%3Dx")
    form = client.get(sent.headers["location"]).text
    assert 'name="next" value="/saved?x=1"' in form
    assert 'href="/sources"' not in form
    assert log_in(client, next="/saved?x=1").headers["location"] == "/saved?x=1"
    page = client.get("/saved").text
    assert JANE in page
    assert 'action="/logout"' in page
    assert client.get("/sources").status_code == 200, "Jane runs the memory"
    assert client.get("/api/keys", headers={"accept": "application/json"}).status_code == 200
    assert client.post("/logout").headers["location"] == "/login"
    assert client.get("/saved").status_code == 303


def test_a_session_is_new_with_each_login_and_worth_nothing_after_it(app: Any) -> None:
    client = browser(app)
    client.cookies.set("__Host-mneme_session", "chosen by somebody else", domain="memory.x.example")
    first, second = (log_in(client).cookies["__Host-mneme_session"] for _ in range(2))
    assert len({first, second, "chosen by somebody else"}) == 3
    client.post("/logout")
    thief = browser(app)
    thief.cookies.set("__Host-mneme_session", str(second))
    assert thief.get("/saved").status_code == 303
    for forged in ("", "x", "a" * 43, "'; --"):
        thief.cookies.clear()
        thief.cookies.set("__Host-mneme_session", forged)
        assert thief.get("/saved").status_code == 303, forged


def test_the_cookie_is_for_this_host_tls_and_no_script(app: Any) -> None:
    cookie = log_in(browser(app)).headers["set-cookie"]
    assert cookie.startswith("__Host-mneme_session=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert parts == {"httponly", "path=/", "samesite=lax", "secure"}
    here = TestClient(app, base_url="http://127.0.0.1:8377", follow_redirects=False, headers=PAGE)
    answer = here.post(
        "/login", data={"address": JANE, "password": PASSWORD}, headers={"origin": "http://127.0.0.1:8377"}
    )
    assert answer.headers["set-cookie"].startswith("mneme_session=")
    stolen = browser(app)
    stolen.cookies.set("mneme_session", answer.cookies["mneme_session"])
    assert stolen.get("/saved").status_code == 303, "a cookie that came without TLS is not taken with it"


def test_only_hashes_are_kept(asked: Service, app: Any) -> None:
    client = browser(app)
    log_in(client)
    home = asked.memory.settings.home
    kept = b"".join(path.read_bytes() for path in home.iterdir() if path.name.startswith("catalogue"))
    assert JANE.encode() in kept
    assert PASSWORD.encode() not in kept
    assert client.cookies["__Host-mneme_session"].encode() not in kept
    with asked.memory.catalogue.transaction() as connection:
        hashed = connection.execute(select(users.c.hash).where(users.c.address == JANE)).scalar_one()
    assert re.match(r"\$argon2id\$v=19\$m=65536,t=3,p=4\$", hashed)


@pytest.mark.parametrize(
    ("address", "password"),
    [
        (JANE, ""),
        (JANE, PASSWORD.upper()),
        ("nobody@x.example", PASSWORD),
        ("jane@x.example' --", PASSWORD),
        (f"{JANE}\x00", PASSWORD),
        (f"{JANE}\x1f", PASSWORD),
        (JANE, "x" * 3999),
    ],
)
def test_what_is_wrong_is_not_told(app: Any, address: str, password: str) -> None:
    answer = log_in(browser(app, "192.0.2.7"), address, password)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "The address or the password is not right." in answer.text
    for typed in (address, password):
        assert not typed or typed not in answer.text


def test_nobody_can_be_told_by_the_time_it_takes(asked: Service) -> None:
    """Hashed is also for whoever there is not: both take as long, the most of it in argon2."""

    def took(address: str) -> float:
        best = []
        for _ in range(2):
            began = datetime.now(UTC)
            assert not asked.memory.catalogue.users.verify(address, "not the password")
            best.append((datetime.now(UTC) - began).total_seconds())
        return min(best)

    took("warm@x.example")
    assert 0.5 < took(JANE) / took("nobody@x.example") < 2


def test_guessing_is_slowed_down_for_who_guesses_and_for_nobody_else(app: Any) -> None:
    guesser = browser(app, "198.51.100.1")
    answers = [log_in(guesser, BOB, f"guess number {number}").status_code for number in range(8)]
    assert answers == [401] * 5 + [429] * 3
    slowed = log_in(guesser, BOB)
    assert slowed.status_code == 429, "also with the right one"
    assert 1 <= int(slowed.headers["retry-after"]) <= 60
    assert log_in(browser(app, "198.51.100.2"), BOB).status_code == 303
    assert log_in(guesser).status_code == 303, "on another account"


def test_one_address_guesses_no_more_over_many_accounts() -> None:
    tries = LoginTries()
    for number in range(40):
        tries.count_caller(f"2001:db8::{number:x}")  # one household has a whole /64
    with pytest.raises(TooManyRequests):
        tries.count_caller("2001:db8::ffff")
    tries.count_caller("2001:db8:0:1::1")


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://memory.x.example"}, {}],
)
def test_another_site_logs_nobody_in_or_out(app: Any, headers: dict[str, str]) -> None:
    client = TestClient(app, base_url=URL, follow_redirects=False)
    log_in_there = client.post("/login", data={"address": JANE, "password": PASSWORD}, headers=headers)
    assert log_in_there.status_code == 403
    client.post("/login", data={"address": JANE, "password": PASSWORD}, headers=OURS)
    for path, data in (("/logout", {}), ("/saved", {"query": "x"})):
        assert client.post(path, data=data, headers=headers).status_code == 403
    assert client.post("/api/saved", json={"query": "x"}, headers=headers).status_code == 403
    assert client.get("/saved").status_code == 200


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/saved?x=1#y", "/saved?x=1#y"),
        ("/?q=a//b", "/?q=a//b"),
        ("", "/"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("\t//evil.example", "/"),
        (" //evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/login?next=/login", "/"),
        ("/" + "x" * 5000, "/"),
        ("evil.example", "/"),
        ("/\u2028/evil", "/"),
    ],
)
def test_after_logging_in_one_stays_on_this_service(wanted: str, given: str, app: Any) -> None:
    assert safe_place(wanted) == given
    assert f'value="{given}"' in browser(app).get("/login", params={"next": wanted}).text


def test_a_session_ends(asked: Service, app: Any) -> None:
    """By time, by rest, by another password, and with the user."""
    catalogue = asked.memory.catalogue
    catalogue.users.add("max@x.example", PASSWORD)
    now = datetime.now(UTC)

    def logged_in() -> TestClient:
        client = browser(app, "203.0.113.5")
        assert log_in(client, "max@x.example").status_code == 303
        assert client.get("/saved").status_code == 200
        return client

    for values in ({"ends": now - timedelta(seconds=1)}, {"used": now - timedelta(hours=2)}):
        client = logged_in()
        with catalogue.transaction() as connection:
            connection.execute(update(sessions).where(sessions.c.address == "max@x.example").values(**values))
        assert client.get("/saved").status_code == 303, values
    client = logged_in()
    catalogue.users.change("max@x.example", PASSWORD)
    assert client.get("/saved").status_code == 303
    client = logged_in()
    catalogue.users.remove("MAX@x.example")
    assert client.get("/saved").status_code == 303
    assert log_in(client, "max@x.example").status_code == 401


def test_people_change_their_own_password(asked: Service, app: Any) -> None:
    catalogue = asked.memory.catalogue
    catalogue.users.add("ida@x.example", PASSWORD)
    here, elsewhere = browser(app, "203.0.113.20"), browser(app, "203.0.113.21")
    for client in (here, elsewhere):
        log_in(client, "ida@x.example")
    assert 'href="/password"' in here.get("/").text
    other = "chairs for nobody at all"
    for given in ({"password": "wrong", "other": other}, {"password": PASSWORD, "other": "short"}):
        refused = here.post("/password", data=given)
        assert refused.status_code == 422
        assert PASSWORD not in refused.text
        assert other not in refused.text
    assert here.post("/password", data={"password": PASSWORD, "other": other}).status_code == 303
    assert here.get("/saved").status_code == 200
    assert elsewhere.get("/saved").status_code == 303, "logged out"
    assert log_in(elsewhere, "ida@x.example").status_code == 401
    assert log_in(elsewhere, "ida@x.example", other).status_code == 303
    foreign = elsewhere.post(
        "/password", data={"password": other, "other": PASSWORD}, headers={"origin": "null"}
    )
    assert foreign.status_code == 403
    owner = TestClient(app, base_url=URL, headers={"authorization": f"Bearer {asked.owner.token}"})
    assert owner.get("/password").status_code == 404


def test_whoever_leaves_a_group_is_out_at_once(asked: Service, app: Any) -> None:
    catalogue = asked.memory.catalogue
    asked.people.import_directory("name,address,groups\nPia Poe,pia@x.example,group:it\n")
    catalogue.users.add("pia@x.example", PASSWORD)
    client = browser(app, "203.0.113.6")
    log_in(client, "pia@x.example")
    assert client.get("/sources").status_code == 200
    asked.people.import_directory("name,address,groups\nPia Poe,pia@x.example,\n")
    assert client.get("/sources").status_code == 403


def test_administrators_let_people_log_in(app: Any, asked: Service) -> None:
    client = browser(app, "203.0.113.8")
    log_in(client)
    json = {"accept": "application/json"}
    new = {"address": "eva@x.example", "password": PASSWORD}
    assert client.post("/api/users", json=new, headers=json).status_code == 201
    assert client.post("/api/users", json=new, headers=json).status_code == 422
    for wrong in ({"password": "short"}, {"password": "x" * 201}, {"address": "Eva"}):
        answer = client.post("/api/users", json=new | {"address": "u@x.example"} | wrong, headers=json)
        assert answer.status_code == 422, wrong
        assert new["password"] not in answer.text
    assert "hash" not in client.get("/api/users", headers=json).text
    other = {"password": PASSWORD + "!"}
    assert client.put("/api/users/eva@x.example/password", json=other, headers=json).status_code == 200
    assert client.put("/api/users/no@x.example/password", json=other, headers=json).status_code == 404
    assert log_in(browser(app, "203.0.113.9"), "eva@x.example").status_code == 401
    assert client.delete("/api/users/eva@x.example", headers=json).status_code == 200
    bob = browser(app, "203.0.113.10")
    log_in(bob, BOB)
    assert bob.post("/api/users", json=new, headers=json).status_code == 403
    owner = {"authorization": f"Bearer {asked.owner.token}"} | json
    entries = client.get("/api/audit", headers=owner).json()["entries"]
    assert PASSWORD not in str(entries)
    logins = [each["about"].get("login") for each in entries if each["request"] == "POST /login"]
    assert {"password", "refused"} <= set(logins)
    named = client.get("/api/audit", headers=owner).json()["names"]
    assert {"Jane Doe", "Bob Roe"} <= {named.get(each["actor"]) for each in entries}


def test_without_the_method_there_is_no_page_to_log_in(tmp_path: Path) -> None:
    with (
        service(tmp_path) as plain,
        TestClient(create_app(lambda: plain), base_url="http://localhost") as client,
    ):
        assert client.get("/login").status_code == 404
        assert client.post("/login", data={}, headers={"origin": "http://localhost"}).status_code == 404
        assert client.get("/").status_code == 200
