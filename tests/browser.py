"""A real browser for tests: Chromium without a window, driven over the WebDriver protocol."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

ENTER, ESCAPE, DOWN = "\ue007", "\ue00c", "\ue015"
"""Keys that write nothing, as WebDriver names them."""

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs chromium and chromedriver on PATH: apt-get install chromium chromium-driver",
)

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # under this name WebDriver gives an element's id
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1000,700",
)
_BLOCKED = 2
_PATIENCE_S = 15


class BrowserError(Exception):
    """The browser refused a command.

    :param kind: WebDriver's code, as ``no such element``.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Browser:
    """One window. What is looked for is waited for.

    :param driver: speaks to chromedriver, its base URL being that of the session.
    :param downloads: the folder that downloads arrive in.
    """

    def __init__(self, driver: httpx.Client, downloads: Path) -> None:
        self._driver = driver
        self.downloads = downloads

    def go(self, address: str) -> None:
        """Open an address."""
        self._ask("POST", "url", {"url": address})

    @property
    def address(self) -> str:
        """The address of the page that is open."""
        return str(self._ask("GET", "url"))

    def press(self, *keys: str) -> None:
        """Press and release keys, whatever has the focus; a text is pressed letter by letter."""
        steps = [{"type": kind, "value": key} for key in "".join(keys) for kind in ("keyDown", "keyUp")]
        self._ask("POST", "actions", {"actions": [{"type": "key", "id": "keyboard", "actions": steps}]})

    def write(self, css: str, text: str) -> None:
        """Write into a field."""
        self._ask("POST", f"element/{self._find(css)}/value", {"text": text})

    def click(self, css: str) -> None:
        """Scroll to what stands there, clear of what stays at the edges, and click on it; on the page that is there then."""

        def clicked() -> bool:
            element = self._find(css)
            self.script("arguments[0].scrollIntoView({block: 'center'})", {_ELEMENT: element})
            self._ask("POST", f"element/{element}/click", {})
            return True

        self.eventually(clicked)

    def text(self, css: str) -> str:
        """The text a reader sees there."""
        return str(self.eventually(lambda: self._ask("GET", f"element/{self._find(css)}/text")))

    def links(self) -> list[str]:
        """Where every link of the page leads, as it is written."""
        found = self.script("return [...document.links].map(link => link.getAttribute('href'))")
        return [str(link) for link in found]

    def in_view(self, css: str) -> bool:
        """Whether something stands wholly within the window."""
        box = (
            "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return box.height > 0 && box.top >= 0 && box.bottom <= window.innerHeight"
        )
        return bool(self.script(box, css))

    def script(self, code: str, *arguments: Any) -> Any:
        """What a script of the test's own gives; it runs even where the page's own may not."""
        return self._ask("POST", "execute/sync", {"script": code, "args": list(arguments)})

    def later(self, code: str) -> Any:
        """What a script gives to the function that is its last argument."""
        return self._ask("POST", "execute/async", {"script": code, "args": []})

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Ask the browser's developer tools for something."""
        return self._ask("POST", "goog/cdp/execute", {"cmd": command, "params": parameters})

    def errors(self) -> list[str]:
        """What the console said was wrong since the last call."""
        said = self._ask("POST", "se/log", {"type": "browser"})
        return [entry["message"] for entry in said if entry["level"] == "SEVERE"]

    def eventually(self, holds: Callable[[], Any]) -> Any:
        """Wait until something is true, and give it."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                if found := holds():
                    return found
                problem = f"still {found!r} at {self.address}"
            except BrowserError as error:
                if error.kind not in {"no such element", "stale element reference"}:
                    raise
                problem = str(error)
            if time.monotonic() > deadline:
                raise AssertionError(problem)
            time.sleep(0.05)

    def _find(self, css: str) -> str:
        query = {"using": "css selector", "value": css}
        return str(self.eventually(lambda: self._ask("POST", "element", query)[_ELEMENT]))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return _value(self._driver.request(method, path, json=body))


@contextmanager
def browser(folder: Path, *, scripts: bool = True) -> Iterator[Browser]:
    """Chromium with a profile and downloads in `folder`, ended afterwards.

    :param scripts: whether pages may run any.
    """
    downloads = folder / "downloads"
    downloads.mkdir(parents=True)
    wanted = _capabilities(folder / "profile", downloads, scripts)
    with (
        _chromedriver(folder / "chromedriver.log") as address,
        httpx.Client(base_url=address, timeout=60, trust_env=False) as driver,
    ):
        session = _value(driver.post("session", json={"capabilities": {"alwaysMatch": wanted}}))["sessionId"]
        driver.base_url = httpx.URL(f"{address}/session/{session}/")
        try:
            yield Browser(driver, downloads)
        finally:
            driver.delete(f"{address}/session/{session}")


def _capabilities(profile: Path, downloads: Path, scripts: bool) -> dict[str, Any]:
    preferences: dict[str, Any] = {"download.default_directory": str(downloads)}
    if not scripts:
        preferences["profile.managed_default_content_settings.javascript"] = _BLOCKED
    return {
        "browserName": "chrome",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {
            "binary": shutil.which("chromium"),
            "args": [*_FLAGS, f"--user-data-dir={profile}"],
            "prefs": preferences,
        },
    }


@contextmanager
def _chromedriver(log: Path) -> Iterator[str]:
    """The address of a chromedriver on a free port."""
    command = ["chromedriver", "--port=0", f"--log-path={log}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            said = next((line for line in process.stdout if "successfully on port " in line), "")
            assert said, f"chromedriver did not start; see {log}"
            yield f"http://127.0.0.1:{said.rstrip().rstrip('.').rpartition(' ')[2]}"
        finally:
            process.terminate()


def _value(answer: httpx.Response) -> Any:
    value = answer.json()["value"]
    if answer.is_error:
        # Chromium's own word for what went with the page before, where the driver has none.
        gone = "does not belong to the document" in value["message"]
        raise BrowserError("stale element reference" if gone else value["error"], value["message"])
    return value
