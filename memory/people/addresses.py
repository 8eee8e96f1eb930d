"""What an e-mail address says of whose it is."""

import re

from memory.people.likeness import handles
from memory.people.names import loose

_ROLES = frozenset(
    [
        "abuse",
        "accounting",
        "accounts",
        "admin",
        "administration",
        "administrator",
        "all",
        "announce",
        "billing",
        "board",
        "bounce",
        "bounces",
        "buchhaltung",
        "careers",
        "ceo",
        "compta",
        "comptabilite",
        "contact",
        "contracts",
        "customerservice",
        "datenschutz",
        "daemon",
        "devel",
        "dev",
        "direction",
        "dpo",
        "droit",
        "einkauf",
        "everyone",
        "feedback",
        "finance",
        "frontdesk",
        "hello",
        "help",
        "helpdesk",
        "hr",
        "info",
        "information",
        "invoice",
        "invoices",
        "it",
        "jobs",
        "juridique",
        "kontakt",
        "kundenservice",
        "legal",
        "lists",
        "logistics",
        "mailer",
        "mailman",
        "maintainer",
        "management",
        "marketing",
        "media",
        "news",
        "newsletter",
        "nobody",
        "none",
        "noreply",
        "notification",
        "notifications",
        "notify",
        "office",
        "operations",
        "orders",
        "payroll",
        "people",
        "personal",
        "personale",
        "postmaster",
        "praxis",
        "press",
        "presse",
        "privacy",
        "procurement",
        "purchasing",
        "receipts",
        "reception",
        "recht",
        "rechtsabteilung",
        "rechnung",
        "reklame",
        "root",
        "sales",
        "salg",
        "security",
        "sekretariat",
        "service",
        "services",
        "shop",
        "staff",
        "support",
        "sysadmin",
        "system",
        "team",
        "test",
        "tools",
        "travel",
        "tresorerie",
        "unsubscribe",
        "vertrieb",
        "web",
        "webmaster",
        "welcome",
        "worker",
        "community",
        "discuss",
        "discussion",
        "users",
        "owner",
        "request",
        "subscribe",
        "committers",
        "core",
    ]
)
_ROLE_PARTS = re.compile(
    r"^(?:do[._-]?not[._-]?reply|no[._-]?reply|bounces?[+.=-]|owner-|postmaster|mailer-daemon|imceanotes)|"
    r"[._-](?:list|announce|devel|dev|users|discuss|request|owner|bounces|noreply|team)$"
)
_LISTS = re.compile(r"(?:^|\.)(?:lists?|listserv|mailman|googlegroups|groups|yahoogroups)\.")
_FREE = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "yahoo.com",
        "yahoo.de",
        "yahoo.fr",
        "hotmail.com",
        "hotmail.de",
        "outlook.com",
        "live.com",
        "msn.com",
        "aol.com",
        "icloud.com",
        "me.com",
        "mac.com",
        "gmx.de",
        "gmx.net",
        "gmx.com",
        "web.de",
        "t-online.de",
        "freenet.de",
        "posteo.de",
        "mailbox.org",
        "protonmail.com",
        "proton.me",
        "pm.me",
        "fastmail.com",
        "fastmail.fm",
        "orange.fr",
        "free.fr",
        "laposte.net",
        "wanadoo.fr",
        "sfr.fr",
        "mail.dk",
        "jubii.dk",
        "earthlink.net",
        "att.net",
        "comcast.net",
        "verizon.net",
        "users.noreply.github.com",
    ]
)
_GITHUB = re.compile(r"^(?:\d+\+)?(?P<login>[^@]+)@users\.noreply\.github\.com$")


def is_role(address: str) -> bool:
    """Whether an address belongs to an office, a list or a program rather than to one person."""
    local, _, domain = address.casefold().partition("@")
    if domain == "users.noreply.github.com":
        return False
    if not domain or "." not in domain or _LISTS.search(f".{domain}") or _ROLE_PARTS.search(local):
        return True
    words = [word for word in re.split(r"[._+-]", local) if word]
    return bool(words) and (words[0] in _ROLES or words[-1] in _ROLES or "".join(words) in _ROLES)


def address_key(address: str) -> str:
    """What two spellings of one address share, as people type it."""
    return address.strip().casefold()


def local_part(address: str) -> str:
    """What stands before the ``@``, without a tag behind ``+``."""
    if login := _GITHUB.match(address.casefold()):
        return login["login"]
    return address.casefold().partition("@")[0].partition("+")[0]


def own_domain(address: str) -> str:
    """The organisation's domain, or ``""`` for providers whose customers share nothing."""
    domain = address.casefold().partition("@")[2]
    if domain in _FREE:
        return ""
    parts = domain.split(".")
    keep = (
        3
        if len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in {"co", "ac", "com", "org", "gov", "edu"}
        else 2
    )
    return ".".join(parts[-keep:])


def spelt_name(address: str) -> str:
    """The name that an address writes out: ``jane doe`` for ``jane.doe@x.example``, ``""`` for ``jdoe@x.example``."""
    words = [word for word in re.split(r"[._-]+", local_part(address)) if word]
    if len(words) < 2 or not all(word.isalpha() for word in words) or len(words[0]) < 2 or len(words[-1]) < 2:
        return ""
    return " ".join(words)


def spells(address: str, key: str) -> bool:
    """Whether the part before the ``@`` is made of a name: ``jdoe``, ``jane.doe``, ``m..doe``."""
    local = loose(re.sub(r"[^a-z0-9]", "", local_part(address)))
    bare = local.rstrip("0123456789")
    words = loose(key).split()
    if len(words) < 2 or not bare:
        return False
    middle_last = {word[0] + words[-1] for word in words[1:-1]}
    return bare in handles(key) or bare == words[-1] or bare in middle_last


def numbered_twins(one: str, other: str) -> bool:
    """Whether two addresses of one domain differ only by a number, as given to namesakes."""
    if one.partition("@")[2] != other.partition("@")[2]:
        return False
    a, b = local_part(one), local_part(other)
    return a != b and a.rstrip("0123456789._-") == b.rstrip("0123456789._-")
