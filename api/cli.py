"""The command line: every command is one request, printed for people or as JSON."""

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from api.cli_eval import eval_app
from api.settings import Settings, load, prepare_environment
from memory.errors import MnemeError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
sources_app = typer.Typer(help="Where documents come from.", no_args_is_help=True, rich_markup_mode=None)
people_app = typer.Typer(help="Who is who.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(sources_app, name="sources")
app.add_typer(people_app, name="people")
app.add_typer(eval_app, name="eval")

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Names = Annotated[list[str] | None, typer.Argument(help="Names of sources; none: all that are not paused.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error of ours is one line and an exit code.

    :param arguments: what was typed after ``mneme``; the process's own unless given.
    """
    prepare_environment()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        app(arguments)
    except MnemeError as error:
        sys.exit(_tell(error, as_json="--json" in arguments))
    except KeyboardInterrupt:
        sys.exit(130)


def _tell(error: MnemeError, *, as_json: bool) -> int:
    from api.problems import problem_json

    problem = getattr(error, "problem", None) or problem_json(error)
    if as_json:
        sys.stdout.write(json.dumps(problem) + "\n")
    sys.stderr.write(f"mneme: {error}\n")
    return int(problem.get("exit_code", 70))


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"mneme {version('mneme')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version and stop."),
    ] = False,
) -> None:
    """One search over everything an organisation has written down, with the people behind every result."""


def ask(
    doing: str,
    method: str,
    path: str,
    show: Callable[[Any], None],
    as_json: bool,
    **request: Any,
) -> Any:
    """Send one request and show its answer, or print it as JSON.

    :param doing: the command, for others to see while it owns the memory.
    :returns: the answer.
    """
    from api.gateway import connect

    with connect(_settings(), f"mneme {doing}") as gateway:
        answer = gateway.call(method, path, **request)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        show(answer)
    return answer


def _settings() -> Settings:
    return load()


@app.command()
def search(
    query: str,
    person: Annotated[str | None, typer.Option("--as", help="Search in this person's place.")] = None,
    limit: Annotated[int, typer.Option(help="Results to show, at most 100.")] = 10,
    explain: Annotated[bool, typer.Option(help="Show each leg's rank and score.")] = False,
    whole: Annotated[
        bool, typer.Option("--all", help="Print the whole list, as JSON lines or --csv.")
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="With --all: as CSV, formulas made harmless.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search, by words and by meaning."""
    if whole or as_csv:
        from api.discovery_commands import print_all

        print_all(_settings(), query, person, "csv" if as_csv else "jsonl")
        return
    from api.printing import show_answer

    params = {"q": query, "as": person, "limit": limit, "explain": explain, "wait": True}
    ask("search", "GET", "/api/search", show_answer, as_json, params=params)


@app.command()
def sync(
    names: Names = None,
    wait: Annotated[str, typer.Option(help="How far to wait: words or meaning.")] = "meaning",
    accept_removals: Annotated[bool, typer.Option(help="Remove also more than a fifth of a source.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the memory to what the sources say."""
    from api.gateway import connect
    from api.printing import show_sync
    from api.progress import follow

    body = {"sources": names or [], "wait": wait, "accept_removals": accept_removals}
    with connect(_settings(), "mneme sync") as gateway:
        gateway.call("POST", "/api/sync", json=body)
        # What others have joined to the same sync is not waited for where it goes on without us.
        job = follow(
            gateway, quiet=as_json, until_read=frozenset(names or ()) if wait == "words" else frozenset()
        )
    if as_json:
        typer.echo(json.dumps(job, ensure_ascii=False, indent=2))
    else:
        show_sync(job)
    if job["state"] == "stopped":
        raise typer.Exit(130)
    if any(not names or error["source"] in {"", *names} for error in job["errors"]):
        raise typer.Exit(69)


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the pages and the API on this machine."""
    from api.serving import serve as run

    run(_settings(), port, as_json=as_json)


@app.command()
def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Build the demo's memory and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try Mneme on a small company's memory, in a home folder of its own."""
    from api.demonstration import prepare

    settings = prepare(_settings(), quiet=as_json)
    if no_serve:
        typer.echo(
            json.dumps({"home": str(settings.home)}) if as_json else f"The demo lies in {settings.home}."
        )
        return
    from api.serving import serve as run

    run(settings, None, as_json=as_json)


@app.command()
def doctor(
    repair: Annotated[bool, typer.Option(help="Mend what differs.")] = False,
    rebuild: Annotated[bool, typer.Option(help="Make the index anew from the catalogue.")] = False,
    ungated: Annotated[
        bool, typer.Option(help="Take another model though it has not passed the gate.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check that catalogue and index agree."""
    from api.printing import show_doctor

    params = {"repair": repair, "rebuild": rebuild, "ungated": ungated}
    ask("doctor", "POST", "/api/doctor", show_doctor, as_json, params=params)


@sources_app.command("add")
def add_source(  # noqa: PLR0913, PLR0917 - one parameter for each option of the command
    kind: str,
    location: str,
    name: Annotated[str, typer.Option(help="The source's name.")] = "",
    grant: Annotated[
        list[str] | None, typer.Option(help="Token that may see it; `public` is everybody.")
    ] = None,
    deny: Annotated[list[str] | None, typer.Option(help="Token that may not.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Access of a part: PATTERN=TOKEN,!TOKEN.")] = None,
    include: Annotated[list[str] | None, typer.Option(help="Pattern of what to take.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Pattern of what to leave out.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, for the connector.")] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(help="NAME of a password or token: asked for, or read from standard input; NAME=@FILE."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a source; without --grant only the owner sees what comes from it."""
    from api.printing import show_added
    from api.secret_input import read_secrets
    from api.sources import located

    options = dict(pair.partition("=")[::2] for pair in option or ())
    body = {
        "kind": kind,
        "location": located(kind, location),
        "name": name,
        "grant": grant or [],
        "deny": deny or [],
        "rules": rule or [],
        "include": include or [],
        "exclude": exclude or [],
        "options": options,
        "secrets": read_secrets(secret or ()),
    }
    ask("sources add", "POST", "/api/sources", show_added, as_json, json=body)


@sources_app.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """List the sources with their state and counts."""
    from api.printing import show_sources

    ask("sources list", "GET", "/api/sources", show_sources, as_json)


@sources_app.command("kinds")
def list_kinds(as_json: AsJson = False) -> None:
    """List the connectors there are."""
    from api.printing import show_pairs
    from connectors.registry import kinds

    known = kinds()
    if as_json:
        typer.echo(json.dumps(known, ensure_ascii=False, indent=2))
    else:
        show_pairs(known)


@sources_app.command("check")
def check_source(name: str, as_json: AsJson = False) -> None:
    """Ask a source whether it can be reached."""
    ask(
        "sources check",
        "POST",
        f"/api/sources/{name}/check",
        lambda answer: typer.echo(answer["found"]),
        as_json,
    )


@sources_app.command("pause")
def pause_source(
    name: str,
    resume: Annotated[bool, typer.Option(help="Take it in again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Leave a source out of syncs."""
    action = "resume" if resume else "pause"
    said = f"{name} is {'taken into' if resume else 'left out of'} syncs."
    ask(f"sources {action}", "POST", f"/api/sources/{name}/{action}", lambda _: typer.echo(said), as_json)


@sources_app.command("remove")
def remove_source(name: str, as_json: AsJson = False) -> None:
    """Remove a source from the memory; the originals stay where they are."""

    def show(answer: Any) -> None:
        typer.echo(f"{name} is removed, with {answer['removed']} documents.")
        if answer["held"]:
            typer.echo(f"A legal hold keeps {answer['held']} of its documents; they go when it ends.")

    ask("sources remove", "DELETE", f"/api/sources/{name}", show, as_json)


# Commands of their own subjects register themselves here; they need what stands above.
from api import (  # noqa: E402
    audit_commands,  # noqa: F401
    backup_commands,  # noqa: F401
    hold_commands,  # noqa: F401
    key_commands,  # noqa: F401
    people_commands,  # noqa: F401
    upkeep_commands,  # noqa: F401
    user_commands,  # noqa: F401
)
