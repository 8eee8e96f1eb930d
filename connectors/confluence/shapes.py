"""What Confluence's REST API answers, as far as it is looked at: Data Center (``/rest/api``) and Cloud (``/wiki/rest/api``).

https://developer.atlassian.com/server/confluence/rest and https://developer.atlassian.com/cloud/confluence/rest/v1
"""

from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from memory.errors import SourceError


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True)


class User(_Shape):
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


class Group(_Shape):
    """A group of users; only Cloud's have ids."""

    name: str = ""
    id: str = ""


class Users(_Shape):
    """Some users."""

    results: tuple[User, ...]


class Groups(_Shape):
    """Some groups."""

    results: tuple[Group, ...]


class Subjects(_Shape):
    """Whom a restriction leaves in."""

    user: Users
    group: Groups


class Restriction(_Shape):
    """Who may do one thing to a page; where it names nobody, nothing is restricted here."""

    restrictions: Subjects


class Restrictions(_Shape):
    """What is restricted on a page itself. Nothing here has a default: what was not told is not the same as no restriction."""

    read: Restriction


class Version(_Shape):
    """The newest version of something."""

    number: int = 1
    when: AwareDatetime | None = None
    by: User | None = None


class Publishers(_Shape):
    """Everybody who ever published a version."""

    users: tuple[User, ...] = ()


class Contributors(_Shape):
    """Who worked on something."""

    publishers: Publishers = Publishers()


class History(_Shape):
    """How something came about."""

    created_by: User | None = Field(None, alias="createdBy")
    created: AwareDatetime | None = Field(None, alias="createdDate")
    contributors: Contributors = Contributors()


class Space(_Shape):
    """What pages lie in."""

    id: str = ""
    key: str = ""
    name: str = ""


class Storage(_Shape):
    """A body in the storage format."""

    value: str = ""


class Body(_Shape):
    """What was written; None where it was not told."""

    storage: Storage | None = None


class Links(_Shape):
    """Where it is shown and lies, beneath the address of the whole wiki."""

    webui: str = ""
    download: str = ""


class InlineProperties(_Shape):
    """What an inline comment is about."""

    original: str = Field("", alias="originalSelection")


class Extensions(_Shape):
    """What only some kinds have: files a size and type, comments a place."""

    media_type: str = Field("", alias="mediaType")
    size: int | None = Field(None, alias="fileSize")
    inline: InlineProperties = Field(InlineProperties(), alias="inlineProperties")


class Content(_Shape):
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


_S = TypeVar("_S", bound=_Shape)


def shaped(kind: type[_S], value: Any) -> _S:
    """A value of the API as one of these.

    :raises SourceError: where it is none.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        raise SourceError(
            f"The wiki answers no {kind.__name__.lower()} as Confluence has it: {first} is not understood.",
            hint="Check the address: it is the one that pages begin with, https://HOST/wiki in the Cloud.",
        ) from None
