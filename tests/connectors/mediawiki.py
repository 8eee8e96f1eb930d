"""A real MediaWiki for tests: Debian's package on SQLite, served by PHP itself; nothing outlives the tests."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.connectors.local_server import free_port

CODE = Path("/usr/share/mediawiki")
PASSWORD = "correct-horse-battery"
BOT_PASSWORD = "0123456789abcdefghijklmnopqrstuv"
"""Of the user ``Admin@mneme``; MediaWiki makes them of these characters."""
BASE = "http://wiki.test/"
"""As the wiki calls itself; the port it answers at is another one each time."""

_DATABASES = ("wiki.sqlite", "wiki_jobqueue.sqlite")
_SETTINGS = """
$wgCapitalLinks = false;
$wgEnableUploads = true;
$wgFileExtensions[] = 'txt';
$wgUploadDirectory = '{place}/root/images';
$wgRateLimits = [];
$wgJobRunRate = 0;
$wgCacheDirectory = '{place}/cache';
$wgLocalisationCacheConf = [ 'class' => 'LocalisationCache', 'store' => 'array', 'storeDirectory' => '{place}/cache', 'manualRecache' => false ];
$wgMainCacheType = CACHE_NONE;
$wgSessionCacheType = CACHE_DB;
$wgUseDatabaseMessages = false;
$wgDBservers = [ [ 'type' => 'sqlite', 'host' => '', 'user' => '', 'password' => '', 'dbname' => 'wiki', 'load' => 1,
    'dbDirectory' => $wgSQLiteDataDir, 'flags' => DBO_DEFAULT, 'variables' => [ 'synchronous' => 'OFF' ] ] ];
$wgObjectCaches[CACHE_DB]['server']['variables'] = $wgJobTypeConf['default']['server']['variables'] = [ 'synchronous' => 'OFF' ];
$wgArticlePath = '/wiki/$1';
if ( is_file( '{place}/more.php' ) ) require '{place}/more.php';
"""


class Wiki:
    """A wiki on a free port, and a program that writes in it.

    :param place: where everything of it lies.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: subprocess.Popen[bytes] | None = None
        self._users: dict[str, tuple[httpx.Client, str]] = {}

    def install(self) -> None:
        """Make it, with a few users; what it is then, `reset` makes it again."""
        for folder in ("root/images", "cache", "data"):
            (self.place / folder).mkdir(parents=True)
        for name in ("api.php", "index.php"):
            (self.place / "root" / name).symlink_to(CODE / name)
        self.php("maintenance/install.php", "--dbtype", "sqlite", "--dbpath", str(self.place / "data"), "--dbname", "wiki",
                 "--confpath", str(self.place), "--pass", PASSWORD, "--server", BASE.rstrip("/"), "--scriptpath", "", "Test wiki", "Admin")  # fmt: skip
        with (self.place / "LocalSettings.php").open("a") as settings:
            settings.write(_SETTINGS.replace("{place}", str(self.place)))
        for name in ("Jane Doe", "Bob"):
            self.php("maintenance/createAndPromote.php", "--force", name, PASSWORD)
        self.php(
            "maintenance/createBotPassword.php",
            "--appid",
            "mneme",
            "--grants",
            "basic",
            "Admin",
            BOT_PASSWORD,
        )
        self.start()
        self.delete("Main Page")
        self.save("empty")

    def save(self, name: str) -> None:
        """Keep what it is now under a name."""
        for file in _DATABASES:
            shutil.copy(self.place / "data" / file, self.place / f"{file}.{name}")

    def reset(self, name: str = "empty") -> None:
        """Make it what it was under that name; users and those who are logged in stay."""
        for file in _DATABASES:
            for log in ("-wal", "-shm", "-journal"):
                (self.place / "data" / f"{file}{log}").unlink(missing_ok=True)
            shutil.copy(self.place / f"{file}.{name}", self.place / "data" / file)
        self.more("")

    def more(self, settings: str) -> None:
        """Settings besides, from the next request on."""
        (self.place / "more.php").write_text(f"<?php\n{settings}\n")

    def php(self, script: str, *words: str) -> None:
        """Run a program of MediaWiki's."""
        command = ["php", str(CODE / script), *words]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Serve."""
        options = [
            "-d",
            "opcache.enable_cli=1",
            "-d",
            "opcache.revalidate_freq=0",
            "-d",
            "opcache.max_accelerated_files=20000",
        ]
        with (self.place / "log").open("ab") as log:
            self._server = subprocess.Popen(
                ["php", *options, "-S", f"127.0.0.1:{self.port}", "-t", str(self.place / "root")],
                env=self._env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise TimeoutError((self.place / "log").read_text())

    def stop(self) -> None:
        """Kill the server, whatever it is doing."""
        if self._server:
            self._server.kill()
            self._server.wait()

    def write(self, title: str, text: str, user: str = "Admin") -> int:
        """Make or change a page; says its number."""
        return int(self.ask("edit", user, title=title, text=text)["pageid"])

    def delete(self, title: str) -> None:
        """Delete a page."""
        self.ask("delete", title=title)

    def move(self, old: str, new: str) -> None:
        """Give a page another title; a redirect stays."""
        self.ask("move", **{"from": old, "to": new})

    def upload(self, name: str, body: bytes, user: str = "Admin") -> None:
        """Upload a file, or another version of it."""
        client, token = self._user(user)
        form = {"action": "upload", "format": "json", "filename": name, "ignorewarnings": "1", "token": token}
        told = client.post("/api.php", data=form, files={"file": (name, body)}).json()
        assert told.get("upload", {}).get("result") == "Success", told

    def ask(self, action: str, user: str = "Admin", **form: str) -> dict[str, Any]:
        """Do something as one of the users; ``""`` is somebody from the Internet."""
        client, token = self._user(user)
        given = {"action": action, "format": "json", "formatversion": "2", "token": token, **form}
        told: dict[str, Any] = client.post("/api.php", data=given).json()
        assert "error" not in told, json.dumps(told)
        return told.get(action, {})

    def forget_users(self) -> None:
        """Log in anew whoever does something."""
        for client, _ in self._users.values():
            client.close()
        self._users.clear()

    def close(self) -> None:
        """End it."""
        self.stop()
        self.forget_users()

    @property
    def _env(self) -> dict[str, str]:
        settings = self.place / "LocalSettings.php"
        return {"PATH": os.defpath, "MW_CONFIG_FILE": str(settings), "TMPDIR": str(self.place)}

    def _user(self, name: str) -> tuple[httpx.Client, str]:
        if name not in self._users:
            client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
            ask = {"action": "query", "meta": "tokens", "type": "login|csrf", "format": "json"}
            if name:
                token = client.get("/api.php", params=ask).json()["query"]["tokens"]["logintoken"]
                form = {
                    "action": "login",
                    "lgname": name,
                    "lgpassword": PASSWORD,
                    "lgtoken": token,
                    "format": "json",
                }
                told = client.post("/api.php", data=form).json()
                assert told["login"]["result"] == "Success", told
            self._users[name] = (
                client,
                client.get("/api.php", params=ask).json()["query"]["tokens"]["csrftoken"],
            )
        return self._users[name]


@contextmanager
def mediawiki(place: Path) -> Iterator[Wiki]:
    """Install a wiki, serve it and end it."""
    if not (CODE / "api.php").is_file() or shutil.which("php") is None:
        pytest.skip(
            "left out: there is no MediaWiki here; `apt-get install mediawiki php-cli php-sqlite3` brings one"
        )
    wiki = Wiki(place)
    try:
        wiki.install()
        yield wiki
    finally:
        wiki.close()
