"""The documents say what the code does."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr
from typer.main import get_command

from api.cli import app
from api.settings import Settings
from connectors.registry import kinds

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def settings_table() -> list[str]:
    """A line for every setting, as the README shows it."""
    lines = []

    def add(model: type[BaseModel], prefix: str) -> None:
        for name, field in model.model_fields.items():
            if isinstance(field.default, BaseModel):
                add(type(field.default), f"{prefix}{name.upper()}__")
                continue
            default = (
                field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
            )
            if isinstance(default, tuple):
                default = ",".join(default)
            shown = "platform's data folder" if name == "home" else str(default) or "empty"
            lines.append(f"| `{prefix}{name.upper()}` | {shown} | {field.description} |")

    add(Settings, "MNEME_")
    return lines


def test_every_setting_is_in_the_readme() -> None:
    missing = [line for line in settings_table() if line not in README]
    assert not missing, "\n".join(["Put these lines into the README's table of settings:", *missing])


def test_every_command_is_in_the_readme() -> None:
    command = get_command(app)
    for name in command.commands:  # type: ignore[attr-defined]
        assert f"mneme {name}" in README, name


def test_every_connector_is_in_the_readme() -> None:
    for kind in kinds():
        assert kind in README


def test_the_commands_the_readme_shows_exist() -> None:
    known = get_command(app).commands  # type: ignore[attr-defined]
    shown = re.findall(r"^\$ mneme (\w+)", README, re.MULTILINE)
    assert shown
    assert set(shown) <= set(known)


def test_every_file_the_architecture_names_exists() -> None:
    named = re.findall(
        r"`((?:\w+/)+[\w.]+\.(?:py|yaml|md))`", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    )
    assert named
    for name in named:
        assert "NAME" in name or (ROOT / name).exists(), name


def test_what_the_readme_asks_the_demo_has_an_answer() -> None:
    """Its questions are among those that are asked from end to end."""
    told = (ROOT / "api" / "demo" / "questions.json").read_text(encoding="utf-8")
    known = {each["question"] for each in json.loads(told)}
    asked = re.findall(r"`([^`\n]+\?)`", README.split("Ask it something")[1].split("\n\n")[0])
    assert asked
    assert set(asked) <= known


@pytest.mark.slow
def test_help_answers_at_once() -> None:
    """Heavy imports are lazy: none of them is loaded for help."""
    heavy = "torch,haystack,sentence_transformers,unstructured,fastapi,sqlalchemy,qdrant_edge"
    code = (
        "import sys; sys.argv = ['mneme', '--help']\n"
        "from api.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print(sorted(set('{heavy}'.split(',')) & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip().endswith("[]"), said[-200:]


def test_it_tells_its_version() -> None:
    """What somebody needs who reports a fault."""
    said = subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", "--version"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == f"mneme {version('mneme')}\n"


def test_no_file_is_named_after_nothing() -> None:
    empty = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py", "core.py"}
    folders = ("api", "connectors", "eval", "ingest", "memory", "search", "tests", "bench")
    assert not [path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.name in empty]
