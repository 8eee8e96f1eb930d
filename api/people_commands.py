"""Commands of who is who: finding people, showing one, and deciding by hand."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import AsJson, ask, people_app
from memory.errors import InvalidInput

Reason = Annotated[str, typer.Option(help="Why, for the trail.")]
AsWhom = Annotated[str | None, typer.Option("--as", help="Ask in this person's place.")]


@people_app.command("import")
def import_people(file: Path, as_json: AsJson = False) -> None:
    """Take in a directory: CSV with name, address, aliases, department and groups."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.", hint="Give a CSV file in UTF-8.") from error
    headers = {"content-type": "text/csv"}

    def show(answer: Any) -> None:
        typer.echo(f"{answer['imported']} people are known.")

    ask("people import", "POST", "/api/people", show, as_json, content=text.encode(), headers=headers)


@people_app.command("list")
def list_people(
    text: Annotated[str, typer.Argument(help="A name, an address or an account; nothing: everybody.")] = "",
    person: AsWhom = None,
    limit: Annotated[int, typer.Option(help="People to show, at most 500.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List people, by whatever they are called."""
    from api.printing_people import show_people

    params = {"q": text, "as": person, "limit": limit}
    ask("people list", "GET", "/api/people", show_people, as_json, params=params)


@people_app.command("show")
def show_person(
    who: Annotated[str, typer.Argument(help="Id, address, account or name.")],
    person: AsWhom = None,
    as_json: AsJson = False,
) -> None:
    """Show who somebody is, what they wrote, with whom, and why their identities are one."""
    from api.printing_people import show_person as show

    ask("people show", "GET", f"/api/people/{_id_of(who, person)}", show, as_json, params={"as": person})


@people_app.command("merge")
def merge(who: str, other: str, reason: Reason = "", as_json: AsJson = False) -> None:
    """Make one person of two; neither sees more than before."""
    body = {"other": other, "reason": reason}
    _decide("merge", who, body, as_json)


@people_app.command("split")
def split(
    who: str,
    identities: Annotated[list[int], typer.Argument(help="Numbers, as `mneme people show` prints them.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Make some of a person's identities another person."""
    _decide("split", who, {"identities": identities, "reason": reason}, as_json)


@people_app.command("not-me")
def not_me(
    who: str,
    document: Annotated[str, typer.Argument(help="The document's id, as its page's address has it.")],
    reason: Reason = "",
    person: AsWhom = None,
    as_json: AsJson = False,
) -> None:
    """Say that a document names somebody else than this person."""
    _decide("not-me", who, {"document": document, "reason": reason}, as_json, person)


@people_app.command("rename")
def rename(who: str, name: str, reason: Reason = "", as_json: AsJson = False) -> None:
    """Give a person another name to be shown by."""
    _decide("name", who, {"name": name, "reason": reason}, as_json)


@people_app.command("undo")
def undo(decision: int, as_json: AsJson = False) -> None:
    """Take a decision back, by its number."""
    ask("people undo", "POST", f"/api/people/decisions/{decision}/undo", _undone, as_json)


def _decide(action: str, who: str, body: dict[str, Any], as_json: bool, person: str | None = None) -> None:
    path = f"/api/people/{_id_of(who, person)}/{action}"
    ask(f"people {action}", "POST", path, _done, as_json, json=body, params={"as": person})


def _done(answer: Any) -> None:
    typer.echo(f"Done; `mneme people undo {answer['decision']}` takes it back.")


def _undone(_answer: Any) -> None:
    typer.echo("Undone.")


def _id_of(who: str, person: str | None) -> str:
    """The id of the one person somebody may mean."""
    found: list[dict[str, Any]] = []
    ask("people", "GET", "/api/people", lambda answer: found.extend(answer["people"]), False,
        params={"q": who, "as": person, "limit": 5})  # fmt: skip
    if len(found) > 1:
        names = "; ".join(f"{each['name']} ({each['id']})" for each in found)
        raise InvalidInput(f"{who!r} fits more than one person: {names}.", hint="Give the id or the address.")
    # Somebody without a document is found by no list, and still by their id.
    return str(found[0]["id"]) if found else who
