"""Our errors as answers: one status, one problem type and one exit code each (RFC 9457)."""

from dataclasses import dataclass
from typing import Any

from api.request_id import request_id
from memory import errors
from memory.errors import MnemeError


@dataclass(frozen=True, slots=True)
class Problem:
    """How an error is told over HTTP and on the command line.

    :param type: the problem's lasting name; clients may act on it.
    :param exit_code: of the command line, as in ``sysexits.h``.
    """

    status: int
    type: str
    title: str
    exit_code: int


_KNOWN: dict[type[MnemeError], Problem] = {
    errors.InvalidSettings: Problem(500, "invalid-settings", "A setting cannot work", 78),
    errors.InvalidInput: Problem(422, "invalid-input", "This cannot be understood", 64),
    errors.InvalidQuery: Problem(422, "invalid-query", "This search cannot be understood", 64),
    errors.TooLarge: Problem(413, "too-large", "This is too large", 65),
    errors.NotFound: Problem(404, "not-found", "Not found", 66),
    errors.NotAuthenticated: Problem(401, "not-authenticated", "Not signed in", 77),
    errors.TooManyRequests: Problem(429, "too-many-requests", "Too many requests", 75),
    errors.ProviderUnavailable: Problem(503, "provider-away", "The identity provider cannot be asked", 75),
    errors.AccessDenied: Problem(403, "access-denied", "Not allowed", 77),
    errors.SourceError: Problem(502, "source-unreachable", "The source cannot be read", 69),
    errors.ConnectorUnavailable: Problem(501, "connector-unavailable", "The connector is not installed", 69),
    errors.ParseError: Problem(422, "unreadable", "The file cannot be read", 65),
    errors.ServiceGone: Problem(503, "service-gone", "The service has ended", 75),
    errors.MemoryInUse: Problem(409, "memory-in-use", "The memory is in use", 75),
    errors.CatalogueError: Problem(500, "catalogue-unusable", "The catalogue cannot be used", 74),
    errors.CatalogueAway: Problem(503, "catalogue-away", "The catalogue cannot be reached for now", 75),
    errors.IndexUnavailable: Problem(503, "index-unusable", "The index cannot be used", 74),
    errors.IndexAway: Problem(503, "index-away", "The index cannot be reached for now", 75),
    errors.ModelMismatch: Problem(503, "model-mismatch", "The index was made by another model", 78),
    errors.ModelUnavailable: Problem(503, "model-unavailable", "The embedding model cannot be loaded", 69),
    errors.NotInstalled: Problem(501, "not-installed", "A package is not installed", 69),
    errors.SecretUnreadable: Problem(500, "secret-unreadable", "A secret cannot be decrypted", 78),
    errors.RateLimited: Problem(503, "rate-limited", "The source asks for a pause", 75),
    errors.SourceUnavailable: Problem(503, "source-away", "The source cannot be reached for now", 75),
    errors.Taken: Problem(409, "taken", "There is one of this name already", 65),
    errors.Changed: Problem(412, "changed", "This has changed since", 75),
    errors.NotPromoted: Problem(409, "not-promoted", "This has not passed the gate", 78),
    errors.TooBusy: Problem(503, "too-busy", "There is too much to do", 75),
    errors.BackupUnusable: Problem(422, "backup-unusable", "The backup cannot be used", 65),
    errors.DiskFull: Problem(507, "disk-full", "The disk is full", 74),
}

MEDIA_TYPE = "application/problem+json"

UNKNOWN = Problem(500, "internal-error", "Something went wrong", 70)


def problem_of(error: MnemeError) -> Problem:
    """How an error is told: as itself, else as the nearest of its parents."""
    for kind in type(error).__mro__:
        if known := _KNOWN.get(kind):
            return known
    return UNKNOWN


def identified() -> dict[str, str]:
    """The id of the request at hand, as a problem names it."""
    return {"request_id": known} if (known := request_id()) else {}


def problem_json(error: MnemeError, instance: str = "") -> dict[str, Any]:
    """The body of a problem answer."""
    problem = problem_of(error)
    return {
        "type": f"urn:mneme:problem:{problem.type}",
        "title": problem.title,
        "status": problem.status,
        "detail": error.message,
        "hint": error.hint,
        "exit_code": problem.exit_code,
        **({"instance": instance} if instance else {}),
        **identified(),
    }
