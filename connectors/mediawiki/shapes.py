"""What MediaWiki's API answers, as far as it is looked at (``formatversion=2``, MediaWiki 1.31 and later)."""

from typing import Any, TypeVar

from pydantic import AwareDatetime, Field

from connectors.http_shapes import Shape
from connectors.http_shapes import shaped as as_shape


class Protection(Shape):
    """Who may do what to a page: ``read`` is a type where the wiki's settings add it."""

    type: str
    level: str


class Revision(Shape):
    """One version in a page's history.

    :param sha1: of the text; None where it is hidden.
    :param user: None where it is hidden.
    :param userid: 0 for an address on the Internet, and for somebody of another wiki.
    """

    timestamp: AwareDatetime
    user: str | None = None
    userid: int = 0
    sha1: str | None = None
    temp: bool = False


class FileVersion(Revision):
    """One version of an uploaded file."""

    url: str = ""
    size: int = 0
    mime: str = ""


class Page(Shape):
    """A page as it is now.

    :param title: with its namespace, and with blanks.
    :param lastrevid: of its newest version.
    """

    pageid: int = 0
    ns: int = 0
    title: str = Field(default="", max_length=2_000)
    missing: bool = False
    redirect: bool = False
    lastrevid: int = 0
    protection: tuple[Protection, ...] = ()
    canonicalurl: str = ""
    revisions: tuple[Revision, ...] = ()
    imageinfo: tuple[FileVersion, ...] = ()


class Happened(Shape):
    """A line of the recent changes or of a log.

    :param logpage: the page's id when it happened: that of a page which is gone, too.
    """

    timestamp: AwareDatetime
    rcid: int = 0
    logid: int = 0
    pageid: int = 0
    logpage: int = 0
    ns: int = 0
    title: str = ""
    params: dict[str, Any] | list[Any] = Field(default_factory=dict)

    @property
    def id(self) -> str:
        """What nothing else that happened has."""
        return f"r{self.rcid}" if self.rcid else f"l{self.logid}"

    @property
    def titles(self) -> list[str]:
        """The titles that a log's line is about: where a page was, and where it went."""
        found = [self.title]
        if isinstance(self.params, dict):
            found += [self.params.get(name) for name in ("target_title", "dest_title")]  # type: ignore[misc]
        return [title for title in found if isinstance(title, str) and title]


class Namespace(Shape):
    """Pages of one purpose.

    :param namespaceprotection: the right that is needed to edit there, or several.
    """

    id: int
    name: str = ""
    canonical: str = ""
    namespaceprotection: str = ""


class Alias(Shape):
    """Another name of a namespace."""

    id: int
    alias: str = ""


class General(Shape):
    """What a wiki says of itself.

    :param server: scheme and host, as the wiki calls itself.
    """

    sitename: str = ""
    generator: str = ""
    server: str = ""
    time: AwareDatetime


class Statistics(Shape):
    """How much there is."""

    pages: int = 0


class Site(Shape):
    """A wiki."""

    general: General
    namespaces: dict[str, Namespace]
    namespacealiases: tuple[Alias, ...] = ()
    statistics: Statistics = Statistics()


_S = TypeVar("_S", bound=Shape)


def shaped(kind: type[_S], value: Any) -> _S:
    """A value of the API as one of these.

    :raises SourceError: where it is none.
    """
    return as_shape(kind, value, "MediaWiki", "Check the address: it is that of api.php.")
