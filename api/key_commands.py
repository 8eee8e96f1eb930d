"""Commands of keys for programs."""

from typing import Annotated, Any

import typer

from api.cli import AsJson, app, ask

keys_app = typer.Typer(help="Keys by which programs ask.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(keys_app, name="keys")


@keys_app.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may do: read (the default), contribute, push, evaluate, curate, audit, hold, operate, manage-access, provision."
        ),
    ] = None,
    address: Annotated[str, typer.Option("--for", help="Address of the person it asks for.")] = "",
    grant: Annotated[list[str] | None, typer.Option(help="Access token of a program of its own.")] = None,
    source: Annotated[
        str,
        typer.Option(
            help="The one source that it pushes to, or tells people to. Without: push to any; provision needs it where there are several."
        ),
    ] = "",
    days: Annotated[int, typer.Option(help="Days until it expires; 0: never.")] = 365,
    as_json: AsJson = False,
) -> None:
    """Make a key; it is shown this once and kept nowhere."""

    def show(told: Any) -> None:
        until = f"until {told['expires'][:10]}" if told["expires"] else "until it is revoked"
        typer.echo(told["key"])
        where = f" at {told['source']} only" if told["source"] else ""
        may = f"{', '.join(told['scopes'])}{where}"
        typer.echo(f"This is the only time it is shown. It may {may}, {until}.", err=True)
        if not told["taken"]:
            typer.echo("Keys are not taken yet: put `keys` into MNEME_AUTH__METHODS.", err=True)

    body = {
        "name": name,
        "address": address,
        "grant": grant or [],
        "source": source,
        "days": days,
        "scopes": scope or ["read"],
    }
    ask("keys add", "POST", "/api/keys", show, as_json, json=body)


@keys_app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys: what each may do, for whom, and when it was last used."""
    from api.printing_audit import show_keys

    ask("keys list", "GET", "/api/keys", show_keys, as_json)


@keys_app.command("revoke")
def revoke_key(
    identity: Annotated[str, typer.Argument(help="Its id, as `mneme keys list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Take a key back at once."""

    def show(told: Any) -> None:
        typer.echo(f"{told['name']} ({told['id']}) is worth nothing any more.")

    # Whoever gives the whole key leaves no more of it in any log than its public part.
    public = identity.removeprefix("mneme_").partition("_")[0]
    ask("keys revoke", "DELETE", f"/api/keys/{public}", show, as_json)
