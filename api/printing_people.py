"""People at a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def _out() -> Console:
    return Console(highlight=False, soft_wrap=True)


def show_people(answer: dict[str, Any]) -> None:
    """Print a list of people."""
    if not answer["people"]:
        _out().print("Nobody is known by that whom you may see.")
        return
    table = Table("name", "documents", "id", box=None, header_style="dim")
    for each in answer["people"]:
        table.add_row(escape(each["name"]), f"{each['documents']:,}", each["id"])
    _out().print(table)


def show_person(person: dict[str, Any]) -> None:
    """Print who somebody is and what they had a part in."""
    out = _out()
    out.print(escape(person["name"]), style="bold")
    out.print(f"  {person['id']}", style="dim")
    for each in person["identities"]:
        known = " · ".join(filter(None, (each["address"], each["account"], each["name"])))
        out.print(escape(f"  {each['id']:>4}  {known}"))
    for title, values in (("Roles", person["roles"]), ("Years", person["years"])):
        if values:
            out.print(f"{title}: " + ", ".join(f"{name} {count:,}" for name, count in values.items()))
    if person["answered"]:
        out.print(f"Answers: {person['answered']:,}")
    if person["company"]:
        out.print(
            escape("With: " + ", ".join(f"{each['name']} {each['documents']}" for each in person["company"]))
        )
    if person["topics"]:
        out.print(escape("Topics: " + ", ".join(person["topics"])))
    for each in person["documents"][:20]:
        out.print(escape(f"  {(each['at'] or '')[:10]:<10}  {each['role']:<10}  {each['title']}"))
    for each in person.get("joined", ()):
        because = ", ".join(reason["code"].replace("_", " ") for reason in each["reasons"])
        told = f"{each['one']} and {each['other']}: {each['made_by']}" + (f" ({because})" if because else "")
        out.print(escape(f"Joined: {told}"), style="dim")
    for each in person.get("trail", ()):
        out.print(
            escape(
                f"Decision {each['id']}: {each['action']} by {each['by']}, {each['at'][:16]} {each['reason']}"
            )
        )
