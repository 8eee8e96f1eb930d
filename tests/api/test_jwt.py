"""Signed tokens of an identity provider, which is a real process with keys that turn."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.service import Service
from api.settings import load
from api.signed_tokens import FRESH_S, PAUSE_S, STALE_S, Verifier
from api.signed_tokens import Provider as Known
from memory.errors import InvalidSettings, NotAuthenticated, ProviderUnavailable
from tests.identity_provider import Provider
from tests.memories import add_folder, service, sync

JANE = "jane@x.example"


@pytest.fixture(scope="module")
def asked(issuer: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A memory to which people come by signed tokens; one page is the board's, one Jane's by the directory."""
    base = tmp_path_factory.mktemp("jwt")
    files = base / "files"
    files.mkdir()
    for name in ("open", "board", "staff"):
        (files / f"{name}.md").write_text(f"# {name.title()}\n\nThe zirconium report.\n", encoding="utf-8")
    auth = {
        "methods": ["keys", "jwt"],
        "administrators": ["group:board"],
        "jwt": {"issuer": issuer.address, "audience": "mneme-api"},
    }
    with service(base / "home", auth=auth) as opened:
        opened.people.import_directory(f"name,address,groups\nJane Doe,{JANE},group:staff\n")
        add_folder(
            opened,
            files,
            rules=["board.md=group:board,group:Legal%20Team", "staff.md=group:staff,!group:guests"],
        )
        assert sync(opened)["state"] == "done"
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: asked), base_url="http://localhost") as opened:
        yield opened


def ask(client: TestClient, token: str, path: str = "/api/search") -> Any:
    return client.get(path, params={"q": "zirconium"}, headers={"authorization": f"Bearer {token}"})


def titles(client: TestClient, token: str) -> set[str]:
    answer = ask(client, token)
    assert answer.status_code == 200, answer.text
    return {each["title"].title() for each in answer.json()["results"]}


def test_groups_of_the_token_and_of_the_directory_open_what_they_may_see(
    client: TestClient, issuer: Provider
) -> None:
    assert titles(client, issuer.signed(email=JANE)) == {"Open", "Staff"}
    assert titles(client, issuer.signed(email=JANE.upper(), groups=["board"])) == {"Open", "Staff", "Board"}
    assert titles(client, issuer.signed(email="new@x.example", groups="board")) == {"Open", "Board"}
    assert titles(client, issuer.signed(email=JANE, groups=["guests"])) == {"Open"}, "deny wins"
    assert titles(client, issuer.signed(email="new@x.example", groups=["Legal Team"])) == {"Open", "Board"}
    odd = ["a b", "Legal%20Team", "x,group:board", "!board", "group=board", ""]
    assert titles(client, issuer.signed(email="new@x.example", groups=odd)) == {"Open"}
    assert ask(client, issuer.signed(email=JANE, groups=["board"]), "/api/sources").status_code == 200
    assert ask(client, issuer.signed(email=JANE), "/api/sources").status_code == 403
    assert titles(client, issuer.signed({"alg": "ES256"}, email=JANE)) == {"Open", "Staff"}


NOW = int(time.time())
REFUSED: list[dict[str, Any]] = [
    {"iss": "https://evil.example"},
    {"iss": None},
    {"aud": "another"},
    {"aud": ["another"]},
    {"aud": None},
    {"exp": NOW - 120},
    {"exp": None},
    {"exp": "tomorrow"},
    {"nbf": NOW + 3600},
    {"email": None},
    {"email": "Jane Doe"},
    {"email": [JANE]},
    {"email": "jane@x.example,group:board"},
    {"email": "jane@x.example\u200b"},
    {"email": "\uff4aane@x.example"},
    {"email": "jane@x.example".replace("a", "\u00aa")},
    {"email_verified": False},
    {"email_verified": "no"},
    {"groups": {"board": True}},
    {"groups": [1]},
    {"groups": None, "_claim_names": {"groups": "src1"}},
    {"by": "none"},
    {"by": "none", "header": {"alg": "None"}},
    {"by": "none", "header": {"alg": "RS256"}},
    {"by": "public"},
    {"by": "careless"},
    {"by": "stranger"},
    {"by": "stranger", "header": {"kid": "rsa1"}},
    {"by": "stranger", "header": {"kid": ""}},
    {"header": {"alg": "RS512"}},
    {"header": {"alg": "PS256"}},
    {"header": {"crit": ["b64"], "b64": False}},
]


@pytest.mark.parametrize("wrong", REFUSED, ids="-".join)
def test_what_is_not_signed_for_us_by_the_provider_is_nobody(
    client: TestClient, issuer: Provider, wrong: dict[str, Any]
) -> None:
    answer = ask(client, issuer.signed(**({"email": JANE} | wrong)))
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == 'Bearer realm="mneme", error="invalid_token"'


def test_a_token_names_no_place_to_find_its_key(client: TestClient, issuer: Provider) -> None:
    """What it says of its key is not looked at: nothing is fetched, and the key in it counts for nothing."""
    before = issuer.told()["fetched"]
    for header in (
        {"jku": f"{issuer.address}/jwks"},
        {"x5u": f"{issuer.address}/x"},
        {"jwk": {"kty": "oct", "k": "AA"}},
    ):
        token = issuer.signed(header | {"kid": "elsewhere"}, by="stranger", email=JANE)
        assert ask(client, token).status_code == 401
    assert issuer.told()["fetched"] <= before + 1
    for broken in (
        b"a.b.c",
        b"..",
        b"e30.e30.e30",
        "é.é.é".encode(),
        b"x" * 200_000 + b".x.x",
        b"\xff.\xff.\xff",
    ):
        answer = client.get("/api/saved", headers={"authorization": b"Bearer " + broken})
        assert answer.status_code == 401, broken[:20]


def test_keys_turn_without_a_restart(issuer: Provider) -> None:
    """By a clock of the test's: a new key is fetched when it is met, a retired one ends with the time they are fresh."""
    clock = [0.0]
    known = Known(issuer.address, clock=lambda: clock[0])
    verifier = Verifier(known, "mneme-api", ["RS256"])
    old = issuer.signed(email=JANE)
    assert verifier.claims(old)["email"] == JANE
    issuer.turn()
    new = issuer.signed(email=JANE)
    with pytest.raises(NotAuthenticated):
        verifier.claims(new)  # the keys were fetched only now: whoever makes up names makes nobody fetch
    clock[0] += PAUSE_S
    fetched = issuer.told()["fetched"]
    assert verifier.claims(new)["email"] == JANE
    for number in range(20):
        with pytest.raises(NotAuthenticated):
            verifier.claims(issuer.signed({"kid": f"made up {number}"}, email=JANE))
    assert issuer.told()["fetched"] == fetched + 1
    with pytest.raises(NotAuthenticated):
        verifier.claims(old)
    with pytest.raises(NotAuthenticated):
        verifier.claims(issuer.signed(by="retired", email=JANE))
    clock[0] += FRESH_S + 1
    issuer.set(keys=500)
    assert verifier.claims(new)["email"] == JANE, "the provider may be away for a while"
    clock[0] += STALE_S
    with pytest.raises(ProviderUnavailable):
        verifier.claims(new)
    issuer.set(keys=0)
    clock[0] += PAUSE_S
    assert verifier.claims(new)["email"] == JANE


def test_nobody_waits_while_the_provider_is_asked_for_another(issuer: Provider) -> None:
    """Whoever makes up the names of keys or begins logins holds no threads, however slowly the provider answers."""
    clock = [0.0]
    known = Known(issuer.address, clock=lambda: clock[0])
    new, unknown = Known(issuer.address), Known(issuer.address)
    verifier, without_keys = (Verifier(each, "mneme-api", ["RS256"]) for each in (known, new))
    token, made_up = issuer.signed(email=JANE), issuer.signed({"kid": "made up"}, email=JANE)
    verifier.claims(token)
    new.description()
    clock[0] += PAUSE_S
    before = issuer.told()
    issuer.set(slow=3)
    try:
        with ThreadPoolExecutor(3) as others:
            asked = [lambda: known.keys(anew=True), new.keys, unknown.description]
            fetching = [others.submit(each) for each in asked]
            while (told := issuer.told())["fetched"] < before["fetched"] + 2 or told["described"] == before[
                "described"
            ]:
                time.sleep(0.02)
            with pytest.raises(NotAuthenticated):
                verifier.claims(made_up)
            assert verifier.claims(token)["email"] == JANE
            with pytest.raises(ProviderUnavailable):
                without_keys.claims(token)
            with pytest.raises(ProviderUnavailable):
                unknown.description()
            assert not any(each.done() for each in fetching)
    finally:
        issuer.set(slow=0)
    assert without_keys.claims(token)["email"] == JANE


def test_a_provider_that_is_away_or_not_itself_is_no_reason_to_believe(
    issuer: Provider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = issuer.signed(email=JANE)
    for wrong in ({"keys": 302}, {"keys": 404}, {"issuer": "https://evil.example"}):
        issuer.set(**wrong)
        with pytest.raises(ProviderUnavailable):
            Verifier(Known(issuer.address), "mneme-api", ["RS256"]).claims(token)
        issuer.set(keys=0, issuer=issuer.address)
    for address in ("http://192.0.2.1/jwks", "file:///etc/passwd", "ftp://x.example/", "//x.example/", ""):
        issuer.set(jwks=address)
        caplog.clear()
        with pytest.raises(ProviderUnavailable):
            Verifier(Known(issuer.address), "mneme-api", ["RS256"]).claims(token)
        assert "no https address" in caplog.text
        with pytest.raises(InvalidSettings, match="https" if address else "jwt"):
            load(home=tmp_path, auth={"methods": "jwt", "jwt": {"issuer": address, "audience": "a"}})
    issuer.set(jwks=f"{issuer.address}/jwks")
    auth = {
        "methods": ["jwt"],
        "jwt": {"issuer": issuer.address, "audience": "x", "jwks_url": f"{issuer.address}/no"},
    }
    with (
        service(tmp_path, auth=auth) as alone,
        TestClient(create_app(lambda: alone), base_url="http://localhost") as client,
    ):
        answer = ask(client, token)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["type"] == "urn:mneme:problem:provider-away"


@pytest.mark.parametrize(
    "jwt",
    [{}, {"issuer": "https://id.x.example"}, {"issuer": "https://i", "audience": "a", "algorithms": "HS256"}],
)
def test_settings_that_would_believe_too_much_are_refused(jwt: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings):
        load(home=tmp_path, auth={"methods": "jwt", "jwt": jwt})
