"""The pages by axe-core, in light and dark and at a phone's width, with nothing to scroll sideways.

axe-core is no part of Mneme: `npm install --no-save axe-core` puts it into the checkout, and `.ci/run` does so.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.test_browser import NOTICE, fill, serving
from tests.attachments import pdf
from tests.browser import Browser, browser, needs_browser
from tests.mailboxes import BO, JANE, as_files, message
from tests.scans import picture, saved

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WIDE, PHONE = (1280, 860), (390, 800)
QUOTING = (
    "The slater comes on Friday.\n\nBest regards\nBo\n\nOn Monday, Jane Doe wrote:\n> Who repairs the roof?\n"
)
RUN = (
    "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(told => done("
    "told.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html).join(' ').slice(0, 300))))"
)

pytestmark = [
    needs_browser,
    pytest.mark.slow,
    pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm install --no-save axe-core"),
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The address of every kind of page, over a memory with two versions, a file that fails and a conversation."""
    base = tmp_path_factory.mktemp("axe")
    files = base / "files"
    files.mkdir()
    text = " ".join(f"Clause {number}: {NOTICE}" for number in range(30))
    for number in (1, 2):
        (files / f"v{number}.md").write_text(
            f"---\nauthor: Jane Doe\n---\n# Lease\n\n{text} {number}\n", encoding="utf-8"
        )
    answer = message(
        "b@x.example",
        BO,
        JANE,
        "Re: Roof",
        QUOTING,
        answers=["a@x.example"],
        files={"a.pdf": pdf("An offer")},
    )
    as_files(files / "mail", [message("a@x.example", JANE, BO, "Roof", "Who repairs the roof?"), answer])
    (files / "plan.png").write_bytes(saved(picture("A plan of the cellar")))
    (files / "broken.xlsx").write_bytes(b"PK\x03\x04 this is no archive, whatever its first bytes say")
    with (
        serving(base / "home", base / "serve.log") as address,
        httpx.Client(base_url=address, trust_env=False) as client,
    ):
        fill(client, files)
        client.post("/api/saved", json={"query": "lease"}).raise_for_status()
        found = client.get("/api/search", params={"q": "ninety days"}).json()["results"]
        one, two = (result["document"] for result in found[:2])
        person = found[0]["people"][0]["id"]
        mail = client.get("/api/search", params={"q": "slater"}).json()["results"][0]["document"]
        paths = [
            "/",
            "/?q=ninety+days",
            "/?q=ninety+days&explain=1&apart=1",
            "/?q=colour:red",
            "/?q=type:epub+x",
        ]
        paths += [
            f"/documents/{one}?q=days&passage=0",
            f"/documents/{mail}/thread?q=slater&passage=0#passage",
            f"/documents/{one}/similar",
            f"/documents/{one}/compare/{two}",
        ]
        if shutil.which("tesseract"):
            plan = client.get("/api/search", params={"q": "cellar type:png"}).json()["results"][0]
            paths += [
                f"/documents/{plan['document']}/pages/1?q=cellar",
                f"/documents/{plan['document']}?q=cellar",
            ]
        refs = [result["ref"] for result in found]
        pool = {"name": "pool", "queries": {"q": "ninety days"}, "items": {"q": refs}}
        client.post("/api/judging/pools", json=pool).raise_for_status()
        for grade, judge in (("1", "bob@x.example"), ("3", person)):
            given = {"query": "q", "document": one, "grade": grade, "comment": "of the page"}
            client.post(f"/judging/pool?as={judge}", data=given)
        paths += ["/judging", "/judging/pool", "/judging/pool/settle"]
        paths += [f"/people/{person}", "/saved", "/sources", "/ledger", "/why?q=v1&query=ninety", "/nothing"]
        paths += ["/new-source", "/sources/files/settings"]
        yield [address + path for path in paths]


def emulate(window: Browser, scheme: str, size: tuple[int, int]) -> None:
    """Show pages as on another device."""
    window.devtools(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )
    window.devtools(
        "Emulation.setDeviceMetricsOverride",
        width=size[0],
        height=size[1],
        deviceScaleFactor=1,
        mobile=size is PHONE,
    )


# Colours do not hang on the width, nor the layout on the colours: two of the four pairs meet every rule.
@pytest.mark.parametrize(
    ("scheme", "size"), [("light", PHONE), ("dark", WIDE)], ids=["light-phone", "dark-desk"]
)
def test_no_page_has_a_violation_or_scrolls_sideways(
    places: list[str], tmp_path: Path, scheme: str, size: tuple[int, int]
) -> None:
    axe = AXE.read_text(encoding="utf-8")
    with browser(tmp_path) as window:
        emulate(window, scheme, size)
        for place in places:
            window.go(place)
            window.script(f"{axe}; window.axe = axe")
            assert window.later(RUN) == [], place
            assert window.script("return document.documentElement.scrollWidth - window.innerWidth") <= 0, (
                place
            )


def test_the_list_of_keys_opens_by_its_key(places: list[str], tmp_path: Path) -> None:
    with browser(tmp_path) as window:
        window.go(places[1])
        window.press("?")
        assert window.script("return document.getElementById('help').open")
        window.script(AXE.read_text(encoding="utf-8") + "; window.axe = axe")
        assert window.later(RUN) == []
