"""What there is in a Confluence: every page, and what people said about it or attached to it, with who may see it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from urllib.parse import quote

from connectors.base import UNASKED, Change, Checkpoint, SourceConfig, Upserted
from connectors.confluence.access import Permissions
from connectors.confluence.page import PAGES
from connectors.confluence.rest import Rest
from connectors.confluence.shapes import Content
from connectors.patterns import AccessRules, Patterns, digest_of
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, RateLimited, SourceError, SourceUnavailable

_WHO = "restrictions.read.restrictions"
SEEN = ",".join(
    [
        "version,space,ancestors",
        *(f"{of}{_WHO}.{whom}" for of in ("", "ancestors.") for whom in ("user", "group")),
    ]
)
"""What is asked of a page to know its version and who may see it."""
ASKED = 1_000
"""Documents that a sync asks for one by one, because the list of all does not have them."""

_NO_RULE = Access(frozenset({"no-rule"}))


class Choice:
    """Which pages a source takes. Patterns and rules are about ``SPACE/PAGE/PAGE BENEATH``, with a file's name behind its page's.

    :raises InvalidInput: where a pattern or an option cannot be understood.
    """

    def __init__(self, config: SourceConfig) -> None:
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._rules = AccessRules(_NO_RULE, config.rules)
        self._keys = [key.strip() for key in config.option("space").split(",") if key.strip()]
        for key in self._keys:
            if not key.removeprefix("~").replace(".", "").replace("-", "").replace("_", "").isalnum():
                raise InvalidInput(f"Not the key of a space: {key}.", hint="space reads LEGAL,~jane")

    def cql(self, *kinds: str) -> str:
        """The query for everything of these kinds, oldest first, so that what is new meanwhile comes at the end."""
        spaces = ", ".join(f'"{key}"' for key in self._keys)
        return f"type in ({', '.join(kinds)}){f' and space in ({spaces})' if spaces else ''} order by created"

    def in_space(self, key: str) -> bool:
        """Whether a space is one of those that were asked for."""
        return not self._keys or key in self._keys

    def wants(self, path: str) -> bool:
        """Whether something at this path is a document."""
        return self._include.matches(path) and not self._exclude.matches(path)

    def access(self, path: str, of_wiki: Callable[[], Access]) -> Access:
        """Who may see it: what the last rule of the source says that matches, else what the wiki says."""
        ruled = self._rules.of(path)
        return of_wiki() if ruled is _NO_RULE else ruled


def path_of(page: Content) -> str:
    """Where a page stands."""
    titles = [page.space.key, *(each.title for each in page.ancestors), page.title]
    return "/".join(part_of(title) for title in titles)


def part_of(title: str) -> str:
    """A title as one part of a path: no slash in it, and never empty, ``.`` or ``..``."""
    part = title.replace("%", "%25").replace("/", "%2F")
    return quote(part, safe="").replace(".", "%2E") if part.strip() in ("", ".", "..") else part


@dataclass(frozen=True, slots=True)
class Known:
    """What a walk found out about a page or a file.

    :param access: who may see it by the wiki.
    """

    path: str
    access: Access


@dataclass(slots=True)
class Walk:
    """One walk through a wiki.

    :param files: whether attached files are documents, comments: whether they belong to their pages.
    :param known: pages and files by their numbers; filled by the walk.
    """

    rest: Rest
    choice: Choice
    permissions: Permissions
    ref: Callable[[str], SourceRef]
    files: bool
    comments: bool
    known: dict[str, Known]
    _said: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list), init=False)
    _told: set[str] = field(default_factory=set, init=False)
    _asked: int = field(default=0, init=False)

    def changes(self) -> Iterator[Change]:
        """Every document, then the checkpoint.

        :raises SourceError: where the wiki cannot be read to the end.
        """
        if self.comments:
            for comment in self.rest.found(self.choice.cql("comment"), "version,container"):
                if comment.container:
                    self._said[comment.container.id].append(f"{comment.id}.{comment.version.number}")
        for page in self.rest.found(self.choice.cql(*PAGES), SEEN):
            yield from self._page(page)
        if self.files:
            for file in self.rest.found(self.choice.cql("attachment"), "version,container"):
                yield from self._file(file)
        yield Checkpoint("", doubts=self.doubts)

    def doubts(self, key: str) -> str:
        """Why a document that the walk has not met may be there all the same.

        The lists come from the wiki's search, which may lag behind, be rebuilt just now, or skip an entry when one before it
        went away; so the wiki's database is asked for each before it counts as gone.
        """
        kind, number = kind_and_number(key)
        self._asked += 1
        if self._asked > ASKED:
            return f"{UNASKED}more than {ASKED:,} are missing from the wiki's list"
        try:
            return "the wiki's search does not list it" if self.rest.there(kind, number) else ""
        except SourceError as error:
            return error.message.rstrip(".")

    def _page(self, page: Content) -> Iterator[Change]:
        key = key_of(page)
        if key in self._told:
            return
        self._told.add(key)
        path = path_of(page)
        if not self.choice.wants(path) and not self.files:
            return
        try:
            access = self.choice.access(path, lambda: self.permissions.of(page))
            self.known[page.id] = Known(path, access)
        except (SourceUnavailable, RateLimited):
            raise
        except SourceError as error:
            if self.choice.wants(path):
                yield Failed(self.ref(key), Stage.FETCHED, error.message.rstrip("."), retryable=True)
            return
        if self.choice.wants(path):
            said = ",".join(sorted(self._said.get(page.id, ())))
            yield Upserted(self.ref(key), version_of(page, path, access, said))

    def _file(self, file: Content) -> Iterator[Change]:
        key = key_of(file)
        if key in self._told or file.container is None:
            return
        self._told.add(key)
        page = self.known.get(file.container.id)
        if page is None:
            # Attached to a page that came after the list of pages, or of which nobody knows who may see it.
            yield Failed(self.ref(key), Stage.FETCHED, "its page is not known yet", retryable=True)
            return
        path = f"{page.path}/{part_of(file.title)}"
        if self.choice.wants(path):
            access = self.choice.access(path, lambda: page.access)
            self.known[file.id] = Known(path, access)
            yield Upserted(self.ref(key), version_of(file, path, access), size=file.extensions.size)


def key_of(content: Content) -> str:
    """``page/123``; a number of the Cloud's files has letters in front (``att123``)."""
    return f"{content.type}/{content.id}"


def kind_and_number(key: str) -> tuple[str, str]:
    """What `key_of` was made from.

    :raises NotFound: where it is no such key.
    """
    kind, _, number = key.partition("/")
    if kind not in (*PAGES, "attachment") or not (number.isascii() and number.isalnum()):
        raise NotFound(f"There is no document {key}.")
    return kind, number


def version_of(content: Content, path: str, access: Access, said: str = "") -> str:
    """Differs where the document does, or where it stands, or who may see it."""
    told = repr((path, digest_of(access), said))
    return f"{content.version.number}-{blake2b(told.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"


def chosen(config: SourceConfig, name: str, *values: str) -> str:
    """The value of an option that has these; the first unless given.

    :raises InvalidInput: where another was given.
    """
    given = config.option(name, values[0])
    if given not in values:
        raise InvalidInput(f"{name} is {' or '.join(values)}, not {given}.")
    return given
