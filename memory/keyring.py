"""Passwords and tokens at rest: encrypted, with keys in a file of their own that no database or backup of one holds.

Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fyrnet/spec). The file has one key a line, the newest first;
more than one only while they are being renewed.
"""

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from memory.errors import CatalogueError, SecretUnreadable

_AGAIN = "Give it again: mneme sources secret {source} {name}."


class Keyring:
    """Encrypts the secrets of sources. A sealed secret is bound to its source and its name.

    :param file: the key file; made with the first secret, for its owner only.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writing = threading.Lock()

    @property
    def file(self) -> Path:
        """The key file; there is none before the first secret."""
        return self._file

    def seal(self, source: str, name: str, secret: SecretStr) -> str:
        """Encrypt a secret.

        :raises CatalogueError: where the key file cannot be read or written.
        """
        with self._writing:
            keys = self._keys() or self._made()
        text = json.dumps([source, name, secret.get_secret_value()])
        return Fernet(keys[0]).encrypt(text.encode()).decode()

    def open(self, source: str, name: str, sealed: str) -> SecretStr:
        """Decrypt a secret.

        :raises SecretUnreadable: where the key is missing or another, or the secret belongs elsewhere.
        """
        try:
            told = json.loads(self._all().decrypt(sealed))
        except (InvalidToken, ValueError) as error:
            raise SecretUnreadable(
                f"The secret {name} of {source} cannot be decrypted: its key in {self._file} is missing or another.",
                hint=_AGAIN.format(source=source, name=name),
            ) from error
        if told[:2] != [source, name]:
            raise SecretUnreadable(
                f"The secret {name} of {source} was made for another source.",
                hint=_AGAIN.format(source=source, name=name),
            )
        return SecretStr(told[2])

    def renew(self, store: Callable[[Callable[[str], str]], int]) -> int:
        """Take a new key and encrypt everything by it; says how many secrets that were.

        Killed at any moment, both keys are there until everything is encrypted by the new one.

        :param store: replaces every sealed secret by what the function given to it makes of it, in one transaction.
        """
        with self._writing:
            self._write([Fernet.generate_key(), *self._keys()])
            count = store(lambda sealed: self._all().rotate(sealed.encode()).decode())
            self._write(self._keys()[:1])
        return count

    def _all(self) -> MultiFernet:
        keys = self._keys()
        return MultiFernet([Fernet(key) for key in keys] or [Fernet(Fernet.generate_key())])

    def _keys(self) -> list[bytes]:
        try:
            with self._file.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if os.name == "posix" and mode & 0o077:
                    raise CatalogueError(
                        f"The key file {self._file} may be read by others.",
                        hint=f"Run: chmod 600 {self._file}",
                    )
                return file.read().split()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CatalogueError(f"The key file {self._file} cannot be read: {error.strerror}.") from error

    def _made(self) -> list[bytes]:
        keys = [Fernet.generate_key()]
        self._write(keys)
        return keys

    def _write(self, keys: list[bytes]) -> None:
        """Replace the file in one step: whoever is killed here leaves the old one or the new one."""
        fresh = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(b"\n".join(keys) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file)
        except OSError as error:
            raise CatalogueError(f"The key file {self._file} cannot be written: {error.strerror}.") from error
