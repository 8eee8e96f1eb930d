"""Addresses of pages: one spelling for each, and which of them belong to a site.

Spellings that mean the same (RFC 3986, 6.2.2) become one: scheme and host in lower case, no usual port, no dots as folders, nothing escaped
that need not be, no fragment. What only counts visitors is left out of the query.
"""

import re
from urllib.parse import quote, unquote_to_bytes

import httpx

LONGEST = 2_000
"""Characters of an address at most: longer ones are made by programs that go in circles."""

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BEYOND_ASCII = re.compile(r"(?:%[89A-F][0-9A-F])+")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SESSION = re.compile(r";jsessionid=[^/?;]*", re.IGNORECASE)
_COUNTING = re.compile(
    r"(?:utm_\w+|gclid|dclid|fbclid|msclkid|mc_[ce]id|igshid|phpsessid|jsessionid|aspsessionid\w*)(?:=.*)?",
    re.IGNORECASE,
)


def normal(text: str, base: str = "") -> str | None:
    """The one spelling of an address on the web; None where it is none.

    :param base: what it is relative to.
    """
    try:
        url = httpx.URL(base).join(text.strip()) if base else httpx.URL(text.strip())
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            return None
        plain = httpx.URL(_plainly(str(url.copy_with(fragment=None))))
        # Once more: what was escaped may have been dots, which are gone now.
        spelled = _plainly(str(plain.copy_with(raw_path=plain.raw_path)))
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return None
    return spelled if len(spelled) <= LONGEST else None


class Scope:
    """What lies at or beneath the folder of an address.

    The key of a page is what follows that folder, letters beyond ASCII as they are read; an address that ends with a slash has a
    dot after it (``docs/.``), which no address has by itself: a key that ends with a slash means a folder.

    :param start: where a site begins; without a slash at its end its folder counts.
    """

    def __init__(self, start: str) -> None:
        self.start = normal(start) or start
        self._folder = self.start.partition("?")[0].rpartition("/")[0] + "/"

    def key(self, url: str) -> str | None:
        """The key of an address in its one spelling; None where it lies elsewhere."""
        if not url.startswith(self._folder):
            return None
        path, mark, query = url.removeprefix(self._folder).partition("?")
        dotted = f"{path}." if not path or path.endswith("/") else path
        return _BEYOND_ASCII.sub(_readable, f"{dotted}{mark}{query}")

    def url(self, key: str) -> str:
        """The address that a key was made of."""
        path, mark, query = key.partition("?")
        if path == "." or path.endswith("/."):
            path = path.removesuffix(".")
        return f"{self._folder}{_escaped(path)}{mark}{_escaped(query)}"


def _plainly(url: str) -> str:
    """Without escapes that are not needed, session ids and what counts visitors."""
    place, _, query = _ESCAPE.sub(_unescaped, url).partition("?")
    kept = [part for part in query.split("&") if part and not _COUNTING.fullmatch(part)]
    return _SESSION.sub("", place) + ("?" + "&".join(kept) if kept else "")


def _unescaped(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char in _UNRESERVED else found[0].upper()


def _readable(found: re.Match[str]) -> str:
    try:
        text = unquote_to_bytes(found[0]).decode()
    except UnicodeDecodeError:
        return found[0]
    return text if text.isprintable() else found[0]


def _escaped(text: str) -> str:
    return "".join(char if char.isascii() else quote(char) for char in text)
