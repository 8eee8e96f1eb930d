"""Judging over HTTP: the pages for judges, and the API for those who make pools and take the judgements out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from api.admission import Asked, By
from api.interface import page, pages_of
from api.judging import JudgingTable
from api.page_links import Links

router = APIRouter(tags=["judging"])


class NewPool(BaseModel):
    """A pool to be judged."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    queries: dict[str, str] = Field(description="Texts by query id.")
    items: dict[str, list[str]] = Field(description="Refs of documents by query id.")
    judges: int = Field(2, ge=1, le=10, description="How many are to judge each query.")
    about: dict[str, Any] = Field(
        default_factory=dict, description="Where it comes from; never shown to judges."
    )


class Judged(BaseModel):
    """What the form of a judge holds."""

    query: str
    document: str
    grade: Annotated[int, Field(ge=0, le=3)]
    comment: str = Field("", max_length=2000)


async def table_of(service: Asked) -> JudgingTable:
    """The pools of this process's memory."""
    return JudgingTable(service)


Name = Annotated[str, Path(max_length=100)]
Table = Annotated[JudgingTable, Depends(table_of)]


@router.get("/api/judging/pools")
def pools(table: Table, by: By) -> list[dict[str, Any]]:
    """Every pool the asker can judge, and how far they have come with it."""
    return table.pools(by.asker)


@router.post("/api/judging/pools", status_code=201)
def create(table: Table, by: By, new: NewPool) -> dict[str, Any]:
    """Make a pool of documents of this memory."""
    return table.create(new.name, new.queries, new.items, new.judges, new.about, asker=by.asker)


@router.get("/api/judging/pools/{name}/qrels")
def qrels(table: Table, by: By, name: Name) -> dict[str, Any]:
    """The judgements that stand."""
    return table.qrels(name, by.asker)


@router.delete("/api/judging/pools/{name}")
def remove(table: Table, by: By, name: Name) -> dict[str, Any]:
    """Forget a pool with its judgements."""
    table.remove(name, by.asker)
    return {"removed": name}


@router.get("/judging", include_in_schema=False)
def pools_page(request: Request, table: Table, by: By) -> HTMLResponse:
    """What there is to judge."""
    html = pages_of(request).render("judging.html", by.place, pools=table.pools(by.asker), here="judging")
    return page(request, html)


@router.get("/judging/{name}", include_in_schema=False)
def judge_page(
    request: Request, table: Table, by: By, name: Name, query: str = "", document: str = ""
) -> HTMLResponse:
    """One document to judge."""
    told = table.next(name, by.asker, query, document)
    return page(request, pages_of(request).render("judge.html", by.place, told=told, here="judging"))


@router.post("/judging/{name}", include_in_schema=False)
def judge(table: Table, by: By, name: Name, given: Annotated[Judged, Form()]) -> RedirectResponse:
    """Keep a grade, and go on to the next document."""
    table.judge(name, by.asker, **given.model_dump())
    return RedirectResponse(Links(by.place).judging(name), 303)


@router.get("/judging/{name}/settle", include_in_schema=False)
def settle_page(request: Request, table: Table, by: By, name: Name) -> HTMLResponse:
    """One document that judges disagree on."""
    told = table.dispute(name, by.asker)
    return page(request, pages_of(request).render("settle.html", by.place, told=told, here="judging"))


@router.post("/judging/{name}/settle", include_in_schema=False)
def settle(table: Table, by: By, name: Name, given: Annotated[Judged, Form()]) -> RedirectResponse:
    """Keep the grade that stands, and go on to the next dispute."""
    table.settle(name, by.asker, **given.model_dump())
    return RedirectResponse(Links(by.place).judging(name, settle=True), 303)
