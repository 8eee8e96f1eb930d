"""Commands of people who log in with a password."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli import AsJson, app, ask
from api.secret_input import read_secrets

users_app = typer.Typer(
    help="People who log in with a password.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(users_app, name="users")

Address = Annotated[str, typer.Argument(help="Their e-mail address, as the directory has it.")]
Secret = Annotated[
    str | None,
    typer.Option(help="`password` is asked for, or a line of standard input; password=@FILE reads a file."),
]


@users_app.command("add")
def add_user(address: Address, secret: Secret = None, as_json: AsJson = False) -> None:
    """Let somebody log in; asks for the password."""

    def show(told: Any) -> None:
        typer.echo(f"{told['address']} can log in.")
        if not told["taken"]:
            typer.echo("Passwords are not taken yet: put `password` into MNEME_AUTH__METHODS.", err=True)

    body = {"address": address} | read_secrets([secret or "password"])
    ask("users add", "POST", "/api/users", show, as_json, json=body)


@users_app.command("password")
def change_password(address: Address, secret: Secret = None, as_json: AsJson = False) -> None:
    """Give somebody another password, and log them out everywhere."""

    def show(_: Any) -> None:
        typer.echo(f"{address} has another password.")

    path = f"/api/users/{quote(address, safe='')}/password"
    ask("users password", "PUT", path, show, as_json, json=read_secrets([secret or "password"]))


@users_app.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List who logs in with a password."""

    def show(told: Any) -> None:
        for each in told:
            typer.echo(f"{each['address']}  since {each['added'][:10]}, password of {each['changed'][:10]}")

    ask("users list", "GET", "/api/users", show, as_json)


@users_app.command("remove")
def remove_user(address: Address, as_json: AsJson = False) -> None:
    """Let somebody log in no more, and log them out everywhere."""

    def show(_: Any) -> None:
        typer.echo(f"{address} cannot log in any more.")

    ask("users remove", "DELETE", f"/api/users/{quote(address, safe='')}", show, as_json)
