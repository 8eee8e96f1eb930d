"""Tokens for a real Dovecot, fetched from a small identity provider that signs them, renews them and refuses."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from connectors.base import SourceConfig
from connectors.imap.connector import Imap
from memory.errors import InvalidInput, RateLimited, SourceError, SourceUnavailable
from tests.connectors.dovecot import Dovecot, access_token

REFRESH, SECRET = "refresh-me-7", "client-secret-8"


class Provider:
    """Signs tokens for those who show what it knows.

    :ivar once: whether a refresh token counts once, and the next comes with each access token.
    """

    def __init__(self) -> None:
        self.once = False
        self.refresh = REFRESH
        self.asked: list[dict[str, str]] = []
        self.lasts = 3600
        self.refuses: tuple[int, dict[str, str], dict[str, str]] | None = None
        provider = self

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                provider.asked.append(form)
                status, head, told = provider.answer(form)
                self.send_response(status)
                for name, value in head.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(json.dumps(told).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, str], dict[str, object]]:
        if self.refuses:
            return self.refuses  # type: ignore[return-value]
        shown = (form.get("refresh_token"), form.get("client_secret"))
        by = {"refresh_token": (self.refresh, None), "client_credentials": (None, SECRET)}
        if form["client_id"] != "mneme" or by[form["grant_type"]] != shown:
            return 400, {}, {"error": "invalid_grant", "error_description": f"not {shown}"}
        told: dict[str, object] = {"access_token": access_token("jane"), "expires_in": self.lasts}
        if self.once and form["grant_type"] == "refresh_token":
            self.refresh = f"{REFRESH}-{len(self.asked)}"
            told["refresh_token"] = self.refresh
        return 200, {}, told


@contextmanager
def identity_provider() -> Iterator[Provider]:
    made = Provider()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with identity_provider() as made:
        yield made


def source(
    server: Dovecot,
    url: str,
    secrets: dict[str, str],
    kept: list[tuple[str, str]] | None = None,
    **options: str,
) -> Imap:
    given = {"user": "jane", "token_url": url, "client_id": "mneme", **options}
    return Imap(
        SourceConfig(
            "mail",
            f"imap://127.0.0.1:{server.port}",
            options=tuple(given.items()),
            secrets=tuple((name, SecretStr(value)) for name, value in secrets.items()),
            renew=lambda name, value: (kept if kept is not None else []).append(
                (name, value.get_secret_value())
            ),
        )
    )


@pytest.mark.parametrize("secrets", [{"refresh_token": REFRESH}, {"client_secret": SECRET}])
def test_a_token_is_fetched_when_it_is_needed_and_again_before_it_ends(
    server: Dovecot, provider: Provider, secrets: dict[str, str]
) -> None:
    made = source(server, provider.url, secrets, scope="mail offline")
    for _ in range(3):  # a connection each
        assert "messages in" in made.check()
        made.close()
    assert len(provider.asked) == 1
    assert provider.asked[0]["scope"] == "mail offline"
    provider.lasts = 30
    made = source(server, provider.url, secrets)
    for _ in range(2):
        made.check()
        made.close()
    assert len(provider.asked) == 3


def test_a_refresh_token_that_counts_once_is_followed_by_the_next(
    server: Dovecot, provider: Provider
) -> None:
    provider.once, provider.lasts = True, 1
    kept: list[tuple[str, str]] = []
    made = source(server, provider.url, {"refresh_token": REFRESH}, kept)
    for _ in range(3):
        made.check()
        made.close()
    assert kept == [("refresh_token", f"{REFRESH}-{number}") for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("refuses", "kind", "says"),
    [
        (None, SourceError, "invalid_grant"),
        ((400, {}, {"error": f"you sent {REFRESH}"}), SourceError, "HTTP 400"),
        ((200, {}, {"access_token": "no-such-token-9"}), SourceError, "does not let jane in"),
        ((503, {}, {}), SourceUnavailable, "HTTP 503"),
        ((429, {"Retry-After": "7"}, {}), RateLimited, "pause"),
    ],
)
def test_a_provider_that_gives_none_is_told_without_secrets(
    server: Dovecot,
    provider: Provider,
    refuses: tuple[int, dict[str, str], dict[str, str]] | None,
    kind: type,
    says: str,
) -> None:
    provider.refuses = refuses
    secret = "wrong-refresh-6" if refuses is None else REFRESH
    with pytest.raises(kind, match=says) as raised:
        source(server, provider.url, {"refresh_token": secret}).check()
    assert raised.value.hint or kind is RateLimited
    error: BaseException | None = raised.value
    while error is not None:
        assert not [each for each in (secret, "no-such-token-9") if each in f"{error} {error!r}"]
        error = error.__cause__ or error.__context__
    if isinstance(raised.value, RateLimited):
        assert raised.value.after_s == 7


@pytest.mark.parametrize(
    ("url", "secrets", "says"),
    [
        ("http://login.example/token", {"refresh_token": REFRESH}, "https"),
        ("https://login.example/token", {}, "refresh token"),
        ("https://login.example/token", {"refresh_token": REFRESH, "password": "x"}, "one way"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    server: Dovecot, url: str, secrets: dict[str, str], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        source(server, url, secrets)
