"""What all trees of files have in common, wherever they lie: keys made of names, and which names are documents."""

import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

from connectors.base import SourceConfig
from connectors.patterns import Patterns
from memory.errors import InvalidInput, NotFound

JUNK = (
    "~$*",  # Microsoft Office: somebody has the document open
    ".~lock.*#",  # LibreOffice: the same
    "[Tt]humbs.db",  # Windows: preview pictures
    "[Dd]esktop.ini",  # Windows: how to show the folder
    "*.tmp",
    "*.crdownload",  # a download that is not complete
    "__MACOSX",  # what a Mac puts into every archive
    "@eaDir",  # Synology: preview pictures
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
)
"""What programs and systems leave beside the documents; the option ``junk=yes`` lists it all the same."""

OPTIONS = {"hidden": ("no", "yes"), "junk": ("no", "yes")}
"""The options that `Choice` reads, each with its values; the first is the default."""

GONE = (FileNotFoundError, NotADirectoryError)
"""What says that a path leads nowhere any more."""

_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_UNSAFE = re.compile(f"[%{_CONTROL}]")
_DOUBLE = re.compile("^/+|/+$|//+")
_UNSHOWABLE = re.compile(f"[{_CONTROL}]")


def key_of(name: str) -> str:
    """A path relative to the root as a key: printable text on one line, read back by `name_of`.

    Bytes that are not UTF-8, control characters, line ends and ``%`` become ``%XX``. The Unicode form
    stays as it is at the source, where two forms may be two files.
    """
    return _UNSAFE.sub(_percent, name) if _UNSAFE.search(name) else name


def name_of(key: str) -> str:
    """The path relative to the root that has this key.

    :raises NotFound: where no path has it: it leads out of the root or is not written as `key_of` writes.
    """
    name = _unquoted(key)
    # Two spellings of one file would be two keys, and an access rule might know only one of them.
    if "\0" in name or key_of(name) != key or not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise NotFound(f"There is no document {key!r}.")
    return name


def object_key_of(name: str) -> str:
    """The key of an object whose name is any text and no path: what would be an empty name, ``.`` or ``..`` becomes ``%XX`` too."""
    names = key_of(name).split("/")
    escaped = [each if each not in (".", "..") else each.replace(".", "%2E") for each in names]
    # A slash that would leave an empty name before or behind it is written out.
    return _DOUBLE.sub(lambda found: "%2F" * len(found[0]), "/".join(escaped))


def object_name_of(key: str) -> str:
    """The object's name that has this key.

    :raises NotFound: where the key is not written as `object_key_of` writes.
    """
    name = _unquoted(key)
    if object_key_of(name) != key:
        raise NotFound(f"There is no document {key!r}.")
    return name


def _unquoted(key: str) -> str:
    return os.fsdecode(unquote_to_bytes(key.encode("utf-8", "surrogatepass")))


def shown(name: str) -> str:
    """The last name of a path, fit to be shown."""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", name.rpartition("/")[2])


def reason(error: OSError) -> str:
    """Why something cannot be read, in a few words."""
    if isinstance(error, PermissionError):
        return "no permission to read"
    return (error.strerror or type(error).__name__).lower()


def moment(seconds: float | None) -> datetime | None:
    """A time as file systems have it; None where no calendar has that."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None  # a date before the year 1 or after 9999: some file systems hold anything


def options_of(
    config: SourceConfig, known: Mapping[str, tuple[str, ...]], what: str, others: Iterable[str] = ()
) -> dict[str, str]:
    """What was chosen of options that have few values each.

    :param what: what the source is called in an error.
    :param others: options with values of any kind.
    :raises InvalidInput: where an option is not known, or a value is none of those there are.
    """
    chosen = {name: values[0] for name, values in known.items()}
    for name, value in config.options:
        if name in others:
            continue
        if value not in known.get(name, ()):
            each = [f"{name}={'|'.join(values)}" for name, values in known.items()]
            raise InvalidInput(
                f"{what} has no option {name}={value}.", hint=f"Known are: {'; '.join([*each, *others])}."
            )
        chosen[name] = value
    return chosen


class Choice:
    """Which names of a tree are documents, by patterns and habits.

    :param options: what was chosen of `OPTIONS`.
    :raises InvalidInput: where a pattern cannot be understood.
    """

    def __init__(self, config: SourceConfig, options: Mapping[str, str]) -> None:
        self._hidden = options["hidden"] == "yes"
        self._junk = Patterns(JUNK if options["junk"] == "no" else ())
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._patterns = (config.include, config.exclude)

    def name(self, name: str) -> bool:
        """Whether a file or folder of that name may be one: it is neither hidden nor junk."""
        return (self._hidden or name[0] != ".") and not self._junk.matches(name)

    def key(self, key: str) -> bool:
        """Whether the patterns want a document of that key."""
        return self._include.matches(key) and not self._exclude.matches(key)

    def folder(self, key: str) -> bool:
        """Whether anything in a folder may be wanted; its key ends with ``/``."""
        return not self._exclude.matches(key)

    def path(self, name: str, key: str) -> bool:
        """Whether a document of that path, which has this key, is one by all that was chosen."""
        return all(map(self.name, name.split("/"))) and self.key(key)

    def left_out_by(self, name: str, key: str) -> tuple[str, str]:
        """The rule of `Coverage` that keeps a path from being listed, and its pattern; two empty texts where none does."""
        parts = name.split("/")
        if not self._hidden and any(part.startswith(".") for part in parts):
            return "hidden", ""
        include, exclude = self._patterns
        for part in parts:
            if self._junk.matches(part):
                return "junk", _deciding(JUNK, part)
        if found := _deciding(exclude, key):
            return "exclude", found
        return ("", "") if self._include.matches(key) else ("include", ", ".join(include))


def _deciding(patterns: Iterable[str], key: str) -> str:
    """The first of the patterns that means the key, or ``""``."""
    return next((pattern for pattern in patterns if Patterns([pattern]).matches(key)), "")


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(found[0]))
