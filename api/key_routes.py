"""The JSON API of keys for programs: making one, seeing which there are, taking one back."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.admission import Asked, By
from api.roles import FOR_A_SOURCE, Permission
from api.service import Service
from api.witness import tell
from connectors.scim import Scim
from memory.catalogue.api_keys import ApiKey
from memory.catalogue.sources import still_removing
from memory.domain import Access
from memory.errors import AccessDenied, InvalidInput
from memory.people.addresses import address_key

router = APIRouter(prefix="/api/keys", tags=["keys"])


class KeyIn(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="What it is for.", max_length=200)
    scopes: Annotated[list[Permission], Field(min_length=1)] = Field(
        default_factory=lambda: [Permission.READ], description="What it may do."
    )
    address: str = Field(
        "", description="Of the person it asks for: with their groups, and no more than they may."
    )
    grant: list[str] = Field(
        default_factory=list,
        description="Access tokens of a program that asks for nobody; without, it sees what is public.",
    )
    source: str = Field(
        "",
        description="The one source that it may push to, or tell people to. For `provision` it may be left out where there is one source of the kind scim only.",
        max_length=200,
    )
    days: Annotated[int, Field(ge=0, le=3650)] = Field(365, description="Days until it expires; 0: never.")


@router.get("")
def keys(service: Asked) -> list[dict[str, Any]]:
    """Every key there ever was, newest first; of none what would let anybody use it."""
    return [_told(each) for each in service.memory.catalogue.api_keys.all()]


@router.post("", status_code=201)
def add(service: Asked, by: By, given: KeyIn) -> dict[str, Any]:
    """Make a key. The answer is the only place where it ever stands."""
    scopes = frozenset(given.scopes)
    if Permission.EVERYTHING in scopes:
        raise AccessDenied("No key may see everything.", hint="Name the access tokens it needs with --grant.")
    if beyond := scopes - by.caller.permissions:
        raise AccessDenied(f"You may not give what you may not do yourself: {', '.join(sorted(beyond))}.")
    if given.address and given.grant:
        raise InvalidInput(
            "A key asks for a person or holds access tokens of its own, not both.",
            hint="Leave out --for or --grant.",
        )
    source = _source_of(service, by.caller.source, given)
    tokens = Access(frozenset(given.grant)).grant
    people = service.memory.catalogue.people
    if given.address:
        people.asker_at(given.address)
    address = address_key(given.address)
    made, key = service.memory.catalogue.api_keys.add(
        given.name,
        scopes=scopes,
        made_by=by.caller.actor,
        address=address,
        tokens=tokens,
        lasts=timedelta(days=given.days) if given.days else None,
        source=source,
    )
    tell(
        key=made.id,
        name=made.name,
        scopes=sorted(scopes),
        address=address,
        grant=sorted(tokens),
        source=source,
    )
    return _told(made) | {"key": key, "taken": "keys" in service.memory.settings.auth.methods}


@router.delete("/{identity}")
def revoke(service: Asked, identity: str) -> dict[str, Any]:
    """Take a key back; it is worth nothing from the answer on."""
    return _told(service.memory.catalogue.api_keys.revoke(identity))


def _source_of(service: Service, own: str, given: KeyIn) -> str:
    """The one source that a key is for; empty: any.

    Whoever tells people to one directory is not to tell them to another, so a key that may `provision` is always for one.

    :param own: the source that whoever makes the key may do the same to; empty: any.
    :raises NotFound: where there is no such source.
    :raises InvalidInput: where the key could do nothing there, or it takes a word to say which of several it is for.
    :raises AccessDenied: where it would be for another than `own`.
    """
    kinds = {FOR_A_SOURCE[each] for each in given.scopes if each in FOR_A_SOURCE}
    sources = service.memory.catalogue.sources
    name = given.source or (own if kinds else "")
    if not name and Permission.PROVISION in given.scopes:
        name = _only_one(
            [each.name for each in sources.all() if each.kind == Scim.kind and not each.removing]
        )
    if not name:
        return ""
    if own and name != own:
        raise AccessDenied(f"You may not give what you may not do yourself: {name}.")
    known = sources.get(name)
    if known.removing:
        raise still_removing(name)
    if kinds != {known.kind}:
        raise InvalidInput(
            f"A key with these scopes cannot be for {name}, a source of the kind {known.kind}.",
            hint="Make a key with the scope push for a source of the kind push, or provision for one of the kind scim.",
        )
    return name


def _only_one(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    raise InvalidInput(
        "A key with the scope provision is for one source of the kind scim.",
        hint=f"Name it with --source: {', '.join(names)}."
        if names
        else "Add one first: mneme sources add scim NAME.",
    )


def _told(key: ApiKey) -> dict[str, Any]:
    moments = {name: value and value.isoformat() for name, value in asdict(key).items() if name in _MOMENTS}
    holds = key.holds(datetime.now(UTC))
    return (
        asdict(key) | moments | {"tokens": sorted(key.tokens), "scopes": sorted(key.scopes), "holds": holds}
    )


_MOMENTS = frozenset({"created", "expires", "used", "revoked"})
