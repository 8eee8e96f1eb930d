"""Mail on an IMAP server: what is new, gone or moved since the last sync, read without changing anything there."""

from collections.abc import Iterator
from urllib.parse import quote

from connectors.base import Change, Content, SourceConfig, Upserted
from connectors.imap.ahead import AHEAD_BYTES, ReadAhead
from connectors.imap.folders import Choice
from connectors.imap.login import OPTIONS, SECRETS, login_of
from connectors.imap.search import Spot, search
from connectors.imap.session import Session
from connectors.imap.state import State
from connectors.imap.walk import Walk
from connectors.message_key import sameness
from connectors.server_address import Scheme, address_of
from memory.domain import Access, SourceRef
from memory.errors import NotFound, SourceError, SourceUnavailable

SCHEME = Scheme("imaps", "imap", 993, 143, "a mail server", "Folders are chosen by --include.")


class Imap:
    """Mail on an IMAP server, by password or OAuth2 token; nothing is changed there, not even what is read or unread.

    The location is ``imaps://HOST:PORT``, or ``imap://HOST:PORT`` for STARTTLS; options are ``user``, ``ca`` (a file of
    certificates to trust) and ``tls=off``, secrets ``password`` or ``token``; or tokens are fetched: options ``token_url``,
    ``client_id`` and ``scope``, secrets ``refresh_token`` and ``client_secret``. The key is the Message-ID, else a digest of the
    content, as in the connector `mailbox`: a message that is moved stays the same document, and a copy of it is none.
    Patterns and access rules are about ``FOLDER/MESSAGE-ID``; of copies the first by folder decides. Without ``include``
    every folder is taken but those for trash, junk and drafts.

    :raises InvalidInput: where the settings do not name an account, or a pattern cannot be understood.
    """

    kind = "imap"
    reports_deletions = True

    def __init__(self, config: SourceConfig) -> None:
        config.only(options=("tls", "ca", *OPTIONS), secrets=SECRETS)
        self._name = config.name
        self._address = address_of(config, SCHEME)
        self._session = Session(self._address, login_of(config))
        self._choice = Choice(config)
        self._state: State | None = None
        self._found: dict[str, Spot] = {}
        """Where messages lie that the walk has not met there: they have been moved since."""
        self._ahead = ReadAhead()

    def check(self) -> str:
        """Say how many messages there are in how many folders.

        :raises SourceError: where the account cannot be opened, or a folder that a pattern names is not there.
        """
        listed = self._session.folders()
        folders = self._choice.of(listed)
        if missing := self._choice.missing(folders):
            known = ", ".join(sorted(folder.name for folder in listed)[:20])
            raise SourceError(
                f"There is no folder {missing[0]} on {self._address.name}.", hint=f"There are: {known}."
            )
        count = sum(self._session.status(raw)[2] for raw in folders.values())
        return f"{self._address.name} has {count:,} messages in {len(folders)} folders."

    def changes(self, since: str | None) -> Iterator[Change]:
        """What came, went or has another place since the cursor.

        :raises SourceError: where the account cannot be opened.
        """
        state = State.decode(since) if since else State(self._choice.digest)
        self._state, self._found, self._ahead = state, {}, ReadAhead()
        walk = Walk(self._session, self._choice, state, self._ref, whole=not since)
        return self._told(walk.changes(since))

    def fetch(self, ref: SourceRef) -> Content:
        """The raw message.

        :raises NotFound: where no folder holds it.
        :raises SourceError: where it cannot be read.
        """
        spot = self._spot(ref)
        body = self._ahead.take(ref.key)
        try:
            body = body if body is not None else self._read_on(ref.key, spot)
        except SourceUnavailable:
            raise
        except SourceError:
            body = self._read(spot)  # a server that says goodbye over it may have meant something else
        if body is None:  # moved or deleted since it was listed
            spot = self._found[ref.key] = self._search(ref)
            body = self._read(spot)
        if body is None:
            raise NotFound(f"There is no document {ref}.")
        mail = self._state.mails.get(ref.key) if self._state else None
        if mail and not mail.same:
            mail.same = sameness(body)
        # RFC 5092
        place = f"{quote(spot.raw)};UIDVALIDITY={spot.validity}/;UID={spot.uid}"
        return Content(ref, "message.eml", body, "message/rfc822", url=f"imap://{self._address.name}/{place}")

    def access(self, ref: SourceRef) -> Access:
        """What the last rule says that matches the message's place, else what the source starts with.

        :raises NotFound: where no folder holds it.
        """
        return self._choice.access(self._spot(ref).folder, ref.key)

    def close(self) -> None:
        """End the connection."""
        self._session.close()

    def _ref(self, key: str) -> SourceRef:
        return SourceRef(self.kind, self._name, key)

    def _spot(self, ref: SourceRef) -> Spot:
        if (ref.kind, ref.source) != (self.kind, self._name) or " " in ref.key or ref.key.endswith("/"):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        if ref.key not in self._found:
            mail = self._state.mails.get(ref.key) if self._state else None
            if self._state is None or mail is None or not mail.places:
                self._found[ref.key] = self._search(ref)
            else:
                name, uid = mail.places[0]
                folder = self._state.folders[name]
                return Spot(name, folder.raw, folder.validity, uid)
        return self._found[ref.key]

    def _read(self, spot: Spot) -> bytes | None:
        """The message that lies there; None where none does, or another one."""
        try:
            same = self._session.enter(spot.raw, spot.validity)
        except SourceUnavailable:
            raise
        except SourceError:
            same = False  # the folder may be gone, and the message elsewhere
        return self._session.body(spot.uid) if same else None

    def _told(self, changes: Iterator[Change]) -> Iterator[Change]:
        for change in changes:
            if isinstance(change, Upserted):
                self._ahead.tell(change.ref.key)
            yield change

    def _read_on(self, key: str, spot: Spot) -> bytes | None:
        """The message that lies there; where the next ones told lie in the same folder, they are fetched along."""
        mails = self._state.mails if self._state else {}
        uids = {spot.uid: key}
        for each in self._ahead.next():
            mail = mails.get(each)
            if mail and mail.places and mail.places[0][0] == spot.folder:
                uids[mail.places[0][1]] = each
        if len(uids) == 1 or not self._session.enter(spot.raw, spot.validity):
            return self._read(spot)
        bodies = self._session.bodies(list(uids), AHEAD_BYTES)
        first = bodies.pop(spot.uid, None)
        self._ahead.hold({uids[uid]: body for uid, body in bodies.items() if uid in uids})
        return first if first is not None else self._read(spot)

    def _search(self, ref: SourceRef) -> Spot:
        mail = self._state.mails.get(ref.key) if self._state else None
        return search(self._session, self._choice, ref, mail.same if mail else b"")
