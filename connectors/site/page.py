"""What a page says to programs: where it leads, by which address it wants to be known, and whether it wants to be found."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from connectors.site.addresses import normal

_MOST_LINKS = 5_000
_LOOKED_AT = 4_000_000
"""Characters of a page that are searched for links."""
_NO_INDEX = re.compile(r"\b(?:noindex|none)\b", re.IGNORECASE)
_NO_FOLLOW = re.compile(r"\b(?:nofollow|none)\b", re.IGNORECASE)


@dataclass(slots=True)
class Told:
    """What was found.

    :param canonical: the address that the page wants to be known by, in its one spelling; ``""`` where it names none.
    :param hidden: whether it wants not to be found.
    :param links: addresses it leads to, in their one spelling.
    """

    canonical: str = ""
    hidden: bool = False
    links: list[str] = field(default_factory=list)


def told_by(url: str, headers: httpx.Headers, body: bytes) -> Told:
    """What an answer says; of what is no HTML, what its headers say."""
    rules = " ".join(headers.get_list("x-robots-tag"))
    named = httpx.Response(httpx.codes.OK, headers=headers).links.get("canonical", {}).get("url", "")
    # What is no HTML can say it in no other way (RFC 6596, 3); what a page itself says goes before.
    told = Told(hidden=bool(_NO_INDEX.search(rules)), canonical=(normal(named, url) or "") if named else "")
    if is_page(headers):
        charset = headers.get("content-type", "").lower().partition("charset=")[2].strip(" \"';") or "utf-8"
        try:
            text = body.decode(charset, "replace")
        except LookupError:
            text = body.decode("utf-8", "replace")
        reading = _Reading(url, told)
        reading.feed(text[:_LOOKED_AT])
        if not reading.follow or _NO_FOLLOW.search(rules):
            told.links.clear()
        told.links = list(dict.fromkeys(told.links))
    return told


def is_page(headers: httpx.Headers) -> bool:
    """Whether an answer is HTML."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml")


class _Reading(HTMLParser):
    def __init__(self, url: str, told: Told) -> None:
        super().__init__(convert_charrefs=True)
        self._base = url
        self._told = told
        self._in_head = True
        self.follow = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at a tag."""
        given = {name: value or "" for name, value in reversed(attrs)}
        match tag:
            case "body":
                self._in_head = False
            case "base" if given.get("href"):
                self._base = normal(given["href"], self._base) or self._base
            case "link" if self._in_head and "canonical" in given.get("rel", "").lower().split():
                self._told.canonical = normal(given.get("href", ""), self._base) or ""
            case "meta" if given.get("name", "").lower() in ("robots", "mneme"):
                self._told.hidden = self._told.hidden or bool(_NO_INDEX.search(given.get("content", "")))
                self.follow = self.follow and not _NO_FOLLOW.search(given.get("content", ""))
            case "a" | "area" if given.get("href") and len(self._told.links) < _MOST_LINKS:
                link = normal(given["href"], self._base)
                if link and "nofollow" not in given.get("rel", "").lower().split():
                    self._told.links.append(link)
