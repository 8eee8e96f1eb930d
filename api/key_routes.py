"""The JSON API of keys for programs: making one, seeing which there are, taking one back."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.admission import Asked, By
from api.roles import Permission
from api.witness import tell
from memory.catalogue.api_keys import ApiKey
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
    )
    tell(key=made.id, name=made.name, scopes=sorted(scopes), address=address, grant=sorted(tokens))
    return _told(made) | {"key": key, "taken": "keys" in service.memory.settings.auth.methods}


@router.delete("/{identity}")
def revoke(service: Asked, identity: str) -> dict[str, Any]:
    """Take a key back; it is worth nothing from the answer on."""
    return _told(service.memory.catalogue.api_keys.revoke(identity))


def _told(key: ApiKey) -> dict[str, Any]:
    moments = {name: value and value.isoformat() for name, value in asdict(key).items() if name in _MOMENTS}
    holds = key.holds(datetime.now(UTC))
    return (
        asdict(key) | moments | {"tokens": sorted(key.tokens), "scopes": sorted(key.scopes), "holds": holds}
    )


_MOMENTS = frozenset({"created", "expires", "used", "revoked"})
