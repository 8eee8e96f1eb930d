"""From entries of a directory to people and groups.

Attributes of inetOrgPerson (RFC 2798), posixAccount and posixGroup (RFC 2307), groupOfNames (RFC 4519), and of Active
Directory (https://learn.microsoft.com/windows/win32/adschema/active-directory-schema).
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.utils.dn import parse_dn

from connectors.ldap.session import Attributes
from memory.domain import Identity
from memory.errors import InvalidInput
from memory.people.directory import ListedGroup, ListedPerson, Told, group_token, identity

_NOBODY = {b"computer", b"contact"}
"""Classes of Active Directory that are made of its class person and are no people of the organisation."""

_SWITCHED_OFF = 0x2
"""ADS_UF_ACCOUNTDISABLE in userAccountControl."""

_NEVER = {0, 0x7FFFFFFFFFFFFFFF}
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_SHOWN = 20


@dataclass(slots=True)
class _Group:
    id: str
    name: str
    members: list[str]
    accounts: list[str]
    sid: bytes
    number: str


@dataclass(slots=True)
class _Person:
    id: str
    entry: Attributes
    of: list[str] = field(default_factory=list)


class Owners:
    """Whose something is that only one should have. What several have is nobody's: the last would get what is another's.

    :param what: the attribute, as problems name it.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._held: dict[str, set[str]] = {}

    def add(self, value: str, owner: str) -> None:
        """Note that somebody has it; an empty one is none."""
        if value:
            self._held.setdefault(value, set()).add(owner)

    def only(self, value: str) -> str | None:
        """The one who has it; None where nobody does, or several do."""
        owners = self._held.get(value, ())
        return next(iter(owners)) if len(owners) == 1 else None

    def problems(self) -> list[str]:
        """A sentence for each that several have."""
        return [
            f"{len(owners)} entries have the {self._what} {value}: it counts for none of them."
            for value, owners in sorted(self._held.items())
            if len(owners) > 1
        ]


class Reader:
    """Takes entries in and tells them as people and groups.

    :param source: its name, for the accounts of its people.
    :param group_name: the attribute that names a group; ``""`` for the usual ones.
    """

    PEOPLE = (
        "objectClass", "uid", "cn", "displayName", "givenName", "sn", "mail", "proxyAddresses", "userPrincipalName",
        "sAMAccountName", "department", "departmentNumber", "manager", "userAccountControl", "accountExpires",
        "objectGUID", "objectSid", "primaryGroupID", "gidNumber", "entryUUID", "nsUniqueId", "ipaUniqueID",
        "nsAccountLock", "pwdAccountLockedTime", "shadowExpire", "memberOf",
    )  # fmt: skip

    def __init__(self, source: str, group_name: str) -> None:
        self._source = source
        self._group_name = group_name
        self.GROUPS = ("cn", "sAMAccountName", "member", "uniqueMember", "memberUid", "gidNumber", "objectSid",
                       "objectGUID", "entryUUID", "nsUniqueId", "ipaUniqueID", *filter(None, [group_name]))  # fmt: skip
        self._now = datetime.now(UTC)
        self._people: dict[str, _Person] = {}
        self._groups: dict[str, _Group] = {}
        self._ids: dict[str, str] = {}
        """Of people and groups, by their distinguished names as they came."""
        self._spelt: dict[str, str] = {}
        """The same, by how a name is spelt whatever its case and blanks."""
        self._accounts: Owners = Owners("account")
        self._problems: list[str] = []

    def take_people(self, entries: Iterable[tuple[str, Attributes]]) -> None:
        """Take in people; computers and contacts are none."""
        for dn, entry in entries:
            if not _NOBODY & {each.lower() for each in entry.get("objectclass", ())}:
                which = self._know(dn, entry)
                if self._people.setdefault(which, _Person(which, entry)).entry is entry:
                    for name in ("samaccountname", "uid"):
                        for account in entry.get(name, ()):
                            self._accounts.add(_text(account).strip().lower(), which)

    def take_groups(self, entries: Iterable[tuple[str, Attributes]]) -> None:
        """Take in groups."""
        names = [self._group_name] if self._group_name else ["samaccountname", "cn"]
        for dn, entry in entries:
            which = self._know(dn, entry)
            members = [_text(each) for each in (*entry.get("member", ()), *entry.get("uniquemember", ()))]
            self._groups[which] = _Group(
                which,
                next((_first(entry, each) for each in names if _first(entry, each)), ""),
                members,
                [_text(each).lower() for each in entry.get("memberuid", ())],
                next(iter(entry.get("objectsid", ())), b""),
                _first(entry, "gidnumber"),
            )

    def told(self, elsewhere: Sequence[str]) -> Told:
        """Everybody and every group.

        :param elsewhere: referrals that were not followed.
        """
        people = tuple(filter(None, map(self._person, self._people.values())))
        members = self._members()
        groups = tuple(filter(None, (self._group(each, members[each.id]) for each in self._groups.values())))
        if elsewhere:
            self._problems.append(f"Not followed to another server: {', '.join(sorted(set(elsewhere))[:5])}.")
        return Told(people, groups, whole=True, problems=tuple(self._problems[:_SHOWN]))

    def _know(self, dn: str, entry: Attributes) -> str:
        which = _lasting_id(entry) or _spelling(dn)
        self._ids[dn] = self._spelt[_spelling(dn)] = which
        return which

    def _at(self, dn: str) -> str | None:
        """The id of whom a distinguished name is of; None where that is nobody here."""
        found = self._ids.get(dn)
        if found is None:
            # RFC 4517, 3.3.21: a name and a bit string behind it.
            plain = dn.rpartition("#")[0] if dn.endswith("'B") else dn
            found = self._ids[dn] = self._spelt.get(_spelling(plain), "")
        return found or None

    def _members(self) -> dict[str, set[str]]:
        """Who is in each group, however the directory says it."""
        numbers = Owners("gidNumber")
        for each in self._groups.values():
            numbers.add(each.number, each.id)
        sids = {each.sid: each.id for each in self._groups.values() if each.sid}
        found: dict[str, set[str]] = {}
        for group in self._groups.values():
            named = {self._accounts.only(each) for each in group.accounts}
            listed = {self._at(dn) for dn in group.members} | named
            found[group.id] = {each for each in listed if each}
        silent = {each.id for each in self._groups.values() if not each.members}
        for person in self._people.values():
            primary = _primary(person.entry, sids) or numbers.only(_first(person.entry, "gidnumber"))
            if primary:
                found[primary].add(person.id)
            for dn in person.entry.get("memberof", ()):
                # A back link: it counts where the group itself is not shown with its members.
                if (group_id := self._at(_text(dn))) in silent and group_id is not None:
                    found[group_id].add(person.id)
        self._problems += [*self._accounts.problems(), *numbers.problems()]
        return found

    def _group(self, group: _Group, members: set[str]) -> ListedGroup | None:
        try:
            return ListedGroup(group.id, group_token(group.name), frozenset(members))
        except InvalidInput:
            self._problems.append(f"A group has no name: {group.id}.")
            return None

    def _person(self, person: _Person) -> ListedPerson | None:
        entry = person.entry
        names = self._names(entry)
        if not names:
            self._problems.append(f"Somebody has neither name nor address: {person.id}.")
            return None
        managers = [self._at(_text(each)) for each in entry.get("manager", ())]
        return ListedPerson(
            person.id,
            names,
            _first(entry, "department") or _first(entry, "departmentnumber"),
            next((each for each in managers if each), ""),
            active=self._is_active(entry),
        )

    def _names(self, entry: Attributes) -> tuple[Identity, ...]:
        """What somebody is called, the main address first; then others, the account, and other spellings of the name."""
        first, last = _first(entry, "givenname"), _first(entry, "sn")
        whole = f"{first} {last}" if first and last else ""
        called = [name for name in (_first(entry, "displayname"), _first(entry, "cn"), whole) if name]
        name = called[0] if called else ""
        account = _first(entry, "samaccountname") or _first(entry, "uid")
        if not self._accounts.only(account.lower()):
            account = ""
        found = [identity(name, address) for address in dict.fromkeys(_addresses(entry))]
        found.append(identity(name, account=f"{self._source}:{account}") if account else None)
        found += [identity(other) for other in dict.fromkeys(called) if other != name or not account]
        return tuple(dict.fromkeys(each for each in found if each))

    def _is_active(self, entry: Attributes) -> bool:
        """Whether an account is neither switched off nor expired. Locked after wrong passwords is neither."""
        control, expires = _number(entry, "useraccountcontrol"), _number(entry, "accountexpires")
        if control is not None and control & _SWITCHED_OFF:
            return False
        if expires is not None and expires not in _NEVER:
            try:
                if _EPOCH + timedelta(microseconds=expires // 10) <= self._now:
                    return False
            except OverflowError:
                pass  # later than any date
        days = _number(entry, "shadowexpire")
        if days is not None and days > 0 and days <= self._now.timestamp() / 86400:
            return False
        if _first(entry, "nsaccountlock").lower() == "true":
            return False
        # draft-behera-ldap-password-policy, 5.3.3: locked by an administrator for good.
        return _first(entry, "pwdaccountlockedtime") != "000001010000Z"


def _addresses(entry: Attributes) -> list[str]:
    """Addresses, the main one first: of several in proxyAddresses that is marked by capitals."""
    proxies = [_text(each) for each in entry.get("proxyaddresses", ())]
    primary = [each[5:] for each in proxies if each.startswith("SMTP:")]
    others = [each[5:] for each in proxies if each.startswith("smtp:")]
    mail = [_text(each) for each in entry.get("mail", ())]
    login = _first(entry, "userprincipalname")
    return [each.strip().lower() for each in (*mail, *primary, *others, login) if "@" in each]


def _lasting_id(entry: Attributes) -> str:
    for raw in entry.get("objectguid", ()):
        if len(raw) == 16:
            return str(uuid.UUID(bytes_le=raw))
    return next(
        (found for name in ("entryuuid", "nsuniqueid", "ipauniqueid") if (found := _first(entry, name))), ""
    )


def _primary(entry: Attributes, sids: dict[bytes, str]) -> str | None:
    """The group that primaryGroupID names: the person's own security identifier with another end (MS-DTYP, 2.4.2)."""
    number, own = _number(entry, "primarygroupid"), next(iter(entry.get("objectsid", ())), b"")
    if number is None or len(own) < 12 or not 0 <= number < 2**32:
        return None
    return sids.get(own[:-4] + number.to_bytes(4, "little"))


def _spelling(dn: str) -> str:
    try:
        parts = parse_dn(dn, strip=True)
    except LDAPExceptionError:
        return dn.strip().casefold()
    return ",".join(f"{name}={value}{'+' if mark == '+' else ''}" for name, value, mark in parts).casefold()


def _first(entry: Attributes, name: str) -> str:
    return next((text for each in entry.get(name.lower(), ()) if (text := _text(each).strip())), "")


def _number(entry: Attributes, name: str) -> int | None:
    try:
        return int(_first(entry, name))
    except ValueError:
        return None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\x00", "")
