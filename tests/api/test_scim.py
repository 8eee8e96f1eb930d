"""People and groups that an identity provider sends by SCIM: by the standard, as Entra ID writes it, and what they may see at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from api.app import create_app
from api.scim.filters import parse_filter
from api.scim.patch import patched
from api.service import Service
from api.sources import NewSource
from memory.errors import AccessDenied, InvalidInput
from tests.api.test_faults import Home
from tests.memories import add_folder, service, sync

HOST = "http://127.0.0.1:8377"
JANE = {
    "schemas": [
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    ],
    "userName": "jane@x.example",
    "externalId": "e-1",
    "name": {"givenName": "Jane", "familyName": "Doe"},
    "displayName": "Jane Doe",
    "emails": [
        {"value": "jd@x.example", "type": "home"},
        {"value": "Jane@x.example", "type": "work", "primary": True},
    ],
    "active": True,
    "password": "never kept",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Legal"},
}


class Sender:
    """An identity provider with a key of its own."""

    def __init__(self, opened: Service, scopes: list[str]) -> None:
        self.opened = opened
        self.client = TestClient(create_app(lambda: opened), base_url=HOST)
        self.headers = {"Authorization": f"Bearer {opened.owner.token}"}
        self.scopes = scopes

    def __enter__(self) -> "Sender":
        self.client.__enter__()
        made = self.client.post(
            "/api/keys", json={"name": "entra", "scopes": self.scopes}, headers=self.headers
        )
        self.headers = {"Authorization": f"Bearer {made.json()['key']}"}
        return self

    def __exit__(self, *_: object) -> None:
        self.client.__exit__()

    def ask(self, path: str, **params: str) -> dict[str, Any]:
        answer = self.client.get(f"/scim/entra{path}", params=params, headers=self.headers)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def send(self, method: str, path: str, body: Any = None, match: str = "") -> Any:
        headers = self.headers | {"Content-Type": "application/scim+json"}
        headers |= {"If-Match": match} if match else {}
        answer = self.client.request(method, f"/scim/entra{path}", json=body, headers=headers)
        assert answer.status_code < 500, answer.text
        return answer


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "lease.md").write_text(
        "# Lease\n\nForty boards of beech, by Jane Doe.", encoding="utf-8"
    )
    with service(tmp_path / "home", auth={"methods": ["keys"]}) as made:
        add_folder(made, tmp_path / "files", grant=["group:Legal%20Team"])
        made.add_source(NewSource(kind="scim", location="entra", name="entra"))
        sync(made, "files")
        yield made


@pytest.fixture
def sender(opened: Service) -> Iterator[Sender]:
    with Sender(opened, ["provision"]) as made:
        yield made


def seen(opened: Service, address: str = "jane@x.example") -> int:
    return len(opened.search("beech", opened.memory.catalogue.people.asker(address))["results"])


def test_it_keeps_to_the_standard(sender: Sender) -> None:
    sender.client.headers |= sender.headers
    sender.client.base_url = f"{HOST}/scim/entra"
    client = SyncSCIMClient(sender.client)
    results = check_server(client)
    assert len(results) > 30
    wrong = [(each.title, each.reason) for each in results if each.status in (Status.ERROR, Status.CRITICAL)]
    assert wrong == []


def test_what_is_told_counts_at_once(sender: Sender, opened: Service) -> None:
    made = sender.send("POST", "/Users", JANE)
    assert (made.status_code, made.headers["content-type"]) == (201, "application/scim+json")
    jane = made.json()
    assert "password" not in jane
    office = sender.send(
        "POST", "/Groups", {"displayName": "Office", "members": [{"value": jane["id"]}]}
    ).json()
    team = {"displayName": "Legal Team", "members": [{"value": office["id"]}]}
    legal = sender.send("POST", "/Groups", team).json()
    assert seen(opened) == seen(opened, "jd@x.example") == 1  # by a group within a group
    # Entra ID: operations in capitals, members without a filter.
    change = {"Operations": [{"op": "Remove", "path": "members", "value": [{"value": jane["id"]}]}]}
    assert sender.send("PATCH", f"/Groups/{office['id']}", change).json().get("members", []) == []
    assert seen(opened) == 0
    change = {"Operations": [{"op": "Add", "path": "members", "value": [{"value": jane["id"]}]}]}
    sender.send("PATCH", f"/Groups/{legal['id']}", change)
    assert seen(opened) == 1
    change = {"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    assert sender.send("PATCH", f"/Users/{jane['id']}", change).json()["active"] is False
    assert seen(opened) == 0
    sender.send("PUT", f"/Users/{jane['id']}", JANE)
    assert seen(opened) == 1
    assert sender.send("DELETE", f"/Users/{jane['id']}").status_code == 204
    assert seen(opened) == 0
    assert sender.send("GET", f"/Users/{jane['id']}").status_code == 404
    assert (
        sender.send("POST", "/Users", JANE).status_code == 201
    )  # who comes back is somebody new to the provider
    told = sender.send("GET", "/Users?filter=userName eq %22JANE@x.example%22").json()
    assert told["totalResults"] == 1


def test_what_cannot_be_is_said_as_the_standard_has_it(sender: Sender) -> None:
    first = sender.send("POST", "/Users", JANE).json()
    for answer, status, kind in (
        (sender.send("POST", "/Users", JANE), 409, "uniqueness"),
        (sender.send("POST", "/Users", {"displayName": "Jane"}), 400, "invalidValue"),
        (sender.send("GET", "/Users?filter=userName is Jane"), 400, "invalidFilter"),
        (sender.send("PATCH", f"/Users/{first['id']}", {"Operations": [{"op": "x"}]}), 400, "invalidSyntax"),
        (sender.send("PATCH", f"/Users/{first['id']}", {"Operations": []}), 400, "invalidSyntax"),
        (
            sender.send("PATCH", f"/Users/{first['id']}", {"Operations": [{"op": "add", "path": "a["}]}),
            400,
            "invalidPath",
        ),
        (sender.send("GET", "/Groups/none"), 404, None),
    ):
        told = answer.json()
        assert (answer.status_code, told["status"], told.get("scimType")) == (status, str(status), kind)
        assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_only_a_key_made_for_it_may(opened: Service) -> None:
    with Sender(opened, ["push"]) as other:
        assert other.send("GET", "/Users").status_code == 403
        other.headers = {}
        assert other.send("GET", "/Users").status_code in (401, 403)


def test_a_key_tells_its_own_source_only(sender: Sender, opened: Service) -> None:
    """The key that was made for the only source there was is not for the next one."""
    opened.add_source(NewSource(kind="scim", location="okta", name="okta"))
    for method, path in (
        ("GET", "/Users"),
        ("POST", "/Users"),
        ("GET", "/ServiceProviderConfig"),
        ("DELETE", "/Groups/x"),
    ):
        answers = [
            sender.client.request(method, f"/scim/{name}{path}", json=JANE, headers=sender.headers)
            for name in ("okta", "none", "files")
        ]
        said = {
            each.text.replace(name, "X")
            for each, name in zip(answers, ("okta", "none", "files"), strict=True)
        }
        assert {each.status_code for each in answers} == {404}
        assert len(said) == 1, said
    assert opened.memory.catalogue.provisioned("okta").people() == []


def test_a_group_is_found_by_its_name_with_its_members(sender: Sender) -> None:
    jane = sender.send("POST", "/Users", JANE).json()["id"]
    sender.send("POST", "/Groups", {"displayName": "Legal Team", "members": [{"value": jane}]})
    sender.send("POST", "/Groups", {"displayName": "Legal"})
    for text, found in (
        ("displayName eq %22legal team%22", ["Legal Team"]),
        ("displayname EQ %22LEGAL%22", ["Legal"]),
        ("displayName eq %22Legal%22 or displayName eq %22Legal Team%22", ["Legal", "Legal Team"]),
        ("displayName eq %22nobody%22", []),
    ):
        told = sender.send("GET", f"/Groups?filter={text}").json()
        assert sorted(each["displayName"] for each in told.get("Resources", [])) == found
    one = sender.send("GET", "/Groups?filter=displayName eq %22Legal Team%22").json()["Resources"][0]
    assert [each["value"] for each in one["members"]] == [jane]
    assert sender.send("POST", "/Groups", {"displayName": "LEGAL team"}).status_code == 409


def test_what_was_told_is_there_after_a_restart(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with service(home, auth={"methods": ["keys"]}) as first:
        first.add_source(NewSource(kind="scim", location="entra", name="entra"))
        with Sender(first, ["provision"]) as sender:
            jane = sender.send("POST", "/Users", JANE).json()
            group = {"displayName": "Legal Team", "members": [{"value": jane["id"]}]}
            legal = sender.send("POST", "/Groups", group).json()
            jane = sender.send("GET", f"/Users/{jane['id']}").json()
    with service(home, auth={"methods": ["keys"]}) as second, Sender(second, ["provision"]) as sender:
        assert sender.send("GET", f"/Users/{jane['id']}").json() == jane
        assert sender.send("GET", f"/Groups/{legal['id']}").json() == legal


def test_what_was_told_is_there_after_a_restore(tmp_path: Path) -> None:
    """With who is in which group and who has left; the provider goes on with its key, as if nothing had been."""
    other = Home(tmp_path / "other")
    with service(tmp_path / "home", auth={"methods": ["keys"]}) as first:
        first.add_source(NewSource(kind="scim", location="entra", name="entra"))
        with Sender(first, ["provision"]) as sender:
            jane = sender.send("POST", "/Users", JANE).json()["id"]
            gone = sender.send("POST", "/Users", {"userName": "bo@x.example", "active": False}).json()["id"]
            lost = sender.send("POST", "/Users", {"userName": "max@x.example"}).json()["id"]
            office = sender.send(
                "POST", "/Groups", {"displayName": "Office", "members": [{"value": jane}]}
            ).json()
            team = {"displayName": "Legal Team", "members": [{"value": office["id"]}]}
            legal = sender.send("POST", "/Groups", team).json()["id"]
            sender.send("DELETE", f"/Users/{lost}")
            told = {path: sender.send("GET", path).json() for path in ("/Users", "/Groups")}
            headers = sender.headers
        held = {who: asker(first, who) for who in ("jane@x.example", "max@x.example", "bo@x.example")}
        first.backups.make(tmp_path / "made", keys=False)
    assert held["jane@x.example"] >= {"group:Office", "group:Legal%20Team"}
    assert held["max@x.example"] == held["bo@x.example"] == frozenset()
    assert other.mneme("restore", str(tmp_path / "made")).code == 0
    with service(other.folder, auth={"methods": ["keys"]}) as second, Sender(second, ["provision"]) as sender:
        sender.headers = headers
        assert {path: sender.send("GET", path).json() for path in ("/Users", "/Groups")} == told
        assert {who: asker(second, who) for who in held} == held
        assert sender.send("GET", f"/Users/{lost}").status_code == 404
        change = {"Operations": [{"op": "remove", "path": f'members[value eq "{office["id"]}"]'}]}
        assert sender.send("PATCH", f"/Groups/{legal}", change).status_code == 200
        assert asker(second, "jane@x.example") == held["jane@x.example"] - {"group:Legal%20Team"}
        back = sender.send(
            "PATCH", f"/Users/{gone}", {"Operations": [{"op": "replace", "value": {"active": True}}]}
        )
        assert back.json()["active"] is True


def asker(opened: Service, address: str) -> frozenset[str]:
    """What somebody holds, nothing where they are let in no more."""
    try:
        return opened.memory.catalogue.people.asker_at(address).tokens
    except AccessDenied:
        return frozenset()


def test_a_change_of_what_has_changed_since_is_refused(sender: Sender) -> None:
    """By versions, as the standard has them; without ``If-Match`` the last one to write is right."""
    assert sender.send("GET", "/ServiceProviderConfig").json()["etag"] == {"supported": True}
    jane = sender.send("POST", "/Users", JANE)
    group = sender.send(
        "POST", "/Groups", {"displayName": "Legal", "members": [{"value": jane.json()["id"]}]}
    )
    for made, path, body in (
        (jane, "/Users", JANE | {"title": "Counsel"}),
        (group, "/Groups", {"displayName": "Law"}),
    ):
        place, first = f"{path}/{made.json()['id']}", made.json()["meta"]["version"]
        assert made.headers["etag"] == sender.send("GET", place).headers["etag"] == first
        second = sender.send("PUT", place, body, match=f'W/"x", {first}').json()["meta"]["version"]
        assert second != first
        for method, given in (
            ("PUT", body),
            ("PATCH", {"Operations": [{"op": "add", "value": body}]}),
            ("DELETE", None),
        ):
            refused = sender.send(method, place, given, match=first)
            assert (refused.status_code, refused.json()["status"]) == (412, "412"), method
        assert sender.send("GET", place).json()["meta"]["version"] == second
        same = sender.send("PUT", place, body, match="*").json()["meta"]
        assert same["version"] == second, "nothing has changed"
        assert sender.send("DELETE", place, match=second).status_code == 204
        assert sender.send("PUT", place, body, match="*").status_code == 404


def test_who_was_not_given_an_address_is_given_it_by_the_same_telling_again(
    sender: Sender, opened: Service
) -> None:
    """What is told again as before is no work, but what could not be done then is done now."""
    first = sender.send("POST", "/Users", {"userName": "one", "emails": "shared@x.example"}).json()["id"]
    body = {"userName": "two", "emails": ["two@x.example", "shared@x.example"]}
    second = sender.send("POST", "/Users", body).json()["id"]
    sender.send("DELETE", f"/Users/{first}")
    sender.send("POST", "/Groups", {"displayName": "Legal Team", "members": [{"value": second}]})
    assert seen(opened, "shared@x.example") == 0
    sender.send("PUT", f"/Users/{second}", body)
    assert seen(opened, "shared@x.example") == 1


def test_more_than_is_taken_is_told_as_that(sender: Sender) -> None:
    large = b'{"userName": "' + b"x" * 65_000_001 + b'"}'
    answer = sender.client.post("/scim/entra/Users", content=large, headers=sender.headers)
    assert (answer.status_code, answer.json()["status"]) == (413, "413")
    assert "scimType" not in answer.json()


LOOK_UPS = (
    'externalId eq "e-1"',
    'externalId eq "E-1"',
    'externalId eq "100%_"',
    'externalId eq "a\\\\\\"b"',
    'externalId eq "e-1" or userName eq "odd"',
    'not (externalId eq "e-1")',
    'emails.value eq "JD@x.example"',
    'emails eq "jd@x.example"',
    'emails[type eq "work" and value eq "jane@x.example"]',
    'emails[type eq "work"].value eq "jane@x.example"',
    'emails[type eq "home"].value eq "jane@x.example"',
    'emails.value eq "jd@x.example" and userName eq "JANE@x.example"',
    'emails.value eq "jd@x.example" and userName eq "odd"',
    'userName eq "ÖDÖN"',
    'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "odd"',
    'groups.display eq "legal team"',
    "groups pr and active eq true",
    'id eq "ID"',
    'id eq "ID" and userName eq "odd"',
)


def test_what_is_looked_up_is_what_a_look_at_everybody_finds(sender: Sender) -> None:
    jane = sender.send("POST", "/Users", JANE).json()["id"]
    for login, external in (("odd", 'a\\"b'), ("ödön", "100%_"), ("plain", "100xy"), ("e-1", "E-1")):
        sender.send("POST", "/Users", {"userName": login, "externalid": external, "active": True})
    sender.send("POST", "/Groups", {"displayName": "Legal Team", "members": [{"value": jane}]})
    everybody = sender.ask("/Users")["Resources"]
    found_by: dict[str, int] = {}
    for text in (each.replace("ID", jane) for each in LOOK_UPS):
        wanted = parse_filter(text)
        expected = [each["id"] for each in everybody if wanted(each)]
        told = sender.ask("/Users", filter=text)
        assert [each["id"] for each in told["Resources"]] == expected, text
        found_by[text] = told["totalResults"]
    assert (
        found_by['externalId eq "a\\\\\\"b"']
        == found_by['externalId eq "100%_"']
        == found_by['userName eq "ÖDÖN"']
        == 1
    )


def test_groups_are_looked_up_by_their_members_and_told_without_these(sender: Sender) -> None:
    jane = sender.send("POST", "/Users", JANE).json()["id"]
    office = sender.send("POST", "/Groups", {"displayName": "Office", "members": [{"value": jane}]}).json()[
        "id"
    ]
    legal = sender.send("POST", "/Groups", {"displayName": "Legal", "externalId": "e-7"}).json()["id"]
    for text, found in (
        (f'members eq "{jane}"', {office}),
        (f'members.value eq "{jane}"', {office}),
        (f'members[value eq "{jane}"]', {office}),
        (f'id eq "{legal}" and members eq "{jane}"', set()),
        (f'id eq "{office}" and members eq "{jane}"', {office}),
        ("not (members pr)", {legal}),
        ('externalId eq "e-7"', {legal}),
    ):
        told = sender.ask("/Groups", filter=text, excludedAttributes="members")
        assert {each["id"] for each in told["Resources"]} == found, text
        assert not [each for each in told["Resources"] if "members" in each]
    assert "members" in sender.ask(f"/Groups/{office}", excludedAttributes="groups")
    assert "groups" in sender.ask(f"/Users/{jane}", excludedAttributes="members")
    assert set(sender.ask(f"/Users/{jane}", attributes="groups.display")) == {"schemas", "id", "groups"}
    assert set(sender.ask(f"/Users/{jane}", attributes="userName")) == {"schemas", "id", "userName"}


def test_pages_of_many(sender: Sender) -> None:
    for number in range(5):
        sender.send("POST", "/Users", {"userName": f"u{number}", "emails": f"u{number}@x.example"})
    told = sender.send("GET", "/Users?startIndex=4&count=3&filter=userName sw %22U%22").json()
    assert (told["totalResults"], told["itemsPerPage"], told["startIndex"]) == (5, 2, 4)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('userName eq "JANE@x.example"', True),
        ('externalId eq "E-1"', False),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName sw "jane"', True),
        ('urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "legal"', True),
        ('emails[type eq "work" and value co "x.example"]', True),
        ('emails[type eq "home"].value eq "nobody"', False),
        ('emails[type eq "work"].value eq "jane@X.example"', True),
        ('emails[type eq "home"].value eq "jane@x.example"', False),
        ('not (active eq false) and (name.familyName eq "Roe" or displayName pr)', True),
        ('title pr', False),
        ('emails.value ne "jd@x.example"', False),
        ('userName gt 7', False),
    ],
)  # fmt: skip
def test_filters(text: str, holds: bool) -> None:
    assert parse_filter(text)(JANE) is holds


@pytest.mark.parametrize(
    "text", ["", "userName", "userName eq", "(active eq true", "a eq 1 b", "(" * 500, 'x[y eq "1"']
)
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_filter(text)


def test_changes_by_path() -> None:
    def after(*operations: dict[str, Any]) -> dict[str, Any]:
        return patched(JANE, list(operations))

    told = after({"op": "replace", "path": 'emails[type eq "work"].value', "value": "new@x.example"})
    assert [each["value"] for each in told["emails"]] == ["jd@x.example", "new@x.example"]
    told = after({"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+45 1"})
    assert told["phoneNumbers"] == [{"type": "mobile", "value": "+45 1"}]
    told = after(
        {"op": "remove", "path": 'emails[type eq "home"]'},
        {"op": "replace", "path": "NAME.givenName", "value": "J"},
    )
    assert (len(told["emails"]), told["name"]["givenName"]) == (1, "J")
    told = after({"op": "add", "value": {"title": "Counsel", "active": False}})
    assert (told["title"], told["active"]) == ("Counsel", False)
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    told = after({"op": "Replace", "path": f"{enterprise}:department", "value": "Board"})
    assert told[enterprise]["department"] == "Board"
    assert JANE["emails"][1]["value"] == "Jane@x.example"  # type: ignore[index]
