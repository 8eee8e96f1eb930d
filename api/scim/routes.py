"""SCIM 2.0 for identity providers (RFC 7644), below ``/scim/NAME``: people and groups come, change and go by request."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from scim2_models import EnterpriseUser, Group, User

from api.admission import Asked, By
from api.error_answers import SCIM
from api.scim.provider import MOST, ONE_AT_A_TIME, Provider
from api.scim.resources import ENTERPRISE, GROUP, USER, cut
from api.service import Service
from memory.errors import InvalidInput, NotFound


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
        "etag": off,
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


@router.get("/Users")
def users(
    service: Asked,
    by: By,
    name: str,
    filter: Filter = "",
    start: Start = 1,
    count: Count = MOST,
    attributes: Only = "",
    without: Without = "",
) -> dict[str, Any]:
    """People that a filter finds."""
    total, found = _provider(service, by, name).users(filter, start, count)
    return _list([cut(each, attributes, without) for each in found], start, total)


@router.post("/Users", status_code=201)
def create_user(service: Asked, by: By, name: str, given: Resource) -> dict[str, Any]:
    """Somebody new."""
    with ONE_AT_A_TIME:
        return _provider(service, by, name).create_user(given)


@router.post("/.search")
def search(service: Asked, by: By, name: str, given: Search) -> dict[str, Any]:
    """People and groups that a filter finds, people first."""
    provider = _provider(service, by, name)

    def both(text: str, start: int, count: int) -> tuple[int, list[dict[str, Any]]]:
        people, found = provider.users(text, start, count)
        groups, more = provider.groups(text, max(1, start - people), count - len(found))
        return people + groups, found + more

    return _searched(both, given)


@router.post("/Users/.search")
def search_users(service: Asked, by: By, name: str, given: Search) -> dict[str, Any]:
    """The same, asked for in a body."""
    return _searched(_provider(service, by, name).users, given)


@router.post("/Groups/.search")
def search_groups(service: Asked, by: By, name: str, given: Search) -> dict[str, Any]:
    """The same for groups."""
    return _searched(_provider(service, by, name).groups, given)


@router.get("/Users/{which}")
def user(
    service: Asked, by: By, name: str, which: str, attributes: Only = "", without: Without = ""
) -> dict[str, Any]:
    """Somebody."""
    return cut(_provider(service, by, name).user(which), attributes, without)


@router.put("/Users/{which}")
def replace_user(service: Asked, by: By, name: str, which: str, given: Resource) -> dict[str, Any]:
    """What somebody is now."""
    with ONE_AT_A_TIME:
        return _provider(service, by, name).replace_user(which, given)


@router.patch("/Users/{which}")
def patch_user(service: Asked, by: By, name: str, which: str, given: Resource) -> dict[str, Any]:
    """What has changed of somebody; ``active: false`` is a departure."""
    with ONE_AT_A_TIME:
        return _provider(service, by, name).patch_user(which, _operations(given))


@router.delete("/Users/{which}", status_code=204, response_class=Response)
def remove_user(service: Asked, by: By, name: str, which: str) -> None:
    """Somebody is gone; what they wrote stays theirs."""
    with ONE_AT_A_TIME:
        _provider(service, by, name).remove_user(which)


@router.get("/Groups")
def groups(
    service: Asked,
    by: By,
    name: str,
    filter: Filter = "",
    start: Start = 1,
    count: Count = MOST,
    attributes: Only = "",
    without: Without = "",
) -> dict[str, Any]:
    """Groups that a filter finds."""
    total, found = _provider(service, by, name).groups(filter, start, count)
    return _list([cut(each, attributes, without) for each in found], start, total)


@router.post("/Groups", status_code=201)
def create_group(service: Asked, by: By, name: str, given: Resource) -> dict[str, Any]:
    """A new group."""
    with ONE_AT_A_TIME:
        return _provider(service, by, name).create_group(given)


@router.get("/Groups/{which}")
def group(
    service: Asked, by: By, name: str, which: str, attributes: Only = "", without: Without = ""
) -> dict[str, Any]:
    """A group."""
    return cut(_provider(service, by, name).group(which), attributes, without)


@router.put("/Groups/{which}")
def replace_group(service: Asked, by: By, name: str, which: str, given: Resource) -> dict[str, Any]:
    """What a group is now."""
    with ONE_AT_A_TIME:
        return _provider(service, by, name).replace_group(which, given)


@router.patch("/Groups/{which}")
def patch_group(service: Asked, by: By, name: str, which: str, given: Resource) -> dict[str, Any]:
    """What has changed of a group: who joined and who left, say."""
    with ONE_AT_A_TIME:
        return _provider(service, by, name).patch_group(which, _operations(given))


@router.delete("/Groups/{which}", status_code=204, response_class=Response)
def remove_group(service: Asked, by: By, name: str, which: str) -> None:
    """A group is gone."""
    with ONE_AT_A_TIME:
        _provider(service, by, name).remove_group(which)


def _provider(service: Service, by: By, name: str) -> Provider:
    return Provider(service.memory, name, by.caller.actor)


def _searched(
    ask: Callable[[str, int, int], tuple[int, list[dict[str, Any]]]], given: Search
) -> dict[str, Any]:
    total, found = ask(given.filter, given.start, given.count)
    only, without = ",".join(given.attributes), ",".join(given.without)
    return _list([cut(each, only, without) for each in found], given.start, total)


def _operations(given: dict[str, Any]) -> list[dict[str, Any]]:
    found = next((value for key, value in given.items() if key.lower() == "operations"), None)
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise InvalidInput("A change has a list of Operations.")
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
