"""Every connector and directory there is, built-in and foreign alike: found by their entry points."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points

from connectors.base import Closes, Connector, SourceConfig
from connectors.directory import PeopleDirectory
from connectors.limited.connector import limited
from memory.errors import ConnectorUnavailable, InvalidInput

GROUPS = {"mneme.connectors": Connector, "mneme.directories": PeopleDirectory}
"""The entry point groups, each with the contract of what is in it."""

Source = Connector | PeopleDirectory


def kinds() -> dict[str, str]:
    """Each connector's name with one line that says what it reads, or why it cannot be used."""
    known: dict[str, str] = {}
    for kind, entry in _entries().items():
        try:
            lines = (_load(entry).__doc__ or "").strip().splitlines()
            known[kind] = lines[0] if lines else entry.value
        except ConnectorUnavailable as error:
            known[kind] = f"unavailable: {error}"
    return known


def open_connector(kind: str, config: SourceConfig) -> Source:
    """Make the connector, or directory, of that name for one source.

    :raises InvalidInput: where there is no such connector, or the configuration does not suit it.
    :raises ConnectorUnavailable: where it needs something that is not installed, or is broken.
    """
    entry = _entry(kind)
    connector = made_for(_load(entry), config)
    if not isinstance(connector, GROUPS[entry.group]):
        raise ConnectorUnavailable(f"{entry.value} does not fulfil the connector contract.")
    return connector


def class_of(kind: str) -> type[Source]:
    """The class of that name.

    :raises InvalidInput: where there is no such connector.
    :raises ConnectorUnavailable: where it needs something that is not installed, or is broken.
    """
    return _load(_entry(kind))


def made_for(made: type[Source], config: SourceConfig) -> Source:
    """A connector, or directory, of that class; one that reads files of others runs in a limited process.

    :raises InvalidInput: where the configuration does not suit it.
    """
    return limited(made, config) if getattr(made, "reads_files_of_others", False) else made(config)


@contextmanager
def connected(kind: str, config: SourceConfig) -> Iterator[Source]:
    """The connector for a while; afterwards it lets go of its connections."""
    connector = open_connector(kind, config)
    try:
        yield connector
    finally:
        if isinstance(connector, Closes):
            connector.close()


def _entries() -> dict[str, EntryPoint]:
    all_of_them = [entry for group in GROUPS for entry in entry_points(group=group)]
    found = sorted(all_of_them, key=lambda entry: (_ours(entry), entry.value))
    # Ours come last: a foreign package cannot take a built-in connector's name.
    return dict(sorted({entry.name: entry for entry in found}.items()))


def _entry(kind: str) -> EntryPoint:
    entries = _entries()
    if kind not in entries:
        raise InvalidInput(f"There is no connector {kind!r}.", hint=f"Known are: {', '.join(entries)}.")
    return entries[kind]


def _ours(entry: EntryPoint) -> bool:
    return entry.dist is not None and entry.dist.name == "mneme"


def _load(entry: EntryPoint) -> type[Source]:
    try:
        made: type[Source] = entry.load()
    except ImportError as error:
        package = entry.dist.name if entry.dist and not _ours(entry) else f"mneme[{entry.name}]"
        message = f"The connector {entry.name} needs something that is not installed ({error})."
        raise ConnectorUnavailable(message, hint=f'Run `pip install "{package}"`.') from error
    except Exception as error:  # foreign code runs here: whatever it does must not stop the others
        raise ConnectorUnavailable(f"The connector {entry.name} is broken: {error!r}.") from error
    if not isinstance(made, type):
        raise ConnectorUnavailable(f"The connector {entry.name} is broken: {entry.value} is not a class.")
    return made
