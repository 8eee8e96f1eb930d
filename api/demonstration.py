"""The demo: a small company's documents, people and access rules in a home folder of their own."""

import json
from pathlib import Path

import typer

from api.gateway import connect
from api.progress import follow
from api.settings import Settings
from memory.errors import MnemeError

SOURCE = "company"
"""The demo's one source."""


def prepare(settings: Settings, *, quiet: bool) -> Settings:
    """Build the demo's files and memory where they are missing, and bring the memory up to date.

    :param quiet: print and draw nothing.
    :returns: the settings of the demo's memory.
    :raises MnemeError: where it cannot be built.
    """
    from api.demo.build import ACCESS, PEOPLE, build

    ours = settings.model_copy(update={"home": settings.home / "demo"})
    files = ours.home / "files"
    if not quiet:
        typer.echo(f"Writing the demo company's documents to {files}")
    build(files)
    with connect(ours, "mneme demo") as gateway:
        headers = {"content-type": "text/csv"}
        gateway.call("POST", "/api/people", content=PEOPLE.read_bytes(), headers=headers)
        if not any(source["name"] == SOURCE for source in gateway.call("GET", "/api/sources")):
            gateway.call("POST", "/api/sources", json=_source(files, ACCESS))
        gateway.call("POST", "/api/sync", json={"sources": [SOURCE], "accept_removals": True})
        job = follow(gateway, quiet=quiet)
    if job["state"] != "done":
        problem = job["errors"][0] if job["errors"] else {"message": "It was stopped.", "hint": ""}
        raise MnemeError(f"The demo could not be read: {problem['message']}", hint=problem["hint"])
    if not quiet:
        summary = job["summaries"][0]
        typer.echo(f"{summary['known']} documents are in the memory; its home is {ours.home}")
    return ours


def _source(files: Path, access: Path) -> dict[str, object]:
    """The folder as a source; the last rule that matches decides, so the general one goes first."""
    rules = json.loads(access.read_text(encoding="utf-8"))
    return {
        "kind": "folder",
        "name": SOURCE,
        "location": str(files),
        "rules": [_rule(rule["pattern"], rule["grant"]) for rule in reversed(rules)],
    }


def _rule(pattern: str, grant: list[str]) -> str:
    # The demo's rules say `legal/*`; in a source's rules one star does not cross folders.
    return f"{pattern.replace('*', '**')}={','.join(grant)}"
