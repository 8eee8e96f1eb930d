"""The pages of a Confluence, by its REST API."""

from collections.abc import Iterator
from functools import partial
from typing import NoReturn

from connectors.base import Change, Content, SourceConfig
from connectors.confluence import page as pages
from connectors.confluence.access import Permissions
from connectors.confluence.people import People
from connectors.confluence.rest import MEDIA, Rest
from connectors.confluence.rest_rights import RestAccounts, viewers
from connectors.confluence.shapes import Content as Found
from connectors.confluence.walk import SEEN, Choice, Known, Walk, chosen, kind_and_number, part_of, path_of
from connectors.http_settings import OPTIONS, basic, bearer, web_of
from memory.domain import Access, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError
from memory.media_types import CONFLUENCE

_OWN = ("comments", "domain", "everybody", "files", "space", "spaces", "user")
_WRITTEN = "body.storage,version,history.contributors.publishers"
_COMMENT = "body.storage,version,history,extensions.inlineProperties"


class Confluence:
    """Pages, blog posts and attached files of a Confluence, Data Center or Cloud, with who may see them and everybody who worked on them.

    The location is the address that pages begin with (``https://HOST/wiki`` in the Cloud). Options: ``user`` with the secret ``password`` (in
    the Cloud an address and an API token), or the secret ``token`` alone (a personal access token of Data Center, OAuth 2 of the Cloud); ``space`` (keys with commas between), ``files=no``,
    ``comments=no``, ``spaces=source`` (permissions of spaces are not asked for), ``everybody`` (groups that everybody is in, with commas between), ``domain`` (users' addresses
    are their names at it), and those of every source on the web. Keys are ``page/NUMBER``, ``blogpost/NUMBER`` and ``attachment/NUMBER``, which moves and renames keep.

    :raises InvalidInput: where the settings do not name a wiki, or a pattern or an option cannot be understood.
    """

    kind = "confluence"
    reports_deletions = False

    def __init__(self, config: SourceConfig) -> None:
        config.only(options=(*OPTIONS, *_OWN), secrets=("password", "token"))
        user, password, token = config.option("user"), config.secret("password"), config.secret("token")
        if bool(user) != bool(password) or (password and token):
            raise InvalidInput(
                "To log in to Confluence, a user and a password are needed, or a token alone.",
                hint="In the Cloud, give --option user=ADDRESS with an API token as --secret password.",
            )
        secret = basic(user, password) if password else bearer(token) if token else None
        self._name = config.name
        self._location = config.location
        self._rest = Rest(web_of(config, {"Authorization": secret} if secret else None, onwards=(MEDIA,)))
        self._choice = Choice(config)
        self._files, self._comments = (
            chosen(config, name, "yes", "no") == "yes" for name in ("files", "comments")
        )
        self._accounts = RestAccounts(self._rest)
        self._people = People(self._accounts, config.name, config.option("domain"))
        follows = chosen(config, "spaces", "follow", "source") == "follow"
        self._permissions = Permissions(
            self._people,
            config.access,
            config.option("everybody").split(","),
            partial(viewers, self._rest, self._accounts) if follows else None,
        )
        self._known: dict[str, Known] = {}

    def check(self) -> str:
        """Say as whom the wiki is asked, and whether it tells who may see what.

        :raises SourceError: where it cannot be asked, or does not tell.
        """
        me = self._rest.me()
        name = me.display_name or me.username or "nobody in particular"
        seen = next(self._rest.found(self._choice.cql("page"), SEEN), None)
        if seen is None:
            return f"{self._rest.host} shows no page to {name}."
        self._permissions.of(seen)
        return f"{self._rest.host} shows pages to {name}, and who may see them."

    def changes(self, since: str | None) -> Iterator[Change]:
        """Walk over everything, whatever the cursor: the wiki tells of no restriction that was changed, and of no page that went.

        What has not changed keeps its version and is not fetched.

        :raises SourceError: where the wiki does not answer.
        """
        del since
        self._accounts.forget()
        self._permissions.forget()
        known: dict[str, Known] = {}
        walk = Walk(
            self._rest, self._choice, self._permissions, self._ref, self._files, self._comments, known
        )
        self._known = known
        return walk.changes()

    def fetch(self, ref: SourceRef) -> Content:
        """A page as it is written with its comments, or a file.

        :raises NotFound: where it is not there, or the settings leave it out.
        :raises SourceError: where it cannot be read.
        """
        kind, number = self._place(ref)
        return self._file(ref, number) if kind == "attachment" else self._page(ref, kind, number)

    def access(self, ref: SourceRef) -> Access:
        """What the last rule of the source says that matches, else what the wiki says.

        :raises NotFound: where it is not there.
        :raises SourceError: where the wiki does not say.
        """
        kind, number = self._place(ref)
        return self._about(kind, number).access

    def close(self) -> None:
        """End the connections."""
        self._rest.close()

    def _ref(self, key: str) -> SourceRef:
        return SourceRef(self.kind, self._name, key)

    def _place(self, ref: SourceRef) -> tuple[str, str]:
        if (ref.kind, ref.source) != (self.kind, self._name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        return kind_and_number(ref.key)

    def _about(self, kind: str, number: str) -> Known:
        """What is known of a page or a file since the last walk, or is asked for now.

        :raises NotFound: where it is not there.
        """
        if number not in self._known:
            found = self._ask(kind, number, "container" if kind == "attachment" else SEEN)
            self._known[number] = self._file_known(found) if kind == "attachment" else self._page_known(found)
        return self._known[number]

    def _page_known(self, page: Found) -> Known:
        path = path_of(page)
        return Known(path, self._choice.access(path, lambda: self._permissions.of(page)))

    def _file_known(self, file: Found) -> Known:
        if file.container is None:
            raise SourceError(f"The wiki does not say to which page file {file.id} belongs.")
        page = self._about(file.container.type, file.container.id)
        path = f"{page.path}/{part_of(file.title)}"
        return Known(path, self._choice.access(path, lambda: page.access))

    def _ask(self, kind: str, number: str, expand: str) -> Found:
        found = next(self._rest.found(f"id = {number}", expand), None)
        if found is None or found.type != kind:
            self._missing(kind, number)
        return found

    def _page(self, ref: SourceRef, kind: str, number: str) -> Content:
        self._wanted(ref, self._about(kind, number).path)
        found = self._ask(kind, number, _WRITTEN)
        said = list(self._said(number))
        return Content(
            ref,
            "page",
            pages.written(found, said, self._people),
            CONFLUENCE,
            url=self._url(found.links.webui),
            created=found.history.created,
            modified=max(
                (at for at in (found.version.when, *(each.version.when for each in said)) if at), default=None
            ),
            contributions=pages.contributions(found, said, self._people),
            title=found.title,
        )

    def _file(self, ref: SourceRef, number: str) -> Content:
        self._wanted(ref, self._about("attachment", number).path)
        found = self._ask("attachment", number, "version,history")
        if not found.links.download:
            raise SourceError(f"The wiki does not say where {ref} lies.")
        return Content(
            ref,
            found.title,
            self._rest.file(found.links.download, found.extensions.size),
            found.extensions.media_type,
            url=self._url(found.links.webui),
            created=found.history.created,
            modified=found.version.when,
            contributions=pages.contributions(found, (), self._people),
        )

    def _said(self, number: str) -> Iterator[Found]:
        if self._comments:
            yield from self._rest.found(f"type = comment and container = {number} order by created", _COMMENT)

    def _wanted(self, ref: SourceRef, path: str) -> None:
        if not self._choice.wants(path):
            raise NotFound(f"There is no document {ref}.")

    def _missing(self, kind: str, number: str) -> NoReturn:
        """What the wiki's search does not have: gone, or only not found."""
        ref = self._ref(f"{kind}/{number}")
        if self._rest.there(kind, number):
            raise SourceError(
                f"The wiki's search does not find {ref}.",
                hint="It may be rebuilt just now; run the sync again.",
            )
        raise NotFound(f"There is no document {ref}.")

    def _url(self, path: str) -> str:
        base = self._rest.base or self._location
        if not path.startswith("/") or not base.startswith(("https://", "http://")):
            return ""
        return base.rstrip("/") + path
