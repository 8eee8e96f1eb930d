"""People and groups of an LDAP server or Active Directory: departments, managers, groups of groups, and who has left."""

from connectors.base import SourceConfig
from connectors.ldap.entries import Reader
from connectors.ldap.session import Session
from connectors.ldap.settings import Settings
from memory.errors import SourceError
from memory.people.directory import Told


class Ldap:
    """People and groups of an LDAP server or Active Directory, read only, through TLS with a verified certificate.

    The location is ``ldaps://HOST:PORT``, or ``ldap://HOST:PORT`` for StartTLS; options are ``user`` (a distinguished name,
    or NAME@DOMAIN for Active Directory), ``base`` (``people_base`` and ``groups_base`` where these differ; several stand
    apart by ``;``), ``people_filter`` and ``groups_filter`` (RFC 4515), ``group_name`` (the attribute that names a group),
    ``ca`` (a file of certificates to trust), ``tls=off`` and ``anonymous=yes``; the secret is ``password``.
    Referrals to other servers are not followed.

    :raises InvalidInput: where the settings do not say whom to ask for what.
    """

    kind = "ldap"

    def __init__(self, config: SourceConfig) -> None:
        self._settings = Settings.of(config)
        self._session = Session(self._settings)
        self._name = config.name

    def check(self) -> str:
        """Say how many people and groups there are.

        :raises SourceError: where the directory cannot be opened, or has nobody where it is asked.
        """
        told = self.people()
        active = sum(each.active for each in told.people)
        if not active:
            raise SourceError(
                f"{self._settings.address.name} shows nobody there.",
                hint="Check base and people_filter, and what the user may read.",
            )
        return f"{self._settings.address.name} has {active:,} people in {len(told.groups):,} groups."

    def people(self) -> Told:
        """Everybody and every group.

        :raises SourceError: where the directory cannot be opened or read to its end.
        """
        reader = Reader(self._name, self._settings.group_name)
        try:
            for base in self._settings.people_bases:
                reader.take_people(self._session.search(base, self._settings.people_filter, reader.PEOPLE))
            for base in self._settings.group_bases:
                reader.take_groups(self._session.search(base, self._settings.groups_filter, reader.GROUPS))
        finally:
            self._session.close()
        return reader.told(self._session.elsewhere)

    def close(self) -> None:
        """End the connection."""
        self._session.close()
