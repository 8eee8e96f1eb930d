"""Documents put into a source by other programs."""

from pathlib import Path
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import (
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from api.admission import Asked
from api.service import Service
from api.upkeep import ledger_json
from connectors.push import Push, Pushed, PushStore
from memory.domain import Access, Identity, Role, SourceRef
from memory.errors import InvalidInput, TooLarge

router = APIRouter(prefix="/api/sources/{name}/documents", tags=["push"])
MAX_BODY = 64_000_000
"""Bytes of a request: it is held in memory a few times over while it is read."""


class PushedContribution(BaseModel):
    """Somebody's part in a document."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    name: str = ""
    address: str = ""
    account: str = ""
    at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        try:
            Identity(self.name, self.address, self.account)
        except InvalidInput as error:
            raise ValueError(error.message) from error
        return self


class PushedDocument(BaseModel):
    """A document: its `content` as text, or as bytes in `content_base64`, and what is known about it."""

    model_config = ConfigDict(extra="forbid")

    content: str | None = None
    content_base64: Base64Bytes | None = None
    name: str = Field("", description="A file name; its ending helps to tell the type.")
    title: str = ""
    media_type: str = Field("", description="Empty: as the bytes and the name say.")
    url: str = ""
    created: AwareDatetime | None = None
    modified: AwareDatetime | None = None
    grant: list[str] = Field(
        default_factory=list, description="Tokens; none and no deny: as the source says."
    )
    deny: list[str] = Field(default_factory=list)
    contributions: list[PushedContribution] = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.content is None) == (self.content_base64 is None):
            raise ValueError("give either content or content_base64")
        try:
            Access(frozenset(self.grant), frozenset(self.deny))
        except InvalidInput as error:
            raise ValueError(error.message) from error
        return self

    def to_pushed(self, key: str) -> Pushed:
        """The document as its source keeps it."""
        facts = self.model_dump(mode="json", exclude={"content", "content_base64"}, exclude_defaults=True)
        if self.content is None:
            return Pushed(key, self.content_base64 or b"", facts)
        if not self.media_type and not self.name:
            facts["media_type"] = "text/plain"
        return Pushed(key, self.content.encode("utf-8", "replace"), facts)


async def body_of(request: Request) -> bytes:
    """The request's body, never more of it than is taken.

    :raises TooLarge: where it is larger.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise TooLarge(
                f"A pushed document has {MAX_BODY // 1_000_000} MB at most.",
                hint="Put it where a folder source finds it.",
            )
    return bytes(body)


@router.put(
    "/{document:path}",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": PushedDocument.model_json_schema()}},
        }
    },
)
def put(
    service: Asked, name: str, document: str, body: Annotated[bytes, Depends(body_of)], response: Response
) -> dict[str, Any]:
    """Put a document into a source, or replace it. It is kept when the answer comes, and found after a sync."""
    store = _store(service, name)
    _check_key(document)
    try:
        given = PushedDocument.model_validate_json(body)
    except ValidationError as error:
        said = "; ".join(f"{_place(each['loc'])}{each['msg']}" for each in error.errors()[:5])
        raise InvalidInput(f"{said}.", hint="See /openapi.json for what is taken.") from error
    outcome = store.put(given.to_pushed(document))
    service.schedule.ask(name)
    response.status_code = 201 if outcome == "created" else 200
    return {"ref": str(SourceRef(Push.kind, name, document)), "outcome": outcome}


@router.delete("/{document:path}")
def delete(service: Asked, name: str, document: str) -> dict[str, Any]:
    """Take a document out of a source; one that is not there is no error."""
    _check_key(document)
    outcome = _store(service, name).delete(document)
    service.schedule.ask(name)
    return {"ref": str(SourceRef(Push.kind, name, document)), "outcome": outcome}


@router.get("/{document:path}")
def state(service: Asked, name: str, document: str) -> dict[str, Any]:
    """How far a pushed document came: its row of the ledger."""
    _store(service, name).get(document)
    ref = SourceRef(Push.kind, name, document)
    row = service.memory.catalogue.ledger.find([ref]).get(ref)
    return (
        ledger_json(row) if row else {"ref": str(ref), "source": name, "document": None, "stage": "waiting"}
    )


def _store(service: Service, name: str) -> PushStore:
    source = service.memory.catalogue.sources.get(name)
    if source.kind != Push.kind:
        raise InvalidInput(
            f"Nothing can be put into {name}: it is a {source.kind} source.",
            hint="Add one that takes documents: mneme sources add push FOLDER.",
        )
    return PushStore(Path(source.location))


def _check_key(key: str) -> None:
    if len(key) > 500 or not key.isprintable() or "//" in key or key.startswith("/") or key.endswith("/"):
        raise InvalidInput(
            "Not an id for a document.",
            hint="Use at most 500 printable characters, no slash at either end and none twice.",
        )


def _place(loc: tuple[Any, ...]) -> str:
    return f"{'.'.join(map(str, loc))}: " if loc else ""
