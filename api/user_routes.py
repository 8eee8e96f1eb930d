"""The JSON API of people who log in with a password."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.admission import Asked
from api.witness import tell
from memory.catalogue.users import User

router = APIRouter(prefix="/api/users", tags=["users"])


class PasswordIn(BaseModel):
    """A password."""

    model_config = ConfigDict(extra="forbid")

    password: SecretStr


class UserIn(PasswordIn):
    """Somebody who is to log in with a password."""

    address: str = Field(description="Their e-mail address, as the directory has it.", max_length=320)


@router.get("")
def users(service: Asked) -> list[dict[str, Any]]:
    """Everybody who logs in with a password."""
    return [_told(each) for each in service.memory.catalogue.users.all()]


@router.post("", status_code=201)
def add(service: Asked, given: UserIn) -> dict[str, Any]:
    """Let somebody log in with a password."""
    service.memory.catalogue.people.asker_at(given.address)
    made = service.memory.catalogue.users.add(given.address, given.password.get_secret_value())
    tell(user=made.address)
    return _told(made) | {"taken": "password" in service.memory.settings.auth.methods}


@router.put("/{address}/password")
def change(service: Asked, address: str, given: PasswordIn) -> dict[str, Any]:
    """Give somebody another password, and log them out everywhere."""
    service.memory.catalogue.users.change(address, given.password.get_secret_value())
    return {"address": address}


@router.delete("/{address}")
def remove(service: Asked, address: str) -> dict[str, Any]:
    """Let somebody log in no more, and log them out everywhere."""
    service.memory.catalogue.users.remove(address)
    return {"removed": address}


def _told(user: User) -> dict[str, Any]:
    return {
        "address": user.address,
        "added": user.added.isoformat(),
        "changed": user.changed.isoformat(),
    }
