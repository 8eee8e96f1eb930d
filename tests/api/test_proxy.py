"""A proxy that names people: believed from its address only, and from nobody who pretends to be it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request

from api.app import create_app
from api.peers import Peers
from api.service import Service
from api.settings import load
from memory.errors import InvalidSettings
from tests.memories import service

URL = "https://memory.x.example"
JANE = {"x-forwarded-email": "jane@x.example"}
SECRET = {"x-mneme-proxy": "a word between them"}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    auth = {
        "methods": ["keys", "proxy"],
        "administrators": ["group:it"],
        "proxy": {"secret": SECRET["x-mneme-proxy"]},
    }
    serve = {"host": "10.0.0.1", "url": URL, "proxies": ["10.0.0.7", "10.1.0.0/16", "fd00::/8"]}
    with service(tmp_path_factory.mktemp("proxy"), auth=auth, serve=serve) as opened:
        opened.people.import_directory("name,address,groups\nJane Doe,jane@x.example,group:it\n")
        yield opened


@pytest.fixture(scope="module")
def proxy(asked: Service) -> Iterator[TestClient]:
    app = create_app(lambda: asked)
    with TestClient(app, base_url=URL, client=("10.0.0.7", 1)) as opened:
        yield opened


def status(client: TestClient, headers: Any, path: str = "/api/saved") -> int:
    return client.get(path, headers=headers).status_code


def test_the_proxy_names_people_with_their_groups(proxy: TestClient) -> None:
    bo = {"x-forwarded-email": "bo@x.example"} | SECRET
    assert status(proxy, JANE | SECRET) == 200
    assert status(proxy, JANE | SECRET, "/api/sources") == 200, "by the directory"
    assert status(proxy, bo, "/api/sources") == 403
    assert status(proxy, bo | {"x-forwarded-groups": "staff, it"}, "/api/sources") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        JANE,
        JANE | {"x-mneme-proxy": "a word"},
        {"x-forwarded-groups": "it"} | SECRET,
        [*JANE.items(), *JANE.items(), *SECRET.items()],
        [*JANE.items(), *SECRET.items(), ("x-forwarded-groups", "staff"), ("x-forwarded-groups", "it")],
        {"x-forwarded-email": "jane@x.example, bo@x.example"} | SECRET,
        {"x-forwarded-email": "Jane Doe"} | SECRET,
        {"x-forwarded-email": ""} | SECRET,
        {"x_forwarded_email": "jane@x.example"} | SECRET,
        {"x-forwarded-user": "jane@x.example"} | SECRET,
    ],
    ids=str,
)
def test_a_proxy_that_is_not_clear_is_not_believed(proxy: TestClient, headers: Any) -> None:
    assert status(proxy, headers) == 401


def test_from_anywhere_else_its_headers_are_refused(asked: Service, proxy: TestClient) -> None:
    app = proxy.app
    key = proxy.post(
        "/api/keys", json={"name": "x"}, headers={"authorization": f"Bearer {asked.owner.token}"}
    )
    by_key = {"authorization": f"Bearer {key.json()['key']}"}
    for address in ("10.0.0.8", "127.0.0.1", "::1", "::ffff:10.0.0.8", "testclient", ""):
        other = TestClient(app, base_url=URL, client=(address, 1))
        for more in (
            {},
            {"x-forwarded-for": "10.0.0.7"},
            {"forwarded": "for=10.0.0.7"},
            {"x-real-ip": "10.0.0.7"},
        ):
            assert status(other, JANE | SECRET | more) == 401, (address, more)
        assert status(other, by_key) == 200
        assert status(other, by_key | JANE | SECRET, "/api/sources") == 403, (
            "the key decides, and no header adds to it"
        )
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1"):
        assert status(TestClient(app, base_url=URL, client=(address, 1)), JANE | SECRET) == 200, address


def test_what_a_browser_brings_along_changes_nothing_for_another_site(proxy: TestClient) -> None:
    asks = {"query": "budget", "name": "b"}
    for headers, expected in (
        ({}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"origin": URL}, 303),
    ):
        answer = proxy.post("/saved", data=asks, headers=JANE | SECRET | headers, follow_redirects=False)
        assert answer.status_code == expected, headers


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.7", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.7", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.7", "198.51.100.1, 10.1.0.2", "198.51.100.1"),
        ("10.0.0.7", "", "10.0.0.7"),
        ("::ffff:10.0.0.7", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:192.0.2.1", "", "192.0.2.1"),
        ("10.0.0.7", "203.0.113.9, 198.51.100.1:4711, 10.1.0.2:80", "198.51.100.1"),
        ("10.0.0.7", "[2001:db8::1]:4711", "2001:db8::1"),
    ],
)
def test_the_nearest_address_that_is_no_proxys_counts(peer: str, forwarded: str, address: str) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    assert Peers(["10.0.0.7", "10.1.0.0/16"]).address(request) == address


@pytest.mark.parametrize("secret", ["ein längeres Wort", "a word\n", " a word"])
def test_a_secret_that_no_header_carries_is_refused(secret: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"auth\.proxy\.secret: .*ASCII") as refused:
        load(home=tmp_path, auth={"proxy": {"secret": secret}})
    assert secret.strip() not in str(refused.value)


@pytest.mark.parametrize("proxies", ["", "0.0.0.0/0", "::/0", "proxy.x.example", "10.0.0.7/8"])
def test_not_everybody_is_a_proxy(proxies: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings):
        load(home=tmp_path, auth={"methods": "proxy"}, serve={"proxies": proxies})
