"""Connectors are found by entry point: ours, those of others, and those that do not work."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from connectors.base import SourceConfig
from connectors.folder import Folder
from connectors.registry import kinds, open_connector
from memory.errors import ConnectorUnavailable, InvalidInput

GOOD = '''
from connectors.folder import Folder

class Wiki(Folder):
    """A wiki on a shelf.

    More about it.
    """
    kind = "wiki"
'''

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package of somebody else's: a module and the metadata pip would write."""

    def install(package: str, kind: str, code: str, target: str = "Wiki") -> None:
        (tmp_path / f"{package}_module.py").write_text(code)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[mneme.connectors]\n{kind} = {package}_module:{target}\n")

    monkeypatch.syspath_prepend(str(tmp_path))
    return install


def config(tmp_path: Path) -> SourceConfig:
    return SourceConfig(name="files", location=str(tmp_path))


def test_the_built_in_folder_is_found(tmp_path: Path) -> None:
    assert version("mneme")
    assert kinds()["folder"] == "Every file in a folder and the folders beneath it."
    assert isinstance(open_connector("folder", config(tmp_path)), Folder)


def test_a_foreign_connector_is_found_by_the_same_road(install: Install, tmp_path: Path) -> None:
    install("shelf", "wiki", GOOD)
    assert kinds()["wiki"] == "A wiki on a shelf."
    assert open_connector("wiki", config(tmp_path)).kind == "wiki"


def test_an_unknown_kind_names_the_known_ones(install: Install, tmp_path: Path) -> None:
    install("shelf2", "wiki", GOOD)
    with pytest.raises(InvalidInput, match=r"no connector 'wikis'.*folder.*wiki") as raised:
        open_connector("wikis", config(tmp_path))
    assert "folder" in raised.value.hint


def test_what_is_not_installed_is_said(install: Install, tmp_path: Path) -> None:
    install("shelf3", "wiki", "import not_there_at_all")
    assert kinds()["wiki"].startswith("unavailable: The connector wiki needs something that is not installed")
    with pytest.raises(ConnectorUnavailable, match="not_there_at_all") as raised:
        open_connector("wiki", config(tmp_path))
    assert raised.value.hint == 'Run `pip install "shelf3"`.'
    assert not raised.value.retryable


def test_a_missing_extra_of_ours_is_named(install: Install, tmp_path: Path) -> None:
    # A second distribution of our name stands for a built-in connector whose extra is missing.
    install("mneme", "paper", "import not_there_at_all")
    with pytest.raises(ConnectorUnavailable) as raised:
        open_connector("paper", config(tmp_path))
    assert raised.value.hint == 'Run `pip install "mneme[paper]"`.'


@pytest.mark.parametrize(
    ("package", "code", "target", "why"),
    [
        ("broken1", "1 / 0", "Wiki", "ZeroDivisionError"),
        ("broken2", "this is no Python", "Wiki", "SyntaxError"),
        ("broken3", "", "Wiki", "AttributeError"),
        ("broken4", "Wiki = 7", "Wiki", "is not a class"),
    ],
)
def test_a_broken_plug_in_does_not_break_the_others(
    install: Install, tmp_path: Path, package: str, code: str, target: str, why: str
) -> None:
    install(package, "wiki", code, target)
    assert why in kinds()["wiki"]
    assert not kinds()["folder"].startswith("unavailable")
    assert isinstance(open_connector("folder", config(tmp_path)), Folder)
    with pytest.raises(ConnectorUnavailable, match=why):
        open_connector("wiki", config(tmp_path))


def test_what_is_no_connector_is_refused(install: Install, tmp_path: Path) -> None:
    install("shelf4", "wiki", "class Wiki:\n    def __init__(self, config): pass\n")
    with pytest.raises(ConnectorUnavailable, match="contract"):
        open_connector("wiki", config(tmp_path))


def test_nobody_takes_a_built_in_name(install: Install, tmp_path: Path) -> None:
    install("shelf5", "folder", GOOD)
    assert type(open_connector("folder", config(tmp_path))) is Folder
