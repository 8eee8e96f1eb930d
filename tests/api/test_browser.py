"""The pages in a real browser, over a service in a process of its own."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.browser import DOWN, ENTER, ESCAPE, Browser, browser, needs_browser
from tests.identity_provider import CLIENT, SECRET, Provider
from tests.memories import service
from tests.serving import serving

pytestmark = [needs_browser, pytest.mark.slow]

FILLER = (
    "The supplier delivers goods of the agreed kind to the warehouse and the buyer inspects them there. " * 6
)
NOTICE = "Either party may end this agreement for convenience with a notice of ninety days."
TITLE = "Supply agreement"
BOB = "bob@x.example"


def agreement() -> str:
    """Long enough that what is looked for stands far below the first screen."""
    sections = [
        f"## {number} Section {number}\n\n{NOTICE if number == 30 else FILLER}\n" for number in range(1, 41)
    ]
    return f"---\nauthor: Jane Doe\n---\n# {TITLE}\n\n" + "\n".join(sections)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    (made / "agreement.md").write_text(agreement(), encoding="utf-8")
    (made / "minutes.txt").write_text(
        "Minutes of the board\n\nThe budget for heating was approved.\n", encoding="utf-8"
    )
    (made / "hostile.html").write_text(
        "<html><head><title>&lt;script&gt;alert(1)&lt;/script&gt;</title></head>"
        "<body><h1>Recipe</h1><p>Pumpkin &lt;img src=x onerror=alert(2)&gt; soup.</p></body></html>",
        encoding="utf-8",
    )
    return made


@pytest.fixture(scope="module")
def address(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the service answers."""
    base = tmp_path_factory.mktemp("served")
    with serving(base / "home", base / "serve.log") as served:
        with httpx.Client(base_url=served, timeout=60, trust_env=False) as client:
            fill(client, files)
        yield served


def fill(client: httpx.Client, files: Path) -> None:
    """Take in the files, for everybody, through the API."""
    people = f"name,address,groups\nBob Roe,{BOB},\n"
    client.post("/api/people", content=people, headers={"content-type": "text/csv"}).raise_for_status()
    source = {"kind": "folder", "location": str(files), "name": "files", "grant": ["public"]}
    client.post("/api/sources", json=source).raise_for_status()
    client.post("/api/sync", json={}).raise_for_status()
    deadline = time.monotonic() + 120
    while (job := client.get("/api/sync").json())["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert job["state"] == "done", job


def asks(window: Browser, query: str) -> bool:
    return parse_qs(urlsplit(window.address).query).get("q") == [query]


def shows_the_notice(window: Browser) -> None:
    """The document is open at the passage, which stands in view with the words marked."""
    assert window.text("main h1") == TITLE
    assert "ninety days" in window.text(".view")
    marks = window.script("return [...document.querySelectorAll('.view mark')].map(mark => mark.textContent)")
    assert " ".join(marks) == "ninety days"
    window.eventually(lambda: window.in_view(".view mark"))
    assert window.script("return window.scrollY") > 1000
    assert urlsplit(window.address).fragment == window.script("return document.querySelector('.view').id")


def test_by_keys_from_the_question_to_the_passage(address: str, tmp_path: Path) -> None:
    with browser(tmp_path) as window:
        window.go(address)
        window.press("ninety days", ENTER)
        window.eventually(lambda: asks(window, "ninety days"))
        assert window.text(".result .open") == TITLE
        window.press("j")
        assert window.script("return document.activeElement.textContent") == TITLE
        window.press(ENTER)
        window.eventually(lambda: urlsplit(window.address).path.startswith("/documents/"))
        shows_the_notice(window)
        window.press(ESCAPE)
        window.eventually(lambda: urlsplit(window.address).path == "/" and asks(window, "ninety days"))
        assert window.text(".result .open") == TITLE
        assert window.errors() == []


def test_by_keys_through_answers_in_place(address: str, tmp_path: Path) -> None:
    with browser(tmp_path) as window:
        window.go(f"{address}/?q=ninety+days")
        window.script("window.same = true")
        window.press("/", "heating", ENTER)
        window.eventually(lambda: asks(window, "heating") and "Minutes" in window.text(".result .open"))
        assert window.script("return window.same"), "the page was loaded anew"
        window.press(DOWN)
        assert "Minutes" in window.script("return document.activeElement.textContent")
        window.press(ENTER)
        assert window.text(".view mark") == "heating"
        assert window.errors() == []


def test_without_scripts_from_the_question_to_the_original(address: str, files: Path, tmp_path: Path) -> None:
    with browser(tmp_path, scripts=False) as window:
        window.go(address)
        assert window.script("return document.getElementById('keys').hidden"), "scripts are on"
        window.write("#q", "ninety days" + ENTER)
        window.eventually(lambda: asks(window, "ninety days"))
        assert window.text(".result .open") == TITLE
        assert "ninety days" in window.text(".result .quote")
        window.click(".result .open")
        shows_the_notice(window)
        window.click(".actions .button")
        saved = window.downloads / "agreement.md"
        window.eventually(saved.exists)
        assert saved.read_bytes() == (files / "agreement.md").read_bytes()
        assert window.errors() == []


def test_what_a_document_says_is_not_run(address: str, tmp_path: Path) -> None:
    with browser(tmp_path) as window:
        window.go(f"{address}/?q=pumpkin")
        assert "<img src=x onerror=alert(2)>" in window.text(".result .quote")
        window.click(".result .open")
        assert "<img src=x onerror=alert(2)>" in window.text(".view")
        assert window.errors() == []


def test_every_page_stays_in_the_place_it_was_asked_from(address: str, tmp_path: Path) -> None:
    """A link that lost it would show the owner's view under somebody else's name."""
    with browser(tmp_path) as window:
        for query, shown in (("ninety days", TITLE), ("colour:red", "colour")):
            window.go(f"{address}/?q=heating&as={BOB}")
            window.press("/", query, ENTER)
            window.eventually(lambda: asks(window, query) and shown in window.text("#results"))  # noqa: B023
            keeps_place(window)
        window.go(f"{address}/documents/nothing?as={BOB}")
        assert "404" in window.text("main")
        keeps_place(window)


def keeps_place(window: Browser) -> None:
    leading = [link for link in window.links() if link.startswith("/")]
    lost = [link for link in leading if parse_qs(urlsplit(link).query).get("as") != [BOB]]
    assert len(leading) > 1
    assert lost == [window.script("return document.getElementById('leave').getAttribute('href')")]


def test_logging_in_at_a_provider_and_with_a_password_and_out(issuer: Provider, tmp_path: Path) -> None:
    """In a browser with cookies, a content security policy and origins of its own."""
    words = "walnut tables for forty"
    given = {
        "AUTH__METHODS": "oidc,password",
        "AUTH__OIDC__ISSUER": issuer.address,
        "AUTH__OIDC__CLIENT_ID": CLIENT,
        "AUTH__OIDC__CLIENT_SECRET": SECRET,
    }
    with service(tmp_path / "home") as asked:
        asked.memory.catalogue.users.add(BOB, words)
    issuer.log_in(email="jane@x.example")
    with (
        serving(tmp_path / "home", tmp_path / "serve.log", **given) as served,
        browser(tmp_path / "b") as window,
    ):
        window.go(f"{served}/saved")
        window.click(".login .button[href]")
        window.eventually(lambda: urlsplit(window.address).path == "/saved")
        assert window.text(".asker") == "jane@x.example"
        window.click(".leave button")
        window.write("[name=address]", BOB)
        window.write("[name=password]", words + ENTER)
        assert window.text(".asker") == BOB
        assert window.script("return document.cookie") == ""
        window.go(f"{served}/sources")
        assert "403" in window.text("main")
        assert [each for each in window.errors() if "403" not in each] == []
