"""The demo: a small company's documents, people and access rules in a home folder of their own."""

import json
from pathlib import Path

import typer

from api.gateway import connect
from api.progress import follow
from api.settings import Settings
from memory.errors import MnemeError

SOURCE, MAIL = "company", "mail"
"""The demo's sources: the company's files, and the mail it keeps."""


def prepare(settings: Settings, *, quiet: bool) -> Settings:
    """Build the demo's files and memory where they are missing, and bring the memory up to date.

    :param quiet: print and draw nothing.
    :returns: the settings of the demo's memory.
    :raises MnemeError: where it cannot be built.
    """
    from api.demo.build import ACCESS, PEOPLE, build, build_mail

    ours = settings.model_copy(update={"home": settings.home / "demo"})
    files, mail = ours.home / "files", ours.home / "mail"
    if not quiet:
        typer.echo(f"Writing the demo company's documents to {files}")
    build(files)
    build_mail(mail)
    with connect(ours, "mneme demo") as gateway:
        headers = {"content-type": "text/csv"}
        gateway.call("POST", "/api/people", content=PEOPLE.read_bytes(), headers=headers)
        known = {source["name"] for source in gateway.call("GET", "/api/sources")}
        for name, kind, place in ((SOURCE, "folder", files), (MAIL, "mailbox", mail)):
            if name not in known:
                gateway.call("POST", "/api/sources", json=_source(name, kind, place, ACCESS))
        gateway.call("POST", "/api/sync", json={"sources": [SOURCE, MAIL], "accept_removals": True})
        job = follow(gateway, quiet=quiet)
    if job["state"] != "done":
        problem = job["errors"][0] if job["errors"] else {"message": "It was stopped.", "hint": ""}
        raise MnemeError(f"The demo could not be read: {problem['message']}", hint=problem["hint"])
    if not quiet:
        known = sum(summary["known"] for summary in job["summaries"])
        typer.echo(f"{known} documents are in the memory; its home is {ours.home}")
    return ours


def _source(name: str, kind: str, place: Path, access: Path) -> dict[str, object]:
    """A folder of files or of mail as a source; the last rule that matches decides, so the general one goes first."""
    rules = json.loads(access.read_text(encoding="utf-8"))
    return {
        "kind": kind,
        "name": name,
        "location": str(place),
        "rules": [_rule(rule["pattern"], rule["grant"]) for rule in reversed(rules)],
    }


def _rule(pattern: str, grant: list[str]) -> str:
    # The demo's rules say `legal/*`; in a source's rules one star does not cross folders.
    return f"{pattern.replace('*', '**')}={','.join(grant)}"
