"""What connectors to servers share: which hosts are this machine, and whose certificates are trusted."""

import ssl
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from memory.errors import InvalidInput


def is_here(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def certificates(ca: Path | str | None) -> ssl.SSLContext:
    """What checks a server's certificate and name.

    :param ca: a file with the certificates of the authorities to trust instead of the system's.
    :raises InvalidInput: where that file cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=ca) if ca else _of_the_system()
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"The certificates in {ca} cannot be read: {getattr(error, 'strerror', None) or error}.",
            hint="Give a PEM file by --option ca=FILE.",
        ) from error


@cache
def _of_the_system() -> ssl.SSLContext:
    """Read once: it costs more than many an answer."""
    return ssl.create_default_context()
