"""Logging in at an identity provider, which is a real process: the way there and back, and what could go wrong on it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.service import Service
from tests.identity_provider import CLIENT, SECRET, Provider
from tests.memories import service

URL = "https://memory.x.example"
JANE = "jane@x.example"


@pytest.fixture(scope="module")
def asked(issuer: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A memory to which people log in at the provider; others reach it through TLS."""
    oidc = {"issuer": issuer.address, "client_id": CLIENT, "client_secret": SECRET}
    auth = {"methods": "oidc,keys", "administrators": "group:it", "oidc": oidc}
    with service(tmp_path_factory.mktemp("oidc"), auth=auth, serve={"url": URL}) as opened:
        opened.people.import_directory(f"name,address,groups\nJane Doe,{JANE},group:it\n")
        yield opened


@pytest.fixture(scope="module")
def app(asked: Service) -> Iterator[Any]:
    made = create_app(lambda: asked)
    with TestClient(made, base_url=URL):
        yield made


COMES_FROM = iter(range(1, 255))


def browser(app: Any) -> TestClient:
    """A browser of its own, from an address of its own."""
    client = (f"192.0.2.{next(COMES_FROM)}", 1)
    return TestClient(
        app, base_url=URL, follow_redirects=False, headers={"accept": "text/html"}, client=client
    )


def to_provider(client: TestClient, next: str = "/") -> str:
    """Begin a login; gives the address at the provider."""
    return str(client.get("/login/oidc", params={"next": next}).headers["location"])


def from_provider(address: str) -> str:
    """What the provider sends the browser back with."""
    answer = httpx.get(address, trust_env=False)
    assert answer.status_code == 302, answer.text
    return urlsplit(answer.headers["location"]).query


def back(client: TestClient, query: str) -> Any:
    return client.get(f"/login/return?{query}")


def test_whoever_opens_a_page_logs_in_at_the_provider_and_comes_back_to_it(
    app: Any, issuer: Provider
) -> None:
    client = browser(app)
    form = client.get(client.get("/saved?x=1").headers["location"]).text
    assert 'href="/login/oidc?next=%2Fsaved%3Fx%3D1"' in form
    assert "password" not in form
    address = to_provider(client, "/saved?x=1")
    sent = parse_qs(urlsplit(address).query)
    assert sent["redirect_uri"] == [f"{URL}/login/return"]
    assert sent["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= set(sent)
    issuer.log_in(email=JANE, email_verified=True)
    answer = back(client, from_provider(address))
    assert (answer.status_code, answer.headers["location"]) == (303, "/saved?x=1")
    kept = answer.headers.get_list("set-cookie")
    assert any(each.startswith("__Host-mneme_session=") and "HttpOnly" in each for each in kept)
    assert any(each.startswith('__Host-mneme_login=""') for each in kept), "forgotten"
    assert JANE in client.get("/saved").text
    assert client.get("/sources").status_code == 200, "by the directory"


def test_groups_of_the_provider_count_until_the_session_ends(app: Any, issuer: Provider) -> None:
    for groups, status in ((["it"], 200), (["staff"], 403), (None, 403)):
        client = browser(app)
        issuer.log_in(email="bo@x.example", groups=groups)
        assert back(client, from_provider(to_provider(client))).status_code == 303
        assert client.get("/sources").status_code == status, groups


def test_what_was_begun_in_one_browser_ends_in_no_other(app: Any, issuer: Provider) -> None:
    """An attacker's own login does not become the victim's, nor the victim's code the attacker's."""
    issuer.log_in(email=JANE)
    attacker, victim = browser(app), browser(app)
    to_provider(victim)
    attackers = from_provider(to_provider(attacker))
    assert back(victim, attackers).status_code == 401
    stranger = browser(app)
    assert back(stranger, attackers).status_code == 401
    again = browser(app)
    stolen = from_provider(to_provider(again))
    code = parse_qs(stolen)["code"][0]
    mine = parse_qs(urlsplit(to_provider(attacker)).query)["state"][0]
    assert back(attacker, urlencode({"code": code, "state": mine})).status_code == 401, "PKCE binds the code"
    for client in (victim, stranger, attacker):
        assert client.get("/saved").status_code == 303


def test_a_way_back_is_gone_once(app: Any, issuer: Provider) -> None:
    issuer.log_in(email=JANE)
    client = browser(app)
    address = to_provider(client)
    begun = client.cookies["__Host-mneme_login"]
    query = from_provider(address)
    assert back(client, query).status_code == 303
    client.cookies.clear()
    assert back(client, query).status_code == 401
    client.cookies.set("__Host-mneme_login", begun)
    assert back(client, query).status_code == 401, "the provider gives a token for a code once"
    assert client.get("/saved").status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        {"state": "another"},
        {"state": None},
        {"iss": "https://evil.example"},
        {"code": None},
        {"code": "guessed"},
        {"code": None, "error": "<script>alert(1)</script>"},
    ],
    ids=str,
)
def test_what_comes_back_otherwise_lets_nobody_in(app: Any, issuer: Provider, change: dict[str, Any]) -> None:
    issuer.log_in(email=JANE)
    client = browser(app)
    given = {name: values[0] for name, values in parse_qs(from_provider(to_provider(client))).items()}
    answer = back(client, urlencode({k: v for k, v in (given | change).items() if v is not None}))
    assert answer.status_code == 401
    assert "<script>alert" not in answer.text
    assert client.get("/saved").status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"email": JANE, "nonce": "of another login"},
        {"email": JANE, "nonce": None},
        {"email": JANE, "aud": "another"},
        {"email": JANE, "aud": [CLIENT, "another"]},
        {"email": JANE, "azp": "another"},
        {"email": JANE, "iss": "https://evil.example"},
        {"email": JANE, "exp": 1},
        {"email": JANE, "email_verified": False},
        {"email": "Jane Doe"},
        {"name": "Jane"},
    ],
    ids=str,
)
def test_a_token_of_another_login_lets_nobody_in(app: Any, issuer: Provider, claims: dict[str, Any]) -> None:
    """The provider answers as asked, but what it signed was made for something else."""
    issuer.log_in(**claims)
    client = browser(app)
    answer = back(client, from_provider(to_provider(client)))
    assert answer.status_code == 401
    assert client.get("/saved").status_code == 303


def test_a_login_that_the_provider_refuses_is_told(app: Any, issuer: Provider) -> None:
    issuer.log_in()
    client = browser(app)
    answer = back(client, from_provider(to_provider(client)))
    assert answer.status_code == 401
    assert "The identity provider let nobody in: access_denied." in answer.text


def test_where_one_was_going_is_on_this_service(app: Any, issuer: Provider) -> None:
    issuer.log_in(email=JANE)
    for wanted in ("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"):
        client = browser(app)
        assert back(client, from_provider(to_provider(client, wanted))).headers["location"] == "/"


def test_somebody_who_tries_often_waits(app: Any) -> None:
    client = browser(app)
    answers = [back(client, "code=x&state=y").status_code for _ in range(45)]
    assert answers == [401] * 40 + [429] * 5
