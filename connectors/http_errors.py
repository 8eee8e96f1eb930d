"""What a source on the web means by its answer, or by none: as errors that hold no secret."""

import re
import ssl
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from memory.errors import NotFound, RateLimited, SourceError, SourceUnavailable

_UNSHOWABLE = re.compile(r"[^\x21-\x7e]|%(?:[01][0-9A-Fa-f]|7[Ff])")
_NO_MOMENT = 1_000_000_000
"""What is less, as seconds since 1970, was over in 2001."""
_ODD = "Check the source's address."


class Refused(SourceError):
    """The source does not let us see this (401 or 403)."""


class AnswerTooLarge(SourceError):
    """The source answers more than is taken."""


class ServerFault(SourceUnavailable):
    """The source answers, and fails over just this (HTTP 500): whether others can be had is worth a try."""


def shown(url: httpx.URL | str) -> str:
    """An address as a message may have it: no user, no password, no query, nothing unprintable, not too long."""
    try:
        url = httpx.URL(url)
        place = (
            f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.partition(b'?')[0].decode('ascii')}"
        )
    except (httpx.InvalidURL, UnicodeError):
        return "an address that is none"
    place = _UNSHOWABLE.sub("?", place)
    return place if len(place) <= 200 else f"{place[:200]}..."


def complain(answer: httpx.Response, also: Collection[int] = ()) -> None:
    """Raise what the status means, unless it is 2xx or one of those that are answers as well."""
    status, place = answer.status_code, shown(answer.url)
    said = f"{place} answers HTTP {status}."
    if answer.is_success or status in also:
        return
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise NotFound(f"There is nothing at {place}.", hint=_ODD)
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise Refused(said, hint="Check the user and the password or token, and what they may read.")
    asked_s = retry_after(answer.headers)
    if status == httpx.codes.TOO_MANY_REQUESTS or (
        status == httpx.codes.SERVICE_UNAVAILABLE and asked_s is not None
    ):
        raise RateLimited(f"{answer.url.host} asks for a pause.", after_s=asked_s)
    if status == httpx.codes.INTERNAL_SERVER_ERROR:
        raise ServerFault(said)
    if answer.is_server_error:
        raise SourceUnavailable(said)
    raise SourceError(f"{place} leads in circles." if answer.has_redirect_location else said, hint=_ODD)


def retry_after(headers: httpx.Headers) -> float | None:
    """The seconds to wait that a source asks for (RFC 9110, 10.2.3); None where it asks for none.

    A moment is taken from the source's own clock, where it tells what that says. Without ``Retry-After``, ``X-RateLimit-Reset`` counts, which no
    standard describes: seconds to wait, or the moment in seconds since 1970.
    """
    given = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", given):
        return float(given)
    reset = headers.get("x-ratelimit-reset", "").strip()
    until = _moment(given)
    if until is None and re.fullmatch(r"[0-9]{1,10}", reset):
        if int(reset) < _NO_MOMENT:
            return float(reset)
        until = datetime.fromtimestamp(int(reset), UTC)
    if until is None:
        return None
    now = _moment(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def unreachable(host: str, error: Exception) -> SourceError:
    """An error of the network as ours. Libraries' words are passed on only where they can hold nothing that was sent."""
    if untrusted := _of_certificate(error):
        return SourceError(
            f"{host} shows a certificate that is not trusted: {untrusted.verify_message}.",
            hint="Give the authority's certificate by --option ca=FILE.",
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError | httpx.ProxyError):
        return SourceUnavailable(f"{host} cannot be reached: {str(error) or 'no answer'}.")
    if isinstance(error, httpx.TimeoutException):
        return SourceUnavailable(f"{host} does not answer in time.")
    if isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol):
        return SourceUnavailable(f"{host} broke off the connection.")
    return SourceError(f"{host} answers what cannot be understood.", hint=_ODD)


def _of_certificate(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The error in the chain that is about the server's certificate."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
