"""Secrets that a source itself replaces while it is asked: a refresh token that counts once, and comes with the next one."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from memory.catalogue.sources import Sources
from memory.keyring import Keyring


@dataclass(slots=True)
class Renewed:
    """Keeps what a connector tells by `SourceConfig.renew`, encrypted.

    :param lock: held while something is sealed and kept, so that keys are not renewed in between.
    :param secrets: the source's, as its connector was given them. One that its owner replaced meanwhile is left alone.
    :param sources: where they are kept; None while the source is tried and kept by nobody yet.
    """

    name: str
    secrets: Mapping[str, SecretStr]
    ring: Keyring
    lock: "threading.RLock"
    sources: Sources | None = None
    sealed: dict[str, str] = field(default_factory=dict)
    """What was told so far, for whoever keeps the source."""

    def take(self, secret: str, value: SecretStr) -> None:
        """Keep a secret in the place of the one that the connector has.

        :raises CatalogueError: where that is impossible.
        """
        with self.lock:
            sealed = self.ring.seal(self.name, secret, value)
            self.sealed[secret] = sealed
            if self.sources is None:
                return
            kept = self.sources.get(self.name).secrets.get(secret)
            if kept is not None and self.ring.open(self.name, secret, kept) == self.secrets.get(secret):
                self.sources.keep_secret(self.name, secret, sealed)
                self.secrets = {**self.secrets, secret: value}
