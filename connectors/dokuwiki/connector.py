"""The pages of a DokuWiki, read from its folder, with its access rules and who wrote what."""

from collections.abc import Iterator
from dataclasses import replace
from os import fsdecode, fsencode
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from connectors.base import OUT_OF_REACH, Change, Content, SourceConfig, Upserted
from connectors.dokuwiki.acl import Acl
from connectors.dokuwiki.changelog import Changes, read_changes
from connectors.dokuwiki.settings import Settings, read_settings
from connectors.file_tree import key_of, moment, name_of
from connectors.folder import Folder
from connectors.patterns import AccessRules, Patterns
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError

OPTIONS = {"acl": ("follow", "ignore"), "groups": ("members", "names"), "media": ("no", "yes")}
"""The options with a choice, each with its values; the first is the default."""

MEDIA = "media:"
"""What the keys of media files begin with; no page has a colon in its key."""

_NO_RULE = Access(frozenset({"no-rule"}))


class DokuWiki:
    """The pages of a DokuWiki, from its folder: with its access rules, authors and editors.

    The location is the wiki's folder, which has ``data`` and ``conf``, or the folder ``data`` itself. Options: ``conf`` (where local.php lies, if
    elsewhere), ``url`` (of ``doku.php``, for links), ``media=yes`` (files beside the pages too), ``groups=names`` (groups are
    ``group:NAME``, not their members) and ``acl=ignore``.

    The key is the page's id with ``/`` instead of ``:``. What the wiki lets everybody read is for whoever the source is for; an access rule of the source
    replaces the wiki's. Whoever created a page is its author, others are editors; whoever had no account is nobody.

    :raises InvalidInput: where the settings cannot be understood.
    """

    kind = "dokuwiki"
    reports_deletions = False

    def __init__(self, config: SourceConfig) -> None:
        config.only(options=("conf", "url", *OPTIONS))
        if not config.location or "\0" in config.location:
            raise InvalidInput("A dokuwiki source needs the path of the wiki's folder.")
        chosen = {name: config.option(name, values[0]) for name, values in OPTIONS.items()}
        for name, value in chosen.items():
            if value not in OPTIONS[name]:
                raise InvalidInput(
                    f"A dokuwiki source has no option {name}={value}.",
                    hint=f"Known are: {', '.join(OPTIONS[name])}.",
                )
        url = config.option("url")
        if url and not url.startswith(("https://", "http://")):
            raise InvalidInput("The option url is an address that begins with https:// or http://.")
        root = Path(config.location).absolute()
        self._name = config.name
        self._url = url
        self._data = root / "data" if (root / "data").is_dir() or not (root / "pages").is_dir() else root
        self._conf = Path(
            config.option("conf") or (root / "conf" if self._data != root else root.parent / "conf")
        )
        self._pages, self._files = (
            Folder(SourceConfig(config.name, str(self._data / name))) for name in ("pages", "media")
        )
        self._follows = chosen["acl"] == "follow"
        self._by_name = chosen["groups"] == "names"
        self._media = chosen["media"] == "yes"
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._everybody = config.access
        self._rules = AccessRules(_NO_RULE, config.rules)
        self._settings: Settings | None = None
        self._acl: Acl | None = None
        self._digests: dict[Access, str] = {}

    def check(self) -> str:
        """Say how the wiki's access is known.

        :raises SourceError: where its pages or settings cannot be read.
        """
        self._pages.check()
        settings = self._read_settings()
        if not self._follows or settings.rules is None:
            return f"{self._data} has the pages of a DokuWiki; its access rules are not used."
        return (
            f"{self._data} has the pages of a DokuWiki with {len(settings.users):,} users and access rules."
        )

    def changes(self, since: str | None) -> Iterator[Change]:
        """Walk over all pages, whatever the cursor: a page that has not changed keeps its version.

        :raises SourceError: where the pages or the access rules cannot be read.
        """
        del since
        self._read_settings()
        return self._walk()

    def fetch(self, ref: SourceRef) -> Content:
        """The page as it is written, or the file.

        :raises NotFound: where the wiki does not have it, or the settings leave it out.
        :raises SourceError: where it cannot be read.
        """
        name = self._checked(ref)
        if not self._wanted(ref.key):
            raise NotFound(f"There is no document {ref}.")
        is_media = ref.key.startswith(MEDIA)
        content = self._found(ref, name, is_media)
        changes = self._changes(name, is_media)
        people = changes.contributions(self._known().users, self._name)
        made = moment(changes.created)
        if is_media:
            return replace(
                content, ref=ref, url=self._link(name, is_media), contributions=people, created=made
            )
        body = content.read()  # as bytes: then other people are a change too
        shown = f"{content.name.removesuffix('.txt')}.dokuwiki"
        return replace(
            content,
            ref=ref,
            name=shown,
            body=body,
            url=self._link(name, is_media),
            contributions=people,
            created=made,
        )

    def url(self, ref: SourceRef) -> str:
        """Where the wiki shows it, ``""`` where its address is not known.

        :raises NotFound: where the key is none of this source.
        """
        return self._link(self._checked(ref), ref.key.startswith(MEDIA))

    def access(self, ref: SourceRef) -> Access:
        """What the last rule of the source says that matches the key, else what the wiki says.

        :raises NotFound: where the key is none of this source.
        """
        self._checked(ref)
        return self._access_of(ref.key)

    def _walk(self) -> Iterator[Change]:
        for change in self._pages.changes(None):
            if not isinstance(change, Upserted | Failed):
                if self._media:
                    yield from self._media_files()
                yield change
                continue
            yield from self._page(change)

    def _media_files(self) -> Iterator[Change]:
        if (self._data / "media").is_dir():
            for change in self._files.changes(None):
                if isinstance(change, Upserted | Failed):
                    yield from self._told(change, _decoded(change.ref.key), MEDIA)

    def _page(self, change: Upserted | Failed) -> Iterator[Change]:
        name = _decoded(change.ref.key)
        if not _is_page(name):
            return
        if name.endswith(".txt"):
            yield from self._told(change, name.removesuffix(".txt"), "")
        elif name.endswith("/"):
            yield from self._told(change, name, "")

    def _told(self, change: Upserted | Failed, name: str, prefix: str) -> Iterator[Change]:
        key = prefix + key_of(name)
        ref = SourceRef(self.kind, self._name, key)
        if isinstance(change, Failed):
            if key.endswith("/") or self._wanted(key):
                yield replace(change, ref=ref)
            return
        if not self._wanted(key):
            return
        try:
            changes = self._changes(name, bool(prefix))
        except OSError as error:
            yield Failed(ref, Stage.FETCHED, (error.strerror or str(error)).lower(), retryable=True)
            return
        people = changes.digest(self._known().users)
        version = f"{change.version}-{people}-{self._access_digest(key)}"
        yield Upserted(ref, version, change.fingerprint, change.size)

    def _access_of(self, key: str) -> Access:
        ruled = self._rules.of(key)
        if ruled is not _NO_RULE:
            return ruled
        settings = self._known()
        if not self._follows or settings.rules is None:
            return self._everybody
        if self._acl is None:
            self._acl = Acl(settings, self._everybody, by_name=self._by_name)
        page = name_of(key.removeprefix(MEDIA)).replace("/", ":")
        if key.startswith(MEDIA):  # a file is as its namespace is
            space = page.rpartition(":")[0]
            page = f"{space}:*" if space else "*"
        return self._acl.of(page)

    def _access_digest(self, key: str) -> str:
        access = self._access_of(key)
        if access not in self._digests:
            self._digests[access] = AccessRules(access).digest("")
        return self._digests[access]

    def _changes(self, name: str, is_media: bool) -> Changes:
        folder = self._data / ("media_meta" if is_media else "meta")
        for written in _spellings(name):
            changes = read_changes(folder / f"{written}.changes")
            if changes != Changes():
                return changes
        return Changes()

    def _found(self, ref: SourceRef, name: str, is_media: bool) -> Content:
        folder = self._files if is_media else self._pages
        ending = "" if is_media else ".txt"
        for written in _spellings(name):
            try:
                return folder.fetch(SourceRef(folder.kind, self._name, key_of(written + ending)))
            except NotFound:
                continue
        raise NotFound(f"There is no document {ref}.")

    def _link(self, name: str, is_media: bool) -> str:
        if not self._url:
            return ""
        page = quote(name.replace("/", ":"), safe=":")
        if is_media:
            return f"{self._url.removesuffix('doku.php').rstrip('/')}/lib/exe/fetch.php?media={page}"
        return f"{self._url}?id={page}"

    def _wanted(self, key: str) -> bool:
        return self._include.matches(key) and not self._exclude.matches(key)

    def _known(self) -> Settings:
        return self._settings or self._read_settings()

    def _read_settings(self) -> Settings:
        if not self._follows and not self._conf.is_dir():
            self._settings = Settings(None, {})
        else:
            if not self._data.is_dir():
                raise SourceError(f"There is no folder {self._data}.", hint=OUT_OF_REACH)
            self._settings = read_settings(self._conf)
        self._acl = None
        self._digests = {}
        return self._settings

    def _checked(self, ref: SourceRef) -> str:
        if (ref.kind, ref.source) != (self.kind, self._name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        key = ref.key.removeprefix(MEDIA) if self._media else ref.key
        if ":" in key or not (ref.key.startswith(MEDIA) or _is_page(key)):
            raise NotFound(f"There is no document {ref}.")
        return name_of(key)


def _is_page(name: str) -> bool:
    """Whether the wiki lists it: no template of pages to come (``_template``), and nothing that no page is called."""
    return ":" not in name and not any(part.startswith("_") for part in name.split("/"))


def _decoded(key: str) -> str:
    """The name that a file's key stands for: the wiki writes what is not ASCII as ``%XX`` (`utf8_encodeFN`)."""
    folder = "/" if key.endswith("/") else ""
    parts = []
    for part in name_of(key.removesuffix("/")).split("/"):
        plain = fsdecode(unquote_to_bytes(fsencode(part)))
        parts.append(part if {"/", "\0"} & set(plain) else plain)
    return "/".join(parts) + folder


def _spellings(name: str) -> list[str]:
    """How the wiki may have written a name: as ``%XX``, or with the setting ``fnencode=utf-8`` as it is."""
    return list(dict.fromkeys([quote(name, safe="/-_.", errors="surrogateescape"), name]))
