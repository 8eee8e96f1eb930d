"""Commands of a memory's upkeep: why, the ledger, and the schedule of a source."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli import AsJson, app, ask, sources_app
from memory.errors import InvalidInput

_UNITS = {"m": 1, "h": 60, "d": 1440}


@app.command()
def why(
    document: Annotated[str, typer.Argument(metavar="REF-OR-PATH")],
    query: Annotated[str | None, typer.Option(help="A search it is missed in.")] = None,
    reader: Annotated[str | None, typer.Option("--for", help="Whom it should be found by.")] = None,
    person: Annotated[str | None, typer.Option("--as", help="Ask in this person's place.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of a document, and why it is not found."""
    from api.printing import show_why

    path = Path(document).expanduser()
    asked = str(path.absolute()) if path.exists() else document
    params = {"q": asked, "query": query, "for": reader, "as": person}
    ask("why", "GET", "/api/why", show_why, as_json, params=params)


@app.command()
def ledger(
    source: Annotated[str | None, typer.Option(help="Only of this source.")] = None,
    stage: Annotated[list[str] | None, typer.Option(help="Only at this stage, for instance failed.")] = None,
    text: Annotated[
        str | None, typer.Option(help="Only where the name or the reason has this in it.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Rows to show, at most 1000.")] = 100,
    retry: Annotated[bool, typer.Option(help="Have those that failed or were skipped read again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what became of every document the sources listed, newest first."""
    from api.printing import show_ledger, show_retry

    if retry:
        body = {"source": source or "", "stage": stage or [], "text": text or ""}
        ask("ledger", "POST", "/api/ledger/retry", show_retry, as_json, json=body)
        return
    params = {"source": source, "stage": stage, "text": text, "limit": limit}
    ask("ledger", "GET", "/api/ledger", show_ledger, as_json, params=params)


@sources_app.command("schedule")
def schedule_source(
    name: str,
    every: Annotated[str, typer.Argument(help="As in 30m, 2h or 1d; off ends it.")],
    as_json: AsJson = False,
) -> None:
    """Have the running service sync a source regularly."""
    body = {"every_minutes": minutes(every)}
    said = (
        f"{name} is synced every {every} while the service runs."
        if body["every_minutes"]
        else f"{name} is synced by hand only."
    )
    ask(
        "sources schedule",
        "PUT",
        f"/api/sources/{name}/schedule",
        lambda _: typer.echo(said),
        as_json,
        json=body,
    )


@sources_app.command("secret")
def keep_secret(
    name: str,
    secret: Annotated[str, typer.Argument(metavar="SECRET", help="Its name, or NAME=@FILE to read it.")],
    as_json: AsJson = False,
) -> None:
    """Give a source another password or token: asked for, or read from standard input."""
    from api.secret_input import read_secrets

    [(known, value)] = read_secrets([secret]).items()
    path = f"/api/sources/{name}/secrets/{known}"

    def show(answer: dict[str, str]) -> None:
        typer.echo(f"{answer['found']} Its {known} is kept, encrypted.")

    ask("sources secret", "PUT", path, show, as_json, json={"value": value})


@sources_app.command("renew-key")
def renew_key(as_json: AsJson = False) -> None:
    """Encrypt the secrets of all sources by a new key."""

    def show(answer: dict[str, int]) -> None:
        typer.echo(f"{answer['secrets']} secrets are encrypted by a new key.")

    ask("sources renew-key", "POST", "/api/secrets/renew", show, as_json)


def minutes(text: str) -> int | None:
    """Read ``30m``, ``2h``, ``1d`` or ``off``.

    :raises InvalidInput: where it is none of these.
    """
    if text == "off":
        return None
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal() or not int(number):
        raise InvalidInput(f"Not an interval: {text}.", hint="Write it as in 30m, 2h or 1d, or off.")
    return int(number) * _UNITS[unit]
