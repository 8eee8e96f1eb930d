"""Whom to ask for what: from a source's settings."""

from dataclasses import dataclass, field
from typing import Self

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import parse_filter
from ldap3.utils.dn import parse_dn
from pydantic import SecretStr

from connectors.base import SourceConfig
from connectors.server_address import Address, Scheme, address_of
from memory.errors import InvalidInput

_SCHEME = Scheme("ldaps", "ldap", 636, 389, "a directory", "Where to look is said by --option base=DN.")
_OPTIONS = (
    "user",
    "base",
    "people_base",
    "groups_base",
    "people_filter",
    "groups_filter",
    "group_name",
    "anonymous",
    "tls",
    "ca",
)
_PEOPLE = "(|(objectClass=person)(objectClass=posixAccount))"
_GROUPS = (
    "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)(objectClass=group))"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one directory.

    :param user: who asks; ``""`` for nobody.
    :param group_name: the attribute that names a group; ``""`` for sAMAccountName where there is one, else cn.
    """

    address: Address
    user: str
    password: SecretStr = field(repr=False)
    people_bases: tuple[str, ...]
    group_bases: tuple[str, ...]
    people_filter: str
    groups_filter: str
    group_name: str

    @classmethod
    def of(cls, config: SourceConfig) -> Self:
        """Read them.

        :raises InvalidInput: where they do not say whom to ask for what, or would ask as nobody without being told to.
        """
        config.only(options=_OPTIONS, secrets=("password",))
        address = address_of(config, _SCHEME)
        user, password = config.option("user"), config.secret("password") or SecretStr("")
        anonymous = config.option("anonymous", "no")
        if anonymous not in ("yes", "no"):
            raise InvalidInput(f"anonymous is yes or no, not {anonymous}.")
        if anonymous == "yes" and (user or password.get_secret_value()):
            raise InvalidInput("A user or a password was given beside anonymous=yes.", hint="Leave one out.")
        # A name without a password is taken by many servers, as nobody (RFC 4513, 5.1.2).
        if anonymous == "no" and not (user and password.get_secret_value()):
            raise InvalidInput(
                "The directory is to be asked by nobody.",
                hint="Give --option user=DN and --secret password, or --option anonymous=yes.",
            )
        base = config.option("base")
        people = _bases(config.option("people_base", base))
        groups = _bases(config.option("groups_base", base))
        if not people or not groups:
            raise InvalidInput(
                "Nothing says where people and groups are in the directory.",
                hint="Give --option base=DN, as in base=dc=corp,dc=example.",
            )
        return cls(
            address,
            user,
            password,
            people,
            groups,
            _filter(config.option("people_filter", _PEOPLE)),
            _filter(config.option("groups_filter", _GROUPS)),
            config.option("group_name"),
        )


def _bases(text: str) -> tuple[str, ...]:
    found = tuple(each.strip() for each in text.split(";") if each.strip())
    for each in found:
        try:
            parse_dn(each)
        except LDAPExceptionError as error:
            raise InvalidInput(
                f"Not a distinguished name: {each}.", hint="It reads as in ou=people,dc=corp,dc=example."
            ) from error
    return found


def _filter(text: str) -> str:
    """A filter that can be understood; it is sent as it is, and nothing is put into it."""
    try:
        parse_filter(text, None, False, None, None, False)
    except (LDAPExceptionError, IndexError, UnicodeError) as error:
        raise InvalidInput(
            f"Not a filter: {text}.",
            hint="It reads as in (&(objectClass=person)(l=Bern)); \\28, \\29, \\2a and \\5c stand for ( ) * and \\.",
        ) from error
    return text
