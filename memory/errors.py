"""Every error Mneme raises on purpose, in one tree.

    MnemeError
    ├── InvalidSettings      a setting has a value that cannot work
    ├── InvalidInput         what the caller gave cannot be understood
    │   ├── InvalidQuery     the same, for a search
    │   └── TooLarge         more than is taken at once
    ├── NotFound             no such document, person, source or model
    ├── NotAuthenticated     nobody knows who asks
    ├── TooManyRequests      somebody asks more often than is taken
    ├── ProviderUnavailable  the identity provider cannot be asked
    ├── AccessDenied         the asker may not do this
    ├── SourceError          a source cannot be reached or read
    │   ├── SourceUnavailable      it cannot be reached for now: the network, or its server
    │   │   └── RateLimited        it asks for a pause first
    │   └── ConnectorUnavailable   the connector needs something that is not installed
    ├── ParseError           a file's bytes could not be turned into text
    │   └── ParserUnavailable      not the file's fault: the parser did not start or was ended
    ├── Taken                there is one of this name already
    ├── Changed              it has changed since whoever asks has read it
    ├── MemoryInUse          another process has the memory open
    ├── ServiceGone          the service that was asked ended before it answered
    ├── CatalogueError       the catalogue cannot be opened, read or written
    ├── IndexUnavailable     the vector index cannot be opened, read or written
    │   └── ModelMismatch    the index was made by another embedding model
    ├── ModelUnavailable     the embedding model cannot be loaded
    ├── NotInstalled         a package of an extra is not there
    ├── SecretUnreadable     a password or token cannot be decrypted
    ├── NotPromoted          a pipeline or model has not passed the gate
    ├── TooBusy              more is asked at a time than is taken
    ├── BackupUnusable       a backup is damaged, or none of ours
    └── DiskFull             nothing more can be written

Each carries a hint that says what to do next and whether a retry can help. Errors of
libraries are turned into these at the border; the original stays in ``__cause__``.
"""

from typing import ClassVar


class MnemeError(Exception):
    """Something went wrong that Mneme can explain.

    :param message: one sentence that says what happened; defaults to the class docstring.
    :param hint: one sentence that says what to do about it.
    """

    retryable: ClassVar[bool] = False
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.hint = hint or self.default_hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidSettings(MnemeError):
    """A setting has a value that cannot work."""


class InvalidInput(MnemeError):
    """What was given cannot be understood."""


class InvalidQuery(InvalidInput):
    """The search cannot be understood."""


class TooLarge(InvalidInput):
    """This is more than is taken at once."""


class NotFound(MnemeError):
    """There is no such thing, or you may not see it."""


class NotAuthenticated(MnemeError):
    """Say who you are first."""


class TooManyRequests(MnemeError):
    """This was asked too often."""

    retryable = True
    default_hint = "Wait a moment, then try again."

    def __init__(self, message: str = "", *, after_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.after_s = after_s


class ProviderUnavailable(MnemeError):
    """The identity provider cannot be asked."""

    retryable = True
    default_hint = "Try again in a moment; the log says more."


class AccessDenied(MnemeError):
    """You may not do this."""


class SourceError(MnemeError):
    """The source cannot be reached or read."""

    retryable = True


class Taken(MnemeError):
    """There is one of this name already."""


class Changed(MnemeError):
    """This has changed since it was read."""


class SourceUnavailable(SourceError):
    """The source cannot be reached for now."""

    default_hint = "Nothing was taken out of the memory; the next sync goes on from here."


class RateLimited(SourceUnavailable):
    """The source asks for a pause.

    :param after_s: the seconds to wait that it asks for (HTTP's ``Retry-After``, say); None where it names none.
    """

    def __init__(self, message: str = "", *, after_s: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.after_s = after_s


class ConnectorUnavailable(SourceError):
    """The connector needs something that is not installed."""

    retryable = False


class ParseError(MnemeError):
    """The file could not be turned into text."""


class ParserUnavailable(ParseError):
    """The parser could not be started, or was ended before it was done."""

    retryable = True


class ServiceGone(MnemeError):
    """The service that has this memory ended before it answered."""

    retryable = True
    default_hint = "Start it again, and run the same command again: what was done is kept."


class MemoryInUse(MnemeError):
    """Another process has this memory open."""

    retryable = True
    default_hint = "Wait until it has finished, or start `mneme serve` and let every command talk to it."


class CatalogueError(MnemeError):
    """The catalogue cannot be opened, read or written."""


class CatalogueAway(CatalogueError):
    """The catalogue's database cannot be reached for now."""

    retryable = True
    default_hint = "Try again in a moment; nothing that was written is lost."


class IndexUnavailable(MnemeError):
    """The vector index cannot be opened, read or written."""

    default_hint = "Run `mneme doctor --repair`: it rebuilds the index from the catalogue."


class IndexAway(IndexUnavailable):
    """The server that has the index cannot be reached for now."""

    retryable = True
    default_hint = "Try again in a moment; nothing that was written is lost. If it stays so, check that the Qdrant server runs and can be reached."


class ModelMismatch(IndexUnavailable):
    """The index was made by another embedding model."""


class ModelUnavailable(MnemeError):
    """The embedding model cannot be loaded."""


class NotInstalled(MnemeError):
    """A package that this needs is not installed."""


class SecretUnreadable(MnemeError):
    """A secret cannot be decrypted."""


class NotPromoted(MnemeError):
    """This has not passed the gate."""


class TooBusy(MnemeError):
    """More searches are asked for at a time than are taken."""

    retryable = True
    default_hint = "Try again in a few seconds."


class BackupUnusable(MnemeError):
    """The backup is damaged, or is none of Mneme's."""


class DiskFull(MnemeError):
    """There is no space left on the disk."""

    retryable = True
    default_hint = "Free some space and run the same command again; nothing that was written is lost."
