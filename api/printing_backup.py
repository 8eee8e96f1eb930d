"""Backups for people at a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape


def show_backup(told: dict[str, Any]) -> None:
    """Print where a backup is, and what is not in it."""
    out = Console(highlight=False, soft_wrap=True)
    size = f"{max(told['bytes'] / 1e6, 0.1):,.1f} MB"
    out.print(escape(f"{_documents(told)} are backed up in {told['path']} ({size})."), style="green")
    if told["keys"]:
        out.print(
            "The keys of the sources' passwords and tokens are in it: keep it locked away.", style="yellow"
        )
    elif told["sealed"]:
        out.print(
            escape(
                f"Not in it: the key that opens {_secrets(told)}. Keep keys/secrets.keys apart, or give --with-keys."
            ),
            style="yellow",
        )
    out.print(
        escape(
            f"Not in it: the originals at their sources, and the embedding model {told['model']['setting']}."
        ),
        style="dim",
    )


def show_restored(told: dict[str, Any]) -> None:
    """Print what was restored, and whether it is well."""
    out = Console(highlight=False, soft_wrap=True)
    if told["trouble"]:
        out.print(
            escape(
                f"The backup of {told['made']} is in {told['home']}, and cannot be used yet: {told['trouble']}"
            ),
            style="red",
        )
    else:
        said = "Catalogue and index agree." if told["well"] else "Run `mneme doctor`."
        out.print(
            escape(f"{_documents(told)}, as of {told['made']}, are in {told['home']}. {said}"),
            style="green" if told["well"] else "yellow",
        )
    out.print(
        "Access and keys for programs are as they were then: run `mneme sync`, and see `mneme keys list` for any "
        "that were revoked since.",
        style="dim",
    )
    for name in told["kept"]:
        out.print(escape(f"{name} was there already and is kept."), style="yellow")
    if told["sealed"]:
        out.print(
            escape(
                f"Not in the backup: the key that opens {_secrets(told)}. Put keys/secrets.keys into the home folder, "
                "or give them again with `mneme sources secret`."
            ),
            style="yellow",
        )


def show_salvaged(told: dict[str, Any]) -> None:
    """Print what was read of a damaged catalogue, and what was not."""
    out = Console(highlight=False, soft_wrap=True)
    out.print(
        f"{told['rows']:,} rows were read. The damaged file stays as {escape(told['damaged'])}.",
        style="green",
    )
    for lost in told["lost"]:
        rows = f"{lost['rows']:,} {'row' if lost['rows'] == 1 else 'rows'}"
        count = f"{rows} and perhaps more" if lost["more"] else rows
        out.print(f"Lost of {lost['table']}: {count}.", style="red")
    for done in told["done"]:
        out.print(done, style="yellow")
    if told["trouble"]:
        out.print(escape(told["trouble"]), style="red")
    elif told["well"]:
        out.print("Run `mneme sync`.", style="green")


def _documents(told: dict[str, Any]) -> str:
    return "1 document" if told["documents"] == 1 else f"{told['documents']:,} documents"


def _secrets(told: dict[str, Any]) -> str:
    return ", ".join(f"{name} of {source}" for source, names in told["sealed"].items() for name in names)
