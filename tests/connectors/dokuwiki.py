"""A real DokuWiki for tests: its own code saves the pages, makes the users and decides who may read (no web server needed)."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CODE = Path("/usr/share/dokuwiki")
_FOLDERS = (
    "pages",
    "meta",
    "media",
    "media_attic",
    "media_meta",
    "attic",
    "cache",
    "index",
    "locks",
    "tmp",
    "log",
)
_DRIVE = """<?php
define('DOKU_CONF', $argv[1] . '/conf/');
define('NOSESSION', 1);
$_SERVER['HTTP_HOST'] = 'localhost';
$_SERVER['REMOTE_ADDR'] = '192.0.2.7';
require_once '/usr/share/dokuwiki/inc/init.php';
auth_setup();
foreach (json_decode(file_get_contents('php://stdin'), true) as $step) {
    $user = $step['user'] ?? '';
    $USERINFO = $user === '' ? null : $auth->getUserData($user);
    if ($user === '') $INPUT->server->remove('REMOTE_USER'); else $INPUT->server->set('REMOTE_USER', $user);
    switch ($step['do']) {
        case 'save':
            saveWikiText($step['id'], $step['text'], $step['summary'] ?? 'change');
            $said = true;
            break;
        case 'make':
            $said = $auth->createUser($step['login'], $step['password'], $step['name'], $step['mail'], $step['groups']);
            break;
        case 'may':
            $AUTH_ACL = auth_loadACL();
            $said = auth_aclcheck($step['id'], $user, $USERINFO['grps'] ?? []);
            break;
    }
    if ($said === false || $said === null) exit(1);
    $all[] = $said;
}
echo "\\n", json_encode($all);
"""
_LOCAL = """<?php
$conf['savedir'] = '{place}/data';
$conf['useacl'] = 1;
$conf['superuser'] = '@admin,root';
$conf['authtype'] = 'authplain';
"""


class Wiki:
    """A wiki of its own in a folder.

    :param acl: the rules, without the head of the file; ``""``: none, and none asked for.
    """

    def __init__(self, place: Path, acl: str = "* @ALL 1\n") -> None:
        if not CODE.is_dir() or not shutil.which("php"):
            pytest.skip(
                "no DokuWiki: apt-get install --no-install-recommends dokuwiki php-cli php-xml php-mbstring"
            )
        self.place = place
        for name in _FOLDERS:
            (place / "data" / name).mkdir(parents=True)
        (place / "conf").mkdir()
        for name in ("plugins.php", "plugins.required.php"):
            shutil.copy(Path("/etc/dokuwiki") / name, place / "conf" / name)
        (place / "conf" / "local.php").write_text(_LOCAL.format(place=place))
        (place / "conf" / "users.auth.php").write_text("# users.auth.php\n# <?php exit()?>\n\n")
        (place / "drive.php").write_text(_DRIVE)
        self.allow(acl)

    def allow(self, acl: str) -> None:
        """Replace the access rules."""
        (self.place / "conf" / "acl.auth.php").write_text(f"# acl.auth.php\n# <?php exit()?>\n{acl}")

    def do(self, *steps: dict[str, Any]) -> list[Any]:
        """Let DokuWiki do these one after the other."""
        words = ["php", str(self.place / "drive.php"), str(self.place)]
        done = subprocess.run(
            words, input=json.dumps(steps), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: list[Any] = json.loads(done.stdout.splitlines()[-1])
        return found


def save(page: str, text: str, user: str = "") -> dict[str, Any]:
    return {"do": "save", "id": page, "text": text, "user": user}


def make(login: str, name: str, *groups: str) -> dict[str, Any]:
    known = {"login": login, "name": name, "mail": f"{login}@x.example", "groups": groups}
    return {"do": "make", "password": "pass:word", **known}


def may(page: str, user: str = "") -> dict[str, Any]:
    return {"do": "may", "id": page, "user": user}
