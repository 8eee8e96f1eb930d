"""Keys for programs: what they open, how they end, and that nothing of them is kept."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.app import create_app
from api.service import Service
from api.settings import load
from api.sources import NewSource
from memory.catalogue.login_schema import api_keys
from memory.errors import InvalidSettings
from tests.api.test_faults import Home
from tests.memories import add_folder, service, sync
from tests.serving import serving

HOST = "http://127.0.0.1:8377"
JANE, BOB = "jane@x.example", "bob@x.example"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A memory to which programs come by keys; Jane is in the board and runs it."""
    base = tmp_path_factory.mktemp("keys")
    files = base / "files"
    files.mkdir()
    (files / "open.md").write_text("# Open\n\nThe zirconium report.\n", encoding="utf-8")
    (files / "board.md").write_text("# Board\n\nThe zirconium secret.\n", encoding="utf-8")
    auth = {"methods": ["keys"], "administrators": ["group:board"]}
    with service(base / "home", auth=auth, audit={"keep_days": 30}) as opened:
        opened.people.import_directory(
            f"name,address,groups\nJane Doe,{JANE},group:board\nBob Roe,{BOB},group:staff\n"
        )
        add_folder(opened, files, rules=["board.md=group:board"])
        assert sync(opened)["state"] == "done"
        yield opened


@pytest.fixture(scope="module")
def client(asked: Service) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: asked), base_url=HOST) as opened:
        yield opened


@pytest.fixture
def owner(asked: Service) -> dict[str, str]:
    return {"authorization": f"Bearer {asked.owner.token}"}


def made(client: TestClient, owner: dict[str, str], **body: Any) -> dict[str, Any]:
    answer = client.post("/api/keys", json={"name": "test", **body}, headers=owner)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def by(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def titles(client: TestClient, key: str) -> set[str]:
    answer = client.get("/api/search", params={"q": "zirconium"}, headers=by(key))
    assert answer.status_code == 200, answer.text
    return {each["title"].title() for each in answer.json()["results"]}


def test_a_key_sees_what_it_was_given_and_no_more(client: TestClient, owner: dict[str, str]) -> None:
    assert titles(client, made(client, owner)["key"]) == {"Open"}
    assert titles(client, made(client, owner, grant=["group:board"])["key"]) == {"Open", "Board"}
    assert titles(client, made(client, owner, address=JANE)["key"]) == {"Open", "Board"}
    assert titles(client, made(client, owner, address=BOB)["key"]) == {"Open"}
    assert titles(client, made(client, owner, address="new@x.example")["key"]) == {"Open"}


def test_a_key_does_no_more_than_its_scopes_and_its_person_may(
    client: TestClient, owner: dict[str, str]
) -> None:
    read = made(client, owner)["key"]
    assert client.post("/api/saved", json={"query": "x"}, headers=by(read)).status_code == 403
    assert client.get("/api/sources", headers=by(read)).status_code == 403
    janes = made(client, owner, address=JANE, scopes=["read", "operate"])["key"]
    assert client.get("/api/sources", headers=by(janes)).status_code == 200
    bobs = made(client, owner, address=BOB, scopes=["read", "operate"])["key"]
    assert client.get("/api/sources", headers=by(bobs)).status_code == 403


def test_a_key_for_one_source_finds_no_other(
    asked: Service, client: TestClient, owner: dict[str, str], tmp_path: Path
) -> None:
    """Others answer as what does not exist, whoever the key asks for; and who has it gives out no wider one."""
    for name in ("crm", "erp"):
        asked.add_source(NewSource(kind="push", location=str(tmp_path / name), name=name))
    janes = made(client, owner, address=JANE, scopes=["push", "manage-access"], source="crm")["key"]
    operating = made(client, owner, scopes=["push", "operate"], source="crm")["key"]
    for key in (made(client, owner, scopes=["push"], source="crm")["key"], janes, operating):

        def put(name: str, key: str = key) -> httpx.Response:
            place = f"/api/sources/{name}/documents/a"
            return client.put(place, json={"content": "x"}, headers=by(key))

        assert put("crm").status_code in (200, 201)
        answers = [
            (
                answer.status_code,
                answer.json()["title"],
                answer.json()["detail"].replace(name, "NAME"),
                answer.json()["hint"],
            )
            for name in ("erp", "none", "local")
            for method in ("GET", "DELETE")
            for answer in (
                put(name),
                client.request(method, f"/api/sources/{name}/documents/a", headers=by(key)),
            )
        ]
        assert len(set(answers)) == 1
        assert answers[0][0] == 404
        assert answers[0][3] == ""
    unbound = by(made(client, owner, scopes=["push"])["key"])
    for name in ("none", "local"):
        answer = client.get(f"/api/sources/{name}/documents/a", headers=unbound)
        assert (answer.status_code, answer.json()["detail"], answer.json()["hint"]) == (
            404,
            f"There is no source named {name}.",
            "",
        )
    wider = client.post(
        "/api/keys", json={"name": "x", "scopes": ["push"], "source": "erp"}, headers=by(janes)
    )
    assert wider.status_code == 403
    same = client.post("/api/keys", json={"name": "x", "scopes": ["push"]}, headers=by(janes)).json()
    assert same["source"] == "crm"
    any_ = made(client, owner, scopes=["push"])
    assert any_["source"] == ""
    for name in ("crm", "erp"):
        answer = client.put(
            f"/api/sources/{name}/documents/b", json={"content": "x"}, headers=by(any_["key"])
        )
        assert answer.status_code == 201
    noted = client.get("/api/audit", params={"limit": 200}, headers=owner).json()["entries"]
    assert "crm" in [each["about"].get("source") for each in noted if "key" in each["about"]]


def test_a_key_for_a_source_ends_with_it(
    asked: Service, client: TestClient, owner: dict[str, str], tmp_path: Path
) -> None:
    asked.add_source(NewSource(kind="push", location=str(tmp_path / "box"), name="box"))
    told = made(client, owner, scopes=["push"], source="box")
    assert client.delete("/api/sources/box", headers=owner).status_code == 200
    asked.add_source(NewSource(kind="push", location=str(tmp_path / "box"), name="box"))
    answer = client.put("/api/sources/box/documents/a", json={"content": "x"}, headers=by(told["key"]))
    assert answer.status_code == 401
    listed = client.get("/api/keys", headers=owner).json()
    assert next(each for each in listed if each["id"] == told["id"])["holds"] is False


def test_a_key_is_for_a_source_at_which_it_may_do_something(
    asked: Service, client: TestClient, owner: dict[str, str], tmp_path: Path
) -> None:
    def add(*scopes: str, source: str = "") -> httpx.Response:
        body = {"name": "x", "scopes": list(scopes), "source": source}
        return client.post("/api/keys", json=body, headers=owner)

    none = add("provision")
    assert (none.status_code, "Add one first" in none.json()["hint"]) == (422, True), none.text
    asked.add_source(NewSource(kind="scim", location="entra", name="hr"))
    assert add("provision").json()["source"] == "hr"
    assert add("provision", source="hr").json()["source"] == "hr"
    asked.add_source(NewSource(kind="scim", location="okta", name="abroad"))
    several = add("provision")
    assert (several.status_code, "abroad, hr" in several.json()["hint"]) == (422, True), several.text
    for scopes, source in (
        (["push"], "hr"),
        (["read"], "hr"),
        (["push", "provision"], "hr"),
        (["provision"], "files"),
    ):
        assert add(*scopes, source=source).status_code == 422, (scopes, source)
    assert add("provision", source="none").status_code == 404


def test_a_key_ends_when_its_person_leaves_the_group(
    asked: Service, client: TestClient, owner: dict[str, str]
) -> None:
    key = made(client, owner, address="max@x.example", scopes=["read", "operate"])["key"]
    asked.people.import_directory("name,address,groups\nMax Moe,max@x.example,group:board\n")
    assert titles(client, key) == {"Open", "Board"}
    asked.people.import_directory("name,address,groups\nMax Moe,max@x.example,\n")
    assert titles(client, key) == {"Open"}
    assert client.get("/api/sources", headers=by(key)).status_code == 403


def test_a_key_that_is_revoked_or_expired_is_worth_nothing_at_once(
    asked: Service, client: TestClient, owner: dict[str, str]
) -> None:
    told = made(client, owner, days=1)
    assert titles(client, told["key"]) == {"Open"}
    with asked.memory.catalogue.transaction() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(api_keys).where(api_keys.c.id == told["id"]).values(expires=past))
    other = made(client, owner)
    assert client.delete(f"/api/keys/{other['id']}", headers=owner).json()["holds"] is False
    for key in (told["key"], other["key"]):
        answer = client.get("/api/search", params={"q": "zirconium"}, headers=by(key))
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="mneme", error="invalid_token"'
        assert "expired or revoked" in answer.json()["detail"]


def test_nothing_near_a_key_is_one(client: TestClient, owner: dict[str, str]) -> None:
    told = made(client, owner)
    key, identity = told["key"], told["id"]
    near = [
        key[:-1],
        key + "A",
        key[:-1] + ("A" if key[-1] != "A" else "B"),
        f"mneme_{identity}_",
        f"mneme_{identity}",
        f"mneme__{key.rpartition('_')[2]}",
        key.replace("mneme_", "mneme_owner_"),
        key.replace("mneme_", "MNEME_"),
        "mneme_",
        "mneme_%_x",
        "null",
        "",
    ]
    for each in near:
        assert client.get("/api/saved", headers=by(each)).status_code == 401, each
    for header in (f"Basic {key}", key, f"Bearer\t{key}", f"Bearer {key}, Bearer {key}"):
        assert client.get("/api/saved", headers={"authorization": header}).status_code == 401, header
    twice = [("authorization", f"Bearer {key}"), ("authorization", "Bearer mneme_x")]
    assert client.get("/api/saved", headers=twice).status_code == 401
    assert client.get("/api/saved", params={"access_token": key}).status_code == 401
    assert client.get("/api/saved", headers=by(key)).status_code == 200


def test_nobody_gives_what_they_may_not_do(client: TestClient, owner: dict[str, str]) -> None:
    janes = by(made(client, owner, address=JANE, scopes=["read", "manage-access"])["key"])
    beyond = client.post("/api/keys", json={"name": "x", "scopes": ["audit"]}, headers=janes)
    assert (beyond.status_code, beyond.json()["type"]) == (403, "urn:mneme:problem:access-denied")
    assert client.post("/api/keys", json={"name": "x"}, headers=janes).status_code == 201
    for scopes in (["everything"], ["no such"], []):
        answer = client.post("/api/keys", json={"name": "x", "scopes": scopes}, headers=owner)
        assert answer.status_code in (403, 422), scopes
    wrong = [
        {"name": " "},
        {"grant": ["a b"]},
        {"address": JANE, "grant": ["group:x"]},
        {"address": "Jane Doe"},
    ]
    for body in wrong:
        answer = client.post("/api/keys", json={"name": "x"} | body, headers=owner)
        assert answer.status_code == 422, body
    assert client.delete("/api/keys/000000000000", headers=owner).status_code == 404


def test_of_a_key_only_a_hash_is_kept(asked: Service, client: TestClient, owner: dict[str, str]) -> None:
    told = made(client, owner)
    secret = told["key"].split("_", 2)[2]
    client.get("/api/search", params={"q": "zirconium"}, headers=by(told["key"]))
    home = asked.memory.settings.home
    kept = b"".join(path.read_bytes() for path in home.iterdir() if path.name.startswith("catalogue"))
    assert told["id"].encode() in kept
    assert secret.encode() not in kept
    listed = client.get("/api/keys", headers=owner).text
    assert told["id"] in listed
    assert secret not in listed
    assert "hash" not in listed
    mine = next(each for each in client.get("/api/keys", headers=owner).json() if each["id"] == told["id"])
    assert mine["used"]


def test_the_audit_says_by_which_key_and_for_whom(
    asked: Service, client: TestClient, owner: dict[str, str]
) -> None:
    told = made(client, owner, address=JANE)
    titles(client, told["key"])
    answer = client.get("/api/audit", params={"for": JANE, "limit": 1}, headers=owner).json()
    [entry] = answer["entries"]
    assert (entry["actor"], entry["request"]) == (f"key:{told['id']}", "GET /api/search")
    added = client.get("/api/audit", params={"limit": 2}, headers=owner).json()["entries"][-1]
    assert added["about"]["key"] == told["id"]
    assert told["key"] not in json.dumps(answer)


@pytest.mark.parametrize(
    ("auth", "url", "said"),
    [
        ({}, "", "no authentication is configured"),
        ({"methods": ["keys"]}, "", "MNEME_SERVE__URL"),
        ({"methods": ["keys"]}, "http://memory.x.example", "https"),
        ({"methods": ["keys"]}, "https://memory.x.example/mneme", "scheme and host only"),
        ({"methods": ["password1"]}, "https://memory.x.example", "auth.methods"),
    ],
)
def test_nobody_listens_to_others_without_login_and_tls(
    auth: Any, url: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidSettings, match=said):
        load(home=tmp_path, serve={"host": "192.168.0.7", "url": url}, auth=auth)


def test_others_come_by_the_address_they_were_given(tmp_path: Path) -> None:
    """The service answers to its own name and this machine's, and takes changes from its own pages only."""
    serve = {"host": "192.168.0.7", "url": "https://memory.x.example"}
    with (
        service(tmp_path, serve=serve, auth={"methods": ["keys"]}) as remote,
        TestClient(create_app(lambda: remote), base_url="https://memory.x.example") as client,
    ):
        owner = {"authorization": f"Bearer {remote.owner.token}"}
        assert client.get("/api/saved", headers=owner).status_code == 200
        for host in ("evil.example", "memory.x.example.evil.example", "10.0.0.1", "memory.x.example:1", ""):
            assert client.get("/healthz", headers={"host": host}).status_code == 403, host
        for origin, status in (
            ("https://memory.x.example", 201),
            ("http://memory.x.example", 403),
            ("https://memory.x.example.evil.example", 403),
            ("null", 403),
        ):
            answer = client.post("/api/saved", json={"query": "x"}, headers=owner | {"origin": origin})
            assert answer.status_code == status, origin


@pytest.mark.parametrize("tokens", ["public", "group:it,public", "group it", "!group:it"])
def test_nobody_is_an_administrator_by_mistake(tokens: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"auth\.administrators"):
        load(home=tmp_path, auth={"administrators": tokens})


def test_an_address_that_only_looks_like_anothers_is_none(
    asked: Service, client: TestClient, owner: dict[str, str]
) -> None:
    """The Kelvin sign is a k in lower case, the long s an s, and what cannot be printed is not seen."""
    asked.people.import_directory("name,address,groups\nKim Kiss,kim.kiss@x.example,group:board\n")
    for address in (
        "\u212aim.kiss@x.example",
        "kim.ki\u017fs@x.example",
        "kim.ki\u00df@x.example",
        "\x00kim.kiss@x.example",
    ):
        answer = client.post("/api/keys", json={"name": "x", "address": address}, headers=owner)
        assert answer.status_code == 422, address


@pytest.mark.slow
def test_commands_are_the_owners_where_others_need_a_key(tmp_path: Path) -> None:
    """From end to end: a service, commands beside it, and a program with a key."""
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    (home.folder / "settings.toml").write_text('[auth]\nmethods = ["keys"]\n')
    with serving(home.folder, tmp_path / "log") as address, httpx.Client(base_url=address) as program:
        assert program.get("/api/keys").status_code == 401
        assert stat.S_IMODE((home.folder / "owner.token").stat().st_mode) == 0o600
        home.mneme("sources", "add", "scim", "entra", "--name", "hr")
        bound = home.mneme("keys", "add", "Entra ID", "--scope", "provision", "--source", "hr")
        assert "It may provision at hr only" in bound.err
        assert program.get("/scim/hr/Users", headers=by(bound.out.strip())).status_code == 200
        home.mneme("sources", "remove", "hr")
        key = home.mneme("keys", "add", "bot", "--scope", "read", "--scope", "operate").out.strip()
        told = json.loads(home.mneme("keys", "list", "--json").out)[0]
        assert (told["name"], told["holds"], key.split("_")[1]) == ("bot", True, told["id"])
        assert program.get("/api/sources", headers=by(key)).json() == []
        assert home.mneme("keys", "revoke", key).code == 0
        assert program.get("/api/sources", headers=by(key)).status_code == 401
    assert not (home.folder / "owner.token").exists()
    assert key not in (tmp_path / "log").read_text()
    assert "revoked" in home.mneme("keys", "list").out
