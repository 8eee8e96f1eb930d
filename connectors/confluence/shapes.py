"""What Confluence's REST API answers, as far as it is looked at: Data Center (``/rest/api``) and Cloud (``/wiki/rest/api``).

https://developer.atlassian.com/server/confluence/rest and https://developer.atlassian.com/cloud/confluence/rest/v1
"""

from typing import Any, TypeVar

from pydantic import AwareDatetime, Field

from connectors.http_shapes import Shape
from connectors.http_shapes import shaped as as_shape


class User(Shape):
    """Somebody with an account.

    :param account: Cloud's id.
    :param key: Data Center's id.
    :param email: where its owner lets it be seen; Data Center tells none.
    """

    account: str = Field("", alias="accountId")
    key: str = Field("", alias="userKey")
    username: str = ""
    display_name: str = Field("", alias="displayName")
    public_name: str = Field("", alias="publicName")
    email: str = ""
    kind: str = Field("", alias="type")
    account_kind: str = Field("", alias="accountType")

    @property
    def id(self) -> str:
        """What the API names them by; ``""`` for who is not logged in."""
        return self.account or self.key


class Group(Shape):
    """A group of users; only Cloud's have ids."""

    name: str = ""
    id: str = ""


class Users(Shape):
    """Some users."""

    results: tuple[User, ...]


class Groups(Shape):
    """Some groups."""

    results: tuple[Group, ...]


class Subjects(Shape):
    """Whom a restriction leaves in."""

    user: Users
    group: Groups


class Restriction(Shape):
    """Who may do one thing to a page; where it names nobody, nothing is restricted here."""

    restrictions: Subjects


class Restrictions(Shape):
    """What is restricted on a page itself. Nothing here has a default: what was not told is not the same as no restriction."""

    read: Restriction


class Version(Shape):
    """The newest version of something."""

    number: int = 1
    when: AwareDatetime | None = None
    by: User | None = None


class Publishers(Shape):
    """Everybody who ever published a version."""

    users: tuple[User, ...] = ()


class Contributors(Shape):
    """Who worked on something."""

    publishers: Publishers = Publishers()


class History(Shape):
    """How something came about."""

    created_by: User | None = Field(None, alias="createdBy")
    created: AwareDatetime | None = Field(None, alias="createdDate")
    contributors: Contributors = Contributors()


class Space(Shape):
    """What pages lie in."""

    id: str = ""
    key: str = ""
    name: str = ""


class Storage(Shape):
    """A body in the storage format."""

    value: str = ""


class Body(Shape):
    """What was written; None where it was not told."""

    storage: Storage | None = None


class Links(Shape):
    """Where it is shown and lies, beneath the address of the whole wiki."""

    webui: str = ""
    download: str = ""


class InlineProperties(Shape):
    """What an inline comment is about."""

    original: str = Field("", alias="originalSelection")


class Extensions(Shape):
    """What only some kinds have: files a size and type, comments a place."""

    media_type: str = Field("", alias="mediaType")
    size: int | None = Field(None, alias="fileSize")
    inline: InlineProperties = Field(InlineProperties(), alias="inlineProperties")


class Content(Shape):
    """A page, a blog post, a comment or an attached file.

    :param ancestors: the pages above it, the top first.
    :param container: what a comment or a file belongs to.
    :param restrictions: None where they were not told.
    """

    id: str
    type: str = ""
    status: str = "current"
    title: str = Field("", max_length=2_000)
    space: Space = Space()
    version: Version = Version()
    history: History = History()
    ancestors: tuple["Content", ...] = ()
    container: "Content | None" = None
    restrictions: Restrictions | None = None
    body: Body = Body()
    extensions: Extensions = Extensions()
    links: Links = Field(Links(), alias="_links")


_S = TypeVar("_S", bound=Shape)


def shaped(kind: type[_S], value: Any) -> _S:
    """A value of the API as one of these.

    :raises SourceError: where it is none.
    """
    return as_shape(
        kind,
        value,
        "Confluence",
        "Check the address: it is the one that pages begin with, https://HOST/wiki in the Cloud.",
    )
