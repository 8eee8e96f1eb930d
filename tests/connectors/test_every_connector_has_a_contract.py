"""A connector is a file, an entry point and a class that runs the contract suite: all three or none."""

import importlib
import pkgutil
import re
import tomllib
from pathlib import Path

import connectors
import tests.connectors
from connectors.base import Connector
from connectors.registry import GROUPS
from connectors.testing import ConnectorContract
from tests.connectors.synced import Synced

NO_CONNECTORS = {
    "base",
    "file_tree",
    "directory",
    "http",
    "http_errors",
    "http_shapes",
    "http_settings",
    "internet_address",
    "limited",
    "mbox",
    "message_key",
    "patience",
    "patterns",
    "registry",
    "server_address",
    "testing",
    "unpacked",
}


DOCUMENTS = "mneme.connectors"
"""The group of those that give documents; directories give people, and have no contract suite."""


def declared(*groups: str) -> dict[str, str]:
    """Our own entry points: name to ``module:class``."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    entries = tomllib.loads(project.read_text("utf-8"))["project"]["entry-points"]
    return {name: value for group in groups for name, value in entries[group].items()}


def test_every_file_is_an_entry_point_of_its_name() -> None:
    files = {module.name for module in pkgutil.iter_modules(connectors.__path__)} - NO_CONNECTORS
    assert files == {value.partition(":")[0].split(".")[1] for value in declared(*GROUPS).values()}
    for kind, value in declared(*GROUPS).items():
        module, _, name = value.partition(":")
        assert getattr(importlib.import_module(module), name).kind == kind


def test_every_connector_runs_the_contract_and_what_a_memory_makes_of_it() -> None:
    for module in pkgutil.iter_modules(tests.connectors.__path__, "tests.connectors."):
        importlib.import_module(module.name)
    tested = {
        f"{each.connector_class.__module__}:{each.connector_class.__name__}"
        for each in Synced.__subclasses__()
        if each.__module__.startswith("tests.connectors.") and each.__name__.startswith("Test")
    }
    assert tested == set(declared(DOCUMENTS).values())


def test_every_rule_of_the_contract_is_tested() -> None:
    rules = set(re.findall(r"^ +(\d+)\. ", Connector.__doc__ or "", re.MULTILINE))
    tests_of = {
        found[1] for name in vars(ConnectorContract) if (found := re.match(r"test_rule_(\d+)_", name))
    }
    assert rules == tests_of
    assert len(rules) >= 7
