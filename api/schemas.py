"""The shapes of the API's main answers, for its description (OpenAPI) and for those who call it."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

Offset = Annotated[int, Query(ge=0, le=2**53 - 1, description="How many to pass over.")]
"""As far as JSON's numbers are told apart, which no database finds too large."""


class PersonOut(BaseModel):
    """Somebody behind a document."""

    id: str
    name: str
    role: str
    at: str | None
    evidence: str


class LocationOut(BaseModel):
    """Where a passage stands; `start` and `end` count characters of the document's text."""

    start: int
    end: int
    label: str
    page: int | None = None
    heading: list[str] = []
    sheet: str | None = None
    slide: int | None = None
    message: str | None = None
    scanned: bool = False


class PassageOut(BaseModel):
    """A passage that was found; `highlights` are offsets into its text, `people` wrote this message of a thread."""

    id: int
    ordinal: int
    text: str
    highlights: list[tuple[int, int]]
    location: LocationOut
    score: float
    people: list[PersonOut]


class LegOut(BaseModel):
    """Where one way of searching ranked a result, its weight, and how many shared terms that was given for."""

    leg: str
    rank: int | None
    score: float | None
    normalised: float
    weight: float
    shared: int | None


class ResultOut(BaseModel):
    """A document that was found."""

    document: str
    ref: str
    title: str
    url: str
    source: str
    type: str
    media_type: str
    language: str
    modified: str | None
    formality: str
    score: float
    people: list[PersonOut]
    passages: list[PassageOut]
    explain: list[LegOut] | None = None


class FacetValueOut(BaseModel):
    """A value to narrow the search by; `query` is the search with it."""

    value: str
    label: str
    count: int
    query: str


class FilterOut(BaseModel):
    """A filter that is on; `query` is the search without it."""

    label: str
    query: str
    field: str
    value: str


class ReadyOut(BaseModel):
    """How far the memory can be searched."""

    words: bool
    meaning: bool
    percent: int
    passages: int | None
    embedded: int | None


class SearchOut(BaseModel):
    """The answer to a search."""

    query: str
    total: int
    total_is_exact: bool
    took_ms: float
    page: int
    pages: int
    ready: ReadyOut
    notes: list[str]
    results: list[ResultOut]
    facets: dict[str, list[FacetValueOut]]
    filters: list[FilterOut]


class ScannedWordOut(BaseModel):
    """A word on a scanned page: its `box` is left, top, width and height in pixels, `before` what stands in front of it."""

    text: str
    box: tuple[int, int, int, int]
    confidence: int
    unsure: bool
    found: bool
    view: bool
    line: int
    before: str


class ScanOut(BaseModel):
    """A page that was read as a picture; `pages` are all such pages of the document, `width` and `height` pixels."""

    document: str
    title: str
    language: str
    page: int
    pages: list[int]
    width: int
    height: int
    confidence: int
    words: list[ScannedWordOut]


class DocumentPassageOut(BaseModel):
    """A passage of a document; of a message in a thread, `byline` says who wrote it and when."""

    id: int
    ordinal: int
    text: str
    location: LocationOut
    byline: str


class RelativeOut(BaseModel):
    """The document that this one is attached to."""

    document: str
    title: str
    type: str


class AttachedOut(BaseModel):
    """A file attached to a document; one that could not be read has no document, and a reason."""

    document: str | None
    title: str
    type: str
    reason: str


class DocumentOut(BaseModel):
    """A document with its text and its people."""

    id: str
    ref: str
    title: str
    url: str
    source: str
    type: str
    media_type: str
    language: str
    created: str | None
    modified: str | None
    formality: str
    parent: RelativeOut | None
    attached: list[AttachedOut]
    messages: int
    text_length: int
    people: list[PersonOut]
    passages: list[DocumentPassageOut]


class AsideOut(BaseModel):
    """A stretch of a message that is not its writer's own text: `quoted` or `signature`."""

    start: int
    end: int
    kind: str


class MessageOut(BaseModel):
    """A message of a conversation."""

    document: str
    ref: str
    title: str
    language: str
    at: str | None
    people: list[PersonOut]
    text: str
    asides: list[AsideOut]
    attached: list[AttachedOut]


class ViewOut(BaseModel):
    """The passage in view, as offsets into its message's text."""

    ordinal: int
    start: int
    end: int


class ConversationOut(BaseModel):
    """A conversation, a page of its messages at a time; `document` is the message that was asked for."""

    document: str
    title: str
    total: int
    page: int
    pages: int
    limit: int
    view: ViewOut | None
    messages: list[MessageOut]
