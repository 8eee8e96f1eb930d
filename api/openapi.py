"""What the API says of itself: FastAPI's description, with our errors as they are answered (RFC 9457)."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.error_answers import SCIM
from api.problems import MEDIA_TYPE

_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "Why nothing was done, and what to do about it.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "description": "The problem's lasting name; programs may act on it."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "hint": {"type": "string", "description": "What to do."},
        "exit_code": {"type": "integer", "description": "Of the command line, as in sysexits.h."},
        "instance": {"type": "string"},
        "request_id": {"type": "string", "description": "As the service's log has it."},
    },
}
_ERROR: dict[str, Any] = {
    "description": "A problem.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}

_SCIM_ERROR: dict[str, Any] = {
    "title": "ScimError",
    "description": "Why nothing was done, as identity providers read it (RFC 7644, 3.12).",
    "type": "object",
    "required": ["schemas", "status"],
    "properties": {
        "schemas": {"type": "array", "items": {"type": "string"}},
        "status": {"type": "string"},
        "scimType": {"type": "string"},
        "detail": {"type": "string"},
    },
}
_SCIM_PROBLEM: dict[str, Any] = {
    "description": "An error.",
    "content": {SCIM: {"schema": {"$ref": "#/components/schemas/ScimError"}}},
}


def described(app: FastAPI) -> dict[str, Any]:
    """The description of an application; made once.

    FastAPI would say that whatever cannot be understood is answered as it answers by itself.
    """
    if app.openapi_schema:
        return app.openapi_schema
    told = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    schemas = told.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _SCHEMA
    schemas["ScimError"] = _SCIM_ERROR
    for path, operations in told["paths"].items():
        error = _SCIM_PROBLEM if path.startswith("/scim/") else _ERROR
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = error
    app.openapi_schema = told
    return told
