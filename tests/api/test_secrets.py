"""Passwords of sources: given without standing in a command, encrypted at rest, in no answer, log or error."""

import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from tests.api.test_faults import Home, Said
from tests.memories import service

SECRET, OTHER = "correct horse=battery", "staple @ work"
VAULT = '''
from pathlib import Path
from connectors.folder import Folder
from memory.errors import SourceError

class Vault(Folder):
    """A folder that opens to a password: what is in `.password` there."""
    kind = "vault"

    def __init__(self, config):
        given = config.secret("password")
        self._opens = given and given.get_secret_value() == Path(config.location, ".password").read_text()
        super().__init__(type(config)(config.name, config.location))
        self._said = repr(config)

    def check(self):
        if not self._opens:
            raise SourceError("The password is wrong: " + self._said, hint="Give another.")
        return super().check()
'''


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A connector of somebody else's, as pip would install it, and its source."""
    (tmp_path / "vault_module.py").write_text(VAULT, encoding="utf-8")
    info = tmp_path / "vault-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vault\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[mneme.connectors]\nvault = vault_module:Vault\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    place = tmp_path / "vault"
    place.mkdir()
    (place / ".password").write_text(SECRET, encoding="utf-8")
    (place / "plan.txt").write_text("The tunnel is dug in May.", encoding="utf-8")
    return place


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def add(home: Home, vault: Path, secret: str) -> Said:
    return home.mneme(
        "sources", "add", "vault", str(vault), "--name", "v", "--secret", of_file(vault, secret)
    )


def of_file(vault: Path, secret: str) -> str:
    """The secret in a file, as an option names it."""
    file = vault.with_name("given")
    file.write_text(f"{secret}\n", encoding="utf-8")
    return f"password=@{file}"


def typed(home: Home, vault: Path, secret: str) -> subprocess.CompletedProcess[str]:
    """Add the source by a process of its own that reads the secret from standard input."""
    command = ["sources", "add", "vault", str(vault), "--name", "v", "--secret", "password"]
    given = {
        "MNEME_HOME": str(home.folder),
        "MNEME_EMBEDDING__MODEL": "hash",
        "PYTHONPATH": str(vault.parent),
    }
    return subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", *command],
        input=f"{secret}\n",
        env={**os.environ, **given},  # noqa: TID251
        capture_output=True,
        text=True,
        check=False,
    )


def holding(folder: Path, *texts: str) -> list[Path]:
    """Files that hold one of the texts."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    assert files
    return [each for each in files if any(text.encode() in each.read_bytes() for text in texts)]


def test_a_secret_is_encrypted_and_never_told(
    home: Home, vault: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = add(home, vault, OTHER)
    wrong.refuses(69, "The password is wrong", "SecretStr('**********')")
    added = add(home, vault, SECRET)
    assert added.code == 0, added
    synced = home.mneme("sync", "--json")
    assert json.loads(synced.out)["summaries"][0]["indexed"] == 1
    listed = home.mneme("sources", "list", "--json")
    said = "".join(each.out + each.err for each in (wrong, added, synced, listed)) + caplog.text
    assert SECRET not in said
    assert OTHER not in said
    assert holding(home.folder, SECRET, OTHER) == []
    [keys] = (home.folder / "keys").iterdir()
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert holding(home.folder, keys.read_text().strip()) == [keys]


def test_a_secret_in_the_command_is_refused_without_being_repeated(home: Home, vault: Path) -> None:
    said = home.mneme("sources", "add", "vault", str(vault), "--secret", f"password={SECRET}")
    said.refuses(64, "where others can read it", "--secret NAME=@FILE")
    assert SECRET not in said.err
    said = home.mneme("sources", "add", "vault", f"imaps://jane:{SECRET}@mail.x.example")
    said.refuses(64, "--secret password")
    assert SECRET not in said.err
    add(home, vault, "").refuses(64, "is empty")
    refused = home.mneme("sources", "add", "folder", str(vault), "--secret", of_file(vault, SECRET))
    refused.refuses(64, "has no secret password")


def test_a_secret_comes_from_standard_input(home: Home, vault: Path) -> None:
    empty = typed(home, vault, "")
    assert (empty.returncode, "is empty" in empty.stderr) == (64, True), empty
    done = typed(home, vault, SECRET)
    assert done.returncode == 0, done
    assert SECRET not in done.stdout + done.stderr


def test_a_key_that_is_renewed_or_lost(home: Home, vault: Path) -> None:
    assert add(home, vault, SECRET).code == 0
    file = home.folder / "keys" / "secrets.keys"
    before = file.read_text()
    assert "1 secret" in home.mneme("sources", "renew-key").out
    assert len(file.read_text().split()) == 1
    assert file.read_text() != before
    assert home.mneme("sources", "check", "v").code == 0
    file.chmod(0o644)
    home.mneme("sources", "check", "v").refuses(74, "may be read by others", "chmod 600")
    file.unlink()
    home.mneme("sources", "check", "v").refuses(78, "cannot be decrypted", "mneme sources secret v password")
    (vault / ".password").write_text(OTHER, encoding="utf-8")
    home.mneme("sources", "secret", "v", of_file(vault, SECRET)).refuses(69, "The password is wrong")
    assert home.mneme("sources", "secret", "v", of_file(vault, OTHER)).code == 0
    assert home.mneme("sources", "check", "v").code == 0


def test_the_api_takes_secrets_and_gives_none_back(home: Home, vault: Path) -> None:
    with (
        service(home.folder) as asked,
        TestClient(create_app(lambda: asked), base_url="http://127.0.0.1") as client,
    ):
        body = {"kind": "vault", "location": str(vault), "name": "v", "secrets": {"password": SECRET}}
        added = client.post("/api/sources", json=body)
        assert added.status_code == 201, added.text
        refused = client.put("/api/sources/v/secrets/password", json={"value": OTHER})
        assert refused.status_code == 502
        odd = client.put("/api/sources/v/secrets/password", json={"value": [SECRET]})
        assert odd.status_code == 422
        listed = client.get("/api/sources")
        assert SECRET not in added.text + refused.text + odd.text + listed.text
        assert client.post("/api/sources/v/check").status_code == 200, "the wrong one was not kept"
