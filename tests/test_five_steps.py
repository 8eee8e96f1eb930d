"""What ARCHITECTURE.md says of adding a connector, done as it says: a package from its text, installed and used."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.serving import variables

ROOT = Path(__file__).parent.parent
FILE = re.compile(r"^ *```\w+\n( *# (\S+)\n.*?)^ *```$", re.MULTILINE | re.DOTALL)


def written(folder: Path) -> Path:
    """A folder with the files of the five steps."""
    folder.mkdir()
    steps = (
        (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## Add a connector in five steps")[1]
    )
    for text, name in FILE.findall(steps.split("\n## ")[0]):
        (folder / name).write_text(dedent(text), encoding="utf-8")
    assert {each.name for each in folder.iterdir()} == {"cards.py", "pyproject.toml", "test_cards.py"}
    return folder


def installed(package: Path, place: Path) -> Path:
    """Where pip has put the package; nothing is fetched for it."""
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    run("-m", "pip", "install", *offline, "--target", str(place), str(package))
    return place


def run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What Python says that runs a command, which must succeed."""
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_connector_is_added_in_five_steps(tmp_path: Path) -> None:
    package = written(tmp_path / "package")
    site = installed(package, tmp_path / "site")
    known = variables(tmp_path / "home") | {"PYTHONPATH": str(site)}
    contract = run(
        "-m",
        "pytest",
        "-q",
        "-c",
        "pyproject.toml",
        "-p",
        "no:cacheprovider",
        "test_cards.py",
        cwd=package,
        env=known,
    )
    passed = re.search(r"(\d+) passed", contract)
    assert passed, contract
    assert int(passed[1]) >= 15, contract

    def mneme(*command: str) -> Any:
        return json.loads(run("-c", "from api.cli import main; main()", *command, "--json", env=known))

    box = tmp_path / "box.db"
    with closing(sqlite3.connect(box)) as database, database:
        database.execute("CREATE TABLE cards (key TEXT PRIMARY KEY, writer TEXT, text BLOB)")
        card = "The lease of the warehouse ends in March."
        database.execute("INSERT INTO cards VALUES ('lease.txt', 'Jane Doe', ?)", [card.encode()])
    assert "A box of cards" in json.dumps(mneme("sources", "kinds"))
    mneme("sources", "add", "cards", str(box), "--name", "box")
    assert mneme("sync")["summaries"][0]["indexed"] == 1
    [found] = mneme("search", "warehouse lease")["results"]
    assert found["ref"] == "cards:box/lease.txt"
    assert "Jane Doe" in json.dumps(found["people"])
