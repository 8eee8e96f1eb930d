"""What tests need to start a server on this machine: its program, a free port, a certificate, and patience until it answers."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def program(name: str, package: str) -> str:
    """Where a server's program lies; where it does not, the test is left out and says how to get it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"left out: there is no {name} here; `apt-get install {package}` brings it")
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def own_certificate(place: Path) -> tuple[Path, Path]:
    """A certificate for `localhost` that nobody but itself vouches for, and its key: ``server.pem`` and ``server.key``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (place / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (place / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return place / "server.pem", place / "server.key"


def wait(
    port: int, process: "subprocess.Popen[bytes]", log: Path, answers: Callable[[socket.socket], object]
) -> None:
    """Until the server answers as it should, or has ended."""
    for _ in range(400):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as talking:
            if answers(talking):
                return
        assert process.poll() is None, log.read_text(errors="replace")
        time.sleep(0.05)
    raise TimeoutError(log.read_text(errors="replace"))
