"""Legal holds through the real service: what they are on is removed by nothing, and told to nobody who may not see it."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.doctor import examine
from api.identify import Identification
from api.roles import PERMISSIONS, UserRole
from api.service import Service
from api.wording import wording
from memory.catalogue.audit import Wanted
from memory.catalogue.ledger import HELD_BACK
from memory.domain import OWNER
from tests.api.test_admission import Badge
from tests.api.test_faults import Home
from tests.mailboxes import BO, JANE, message
from tests.memories import add_folder, counts, service, sync

HOST = "http://127.0.0.1:8377"
DIRECTORY = "name,address,groups\nJane Doe,jane@x.example,group:board\nBo Madsen,bo@x.example,\n"


@dataclass
class Matter:
    """A memory over a folder, and whoever asks it."""

    asked: Service
    files: Path
    client: TestClient

    def post(self, path: str, badge: str = "", **body: Any) -> Any:
        return self.client.post(path, json=body, headers=self._as(badge))

    def get(self, path: str, badge: str = "") -> Any:
        return self.client.get(path, headers=self._as(badge))

    def _as(self, badge: str) -> dict[str, str]:
        return {"badge": badge} if badge else {"authorization": f"Bearer {self.asked.owner.token}"}

    def hold(self, name: str, **on: Any) -> dict[str, Any]:
        answer = self.post("/api/holds", name=name, reason="Doe v. Roe", **on)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def found(self, word: str) -> list[str]:
        results = self.asked.search(f'"{word}"', OWNER, limit=100)["results"]
        return sorted(result["ref"].rpartition("/")[2] for result in results)

    def document(self, name: str) -> str:
        [row] = [row for row in self.rows() if row["ref"].endswith(f"/{name}")]
        return str(row["document"])

    def rows(self) -> list[dict[str, Any]]:
        answer = self.get("/api/ledger?limit=1000").json()
        return list(answer)

    def reasons(self) -> dict[str, str]:
        return {row["ref"].rpartition("/")[2]: row["reason"] for row in self.rows()}

    def exported(self, which: str, badge: str = "") -> tuple[dict[str, Any], zipfile.ZipFile]:
        answer = self.get(f"/api/holds/{which}/export", badge)
        assert answer.status_code == 200, answer.text
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        return json.loads(archive.read("manifest.json")), archive

    def acts(self) -> list[str]:
        entries = self.asked.memory.catalogue.audit.entries(Wanted(), limit=100)
        return [entry.request for entry in reversed(entries)]


@contextmanager
def matter(base: Path, **settings: Any) -> Iterator[Matter]:
    files = base / "files"
    files.mkdir(parents=True)
    (files / "lease.txt").write_text("The zirconium lease of Mill Road ends in May.")
    (files / "offer.txt").write_text("An offer for the zirconium roof.")
    (files / "menu.txt").write_text("Soup and bread on Monday.")
    for number in range(12):
        (files / f"note{number}.txt").write_text(f"Note {number} on the weather.")
    with service(base / "home", **settings) as asked:
        asked.people.import_directory(DIRECTORY)
        add_folder(asked, files, rules=["board*=group:board"])
        assert sync(asked)["state"] == "done"
        asked.identify = Identification([Badge(), asked.owner])
        client = TestClient(create_app(lambda: asked), base_url=HOST, follow_redirects=False)
        client.app.state.service = asked  # type: ignore[attr-defined]
        yield Matter(asked, files, client)


def test_what_is_held_outlives_its_source_and_goes_with_the_last_hold(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        here.hold("Mill Road", documents=[here.document("lease.txt")])
        here.hold("Roofs", query='"zirconium"')
        for name in ("lease.txt", "offer.txt", "menu.txt"):
            (here.files / name).unlink()
        assert counts(sync(here.asked)) == {"known": 15, "unchanged": 14, "removed": 1}
        assert here.found("zirconium") == ["lease.txt", "offer.txt"]
        assert here.found("soup") == []
        reasons = here.reasons()
        assert (reasons["lease.txt"], reasons["offer.txt"]) == (HELD_BACK, HELD_BACK)
        assert "menu.txt" not in reasons
        # What waits is no mass removal, however often it is met, and nothing else is held up by it.
        for number in range(2):
            (here.files / f"note{number}.txt").unlink()
        assert counts(sync(here.asked)) == {"known": 14, "unchanged": 12, "removed": 2}
        assert here.post("/api/holds/Roofs/release", reason="settled").json()["removed"] == 1
        assert here.found("zirconium") == ["lease.txt"], "another hold is on it"
        assert here.post("/api/holds/Mill Road/release").json()["removed"] == 1
        assert here.found("zirconium") == []
        assert not {"lease.txt", "offer.txt"} & set(here.reasons())
        assert examine(here.asked.memory, repair=False, rebuild=False)["well"]
        assert here.post("/api/holds/Roofs/release").status_code == 404, "it is on no more"
        assert [one["ended_because"] for one in here.get("/api/holds").json()] == ["settled", ""]
        assert counts(sync(here.asked)) == {"known": 10, "unchanged": 10}


def test_what_a_hold_keeps_goes_on_saying_what_of_it_is_not_found(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        ledger = here.asked.memory.catalogue.ledger
        [row] = [each for each in ledger.of_source("files") if each.ref.key == "lease.txt"]
        ledger.note(row.ref, row.stage, reason="1 page could not be recognised")
        here.hold("Mill Road", documents=[here.document("lease.txt")])
        aside = (here.files / "lease.txt").rename(tmp_path / "aside")
        for _ in range(2):
            sync(here.asked)
            assert here.reasons()["lease.txt"] == f"{HELD_BACK}; 1 page could not be recognised"
        assert here.asked.why.explain("lease.txt", OWNER)["found"][0]["cause"] == "partly"
        assert wording("de").said(here.reasons()["lease.txt"]).endswith("; 1 page could not be recognised")
        aside.rename(here.files / "lease.txt")
        sync(here.asked)
        assert here.reasons()["lease.txt"] == "1 page could not be recognised"
        # Gone with its source, and with the hold.
        here.client.delete("/api/sources/files", headers=here._as(""))
        assert here.reasons() == {"lease.txt": f"{HELD_BACK}; 1 page could not be recognised"}
        assert here.post("/api/holds/Mill Road/release").json()["removed"] == 1
        assert here.reasons() == {}


def test_each_version_is_kept_with_its_original(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        first, second = (here.files / "lease.txt").read_bytes(), b"The zirconium lease ends never."
        held = here.hold("Mill Road", documents=[here.document("lease.txt")])
        assert held["originals"] == {"kept": 1, "waiting": 0, "lost": 0}
        (here.files / "lease.txt").write_bytes(second)
        sync(here.asked)
        assert here.found("never") == ["lease.txt"]
        (here.files / "lease.txt").write_bytes(b"Nothing of it.")
        sync(here.asked)
        manifest, archive = here.exported("Mill Road")
        told = manifest["versions"]
        assert [one["title"] for one in told] == ["lease"] * 3
        assert [archive.read(one["original"]) for one in told] == [first, second, b"Nothing of it."]
        assert [one["original_sha256"] for one in told] == [
            sha256(archive.read(one["original"])).hexdigest() for one in told
        ]
        texts = [archive.read(one["text"]) for one in told]
        assert texts == [first, second, b"Nothing of it."]
        assert [sha256(text).hexdigest() for text in texts] == [one["text_sha256"] for one in told]
        assert told[0]["grant"] == ["public"]
        assert (manifest["hold"]["reason"], manifest["hold"]["placed_by"]) == ("Doe v. Roe", "owner")
        here.post("/api/holds/Mill Road/release")
        assert list(here.asked.memory.catalogue.keeping.pieces(told[0]["original_sha256"])) == []


def test_what_arrives_later_is_held_too(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        here.hold("Roofs", query='zirconium "roof"')
        assert here.hold("Bo", person="bo@x.example")["documents"] == 0
        (here.files / "bill.txt").write_text("The bill for the zirconium roof.")
        mail = message("a@x.example", JANE, BO, "Slater", "Which one?", files={"plan.txt": b"A plan of it."})
        (here.files / "mail.eml").write_bytes(bytes(mail))
        sync(here.asked)
        holds = {one["name"]: one["documents"] for one in here.get("/api/holds").json()}
        assert holds == {"Roofs": 2, "Bo": 2}, "with a mail what is attached to it"
        for name in ("bill.txt", "mail.eml"):
            (here.files / name).unlink()
        sync(here.asked)
        assert here.found("bill for") == ["bill.txt"]
        assert here.found("plan of") == ["plan.txt"]
        manifest, archive = here.exported("Bo")
        assert {one["original_of"] for one in manifest["versions"]} == {"folder:files/mail.eml"}
        assert archive.read(manifest["versions"][0]["original"]) == bytes(mail)
        # It lies at its source again: nothing waits any more.
        (here.files / "bill.txt").write_text("The bill for the zirconium roof.")
        sync(here.asked)
        assert here.reasons()["bill.txt"] == ""


def test_a_source_that_is_removed_leaves_what_is_held(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        lease = here.document("lease.txt")
        here.hold("Mill Road", documents=[lease])
        removed = here.client.delete("/api/sources/files", headers=here._as("")).json()
        assert removed == {"name": "files", "removed": 14, "held": 1}
        assert here.found("zirconium") == ["lease.txt"]
        assert here.reasons() == {"lease.txt": HELD_BACK}
        assert here.get(f"/api/documents/{lease}").status_code == 200
        examined = examine(here.asked.memory, repair=True, rebuild=False)
        assert (examined["well"], examined["documents"]) == (True, 1)
        assert [one["state"] for one in here.get("/api/sources").json()] == ["removing"]
        assert here.post("/api/holds/Mill Road/release").json()["removed"] == 1
        assert here.get("/api/sources").json() == []
        assert here.found("zirconium") == []


def test_an_original_that_cannot_be_had_is_said_and_its_text_kept(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        lease, offer = here.document("lease.txt"), here.document("offer.txt")
        (here.files / "lease.txt").unlink()
        (here.files / "offer.txt").write_text("Another offer.")
        assert here.hold("Late", documents=[lease, offer])["originals"] == {
            "kept": 0,
            "waiting": 0,
            "lost": 2,
        }
        manifest, archive = here.exported("Late")
        assert {one["original_problem"] for one in manifest["versions"]} == {
            "it was gone at its source by then",
            "the source had another version of it by then",
        }
        texts = {archive.read(one["text"]) for one in manifest["versions"]}
        assert b"An offer for the zirconium roof." in texts


def test_whoever_may_not_see_it_learns_nothing(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        (here.files / "board.txt").write_text("The zirconium secret of the board.")
        sync(here.asked)
        secret = here.document("board.txt")
        for path in ("/api/holds", "/holds"):
            assert here.get(path, "EMPLOYEE").status_code == 403
        assert here.post("/api/holds", "EMPLOYEE", name="x", reason="y", query="z").status_code == 403
        # A lawyer holds what they cannot see, and is told of what they can.
        made = here.post("/api/holds", "LEGAL", name="All", reason="Doe v. Roe", query="zirconium")
        assert made.status_code == 201, made.text
        assert {each["title"] for each in made.json()["held"]} == {"lease", "offer"}
        assert made.json()["documents"] == 2
        manifest, _ = here.exported("All", "LEGAL")
        assert {one["title"] for one in manifest["versions"]} == {"lease", "offer"}
        assert here.get("/api/holds").json()[0]["documents"] == 3, "it is on the hidden one, too"
        for which in (secret, "folder:files/board.txt"):
            refused = here.post("/api/holds", "LEGAL", name="One", reason="y", documents=[which])
            unknown = here.post("/api/holds", "LEGAL", name="One", reason="y", documents=["0" * 32])
            assert (refused.status_code, refused.json()["detail"]) == (404, unknown.json()["detail"])
        (here.files / "board.txt").unlink()
        (here.files / "lease.txt").unlink()
        sync(here.asked)
        assert {
            each["title"]: each["gone"] for each in here.get("/api/holds/All", "LEGAL").json()["held"]
        } == {
            "lease": True,
            "offer": False,
        }
        why = here.get("/api/why?q=lease.txt", "EMPLOYEE").json()["found"][0]
        assert "hold" not in json.dumps(why), "nobody else is told of a hold by their own document"


def test_every_act_is_in_the_audit_though_nothing_else_is(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        lease = here.document("lease.txt")
        here.hold("Mill Road", documents=[lease])
        here.get("/api/search?q=zirconium")
        (here.files / "lease.txt").unlink()
        sync(here.asked)
        here.post("/api/holds/Mill Road/release", reason="settled")
        assert here.acts() == ["hold placed", "hold is on", "hold released", "removed after the last hold"]
        entries = here.asked.memory.catalogue.audit.entries(Wanted(document=lease))
        assert [entry.request for entry in entries] == [
            "removed after the last hold",
            "hold is on",
            "hold placed",
        ]
        assert here.asked.memory.catalogue.audit.verify().broken is None


def test_what_ended_early_is_finished_by_the_next_sync(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        here.hold("Mill Road", documents=[here.document("lease.txt")])
        (here.files / "lease.txt").unlink()
        sync(here.asked)
        catalogue = here.asked.memory.catalogue
        catalogue.holds.end(catalogue.holds.get("Mill Road"), by="owner", because="")  # and then a kill
        assert here.found("zirconium") == ["lease.txt", "offer.txt"]
        sync(here.asked)
        assert here.found("zirconium") == ["offer.txt"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": " ", "reason": "y", "query": "z"}, "a name and a reason"),
        ({"name": "x", "reason": "", "query": "z"}, "a name and a reason"),
        ({"name": "x", "reason": "y"}, "on documents, on one search, or on one person"),
        ({"name": "x", "reason": "y", "query": "z", "person": "bo@x.example"}, "on one search"),
        ({"name": "x", "reason": "y", "query": "colour:red"}, "no filter"),
        ({"name": "x", "reason": "y", "person": "nobody@x.example"}, "is not known"),
    ],
)
def test_a_hold_that_says_too_little_is_refused(refusing: Matter, body: dict[str, Any], said: str) -> None:
    answer = refusing.client.post("/api/holds", json=body, headers=refusing._as(""))
    assert answer.status_code in {404, 422}
    assert said in f"{answer.json()['detail']} {answer.json()['hint']}"
    assert refusing.get("/api/holds").json() == []


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matter]:
    with matter(tmp_path_factory.mktemp("refusing")) as here:
        yield here


def test_holds_are_placed_and_ended_on_their_page_and_survive_a_backup(tmp_path: Path) -> None:
    with matter(tmp_path) as here:
        form = {"name": "<b>Mill</b>", "reason": "Doe v. Roe", "kind": "query", "on": "zirconium"}
        assert here.client.post("/holds", data=form, headers=here._as("")).status_code == 303
        html = here.client.get("/holds", headers=here._as("") | {"accept": "text/html"}).text
        assert "&lt;b&gt;Mill&lt;/b&gt;" in html
        assert "2 documents that you may see" in html
        [hold] = here.get("/api/holds").json()
        here.asked.backups.make(tmp_path / "copy", keys=False)
    home = Home(tmp_path / "again")
    assert home.mneme("restore", str(tmp_path / "copy")).code == 0
    [again] = json.loads(home.mneme("hold", "list", "--json").out)
    assert (again["id"], again["originals"]) == (hold["id"], {"kept": 2, "waiting": 0, "lost": 0})
    target = tmp_path / "kept.zip"
    assert "is written" in home.mneme("hold", "export", hold["id"], str(target)).out
    with zipfile.ZipFile(target) as archive:
        assert len(json.loads(archive.read("manifest.json"))["versions"]) == 2
    home.mneme("hold", "export", hold["id"], str(target)).refuses(64, "exists already")
    assert "1 documents" in home.mneme("hold", "add", "More", "--reason", "Doe", "--query", "soup").out
    assert "has ended; 0 documents" in home.mneme("hold", "release", "More").out


def test_only_lawyers_and_the_owner_place_holds() -> None:
    may = {role for role in UserRole if "hold" in PERMISSIONS[role]}
    assert may == {UserRole.LEGAL}
