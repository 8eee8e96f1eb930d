"""The FastAPI application: routes, pages, and the one place where errors become answers."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from api import (
    audit_routes,
    conversation_routes,
    discovery_pages,
    discovery_routes,
    eval_routes,
    hold_routes,
    judging_routes,
    key_routes,
    login_pages,
    people_pages,
    people_routes,
    push_routes,
    routes,
    scan_routes,
    security,
    source_pages,
    upkeep_pages,
    upkeep_routes,
    usage_routes,
    user_routes,
    web,
    witness,
)
from api.admission import Admission, admit
from api.error_answers import answer_of
from api.openapi import described
from api.problems import MEDIA_TYPE, identified
from api.request_id import HEADER, request_id
from api.request_log import RequestLog, route_of
from api.scim import routes as scim_routes
from api.scim.refusals import InvalidSyntax
from api.service import Service
from memory.errors import InvalidInput, MnemeError, NotFound, TooLarge

log = logging.getLogger("mneme")


def create_app(open_service: Callable[[], Service]) -> FastAPI:
    """The application over a service that is opened when it starts and closed when it ends.

    :param open_service: called once, at the start.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.service = open_service()
        try:
            yield
        finally:
            app.state.service.close()

    app = FastAPI(
        title="Mneme",
        summary="One search over everything an organisation has written down, with the people behind it.",
        version=version("mneme"),
        lifespan=lifespan,
        docs_url=None,  # the usual page loads its scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # ours is a route like any other, with a rule
        # FastAPI's own would send queries and messages of exceptions to whoever collects (see api/traces.py).
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        dependencies=[Depends(admit)],
    )
    app.add_middleware(Admission)
    app.add_middleware(witness.Witness)
    app.add_middleware(security.Guard)
    app.add_middleware(RequestLog)
    app.include_router(routes.router)
    app.include_router(discovery_routes.router)
    app.include_router(discovery_pages.router)
    app.include_router(conversation_routes.router)
    app.include_router(scan_routes.router)
    app.include_router(people_routes.router)
    app.include_router(people_pages.router)
    app.include_router(upkeep_routes.router)
    app.include_router(push_routes.router)
    app.include_router(upkeep_pages.router)
    app.include_router(source_pages.router)
    app.include_router(web.router)
    app.include_router(judging_routes.router)
    app.include_router(eval_routes.router)
    app.include_router(usage_routes.router)
    app.include_router(audit_routes.router)
    app.include_router(hold_routes.router)
    app.include_router(key_routes.router)
    app.include_router(login_pages.router)
    app.include_router(user_routes.router)
    app.include_router(scim_routes.router)
    app.add_api_route("/openapi.json", lambda: JSONResponse(described(app)), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_exception_handler(MnemeError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_any)
    return app


def _on_ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, MnemeError):
        raise error
    return answer_of(request, error)


def _on_invalid(request: Request, error: Exception) -> Response:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    said = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in problems[:5])
    return _on_ours(request, InvalidInput(f"{said}.", hint="See /openapi.json for what is taken."))


def _on_http(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 404:
        return _on_ours(request, NotFound("There is nothing at this address."))
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 413:
        return _on_ours(request, TooLarge(str(getattr(error, "detail", ""))))
    if status == 400 and request.url.path.startswith("/scim/"):
        return _on_ours(request, InvalidSyntax("The body cannot be read as JSON."))
    body = {
        "type": "about:blank",
        "title": str(getattr(error, "detail", "")),
        "status": status,
        **identified(),
    }
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def _on_any(request: Request, error: Exception) -> Response:
    # The text of a query or a document may stand in the error: it goes to the log of the machine, not to the asker.
    log.error("unexpected error at %s %s", request.method, route_of(request.scope) or "-", exc_info=error)
    answer = _on_ours(request, MnemeError("Something went wrong here.", hint="The log says more."))
    answer.headers[HEADER] = request_id()
    return answer
