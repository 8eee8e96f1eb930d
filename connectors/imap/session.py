"""One connection to an IMAP server: opened when needed, read-only, its errors told as ours (RFC 3501, RFC 7162)."""

import imaplib
import re
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

from imap_tools import AND, BaseMailBox, FolderInfo, Header, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFetchError, UnexpectedCommandStatusError
from imap_tools.utils import check_command_status, encode_folder
from pydantic import SecretStr

from connectors.imap.login import Login
from connectors.message_key import MAX_MESSAGE, message_id
from connectors.server_address import Address
from memory.errors import RateLimited, SourceError, SourceUnavailable

TIMEOUT_S = 60.0
"""Longer without a word from the server is a broken connection."""

HEADS = 500
"""Messages whose headers are asked for at a time."""

_HEADS = "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
_UID = re.compile(rb"\bUID (\d+)")
_CODE = re.compile(r"\[([A-Z-]+)")
_PAUSE = {"THROTTLED", "OVERQUOTA", "LIMIT"}
_FOR_NOW = {"UNAVAILABLE", "INUSE"}


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder as it is when it is opened.

    :param modseq: 0 where the server keeps none.
    :param vanished: ranges of UIDs, both ends included, that went since the modseq that was given; None where the
        server does not tell.
    """

    validity: int
    following: int
    count: int
    modseq: int
    vanished: tuple[tuple[int, int], ...] | None


@dataclass(frozen=True, slots=True)
class Head:
    """A message and its Message-ID; empty where it has none."""

    uid: int
    message_id: bytes


class Session:
    """A connection that is opened by the first question, and again after it broke.

    Every method raises `SourceUnavailable` where the server is away or wants a pause, and `SourceError` where it refuses.
    """

    def __init__(self, address: Address, login: Login) -> None:
        self._address = address
        self._login = login
        self._box: BaseMailBox | None = None
        self._tells_vanished = False
        self._folder = ""
        """The open one; none where the connection is new."""
        self._validity = 0

    def close(self) -> None:
        """End the connection."""
        box, self._box, self._folder = self._box, None, ""
        if box is not None:
            with suppress(ImapToolsError, imaplib.IMAP4.error, OSError):
                box.logout()

    def folders(self) -> list[FolderInfo]:
        """Every folder with its flags, those of special use among them."""
        with self._asking("The folders cannot be listed") as box:
            search: str | bytes = "*"
            if {"SPECIAL-USE", "LIST-EXTENDED"} <= set(box.client.capabilities):
                search = b'"*" RETURN (SPECIAL-USE)'
            found = box.folder.list("", search)  # type: ignore[arg-type]  # bytes are sent as they are
        for each in found:
            each.name = each.name.replace("\\\\", "\\")
        return found

    def status(self, folder: str) -> tuple[int, int, int]:
        """UIDVALIDITY, UIDNEXT and the number of messages, without opening the folder."""
        names = ("UIDVALIDITY", "UIDNEXT", "MESSAGES")
        with self._asking(f"The folder {folder} cannot be read") as box:
            if folder == self._folder:
                box.client.noop()  # else it may answer what it knew when the folder was opened
            told = box.folder.status(folder, names)
            return told["UIDVALIDITY"], told["UIDNEXT"], told["MESSAGES"]

    def open(self, folder: str, validity: int = 0, modseq: int = 0) -> Opened:
        """Open a folder to read it, never to change it (EXAMINE).

        :param validity, modseq: since when to tell what vanished; 0: not at all.
        """
        with self._asking(f"The folder {folder} cannot be opened") as box:
            self._folder = ""
            since = validity and modseq and self._tells_vanished
            asked = encode_folder(folder) + (b" (QRESYNC (%d %d))" % (validity, modseq) if since else b"")
            exists = box.folder.set(asked, readonly=True)[1][-1]
            box.client.response("FETCH")  # flags that changed: not asked for, and there may be many
            vanished = [each for each in box.client.response("VANISHED")[1] if each]
            opened = Opened(
                _number(box, "UIDVALIDITY"),
                _number(box, "UIDNEXT"),
                int(exists),
                _number(box, "HIGHESTMODSEQ"),
                tuple(_ranges(vanished)) if since else None,
            )
            self._folder, self._validity = folder, opened.validity
            return opened

    def enter(self, folder: str, validity: int) -> bool:
        """Open a folder unless it is open; says whether it still has that UIDVALIDITY."""
        if self._folder != folder:
            self.open(folder)
        return self._validity == validity

    def uids(self, low: int, high: int | None = None) -> list[int]:
        """The UIDs in the open folder from `low` to `high`, in order."""
        with self._asking(f"The folder {self._folder} cannot be searched") as box:
            found = box.uids(f"UID {low}:{high or '*'}", charset=None)
        # `7:*` always means the last message too, whatever its UID is.
        return sorted(uid for uid in map(int, found) if uid >= low)

    def with_id(self, message_id: str) -> list[int]:
        """The UIDs in the open folder of messages whose Message-ID contains this."""
        with self._asking(f"The folder {self._folder} cannot be searched") as box:
            found = box.uids(AND(header=Header("Message-ID", message_id)), charset=None)
        return sorted(map(int, found))

    def heads(self, uids: Sequence[int]) -> list[Head]:
        """The Message-IDs of these messages of the open folder; those that are gone are left out."""
        found = []
        with self._asking(f"Messages in {self._folder} cannot be read", reading=True) as box:
            for said, pieces in self._fetch(box, uids, _HEADS):
                if pieces and (uid := _UID.search(said)):
                    found.append(Head(int(uid[1]), message_id(pieces[0][1])))
        return found

    def body(self, uid: int) -> bytes | None:
        """A message of the open folder; None where it is gone.

        :raises SourceError: where it is larger than `MAX_MESSAGE`, too.
        """
        with self._asking(f"A message in {self._folder} cannot be read", reading=True) as box:
            for said, pieces in self._fetch(box, [uid], f"(UID BODY.PEEK[]<0.{MAX_MESSAGE + 1}>)"):
                found = _UID.search(said)
                if found and int(found[1]) == uid and pieces:
                    if len(pieces[0][1]) > MAX_MESSAGE:
                        raise SourceError(f"The message is larger than {MAX_MESSAGE >> 20} MB.")
                    return pieces[0][1]
        return None

    def bodies(self, uids: Sequence[int], below: int) -> dict[int, bytes]:
        """Those of these messages of the open folder that are smaller than so many bytes."""
        found = {}
        with self._asking(f"Messages in {self._folder} cannot be read", reading=True) as box:
            for said, pieces in self._fetch(box, uids, f"(UID BODY.PEEK[]<0.{below}>)"):
                uid = _UID.search(said)
                if uid and pieces and len(pieces[0][1]) < below:
                    found[int(uid[1])] = pieces[0][1]
        return found

    def _fetch(
        self, box: BaseMailBox, uids: Sequence[int], what: str
    ) -> Iterator[tuple[bytes, list[tuple[bytes, bytes]]]]:
        """For each message all that was said of it but for its literals, and these with what stood before each."""
        result = box.client.uid("FETCH", uid_set(uids), what)
        check_command_status(result, MailboxFetchError)
        pieces: list[tuple[bytes, bytes]] = []
        for item in result[1]:
            if isinstance(item, tuple):
                pieces.append(item)
            elif item is not None:
                yield b"".join([*(head for head, _ in pieces), item]), pieces
                pieces = []

    @contextmanager
    def _asking(self, doing: str, *, reading: bool = False) -> Iterator[BaseMailBox]:
        """The connection; whatever goes wrong on it is told as our errors, with what was being done.

        :param reading: messages are read: a server that says goodbye over that may do so because of one of them.
        """
        try:
            if self._box is None:
                self._box = self._connect()
            yield self._box
        except UnexpectedCommandStatusError as error:
            raise self._refusal(doing, _text(error)) from error
        except (imaplib.IMAP4.abort, OSError) as error:
            goodbye = self._box.client.response("BYE")[1] if self._box else []
            self._lose()
            if reading and goodbye and goodbye[0]:
                raise self._refusal(doing, goodbye[0].decode("utf-8", "replace").rstrip(".")) from error
            raise SourceUnavailable(
                f"The connection to {self._address.name} broke off: {error or type(error).__name__}."
            ) from error
        except (imaplib.IMAP4.error, ImapToolsError, LookupError, ValueError) as error:
            raise SourceError(f"{doing}: {_text(error)}.") from error

    def _lose(self) -> None:
        """Let go of a connection that is of no use any more, without another word."""
        box, self._box, self._folder = self._box, None, ""
        if box is not None:
            with suppress(OSError):
                box.client.shutdown()

    def _refusal(self, doing: str, text: str) -> SourceError:
        """What an answer of NO means: a pause, a server in trouble, or something that the account may not do."""
        code = _code(text)
        if code in _PAUSE:
            return RateLimited(f"{self._address.name} asks for a pause: {text}.")
        if code in _FOR_NOW:
            return SourceUnavailable(f"{self._address.name} is not available: {text}.")
        return SourceError(
            f"{doing}: {text}.", hint="Give the account the right to read it, or leave it out."
        )

    def _connect(self) -> BaseMailBox:
        box = self._greet()
        try:
            self._log_in(box)
            box.client.capabilities = tuple(b" ".join(box.client.capability()[1]).decode().upper().split())
            self._tells_vanished = "QRESYNC" in box.client.capabilities
            if self._tells_vanished:
                box.client.enable("QRESYNC")
        except BaseException:
            with suppress(OSError):
                box.client.shutdown()
            raise
        return box

    def _greet(self) -> BaseMailBox:
        """Connect and, unless told otherwise, encrypt.

        :raises SourceError: where that fails, with what to do.
        """
        to, name = self._address, self._address.name
        try:
            if to.tls == "off":
                return MailBoxUnencrypted(to.host, to.port, timeout=TIMEOUT_S)
            if to.tls == "starttls":
                return MailBoxStartTls(to.host, to.port, timeout=TIMEOUT_S, ssl_context=to.context())
            return MailBox(to.host, to.port, timeout=TIMEOUT_S, ssl_context=to.context())
        except ssl.SSLCertVerificationError as error:
            raise SourceError(
                f"The certificate of {name} is not trusted: {error.verify_message}.",
                hint="Use the name that the certificate is made out to; where an authority of your own signed it, give --option ca=FILE.",
            ) from error
        except ssl.SSLError as error:
            raise SourceError(
                f"{name} does not speak TLS from the start: {error.reason}.",
                hint="Write imap:// instead of imaps:// where the server encrypts by STARTTLS.",
            ) from error
        except (imaplib.IMAP4.error, ImapToolsError) as error:
            if to.tls == "starttls" and "TLS" in str(error):
                raise SourceError(
                    f"{name} does not offer STARTTLS.",
                    hint="Write imaps:// where it encrypts from the start.",
                ) from error
            raise SourceUnavailable(f"{name} does not answer as an IMAP server: {error}.") from error
        except OSError as error:
            raise SourceUnavailable(
                f"{name} cannot be reached: {error.strerror or error}.",
                hint="Check the host and the port, and whether the server runs; nothing was taken out of the memory.",
            ) from error

    def _log_in(self, box: BaseMailBox) -> None:
        """Say who asks. What a server answers is told only where no secret is in it."""
        user, name, token = self._login.user, self._address.name, self._login.token()
        used = token or self._login.password or SecretStr("")
        if "LOGINDISABLED" in box.client.capabilities and not token:
            raise SourceError(f"{name} takes no password without TLS.", hint="Leave out --option tls=off.")
        try:
            if token:
                box.xoauth2(user, used.get_secret_value(), None)
            elif "AUTH=PLAIN" in box.client.capabilities:
                box.login_utf8(user, used.get_secret_value(), None)
            else:
                box.login(user, used.get_secret_value(), None)
        except imaplib.IMAP4.abort:
            raise
        except (UnexpectedCommandStatusError, imaplib.IMAP4.error, UnicodeError) as error:
            text = self._login.without_secrets(_text(error), used)
        else:
            return
        # Outside of the handler: the original may hold the command, and with it the secret.
        if _code(text) in _PAUSE | _FOR_NOW:
            raise self._refusal("", text)
        if self._login.endpoint:
            self._login.endpoint.forget()
        given = self._login.given
        raise SourceError(
            f"{name} does not let {user} in: {text}.",
            hint=f"Check --option user, or give another {given} by `mneme sources secret NAME {given}`.",
        )


def uid_set(uids: Iterable[int]) -> str:
    """UIDs as IMAP writes them, neighbours as ranges: ``1:5,9``."""
    ordered = sorted(uids)
    starts = [
        0,
        *(at for at, (low, high) in enumerate(pairwise(ordered), 1) if high != low + 1),
        len(ordered),
    ]
    spans = [(ordered[low], ordered[high - 1]) for low, high in pairwise(starts)]
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in spans)


def _ranges(told: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """What ``VANISHED (EARLIER) 1:5,9`` names."""
    for line in told:
        if line.startswith(b"(EARLIER) "):
            for span in line.removeprefix(b"(EARLIER) ").split(b","):
                low, _, high = span.partition(b":")
                yield int(low), int(high or low)


def _number(box: BaseMailBox, name: str) -> int:
    """What the server said of an opened folder; 0 where it did not."""
    told = box.client.response(name)[1]
    return int(told[-1]) if told and told[-1] else 0


def _text(error: Exception) -> str:
    if isinstance(error, UnexpectedCommandStatusError):
        said = error.command_result[1]
        return (
            b" ".join(each for each in said if isinstance(each, bytes)).decode("utf-8", "replace").rstrip(".")
        )
    return str(error).rstrip(".")


def _code(text: str) -> str:
    found = _CODE.match(text)
    return found[1] if found else ""
