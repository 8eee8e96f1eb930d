"""The checkout and the wheel hold what is ours, all of it and nothing else."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from detect_secrets.core.plugins.initialize import from_plugin_classname
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.settings import transient_settings

HOUSE = Path(__file__).parents[1]
FOLDERS = ["api", "connectors", "eval", "ingest", "memory", "search"]
SECRETS = [
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "StripeDetector",
    "TwilioKeyDetector",
]
"""What looks like a key of a known kind; passwords in the code are for ruff (S105, S106) to find."""
INVENTED = re.compile(r"jane:(pass|s3cret-of-ours|hunter2|\{SECRET\})@")
"""Passwords in addresses of which the tests say that they are refused or hidden."""


def tracked(*what: str) -> list[str]:
    """Paths that git keeps."""
    if not (HOUSE / ".git").exists():
        pytest.skip("left out: this is no git checkout")
    listed = subprocess.run(["git", "ls-files", "-z", *what], cwd=HOUSE, capture_output=True, check=True)
    return listed.stdout.decode().split("\0")[:-1]


def test_nothing_that_is_ignored_is_kept() -> None:
    """What npm or pip brought is not ours to keep, however it came in."""
    assert tracked("--cached", "--ignored", "--exclude-standard") == []


def test_the_wheel_holds_every_file_of_the_six_folders() -> None:
    from hatchling.builders.wheel import WheelBuilder

    builder = WheelBuilder(str(HOUSE))
    packed = {file.distribution_path for file in builder.recurse_included_files()}
    assert set(tracked(*FOLDERS)) <= packed
    assert {Path(path).parts[0] for path in packed} == set(FOLDERS)


def secrets(*files: Path) -> Iterator[str]:
    """Lines of files that hold what looks like a secret."""
    with transient_settings({"plugins_used": [{"name": name} for name in SECRETS]}):
        plugins: list[BasePlugin] = [from_plugin_classname(name) for name in SECRETS]
    for file in files:
        text = INVENTED.sub("", file.read_text(encoding="utf-8", errors="replace"))
        # A whole file at once, and its lines only where there is something: that takes a twentieth of the time.
        told = [plugin for plugin in plugins if any(plugin.analyze_string(text))]
        for number, line in enumerate(text.splitlines() if told else (), start=1):
            if any(any(plugin.analyze_string(line)) for plugin in told):
                yield f"{file}:{number}"


def test_no_secret_is_kept(tmp_path: Path) -> None:
    begin = "-----BEGIN RSA " + "PRIVATE KEY-----"
    (planted := tmp_path / "settings.py").write_text(f"a = 1\nkey = 'ghp_{'aB3' * 12}'\n{begin}\n")
    assert [re.sub(".*:", "", line) for line in secrets(planted)] == ["2", "3"]
    assert list(secrets(*(HOUSE / path for path in tracked()))) == []
