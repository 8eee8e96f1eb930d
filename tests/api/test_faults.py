"""What goes wrong on a real machine, through the command line: one line that says what to do, and an exit code."""

import io
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api.cli import main
from api.lock import OwnerLock
from tests.small_disk import fill, mounted, resize

TEXT = "The notice period of the lease is three months."


@dataclass
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    def refuses(self, code: int, *parts: str) -> None:
        """Ended so, with one line that has all of these parts, and nothing else."""
        assert self.code == code, self
        assert self.err.startswith("mneme: "), self.err
        assert self.err.count("\n") == 1, self.err
        for part in parts:
            assert part in self.err, self.err


class Home:
    """A home folder and the command line over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mneme(self, *arguments: str, model: str = "hash") -> Said:
        """Run a command."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        with pytest.MonkeyPatch.context() as variables, redirect_stdout(out), redirect_stderr(err):
            variables.setenv("MNEME_HOME", str(self.folder))
            variables.setenv("MNEME_EMBEDDING__MODEL", model)
            try:
                main([*arguments])
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Said(code, out.getvalue(), err.getvalue())

    def finds(self, query: str) -> list[str]:
        """The titles a search finds."""
        said = self.mneme("search", query, "--json")
        assert said.code == 0, said
        return [result["title"] for result in json.loads(said.out)["results"]]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A memory of one document, to be copied."""
    place = tmp_path_factory.mktemp("faults")
    (place / "files").mkdir()
    (place / "files" / "lease.txt").write_text(TEXT)
    home = Home(place / "home")
    assert home.mneme("sources", "add", "folder", str(place / "files"), "--name", "docs").code == 0
    assert home.mneme("sync").code == 0
    return home


@pytest.fixture
def home(filled: Home, tmp_path: Path) -> Home:
    """A memory of one document, to be damaged."""
    shutil.copytree(filled.folder, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["search", ""], 64, ["nothing to search for", "Write some words"]),
        (["search", "x " * 524_288], 64, ["10,000 characters"]),
        (["search", "colour:red"], 64, ["no filter colour:", "author:"]),
        (["search", "lease", "--as", "nobody@x.example"], 66, ["not known", "full e-mail address"]),
        (["sync", "wiki"], 66, ["no source named wiki", "docs"]),
        (["sources", "add", "folder", "/no/such/place"], 69, ["no folder /no/such/place"]),
        (["sources", "add", "gopher", "/"], 64, ["no connector 'gopher'", "folder"]),
    ],
    ids=["empty", "1 MB", "filter", "person", "source", "path", "kind"],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    filled: Home, arguments: list[str], code: int, parts: list[str]
) -> None:
    filled.mneme(*arguments).refuses(code, *parts)


def test_a_home_that_cannot_be_used_is_named(filled: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Home(tmp_path / "file").mneme("search", "lease").refuses(74, str(tmp_path / "file"), "MNEME_HOME")


def test_another_model_is_refused(home: Home) -> None:
    said = home.mneme("search", "lease", model="builtin")
    said.refuses(78, "MNEME_EMBEDDING__MODEL=hash", "doctor --rebuild")


def test_a_damaged_index_is_made_anew(home: Home) -> None:
    for file in (home.folder / "index").rglob("*.json"):
        file.write_bytes(b"\x00" * 64)
    home.mneme("search", "lease").refuses(74, "doctor --repair")
    assert json.loads(home.mneme("doctor", "--json").out)["well"] is False
    assert json.loads(home.mneme("doctor", "--repair", "--json").out)["well"] is True
    assert home.finds("lease") == ["lease"]


def test_a_lost_index_is_no_empty_one(home: Home) -> None:
    shutil.rmtree(home.folder / "index")
    home.mneme("search", "lease").refuses(74, "lost all its passages", "doctor --repair")
    assert home.mneme("doctor", "--repair").code == 0
    assert home.finds("lease") == ["lease"]


def test_an_index_without_its_catalogue_shows_nothing_of_it(home: Home) -> None:
    for file in home.folder.glob("catalogue.db*"):
        file.unlink()
    home.mneme("search", "lease").refuses(74, "another catalogue", "doctor --repair")
    assert home.mneme("doctor", "--repair").code == 0
    assert home.finds("lease") == []


def test_a_damaged_catalogue_says_so_and_is_not_touched(home: Home) -> None:
    catalogue = home.folder / "catalogue.db"
    catalogue.write_bytes(b"this is no database" * 500)
    home.mneme("search", "lease").refuses(74, "catalogue is damaged", "Restore it from a backup")
    home.mneme("doctor", "--repair").refuses(74, "catalogue is damaged")
    assert catalogue.read_bytes() == b"this is no database" * 500


def test_a_catalogue_of_a_newer_version_is_left_alone(home: Home) -> None:
    with sqlite3.connect(home.folder / "catalogue.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    home.mneme("search", "lease").refuses(74, "newer Mneme", "9999")


def test_a_service_that_was_killed_is_not_asked_any_more(home: Home) -> None:
    """Whoever listens at its address now gets neither the owner's token nor what is asked."""
    heard: list[str] = []

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"results": []}')

    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        left = {"pid": 1, "doing": "mneme serve", "address": f"http://127.0.0.1:{stranger.server_port}"}
        (home.folder / "owner.lock").write_text(json.dumps(left))
        (home.folder / "owner.token").write_text("mneme_owner_of_the_killed")
        found = home.finds("lease")
        stranger.shutdown()
    assert (found, heard) == (["lease"], [])


def test_a_service_that_is_killed_is_told_in_one_line(home: Home) -> None:
    """One that ends while it is asked, as by a kill: no trace of ours, and what to do."""

    class Dying(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self.send_response(200)
                self.end_headers()
            else:
                self.connection.close()

        def log_message(self, *_: object) -> None:
            """Say nothing: what the command says is looked at."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Dying) as dying:
        threading.Thread(target=dying.serve_forever, daemon=True).start()
        lock = OwnerLock(home.folder, "mneme serve")
        lock.announce({"doing": "mneme serve", "address": f"http://127.0.0.1:{dying.server_port}"})
        home.mneme("search", "lease").refuses(75, "ended before it answered", "again")
        home.mneme("search", "lease", "--all").refuses(75, "ended before it answered", "again")
        dying.shutdown()
        lock.release()
    assert home.finds("lease") == ["lease"]


def test_a_second_process_is_told_who_has_the_memory(home: Home) -> None:
    code = """
from pathlib import Path
import sys
from api.lock import OwnerLock
lock = OwnerLock(Path(sys.argv[1]), "mneme sync")
print("held", flush=True)
sys.stdin.read()
"""
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(home.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        home.mneme("search", "lease").refuses(75, "mneme sync", "mneme serve")
        assert owner.stdin is not None
        owner.stdin.close()
    assert home.finds("lease") == ["lease"]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk with less room than the index keeps free."""
    with mounted(200) as disk:
        yield disk


def test_a_full_disk_stops_a_sync_and_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    """First the index has no room, then the catalogue; with room again, the same commands do what is left."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "lease.txt").write_text(TEXT)
    home = Home(small_disk / "home")
    assert home.mneme("sources", "add", "folder", str(tmp_path / "files"), "--name", "docs").code == 0

    said = home.mneme("sync")
    assert said.code == 69
    assert "MB left" in said.out
    assert "Free some space" in said.out
    assert "Traceback" not in said.err

    filler = fill(small_disk)
    home.mneme("sync").refuses(74, "Free some space")

    filler.unlink()
    resize(small_disk, 600)
    assert home.mneme("sync").code == 0
    assert home.finds("lease") == ["lease"]
    assert json.loads(home.mneme("doctor", "--json").out)["well"] is True
