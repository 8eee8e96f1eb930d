"""The directory `ldap` against a real slapd: people, groups in all their forms, who has left, and what goes wrong."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.base import SourceConfig
from connectors.directory import PeopleDirectory
from connectors.ldap import Ldap
from memory.domain import Identity
from memory.errors import InvalidInput, SourceError, SourceUnavailable
from memory.people.directory import ListedPerson, Told
from tests.connectors.slapd import BASE, PASSWORD, READER, Entry, Slapd, slapd
from tests.connectors.wire import Wire


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with slapd() as started:
        yield started


def config(port: int, scheme: str = "ldap", password: str = PASSWORD, **options: str) -> SourceConfig:
    given = {"user": READER, "base": BASE} | ({"tls": "off"} if scheme == "ldap" else {}) | options
    secrets = (("password", SecretStr(password)),) if password else ()
    chosen = tuple((name, value) for name, value in given.items() if value)
    return SourceConfig("corp", f"{scheme}://localhost:{port}", options=chosen, secrets=secrets)


def told(server: Slapd, **options: str) -> Told:
    return Ldap(config(server.port, **options)).people()


def unit(name: str) -> dict[str, Entry]:
    return {f"ou={name}": {"objectClass": "organizationalUnit", "ou": name}}


def inet(uid: str, name: str, **more: Any) -> dict[str, Entry]:
    """Somebody of inetOrgPerson below ``ou=people``."""
    given = {"objectClass": "inetOrgPerson", "uid": uid, "cn": name, "sn": name.rsplit(maxsplit=1)[-1]} | more
    return {f"uid={uid},ou=people": given}


def names_of(groups: Told, people: Told | None = None) -> dict[str, set[str]]:
    """Groups by token, with the names and tokens of those in them."""
    called = {each.id: each.names[0].name for each in groups.people} | {g.id: g.token for g in groups.groups}
    return {each.token: {called[which] for which in each.members or ()} for each in groups.groups}


def by_name(found: Told) -> dict[str, ListedPerson]:
    return {each.names[0].name: each for each in found.people}


def test_people_have_their_addresses_department_and_manager(server: Slapd) -> None:
    boss = f"UID=max , OU=People,{BASE.upper()}"
    server.fill(
        unit("people")
        | inet(
            "jane",
            "Jane Doe",
            mail=["Jane@x.example", "jd@x.example"],
            departmentNumber="Legal",
            manager=boss,
        )
        | inet("max", "Max Roe", givenName="Maximilian", displayName="Max Roe")
    )
    assert isinstance(Ldap(config(server.port)), PeopleDirectory)
    found = by_name(told(server))
    jane, max_ = found["Jane Doe"], found["Max Roe"]
    assert jane.names == (
        Identity("Jane Doe", "jane@x.example"),
        Identity("Jane Doe", "jd@x.example"),
        Identity("Jane Doe", account="corp:jane"),
    )
    assert (jane.department, jane.manager, jane.active) == ("Legal", max_.id, True)
    assert [each.name for each in max_.names] == ["Max Roe", "Maximilian Roe"]
    server.fill(unit("people") | unit("gone") | inet("jane", "Jane Doe"))
    with server.admin() as admin:
        before = by_name(told(server))["Jane Doe"].id
        admin.modify_dn(f"uid=jane,ou=people,{BASE}", "uid=jdoe", new_superior=f"ou=gone,{BASE}")
        assert by_name(told(server))["Jane Doe"].id == before, "whoever moves or is renamed keeps their id"
        admin.modify_dn(f"uid=jdoe,ou=gone,{BASE}", "uid=jane", new_superior=f"ou=people,{BASE}")


def test_groups_of_every_form_hold_people_and_groups(server: Slapd) -> None:
    def dn(which: str) -> str:
        return f"{which},{BASE}"

    posix = {
        "objectClass": ["inetOrgPerson", "posixAccount"],
        "homeDirectory": "/",
        "uidNumber": "1",
        "gidNumber": "50",
    }
    server.fill(
        unit("people")
        | inet("jane", "Jane Doe")
        | inet("max", "Max Roe", **posix)
        | {
            "cn=legal": {"objectClass": "groupOfNames", "cn": "legal", "member": [dn("uid=jane,ou=people"), dn("cn=all")]},
            "cn=staff": {"objectClass": "groupOfUniqueNames", "cn": "staff", "uniqueMember": [dn("cn=legal"), dn("uid=nobody") + "#'0101'B"]},
            "cn=all": {"objectClass": "groupOfNames", "cn": "all", "member": dn("cn=staff")},
            "cn=shell users": {"objectClass": "posixGroup", "cn": "shell users", "gidNumber": "50", "memberUid": ["JANE", "ghost"]},
        }
    )  # fmt: skip
    assert names_of(told(server)) == {
        "group:legal": {"Jane Doe", "group:all"},
        "group:staff": {"group:legal"},
        "group:all": {"group:staff"},
        "group:shell%20users": {"Jane Doe", "Max Roe"},
    }
    few = told(
        server,
        groups_filter="(cn=shell\\20users)",
        people_filter="(uid=max)",
        people_base=f"ou=people,{BASE}",
    )
    assert names_of(few) == {"group:shell%20users": {"Max Roe"}}


def test_what_two_have_gives_neither_the_others_groups(server: Slapd) -> None:
    posix = {"objectClass": ["inetOrgPerson", "posixAccount"], "homeDirectory": "/", "uidNumber": "1"}
    partner = {"uid=jane,ou=partners": {**inet("jane", "Jane Partner")["uid=jane,ou=people"]}}
    server.fill(
        unit("people")
        | unit("partners")
        | inet("jane", "Jane Doe")
        | inet("max", "Max Roe", gidNumber="50", **posix)
        | partner
        | {
            "cn=council": {"objectClass": "posixGroup", "cn": "council", "gidNumber": "51", "memberUid": ["jane", "max"]},
            "cn=crew": {"objectClass": "posixGroup", "cn": "crew", "gidNumber": "50"},
            "cn=visitors": {"objectClass": "posixGroup", "cn": "visitors", "gidNumber": "50"},
        }
    )  # fmt: skip
    found = told(server)
    assert names_of(found) == {"group:council": {"Max Roe"}, "group:crew": set(), "group:visitors": set()}
    assert found.problems == (
        "2 entries have the account jane: it counts for none of them.",
        "2 entries have the gidNumber 50: it counts for none of them.",
    )
    accounts = {each.account for person in found.people for each in person.names if each.account}
    assert accounts == {"corp:max"}


# What classes of Active Directory must have in slapd's schema of them.
TOP = {"instanceType": "4", "nTSecurityDescriptor": "x", "objectCategory": BASE}


def sid(last: int) -> bytes:
    """A security identifier (MS-DTYP, 2.4.2.2): S-1-5-21-1-2-3 and the last part."""
    parts = (21, 1, 2, 3, last)
    return bytes([1, len(parts), 0, 0, 0, 0, 0, 5]) + b"".join(each.to_bytes(4, "little") for each in parts)


def ad_user(name: str, number: int, **more: Any) -> dict[str, Entry]:
    guid = uuid.UUID(int=number)
    given = {"objectClass": ["user", "extensibleObject"], "cn": name, "sn": name, "sAMAccountName": name, "objectGUID": guid.bytes_le, "objectSid": sid(number),
             "primaryGroupID": "513", "userAccountControl": "512"}  # fmt: skip
    return {f"cn={name},ou=people": TOP | given | more}


def filetime(moment: datetime) -> str:
    return str(int((moment - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000)


def test_attributes_of_active_directory_are_understood(server: Slapd) -> None:
    def group(name: str, number: int, **more: Any) -> dict[str, Entry]:
        given = {"objectClass": ["group", "extensibleObject"], "cn": name, "sAMAccountName": name, "objectSid": sid(number), "groupType": "-2147483646",
                 "objectGUID": uuid.UUID(int=number).bytes_le}  # fmt: skip
        return {f"cn={name},ou=people": TOP | given | more}

    now = datetime.now(UTC)
    proxies = ["smtp:j.doe@x.example", "SMTP:jane@x.example", "X500:/o=X", "SIP:jane@x.example"]
    server.fill(
        unit("people")
        | ad_user("jane", 1101, displayName="Jane Doe", proxyAddresses=proxies, userPrincipalName="jd@corp.example",
                  department="Legal", accountExpires=filetime(now + timedelta(days=1)), manager=f"cn=off,ou=people,{BASE}")
        | ad_user("off", 1102, userAccountControl="514", accountExpires="0")
        | ad_user("expired", 1103, accountExpires=filetime(now - timedelta(days=1)))
        | ad_user("never", 1104, accountExpires="9223372036854775807", memberOf=f"cn=hidden,ou=people,{BASE}", primaryGroupID="512")
        | group("Domain Users", 513)
        | group("inner", 1201, member=f"cn=never,ou=people,{BASE}")
        | group("outer", 1202, member=f"cn=inner,ou=people,{BASE}")
        | group("hidden", 1203)
    )  # fmt: skip
    found = told(server)
    people = by_name(found)
    jane = people["Jane Doe"]
    assert jane.id == str(uuid.UUID(int=1101))
    assert [each.address for each in jane.names if each.address] == [
        "jane@x.example",
        "j.doe@x.example",
        "jd@corp.example",
    ]
    assert (jane.department, jane.manager) == ("Legal", people["off"].id)
    assert {name for name, each in people.items() if each.active} == {"Jane Doe", "never"}
    assert names_of(found) == {
        "group:Domain%20Users": {"Jane Doe", "off", "expired"},
        "group:inner": {"never"},
        "group:outer": {"group:inner"},
        "group:hidden": {"never"},
    }


def many(count: int) -> dict[str, Entry]:
    found = unit("people")
    for number in range(count):
        found |= inet(f"p{number}", f"P{number} {chr(65 + number % 26)}oe", mail=f"p{number}@x.example")
    return found


def test_more_than_a_page_is_read_to_its_end_or_not_at_all(server: Slapd) -> None:
    """slapd shows 100 entries at most to who asks for no pages."""
    server.fill(many(1201))
    wire = Wire(server.port)
    found = Ldap(config(wire.port)).people()
    assert len({each.id for each in found.people}) == 1201
    for share in (0.1, 0.5, 0.95):
        wire.cut_after(int(share * wire.sent / (wire.made)))
        with pytest.raises(SourceUnavailable, match="broke off"):
            Ldap(config(wire.port)).people()
    wire.close()


def test_a_server_that_dies_in_the_midst_tells_nothing(server: Slapd) -> None:
    server.fill(many(1201))
    directory = Ldap(config(server.port))
    walk = directory._session.search(BASE, "(objectClass=person)", ["uid"])
    next(walk)
    server.kill()
    try:
        with pytest.raises(SourceUnavailable, match="broke off"):
            list(walk)
        with pytest.raises(SourceUnavailable, match="cannot be reached"):
            directory.people()
    finally:
        server.start()
    assert len(directory.people().people) == 1201


def test_referrals_are_told_and_not_followed(server: Slapd) -> None:
    away = {
        "objectClass": ["referral", "extensibleObject"],
        "ou": "away",
        "ref": f"ldap://localhost:9/ou=away,{BASE}",
    }
    server.fill(unit("people") | inet("jane", "Jane Doe"))
    with server.admin() as admin:
        admin.add(f"ou=away,{BASE}", attributes=away)
        found = told(server)
        admin.delete(f"ou=away,{BASE}", controls=[("2.16.840.1.113730.3.4.2", True, None)])  # RFC 3296
    assert [each.names[0].name for each in found.people] == ["Jane Doe"]
    assert found.problems[0].startswith("Not followed to another server: ldap://localhost:9/")


@pytest.mark.parametrize(
    ("scheme", "tls"), [("ldaps", ""), ("ldap", "starttls")], ids=["from the start", "StartTLS"]
)
def test_only_a_server_with_a_trusted_certificate_is_told_the_password(
    server: Slapd, scheme: str, tls: str
) -> None:
    server.fill(unit("people") | inet("jane", "Jane Doe"))
    port = server.tls_port if scheme == "ldaps" else server.port
    given = {"ca": str(server.authority), "tls": tls}
    assert Ldap(config(port, scheme, **given)).check() == f"localhost:{port} has 1 people in 0 groups."
    with pytest.raises(SourceError, match="not to be trusted"):
        Ldap(config(port, scheme, tls=tls)).check()
    elsewhere = config(port, scheme, **given)
    named = SourceConfig(
        "corp", f"{scheme}://127.0.0.1:{port}", options=elsewhere.options, secrets=elsewhere.secrets
    )
    with pytest.raises(SourceError, match="not to be trusted"):
        Ldap(named).check()
    with pytest.raises(SourceError, match="does not speak TLS"):
        Ldap(config(server.port, "ldaps", ca=str(server.authority))).check()


@pytest.mark.parametrize(
    ("options", "password", "said", "hint"),
    [
        ({}, "wrong-and-secret", "does not let cn=reader,dc=x,dc=example in", "password"),
        ({"base": "ou=nowhere,dc=x,dc=example"}, PASSWORD, "no ou=nowhere", "dc=x,dc=example"),
        ({"base": "dc=elsewhere"}, PASSWORD, "no dc=elsewhere", "dc=x,dc=example"),
        ({"people_filter": "(uid=nobody)"}, PASSWORD, "shows nobody", "people_filter"),
        ({"user": "jane"}, PASSWORD, "no distinguished name", ""),
        ({"user": "", "anonymous": "yes"}, "", "does not show dc=x,dc=example to nobody", "read"),
    ],
)
def test_what_a_server_refuses_is_said_with_what_to_do(
    server: Slapd, options: dict[str, str], password: str, said: str, hint: str
) -> None:
    server.fill(unit("people") | inet("jane", "Jane Doe"))
    with pytest.raises(SourceError) as caught:
        Ldap(config(server.port, password=password, **options)).check()
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert not password or password not in repr(caught.value) + str(caught.value.__cause__)


def test_nobody_asks_only_where_that_was_asked_for() -> None:
    with slapd(anonymous="read") as server:
        server.fill(unit("people") | inet("jane", "Jane Doe"))
        assert len(told_by_nobody(server).people) == 1
    for options, password in (({"user": ""}, ""), ({}, ""), ({"anonymous": "yes"}, PASSWORD)):
        with pytest.raises(InvalidInput):
            Ldap(config(389, password=password, **options))


def told_by_nobody(server: Slapd) -> Told:
    return Ldap(config(server.port, password="", user="", anonymous="yes")).people()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base": ""}, "Nothing says where"),
        ({"base": "somewhere"}, "Not a distinguished name"),
        ({"people_filter": "(uid=jane"}, "Not a filter"),
        ({"people_filter": "uid=jane"}, "Not a filter"),
        ({"anonymous": "perhaps"}, "yes or no"),
        ({"bind": "x"}, "no option bind"),
        ({"tls": "maybe"}, "tls is"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Ldap(config(389, **options))


def test_what_an_entry_holds_may_be_anything(server: Slapd) -> None:
    hostile = {
        "mail": ["not an address", "a b@x.example", "x=y@x.example", "ok@x.example"],
        "displayName": "Jane\u202e\u0007Doe",
        "departmentNumber": "<script>",
        "manager": f"uid=gone,{BASE}",
    }
    server.fill(unit("people") | inet("j" * 200, "Jane Doe", **hostile) | inet("max", "Max Roe", shadowExpire="1", objectClass=["inetOrgPerson", "shadowAccount"]))  # fmt: skip
    found = told(server)
    jane = next(each for each in found.people if each.active)
    assert [each.address for each in jane.names if each.address] == ["ok@x.example"]
    assert jane.names[0].name == "Jane  Doe"
    assert (jane.manager, len(found.people)) == ("", 2)
