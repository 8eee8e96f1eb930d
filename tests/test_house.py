"""The checkout and the wheel hold what is ours, all of it and nothing else."""

import subprocess
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
FOLDERS = ["api", "connectors", "eval", "ingest", "memory", "search"]


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
