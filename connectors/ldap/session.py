"""One connection to an LDAP server: verified, read page by page, its errors told as ours (RFC 4511, 4513, 2696)."""

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ldap3 import ANONYMOUS, BASE, NONE, SIMPLE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPExceptionError

from connectors.ldap.settings import Settings
from memory.errors import SourceError, SourceUnavailable

PAGE = 500
"""Entries asked for at a time; Active Directory gives 1,000 at most."""

TIMEOUT_S = 60
"""Longer without a word from the server is a broken connection."""

Attributes = Mapping[str, Sequence[bytes]]
"""Of one entry, by their names in lower case; values as they came."""

_PAGED = "1.2.840.113556.1.4.319"
_DATA = re.compile(r"\bdata ([0-9a-f]{3})\b")
_ITS_OWN = re.compile(r"ldaps?://(ForestDnsZones|DomainDnsZones|[^/]*/CN=Configuration)", re.IGNORECASE)
"""Parts that every Active Directory refers to and where no people are."""

_REFUSED = {  # https://learn.microsoft.com/windows/win32/debug/system-error-codes--1300-1699-
    "525": "There is no such user.",
    "52e": "The password is wrong.",
    "530": "The user may not log in at this time.",
    "531": "The user may not log in from here.",
    "532": "The password has expired.",
    "533": "The user is switched off.",
    "701": "The user has expired.",
    "773": "The user has to set another password first.",
    "775": "The user is locked out.",
}
_AGAIN = {3, 51, 52, 80, 85}
"""Time limit exceeded, busy, unavailable, other, timeout: may pass by itself."""


class Session:
    """A connection that is opened by the first question.

    Every method raises `SourceUnavailable` where the server is away, and `SourceError` where it refuses.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = settings.address.name
        self._connection: Connection | None = None
        self.elsewhere: list[str] = []
        """Where the server says that parts of the directory are; nobody goes there."""

    def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _end(connection)

    def search(self, base: str, query: str, attributes: Sequence[str]) -> Iterator[tuple[str, Attributes]]:
        """Every entry below a place, its distinguished name first; a list of values that comes in parts is put together."""
        cookie: bytes | None = None
        while True:
            found, cookie = self._page(base, query, attributes, cookie)
            for entry in found:
                if entry["type"] == "searchResRef":
                    self.elsewhere += [uri for uri in entry["uri"] if not _ITS_OWN.match(uri)]
                elif entry["type"] == "searchResEntry":
                    yield entry["dn"], self._whole(entry["dn"], entry["raw_attributes"])
            if not cookie:
                return

    def _page(
        self, base: str, query: str, attributes: Sequence[str], cookie: bytes | None
    ) -> tuple[list[dict[str, Any]], bytes | None]:
        given = {"paged_size": PAGE, "paged_criticality": True, "paged_cookie": cookie}
        found, result = self._ask(base, query, SUBTREE, attributes, given)
        if result["result"] == 12 and cookie is None:  # it knows no pages
            found, result = self._ask(base, query, SUBTREE, attributes, {})
        if result["result"] == 32:
            raise self._missing(base)
        if result["result"] != 0:
            raise self._error(base, result)
        told = (result.get("controls") or {}).get(_PAGED) or {}
        return found, (told.get("value") or {}).get("cookie") or None

    def _ask(
        self, base: str, query: str, scope: str, attributes: Sequence[str], paging: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        connection = self._opened()
        try:
            connection.search(base, query, scope, attributes=list(attributes), **paging)
        except (LDAPExceptionError, OSError) as error:
            self.close()
            raise SourceUnavailable(f"{self._name} broke off in the midst of it.") from error
        return connection.response or [], connection.result

    def _whole(self, dn: str, raw: Mapping[str, Sequence[bytes]]) -> Attributes:
        """Attributes with all their values: Active Directory gives 1,500 at a time (MS-ADTS, 3.1.1.3.1.3.3)."""
        found: dict[str, list[bytes]] = {}
        for name, values in raw.items():
            plain, _, span = name.lower().partition(";")
            found.setdefault(plain, []).extend(values)
            while span.startswith("range=") and not span.endswith("-*"):
                span, more = self._following(dn, plain, int(span.rpartition("-")[2]) + 1)
                found[plain].extend(more)
        return found

    def _following(self, dn: str, name: str, first: int) -> tuple[str, Sequence[bytes]]:
        """The values of an attribute from one on, and which these are."""
        entries, result = self._ask(dn, "(objectClass=*)", BASE, [f"{name};range={first}-*"], {})
        if result["result"] != 0:
            raise self._error(dn, result)
        for entry in entries:
            for each, values in entry.get("raw_attributes", {}).items():
                plain, _, span = each.lower().partition(";")
                if plain == name and span.startswith(f"range={first}-") and values:
                    return span, values
        raise SourceError(f"{self._name} told the values of {name} of {dn} in part only.")

    def _missing(self, base: str) -> SourceError:
        """A place that is not there, or not for this user, with what there is where the server tells (RFC 4512, 5.1)."""
        entries, _ = self._ask("", "(objectClass=*)", BASE, ["namingContexts"], {})
        raw = [value for each in entries for value in each["raw_attributes"].get("namingContexts", ())]
        there = [each.decode("utf-8", "replace") for each in raw[:5]]
        if base.casefold() in map(str.casefold, there):
            return self._error(base, {"result": 50})
        hint = f"There is {', '.join(there)}." if there else "Give another place by --option base=DN."
        return SourceError(f"There is no {base} at {self._name}.", hint=hint)

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> Connection:
        address = self._settings.address
        tls = _Verified(address.context())
        server = Server(
            address.host,
            address.port,
            use_ssl=address.tls == "implicit",
            tls=tls,
            get_info=NONE,
            connect_timeout=15,
            allowed_referral_hosts=[],
        )
        user, password = self._settings.user, self._settings.password.get_secret_value()
        connection = Connection(
            server,
            user or None,
            password or None,
            authentication=SIMPLE if user else ANONYMOUS,
            auto_referrals=False,
            auto_range=False,
            read_only=True,
            receive_timeout=TIMEOUT_S,
            return_empty_attributes=False,
            check_names=False,
        )
        try:
            connection.open(read_server_info=False)
            if address.tls == "starttls":
                connection.start_tls(read_server_info=False)
            connection.bind(read_server_info=False)
        except (LDAPExceptionError, OSError) as error:
            _end(connection)
            # Not the library's error: what it prints of a connection has the password in it.
            raise self._unopened(tls.failure, str(error)) from None
        if connection.result["result"] != 0:
            result = connection.result
            _end(connection)
            raise self._error("", result)
        return connection

    def _unopened(self, failure: Exception | None, said: str) -> SourceError:
        if isinstance(failure, ssl.SSLCertVerificationError):
            return SourceError(
                f"The certificate of {self._name} is not to be trusted: {failure.verify_message.rstrip('.')}.",
                hint="Use the name that stands in it; for an authority of your own give --option ca=FILE.",
            )
        if isinstance(failure, ssl.SSLError):
            return SourceError(
                f"{self._name} does not speak TLS there: {failure.reason or failure}.",
                hint="ldaps:// is encrypted from the start, ldap:// by StartTLS.",
            )
        if "startTLS" in said:
            return SourceError(f"{self._name} offers no StartTLS.", hint="Try ldaps:// instead.")
        return SourceUnavailable(f"{self._name} cannot be reached.")

    def _error(self, base: str, result: Mapping[str, Any]) -> SourceError:
        code, said = result["result"], str(result.get("message") or "").replace("\x00", "").strip()
        known = {
            34: (f"{self._name} takes {base or self._settings.user} for no distinguished name.", ""),
            49: (
                f"{self._name} does not let {self._settings.user or 'nobody'} in.",
                _refusal(said),
            ),
            50: (
                f"{self._name} does not show {base} to {self._settings.user or 'nobody'}.",
                "Let this user read people and groups there.",
            ),
            4: (
                f"{self._name} tells less than there is: its size limit.",
                "Have its limit raised for this user, or let it tell page by page.",
            ),
            11: (f"{self._name} tells less than there is: its administrative limit.", ""),
            8: (f"{self._name} wants the connection encrypted.", "Use ldaps://."),
            13: (f"{self._name} wants the connection encrypted.", "Use ldaps://."),
            48: (f"{self._name} does not let nobody in.", "Give --option user=DN and --secret password."),
            10: (
                f"{base} is at another server than {self._name}.",
                "Add that one: referrals are not followed.",
            ),
        }
        if code in _AGAIN:
            return SourceUnavailable(f"{self._name} cannot answer now: {result.get('description')}.")
        message, hint = known.get(code, (f"{self._name} refuses: {result.get('description')}.", ""))
        if code == 1 and "bind" in said:
            message, hint = known[48]
        return SourceError(message, hint=hint)


def _end(connection: Connection) -> None:
    """Take leave of a server, whether or not it still listens."""
    socket = connection.socket
    with suppress(LDAPExceptionError, OSError):
        connection.unbind()
    if socket is not None:
        socket.close()


def _refusal(said: str) -> str:
    found = _DATA.search(said)
    return _REFUSED.get(found[1] if found else "", "Check the user's name and the password.")


class _Verified(Tls):  # type: ignore[misc]
    """TLS by Python's own context, which checks certificate and name; the library's own checks the name by itself."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context
        self.failure: Exception | None = None

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:  # noqa: ARG002
        """Encrypt a connection."""
        try:
            connection.socket = self._context.wrap_socket(
                connection.socket, server_hostname=connection.server.host
            )
        except OSError as error:
            self.failure = error  # the library keeps no more than its text
            raise
