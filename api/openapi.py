"""What the API says of itself: FastAPI's description, with our errors as they are answered (RFC 9457)."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

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
    for path in told["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = _ERROR
    app.openapi_schema = told
    return told
