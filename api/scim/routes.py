"""SCIM 2.0 for identity providers (RFC 7644), below ``/scim/NAME``: people and groups come, change and go by request."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from scim2_models import EnterpriseUser, Group, User

from api.admission import Asked, Asking, By
from api.error_answers import SCIM
from api.scim.collection import MOST, RELATED, Collection
from api.scim.filters import parts_of
from api.scim.groups import Groups
from api.scim.provider import Provider
from api.scim.refusals import InvalidSyntax
from api.scim.resources import ENTERPRISE, GROUP, USER, cut
from api.scim.users import Users
from api.service import Service
from memory.errors import NotFound


class ScimResponse(JSONResponse):
    """An answer with SCIM's own media type."""

    media_type = SCIM


class Search(BaseModel):
    """What to look for (RFC 7644, 3.4.3)."""

    model_config = ConfigDict(extra="ignore")

    filter: str = Field("", max_length=2_000)
    start: int = Field(1, alias="startIndex", le=2**53 - 1, ge=-(2**53))
    count: int = Field(MOST, le=2**53 - 1, ge=-(2**53))
    attributes: list[str] = []
    without: list[str] = Field([], alias="excludedAttributes")


router = APIRouter(prefix="/scim/{name}", tags=["scim"], default_response_class=ScimResponse)

Filter = Annotated[str, Query(max_length=2_000)]
Only = Annotated[str, Query(max_length=5_000)]
Without = Annotated[str, Query(alias="excludedAttributes", max_length=5_000)]
Start = Annotated[int, Query(alias="startIndex", le=2**53 - 1, ge=-(2**53))]
Count = Annotated[int, Query(le=2**53 - 1, ge=-(2**53))]
Match = Annotated[str, Header(alias="If-Match", max_length=2_000)]
Resource = Annotated[dict[str, Any], Body()]

_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_SCHEMAS = {
    made["id"]: made
    for made in (
        kind.to_schema().model_dump(mode="json", by_alias=True, exclude_none=True)
        for kind in (User, EnterpriseUser, Group)
    )
}


@router.get("/ServiceProviderConfig")
def config(service: Asked, by: By, name: str) -> dict[str, Any]:
    """What of SCIM is understood."""
    _provider(service, by, name)
    off = {"supported": False}
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": off | {"maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST},
        "changePassword": off,
        "sort": off,
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer",
                "description": "A key of Mneme with the scope provision.",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"/scim/{name}/ServiceProviderConfig"},
    }


@router.get("/ResourceTypes")
def resource_types(service: Asked, by: By, name: str) -> dict[str, Any]:
    """What there is: people and groups."""
    _provider(service, by, name)
    return _list(_types(name), 1, len(_types(name)))


@router.get("/ResourceTypes/{which}")
def resource_type(service: Asked, by: By, name: str, which: str) -> dict[str, Any]:
    """One of these."""
    _provider(service, by, name)
    return _named(_types(name), which)


@router.get("/Schemas")
def schemas(service: Asked, by: By, name: str) -> dict[str, Any]:
    """What attributes they have."""
    _provider(service, by, name)
    return _list(list(_SCHEMAS.values()), 1, len(_SCHEMAS))


@router.get("/Schemas/{which}")
def schema(service: Asked, by: By, name: str, which: str) -> dict[str, Any]:
    """What attributes one of them has."""
    _provider(service, by, name)
    return _named(list(_SCHEMAS.values()), which)


@router.post("/.search")
def search(service: Asked, by: By, name: str, given: Search) -> dict[str, Any]:
    """People and groups that a filter finds, people first."""
    provider = _provider(service, by, name)

    def both(text: str, start: int, count: int, less: frozenset[str]) -> tuple[int, list[dict[str, Any]]]:
        people, found = provider.users.find(text, start, count, less)
        rest = min(count, MOST) - len(found)
        groups, more = provider.groups.find(text, max(1, start - people), rest, less)
        return people + groups, found + more

    return _found(both, given)


def _routes(kind: type[Collection]) -> None:
    """Everything that is done with people, and with groups."""
    place = f"/{kind.kind}s"

    def all_of(service: Service, by: Asking, name: str) -> Collection:
        provider = _provider(service, by, name)
        return provider.users if kind is Users else provider.groups

    @router.get(place)
    def find(
        service: Asked,
        by: By,
        name: str,
        filter: Filter = "",
        start: Start = 1,
        count: Count = MOST,
        attributes: Only = "",
        without: Without = "",
    ) -> dict[str, Any]:
        """Those that a filter finds."""
        given = Search(
            filter=filter,
            startIndex=start,
            count=count,
            attributes=attributes.split(","),
            excludedAttributes=without.split(","),
        )
        return _found(all_of(service, by, name).find, given)

    @router.post(f"{place}/.search")
    def search(service: Asked, by: By, name: str, given: Search) -> dict[str, Any]:
        """The same, asked for in a body."""
        return _found(all_of(service, by, name).find, given)

    @router.post(place, status_code=201)
    def create(service: Asked, by: By, name: str, given: Resource, response: Response) -> dict[str, Any]:
        """A new one."""
        return _tagged(all_of(service, by, name).create(given), response)

    @router.get(f"{place}/{{which}}")
    def read(
        service: Asked,
        by: By,
        name: str,
        which: str,
        response: Response,
        attributes: Only = "",
        without: Without = "",
    ) -> dict[str, Any]:
        """One of them."""
        found = all_of(service, by, name).get(which, _unwanted(attributes, without))
        return cut(_tagged(found, response), attributes, without)

    @router.put(f"{place}/{{which}}")
    def replace(
        service: Asked, by: By, name: str, which: str, given: Resource, response: Response, match: Match = ""
    ) -> dict[str, Any]:
        """What one is now."""
        return _tagged(all_of(service, by, name).replace(which, given, match), response)

    @router.patch(f"{place}/{{which}}")
    def patch(
        service: Asked, by: By, name: str, which: str, given: Resource, response: Response, match: Match = ""
    ) -> dict[str, Any]:
        """What has changed: of somebody, ``active: false`` is a departure; of a group, who joined and who left."""
        return _tagged(all_of(service, by, name).patch(which, _operations(given), match), response)

    @router.delete(f"{place}/{{which}}", status_code=204, response_class=Response)
    def remove(service: Asked, by: By, name: str, which: str, match: Match = "") -> None:
        """One is gone; what somebody wrote stays theirs."""
        all_of(service, by, name).remove(which, match)


_routes(Users)
_routes(Groups)


def _provider(service: Service, by: By, name: str) -> Provider:
    return Provider(service.memory, name, by.caller.actor)


def _found(ask: Callable[..., tuple[int, list[dict[str, Any]]]], given: Search) -> dict[str, Any]:
    only, without = ",".join(given.attributes), ",".join(given.without)
    total, found = ask(given.filter, given.start, given.count, _unwanted(only, without))
    return _list([cut(each, only, without) for each in found], given.start, total)


def _unwanted(only: str, without: str) -> frozenset[str]:
    """Which of the attributes that cost a look at others, `RELATED`, nobody asks for."""
    named = {parts_of(each.strip())[0].lower() for each in only.split(",") if each.strip()}
    return RELATED - named if named else RELATED & {each.strip().lower() for each in without.split(",")}


def _tagged(told: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["ETag"] = told["meta"]["version"]
    return told


def _operations(given: dict[str, Any]) -> list[dict[str, Any]]:
    found = next((value for key, value in given.items() if key.lower() == "operations"), None)
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise InvalidSyntax("A change has a list of Operations.")
    return found


def _list(found: list[dict[str, Any]], start: int, total: int) -> dict[str, Any]:
    told = {
        "schemas": [_LIST],
        "totalResults": total,
        "startIndex": max(start, 1),
        "itemsPerPage": len(found),
    }
    return told | {"Resources": found}


def _named(known: list[dict[str, Any]], which: str) -> dict[str, Any]:
    for each in known:
        if which in (each["id"], each.get("name")):
            return each
    raise NotFound(f"There is nothing of the id {which[:60]}.")


def _types(name: str) -> list[dict[str, Any]]:
    extended = [{"schema": ENTERPRISE, "required": False}]
    return [
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": kind,
            "name": kind,
            "endpoint": f"/{kind}s",
            "schema": schema,
            **({"schemaExtensions": extended} if schema == USER else {}),
            "meta": {"resourceType": "ResourceType", "location": f"/scim/{name}/ResourceTypes/{kind}"},
        }
        for kind, schema in (("User", USER), ("Group", GROUP))
    ]
