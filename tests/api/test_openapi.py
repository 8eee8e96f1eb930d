"""Whatever may be sent by the API's own description, and what it forbids: each is answered as the description says, never by a fault."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.by_key import ByApiKey
from api.identify import Callers, Identification
from api.roles import PERMISSIONS, Permission, UserRole
from api.rules import OPEN, RULES
from api.service import Service
from memory.domain import OWNER
from tests.api.test_admission import HOLDERS, Badge
from tests.memories import add_folder, service, sync

HOST = "http://127.0.0.1:8377"
EXAMPLES = 8
"""For each operation; `bench/openapi.py` sends hundreds."""
FEW = 2
"""For each operation and everybody else who may ask."""

REFUSED = 400
"""And above: a request that cannot be understood is refused before anybody asks who sent it."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

LEFT_OUT = {"/api/backup"}
"""What would write beside the memory at a place that was made up."""


class Api:
    """The API of a memory with two documents, and values for its addresses that lead to something."""

    def __init__(self, opened: Service) -> None:
        app = create_app(lambda: opened)
        self.client = TestClient(app, base_url=HOST)
        self.client.__enter__()
        self.told: dict[str, Any] = self.client.get("/openapi.json", headers=self.headers(opened)).json()
        self.schema = schemathesis.openapi.from_dict(self.told)
        self.schema.app = app
        catalogue = opened.memory.catalogue
        by_key = ByApiKey(catalogue.api_keys, Callers(catalogue.people, HOLDERS))
        opened.identify = Identification([opened.owner, by_key, Badge()])
        given = {"name": "reader", "scopes": ["read"], "grant": ["public"]}
        self.key = self.client.post("/api/keys", json=given, headers=self.headers(opened)).json()["key"]
        [hit, *_] = opened.search("zirconium", OWNER)["results"]
        self.real = {"document": hit["document"], "other": hit["document"], "name": "files", "page": "1"}
        self.sent = self.headers(opened)

    @staticmethod
    def headers(opened: Service) -> dict[str, str]:
        return {"Authorization": f"Bearer {opened.owner.token}"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    base = tmp_path_factory.mktemp("openapi")
    (base / "files").mkdir()
    (base / "files" / "seen.md").write_text("# Open\n\nThe zirconium report.\n", encoding="utf-8")
    (base / "files" / "other.txt").write_text("Another report.", encoding="utf-8")
    with service(base / "home") as opened:
        add_folder(opened, base / "files")
        sync(opened)
        yield Api(opened)


def test_every_operation_answers_as_it_says(api: Api) -> None:
    operations = [each.ok() for each in api.schema.get_all_operations()]
    assert len(operations) > 60
    for operation in operations:
        if operation.path not in LEFT_OUT:
            ask(api, operation, EXAMPLES)


def as_somebody_else(api: Api) -> Iterator[tuple[str, dict[str, str], frozenset[Permission]]]:
    """Everybody who may ask and is not the owner: who that is, what they show, and what they may do."""
    for role in UserRole:
        yield role.value, {"badge": role.name}, PERMISSIONS[role]
    yield "a program", {"authorization": f"Bearer {api.key}"}, frozenset({Permission.READ})
    yield "nobody", {}, frozenset()


def test_every_operation_answers_as_it_says_whoever_asks(api: Api) -> None:
    """And what `api/rules.py` does not let somebody do, nothing that they send gets them."""
    for who, shown, may in as_somebody_else(api):
        for operation in (each.ok() for each in api.schema.get_all_operations()):
            if operation.path not in LEFT_OUT:
                ask(api, operation, FEW, shown, refused=is_refused(operation, may), who=who)


def is_refused(operation: Any, may: frozenset[Permission]) -> bool:
    """Whether somebody who may do so much is refused at an operation, whatever they send."""
    told = {(method, path.replace(":path}", "}")): needed for (method, path), needed in RULES.items()}
    needed = told.get((operation.method.upper(), operation.path))
    if needed is None:
        assert (operation.method.upper(), operation.path) in OPEN
        return False
    return needed not in may


def ask(
    api: Api,
    operation: Any,
    examples: int,
    shown: Mapping[str, str] | None = None,
    *,
    refused: bool = False,
    who: str = "the owner",
) -> None:
    """Send what fits the description and what does not, the same each time; two of three times about what is there."""
    number = count()
    modes = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @seed(1)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(modes[0] | modes[1])
    def sent(case: Any) -> None:
        ends = operation.method == "delete"
        if next(number) % 3 and case.path_parameters and not ends:
            case.path_parameters |= {
                name: value for name, value in api.real.items() if name in case.path_parameters
            }
        answer = case.call(base_url=HOST, headers=dict(api.sent if shown is None else shown))
        case.validate_response(answer, checks=CHECKS)
        if refused:
            assert answer.status_code >= REFUSED, (who, operation.label, answer.status_code)

    sent()


def test_errors_are_described_as_they_are_answered(api: Api) -> None:
    for path, operations in api.told["paths"].items():
        kind = "application/scim+json" if path.startswith("/scim/") else "application/problem+json"
        for operation in operations.values():
            assert list(operation["responses"]["default"]["content"]) == [kind]
    assert "HTTPValidationError" not in api.told["components"]["schemas"]


def test_a_number_that_no_database_holds_is_refused(api: Api) -> None:
    for path in ("/api/audit", "/api/ledger", "/api/people", "/api/search?q=zirconium"):
        mark = "&" if "?" in path else "?"
        answer = api.client.get(f"{path}{mark}offset={2**70}", headers=api.sent)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    answer = api.client.get("/api/audit?until=0001-01-01T00:00:00%2B12:00", headers=api.sent)
    assert answer.status_code == 422


def test_a_schedule_of_ages_is_refused_before_it_is_kept(api: Api) -> None:
    """It once was kept, and from then on no list of sources could be shown."""
    before = api.client.get("/api/sources", headers=api.sent).json()
    answer = api.client.put("/api/sources/files/schedule", json={"every_minutes": 2**62}, headers=api.sent)
    assert answer.status_code == 422
    assert api.client.get("/api/sources", headers=api.sent).json() == before
