"""Which pages of a wiki a source takes, who may see each, and what makes it another version."""

from collections.abc import Iterable
from hashlib import blake2b

from connectors.base import SourceConfig
from connectors.mediawiki.shapes import Namespace, Page, Site
from connectors.patterns import AccessRules, Patterns
from memory.domain import Access, tokens
from memory.errors import InvalidInput, SourceError

FILES = 6
"""The namespace of uploaded files."""

_MACHINERY = frozenset({FILES, 8, 10, 828, 2300, 2302})
"""Files, interface texts, templates, modules, gadgets and their definitions: taken only where they are named."""


class Choice:
    """What a source takes. Patterns and rules are about the title, with its namespace and with blanks.

    What a wiki restricts is for those whom the option ``levels`` names for that level, and for nobody where it names none;
    what a rule denies stays denied.

    :raises InvalidInput: where a pattern or an option cannot be understood.
    """

    def __init__(self, config: SourceConfig) -> None:
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._rules = AccessRules(config.access, config.rules)
        self._levels = _levels(config.option("levels"))
        self._restriction = config.option("restriction", "read")
        self._asked = [name.strip() for name in config.option("namespaces").split(",") if name.strip()]
        self.files = _yes(config, "files")
        rules = [(pattern, _sorted(access)) for pattern, access in (("**", config.access), *config.rules)]
        levels = sorted((level, _sorted(access)) for level, access in self._levels.items())
        said = repr(
            (config.include, config.exclude, rules, levels, self._restriction, self._asked, self.files)
        )
        self._settings = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        self._namespaces: dict[int, Namespace] = {}

    def learn(self, site: Site) -> None:
        """Take up which namespaces there are.

        :raises SourceError: where one that was asked for is not there.
        """
        there = {space.id: space for space in site.namespaces.values() if space.id >= 0}
        if not self._asked:
            taken = {number for number in there if number % 2 == 0 and number not in _MACHINERY}
        elif self._asked == ["*"]:
            taken = set(there)
        else:
            taken = {self._number(name, there.values(), site) for name in self._asked}
        self._namespaces = {number: there[number] for number in sorted(taken)}

    @property
    def namespaces(self) -> list[int]:
        """The numbers of the namespaces whose pages are taken."""
        return list(self._namespaces)

    @property
    def listed(self) -> list[int]:
        """The same, and that of the files where they are taken."""
        return sorted({*self._namespaces, *([FILES] if self.files else [])})

    @property
    def digest(self) -> str:
        """Differs where other pages are taken, or others may see them."""
        protected = sorted((space.id, space.namespaceprotection) for space in self._namespaces.values())
        return f"{self._settings}-{blake2b(repr(protected).encode(), digest_size=4).hexdigest()}"

    def takes(self, page: Page) -> bool:
        """Whether a page is a document."""
        return page.ns in self._namespaces and self._wanted(page)

    def takes_file(self, page: Page) -> bool:
        """Whether the file that a page describes is a document."""
        return self.files and page.ns == FILES and bool(page.imageinfo) and self._wanted(page)

    def access(self, page: Page) -> Access:
        """Who may see a page or its file."""
        access = self._rules.of(page.title)
        for level in self._restricted(page):
            access = Access(self._levels.get(level, Access()).grant, access.deny)
        return access

    def version(self, page: Page, of_what: str) -> str:
        """Differs where the document does.

        :param of_what: the number of its newest version, or a file's digest.
        """
        said = repr((page.title, _sorted(self.access(page))))
        return f"{of_what}-{blake2b(said.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}"

    def _wanted(self, page: Page) -> bool:
        return (
            page.pageid > 0
            and not (page.missing or page.redirect)
            and self._include.matches(page.title)
            and not self._exclude.matches(page.title)
        )

    def _restricted(self, page: Page) -> list[str]:
        """The level that a page or its namespace is restricted to; of several the first that we know nobody for."""
        found = [each.level for each in page.protection if each.type == self._restriction]
        space = self._namespaces.get(page.ns)
        if self._restriction == "edit" and space and space.namespaceprotection:
            found.append(space.namespaceprotection)
        unknown = [level for level in found if level not in self._levels]
        return (unknown or found)[:1]

    def _number(self, name: str, there: Iterable[Namespace], site: Site) -> int:
        aliases = {alias.alias.casefold(): alias.id for alias in site.namespacealiases}
        wanted = name.replace("_", " ").casefold()
        for space in there:
            names = {space.name.casefold(), space.canonical.casefold(), str(space.id)} - {""}
            if wanted in (names or {"main"}) or (space.id == 0 and wanted in ("main", "0")):
                return space.id
        if aliases.get(wanted, -1) >= 0:
            return aliases[wanted]
        known = ", ".join(space.name or "Main" for space in there)
        raise SourceError(f"The wiki has no namespace {name}.", hint=f"It has: {known[:500]}.")


def _sorted(access: Access) -> tuple[list[str], list[str]]:
    return sorted(access.grant), sorted(access.deny)


def _levels(given: str) -> dict[str, Access]:
    """``LEVEL=TOKEN`` with commas between; a level may have several tokens."""
    found: dict[str, Access] = {}
    for part in filter(None, (each.strip() for each in given.split(","))):
        level, sign, token = (each.strip() for each in part.partition("="))
        if not sign or not level:
            raise InvalidInput(
                f"Not a level and its token: {part}.",
                hint="levels reads sysop=group:admins,legal=group:legal.",
            )
        found[level] = Access(found.get(level, Access()).grant | tokens([token]))
    return found


def _yes(config: SourceConfig, name: str) -> bool:
    given = config.option(name, "no")
    if given not in ("yes", "no"):
        raise InvalidInput(f"{name} is yes or no, not {given}.")
    return given == "yes"
