"""Legal holds for people at a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape

_MANY = 50


def show_holds(holds: list[dict[str, Any]]) -> None:
    """Print every hold, the newest first."""
    out = Console(highlight=False, soft_wrap=True)
    for hold in holds:
        state = f"ended {hold['ended'][:10]}" if hold["ended"] else "on"
        out.print(f"{hold['id'][:8]}  {escape(hold['name'])}  {state}, {hold['documents']:,} documents")
        out.print(f"          {hold['kind']}: {escape(hold['said'])}; {escape(hold['reason'])}", style="dim")
    if not holds:
        out.print("There are no holds; `mneme hold add` places one.", style="dim")


def show_hold(hold: dict[str, Any]) -> None:
    """Print a hold with its documents."""
    out = Console(highlight=False, soft_wrap=True)
    show_holds([hold])
    kept = hold["originals"]
    out.print(
        f"Originals: {kept['kept']} kept, {kept['waiting']} to be fetched, {kept['lost']} not to be had."
    )
    for each in hold["held"][:_MANY]:
        gone = ", gone at its source" if each["gone"] else ""
        out.print(f"  {escape(each['ref'])}  {escape(each['title'])}{gone}")
        for version in each["versions"]:
            said = version["original"] or version["problem"] or "to be fetched"
            out.print(f"      {version['at'][:19]}  original: {escape(said)}", style="dim")
    if len(hold["held"]) > _MANY:
        out.print(f"  and {len(hold['held']) - _MANY} more", style="dim")
