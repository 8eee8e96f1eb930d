"""The audit for people at a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape

_MANY = 5


def show_entries(told: dict[str, Any]) -> None:
    """Print noted requests, newest first."""
    out = Console(highlight=False, soft_wrap=True)
    for entry in told["entries"]:
        actor, place = (told["names"].get(entry[name], entry[name]) for name in ("actor", "place"))
        whose = f"{actor or 'nobody known'} as {place}" if place else actor or "nobody known"
        out.print(f"{entry['number']:>6}  {entry['at'][:19]}  {escape(whose)}  {escape(entry['request'])}")
        about = dict(entry["about"])
        documents = about.pop("documents", [])
        said = [f"{name}: {value}" for name, value in about.items()]
        if documents:
            more = f" and {len(documents) - _MANY} more" if len(documents) > _MANY else ""
            said.append(f"saw {', '.join(documents[:_MANY])}{more}")
        out.print(f"        {escape('; '.join(said))}", style="dim")
    out.print(f"{told['total']:,} requests were noted.", style="dim")
    if not told["on"]:
        out.print("The audit is off: set MNEME_AUDIT__KEEP_DAYS to some days above 0.", style="yellow")


def show_verdict(told: dict[str, Any]) -> None:
    """Print whether the chain holds."""
    out = Console(highlight=False, soft_wrap=True)
    if told["holds"]:
        out.print(
            f"All is well: {told['entries']:,} entries hold, {told['expired']:,} are past their time.",
            style="green",
        )
        out.print(f"Keep the newest seal elsewhere: {told['newest']}")
        return
    out.print(f"Entry {told['broken']} does not hold: {told['reason']}.", style="red")
    out.print(f"The {told['entries']:,} before it do. Compare it with a backup.")


def show_keys(keys: list[dict[str, Any]]) -> None:
    """Print keys for programs, newest first."""
    out = Console(highlight=False, soft_wrap=True)
    for key in keys:
        until = f"until {key['expires'][:10]}" if key["expires"] else "without end"
        state = "revoked" if key["revoked"] else until if key["holds"] else "expired"
        used = f"last used {key['used'][:16]}" if key["used"] else "never used"
        out.print(f"{key['id']}  {escape(key['name'])}  {state}, {used}", style="" if key["holds"] else "dim")
        whose = (
            f"for {key['address']}"
            if key["address"]
            else f"sees {', '.join(key['tokens']) or 'what is public'}"
        )
        where = f" at {key['source']} only" if key["source"] else ""
        out.print(
            f"              may {escape(', '.join(key['scopes']) + where)}; {escape(whose)}", style="dim"
        )
    if not keys:
        out.print("There are no keys; `mneme keys add` makes one.", style="dim")
