"""Commands that take a backup of the memory, and restore one."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli import AsJson, app, ask
from api.settings import load


@app.command()
def backup(
    target: Annotated[
        Path, typer.Argument(metavar="FILE|FOLDER", help="One file where it ends in .tar, else a folder.")
    ],
    with_keys: Annotated[
        bool, typer.Option(help="Take in the keys of the sources' passwords and tokens: keep it locked away.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the memory as it is now, also while it is used."""
    from api.printing_backup import show_backup

    body = {"path": str(target.expanduser().absolute()), "keys": with_keys}
    ask("backup", "POST", "/api/backup", show_backup, as_json, json=body, timeout=None)


@app.command()
def salvage(as_json: AsJson = False) -> None:
    """Go on from a damaged catalogue where there is no backup: keep what can be read of it, and say what is lost."""
    from api.lean import import_haystack

    import_haystack()
    from api.printing_backup import show_salvaged
    from api.salvage import salvage as run

    told = run(load())
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        show_salvaged(told)
    if not told["well"]:
        raise typer.Exit(1)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="What `mneme backup` has written.")],
    as_json: AsJson = False,
) -> None:
    """Bring a backup into an empty home folder."""
    from api.lean import import_haystack

    import_haystack()
    from api.printing_backup import show_restored
    from api.restore import restore as run

    told = run(load(), source.expanduser().absolute())
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        show_restored(told)
    if not told["well"]:
        raise typer.Exit(1)
