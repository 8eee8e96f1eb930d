"""A connection by SSH to a server whose key is known."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from connectors.base import SourceConfig
from connectors.share.address import Address
from memory.errors import InvalidInput, SourceError, SourceUnavailable

_T = TypeVar("_T")
_WAIT_S = 20
_STILL_S = 120
"""How long one answer may take."""


class _Known(asyncssh.SSHClient):
    """Takes a server's key for known by its fingerprint, and remembers what the server showed."""

    def __init__(self, fingerprints: frozenset[str]) -> None:
        self._fingerprints = fingerprints
        self.shown = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether the fingerprint was given; keys in a file of known hosts are not asked about."""
        del host, addr, port
        self.shown = key.get_fingerprint()
        return self.shown in self._fingerprints


class Ssh:
    """A connection that is made when it is needed; one thread at a time.

    The server's key has to be in the file of known hosts (option ``known_hosts``, else OpenSSH's own) or have a fingerprint
    that was given (option ``fingerprint``, several by commas). None is ever taken on trust.

    :raises InvalidInput: where user, key or fingerprint are missing or no such thing.
    """

    options = ("user", "known_hosts", "fingerprint")
    secrets = ("password", "private_key", "passphrase")

    def __init__(self, config: SourceConfig, address: Address) -> None:
        self._address = address
        fingerprints = frozenset(filter(None, config.option("fingerprint").replace(" ", "").split(",")))
        for each in fingerprints:
            if not each.startswith("SHA256:"):
                raise InvalidInput(
                    f"Not a fingerprint: {each}.",
                    hint="It begins with SHA256:, as `ssh-keygen -lf FILE` prints it.",
                )
        self._known = _Known(fingerprints)
        if not config.option("user"):
            raise InvalidInput("No user is named.", hint="Give --option user=NAME.")
        password = config.secret("password")
        self._how: dict[str, Any] = {
            "username": config.option("user"),
            "password": password.get_secret_value() if password else None,
            "client_keys": _keys(config),
            "known_hosts": _known_hosts(config, bool(fingerprints)),
            # Nothing of whoever runs the service is used: neither their settings nor their keys nor their agent.
            "config": None,
            "agent_path": None,
            "gss_auth": False,
            "gss_kex": False,
            "connect_timeout": _WAIT_S,
            "login_timeout": _WAIT_S,
            "keepalive_interval": 15,
            "keepalive_count_max": 3,
        }
        self._runner: asyncio.Runner | None = None
        self._connection: asyncssh.SSHClientConnection | None = None

    def run(self, work: Awaitable[_T]) -> _T:
        """Do it and give its result.

        :raises SourceUnavailable: where the connection breaks or stands still.
        """
        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            return self._runner.run(asyncio.wait_for(work, _STILL_S))
        except asyncssh.SFTPError as error:
            if isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection):
                raise self._away() from error
            raise
        except (asyncssh.Error, ConnectionError, TimeoutError) as error:
            raise self._away() from error

    async def connection(self) -> asyncssh.SSHClientConnection:
        """The connection, made anew where there is none.

        :raises SourceError: where the server's key is not known, or it does not let the user in.
        """
        if self._connection is not None:
            return self._connection
        server = self._address.server
        try:
            self._connection = await asyncssh.connect(
                self._address.host, self._address.port or 22, client_factory=lambda: self._known, **self._how
            )
        except asyncssh.HostKeyNotVerifiable as error:
            shown = f", which has the fingerprint {self._known.shown}" if self._known.shown else ""
            raise SourceError(
                f"The key that {server} shows is not known{shown}.",
                hint="Compare it with what `ssh-keygen -lf` prints on the server; then give it by --option fingerprint=SHA256:..., "
                "or add the key to the file of known hosts.",
            ) from error
        except asyncssh.PermissionDenied as error:
            raise SourceError(
                f"{server} did not let the user in.",
                hint="Check --option user and the secret password or private_key.",
            ) from error
        except OSError as error:
            raise SourceUnavailable(f"{server} does not answer.") from error
        return self._connection

    @property
    def is_open(self) -> bool:
        """Whether there is a connection now."""
        return self._connection is not None

    def close(self) -> None:
        """End the connection."""
        runner, connection = self._runner, self._connection
        self._runner = self._connection = None
        if runner is not None:
            if connection is not None:
                connection.abort()
            runner.close()

    def _away(self) -> SourceUnavailable:
        self.close()
        return SourceUnavailable(f"{self._address.server} does not answer.")


def _keys(config: SourceConfig) -> list[asyncssh.SSHKey] | None:
    key, passphrase = config.secret("private_key"), config.secret("passphrase")
    if key is None:
        return None
    try:
        return [
            asyncssh.import_private_key(
                key.get_secret_value(), passphrase.get_secret_value() if passphrase else None
            )
        ]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise InvalidInput(
            "The secret private_key is no private key, or its passphrase is not right.",
            hint="Give the whole file: --secret private_key=@FILE, and --secret passphrase where it has one.",
        ) from error


def _known_hosts(config: SourceConfig, has_fingerprint: bool) -> Any:
    given = config.option("known_hosts")
    if has_fingerprint and not given:
        return ([], [], [])
    file = Path(given) if given else Path.home() / ".ssh" / "known_hosts"
    try:
        return asyncssh.read_known_hosts(str(file))
    except FileNotFoundError as error:
        if not given:
            return ([], [], [])
        raise InvalidInput(f"There is no file {file}.", hint="Give the file of known hosts.") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{file} is no file of known hosts.", hint="Give one as OpenSSH writes it."
        ) from error
