"""Who is let in where: every route has a rule, and every rule holds for every role."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Mount

from api.app import create_app
from api.identify import Identification
from api.roles import FOR_A_SOURCE, PERMISSIONS, Caller, Permission, RoleHolders, UserRole
from api.rules import OPEN, OPEN_FOLDERS, RULES
from api.service import Service
from api.settings import load
from memory.catalogue.audit import Wanted
from memory.domain import Asker
from memory.errors import InvalidSettings, NotAuthenticated
from tests.memories import add_folder, service, sync

HOST = "http://127.0.0.1:8377"
HOLDERS = RoleHolders({role: frozenset({f"group:{role.name}"}) for role in UserRole})


class Badge:
    """A way in: the header ``Badge`` names a group; whoever holds it is in it."""

    challenge = "Badge"
    blocking = True
    ambient = False

    def __call__(self, request: Request) -> Caller | None:
        group = request.headers.get("badge")
        if group == "forged":
            raise NotAuthenticated("This badge is forged.")
        if group is None:
            return None
        asker = Asker("jane", frozenset({f"group:{group}"}))
        return Caller(asker, HOLDERS.permissions(asker.tokens), "jane")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    base = tmp_path_factory.mktemp("admission")
    files = base / "files"
    files.mkdir()
    (files / "seen.md").write_text("# Open\n\nThe zirconium report.\n", encoding="utf-8")
    (files / "hidden.md").write_text("# Hidden\n\nThe zirconium secret.\n", encoding="utf-8")
    with service(base / "home") as opened:
        add_folder(opened, files, rules=["hidden.md=group:board"])
        assert sync(opened)["state"] == "done"
        opened.identify = Identification([opened.owner, Badge()])
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: asked), base_url=HOST, follow_redirects=False) as opened:
        yield opened


def routes(client: TestClient) -> Iterator[tuple[str, str]]:
    """Method and path of every route of the app; FastAPI keeps those of an included router together."""
    for kept in client.app.routes:  # type: ignore[attr-defined]
        if isinstance(kept, Mount):
            assert f"{kept.path}/" in OPEN_FOLDERS
            continue
        for route in (
            getattr(kept, "original_router", None).routes if hasattr(kept, "original_router") else [kept]
        ):
            assert isinstance(route, APIRoute), route
            yield from ((method, route.path) for method in route.methods)


def test_every_route_has_a_rule_and_every_rule_a_route(client: TestClient) -> None:
    assert set(routes(client)) == set(RULES) | OPEN
    assert not set(RULES) & OPEN


def ask(client: TestClient, method: str, path: str, **headers: str) -> Any:
    """Ask with a body that cannot be understood: whoever is let in gets no further than that."""
    filled = path.replace("{document:path}", "x").replace("{action}", "x").replace("{", "").replace("}", "")
    params = {"q": "", "merge": "1"}
    return client.request(
        method, filled, params=params, headers=headers, json=[] if method != "GET" else None
    )


def says(answer: Any, path: str, problem: str, status: int) -> bool:
    """Whether an answer is this problem; to identity providers errors are told as SCIM has them."""
    if path.startswith("/scim/"):
        return bool(answer.status_code == status and answer.json()["status"] == str(status))
    return f"urn:mneme:problem:{problem}" in answer.text


def test_nobody_gets_anywhere_without_saying_who_they_are(client: TestClient) -> None:
    guesses = cycle([{"badge": "forged"}, {"authorization": "Bearer mneme_owner_guessed"}])
    for number, (method, path) in enumerate(RULES):
        stranger = TestClient(client.app, base_url=HOST, client=(f"192.0.2.{number}", 1))
        for badge in ({}, next(guesses)):
            answer = ask(stranger, method, path, **badge)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Badge"
            assert says(answer, path, "not-authenticated", 401)
    assert client.get("/healthz").status_code == 200
    assert client.get("/static/mneme.css").status_code == 200


@pytest.mark.parametrize("role", UserRole)
def test_a_role_may_do_what_it_needs_and_nothing_else(client: TestClient, role: UserRole) -> None:
    may_not = {(method, path) for (method, path), needed in RULES.items() if needed not in PERMISSIONS[role]}
    refused = {
        (method, path)
        for method, path in RULES
        if says(ask(client, method, path, badge=role.name), path, "access-denied", 403)
    }
    assert refused == may_not


@pytest.mark.parametrize(
    "path",
    [
        "/static/../api/ledger",
        "/static/%2e%2e/api/ledger",
        "/static//../../api/ledger",
        "/healthz/../api/ledger",
        "/healthz/",
        "//api/ledger",
        "/API/ledger",
        "/api/ledger/",
        "/api/%6cedger",
    ],
)
def test_no_spelling_of_a_path_leads_around_the_door(client: TestClient, path: str) -> None:
    stranger = TestClient(client.app, base_url=HOST, client=(path, 1))
    for method in ("GET", "HEAD", "OPTIONS", "POST", "TRACE", "get"):
        answer = stranger.request(method, f"{HOST}{path}")
        assert answer.status_code in {401, 404, 405, 307}, (method, answer.status_code)
        assert "hidden" not in answer.text
        employee = client.request(method, f"{HOST}{path}", headers={"badge": "EMPLOYEE"})
        assert employee.status_code in {403, 404, 405, 307}, (method, employee.status_code)


def test_roles_show_nothing_that_access_does_not_grant(client: TestClient) -> None:
    """The one who runs the memory and the one who measures it search like everybody else."""
    for role in UserRole:
        found = client.get("/api/search", params={"q": "zirconium"}, headers={"badge": role.name}).json()
        assert [each["title"] for each in found["results"]] == ["Open"], role
    board = client.get("/api/search", params={"q": "zirconium"}, headers={"badge": "board"}).json()
    assert board["total"] == 2
    for role in UserRole:
        answer = client.get(
            "/api/search", params={"q": "x", "as": "bo@x.example"}, headers={"badge": role.name}
        )
        assert answer.status_code == 403, role


def test_the_owners_token_is_the_owners_alone(asked: Service, client: TestClient) -> None:
    token = {"authorization": f"Bearer {asked.owner.token}"}
    assert client.get("/api/search", params={"q": "zirconium"}, headers=token).json()["total"] == 2
    assert client.get("/api/ledger", headers=token).status_code == 200
    twice = [("authorization", f"Bearer {asked.owner.token}")] * 2
    assert client.get("/api/ledger", headers=twice).status_code == 401


def test_the_audit_names_who_came_and_who_was_refused(tmp_path: Path) -> None:
    with service(tmp_path, audit={"keep_days": 30}) as noted:
        noted.identify = Identification([noted.owner, Badge()])
        with TestClient(create_app(lambda: noted), base_url=HOST) as client:
            client.get("/api/ledger")
            client.get("/api/ledger", headers={"badge": "EMPLOYEE"})
        entries = noted.memory.catalogue.audit.entries(Wanted())
    assert [(each.actor, each.about["status"]) for each in entries] == [("jane", 403), ("", 401)]


def test_the_pages_offer_only_what_the_reader_may_do(client: TestClient) -> None:
    page = {"accept": "text/html"}
    for role, offered in ((UserRole.EMPLOYEE, False), (UserRole.ADMINISTRATOR, True)):
        html = client.get("/", headers=page | {"badge": role.name}).text
        assert ('href="/sources"' in html) is offered
    assert client.get("/", headers=page).status_code == 401


def test_a_memory_that_nobody_logs_in_to_refuses_keys(tmp_path: Path) -> None:
    """Who shows a key means to be less than the owner, and is not to become the owner by it."""
    with service(tmp_path) as plain, TestClient(create_app(lambda: plain), base_url=HOST) as anybody:
        assert anybody.get("/api/ledger").status_code == 200
        assert anybody.get("/api/ledger", headers={"authorization": "Bearer mneme_x"}).status_code == 401


@pytest.mark.parametrize("host", ["192.168.0.7", "fd00::7", "memory.x.example", ""])
def test_nobody_listens_to_other_machines_without_a_login(host: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="no authentication is configured"):
        load(home=tmp_path, serve={"host": host})


def test_only_the_owner_sees_everything() -> None:
    assert not any(Permission.EVERYTHING in granted for granted in PERMISSIONS.values())


def test_what_is_for_one_source_names_it_in_its_path() -> None:
    """A key for one source is held against that name; without one it would be refused everywhere."""
    bound = [path for (_, path), needed in RULES.items() if needed in FOR_A_SOURCE]
    assert len(bound) > 20
    assert [path for path in bound if "/{name}/" not in path] == []
