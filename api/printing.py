"""Answers for people at a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

_WIDE = 300
"""Characters of a passage that are shown: enough to judge it, the page shows the rest."""


def _out() -> Console:
    return Console(highlight=False, soft_wrap=True)


def show_answer(answer: dict[str, Any]) -> None:
    """Print the results of a search, each with its people and its best passage."""
    out = _out()
    for note in answer["notes"]:
        out.print(escape(note), style="yellow")
    if not answer["results"]:
        out.print("Nothing was found that you may see.")
    for number, result in enumerate(answer["results"], 1):
        out.print(
            Text.assemble(
                (f"{number:>2}. ", "dim"), (result["title"], "bold"), (f"  {result['type']}", "cyan")
            )
        )
        facts = [result["source"], result["language"], (result["modified"] or "")[:10]]
        out.print(f"    {escape(' · '.join(filter(None, facts)))}  {escape(result['ref'])}", style="dim")
        if people := ", ".join(_person(person) for person in result["people"][:5]):
            out.print(f"    {escape(people)}", style="green")
        for passage in result["passages"][:1]:
            out.print(_marked(passage))
        for leg in result.get("explain") or ():
            out.print(f"    {_leg(leg)}", style="magenta")
    total = f"{answer['total']:,}" if answer["total_is_exact"] else f"more than {answer['total']:,}"
    ready = answer["ready"]
    documents = "document" if total == "1" else "documents"
    out.print(f"{total} {documents} in {answer['took_ms']:.0f} ms", style="dim")
    if not ready["meaning"] or ready["percent"] < 100:
        out.print(
            f"Found by words; {ready['percent']} % of the passages are ready to be found by meaning.",
            style="yellow",
        )


def _person(person: dict[str, Any]) -> str:
    at = f", {person['at'][:10]}" if person["at"] else ""
    return f"{person['name']} ({person['role']}{at})"


def _marked(passage: dict[str, Any]) -> Text:
    text = Text(passage["text"])
    for start, end in passage["highlights"]:
        text.stylize("bold yellow", start, end)
    first = passage["highlights"][0][0] if passage["highlights"] else 0
    start = max(0, min(first - _WIDE // 3, len(text) - _WIDE))
    shown = text[start : start + _WIDE]
    shown = Text(" ").join(shown.split("\n"))
    where = passage["location"]["label"]
    return Text.assemble("    ", (f"{where}: " if where else "", "dim"), "…" if start else "", shown)


def _leg(leg: dict[str, Any]) -> str:
    weight = f"weight {leg['weight']:.2f}"
    if leg["shared"] is not None:
        weight += f" ({leg['shared']} of the terms in one passage, {100 * leg['agreed']:.0f} % agreed)"
    if leg["rank"] is None:
        return f"{leg['leg']}: not among its hits, {weight}"
    place = f"rank {leg['rank']}, score {leg['score']:.4f}, normalised {leg['normalised']:.4f}"
    return f"{leg['leg']}: {place}, {weight}"


def show_sync(job: dict[str, Any]) -> None:
    """Print what a sync did, in numbers that add up."""
    out = _out()
    names = ("known", "indexed", "unchanged", "moved", "skipped", "failed", "removed", "held")
    table = Table("source", *names, box=None, header_style="dim")
    for summary in job["summaries"]:
        table.add_row(summary["source"], *(f"{summary[name]:,}" for name in names))
    if job["summaries"]:
        out.print(table)
    for summary in job["summaries"]:
        for problem in summary["problems"]:
            out.print(f"  {escape(problem)}", style="yellow")
        if summary["held"]:
            out.print(
                f"{summary['held']:,} {summary['what']} of {summary['source']} are missing at the source; that is more than a"
                " fifth, so they were kept. If they are really gone: mneme sync --accept-removals",
                style="yellow",
            )
    for error in job["errors"]:
        out.print(escape(f"{error['source']}: {error['message']} {error['hint']}"), style="red")
    if job["embedded"]:
        were = "passage was" if job["embedded"] == 1 else "passages were"
        out.print(f"{job['embedded']:,} {were} made findable by meaning.", style="dim")


def show_sources(sources: list[dict[str, Any]]) -> None:
    """Print the sources."""
    if not sources:
        _out().print("There is no source yet. Add one: mneme sources add folder PATH")
        return
    table = Table("name", "kind", "state", "indexed", "skipped", "failed", "last sync", "location", box=None)
    for source in sources:
        counts = source["counts"]
        table.add_row(
            source["name"],
            source["kind"],
            source["state"],
            *(f"{counts[name]:,}" for name in ("indexed", "skipped", "failed")),
            (source["last_sync"] or "never")[:16].replace("T", " "),
            escape(source["location"]),
        )
    _out().print(table)


def show_added(added: dict[str, Any]) -> None:
    """Print that a source was added, and what to do next."""
    _out().print(escape(f"Added {added['name']}: {added['found']} Next: mneme sync {added['name']}"))


def show_pairs(pairs: dict[str, str]) -> None:
    """Print names with what they mean."""
    for name, meaning in pairs.items():
        _out().print(f"{name:<12} {escape(meaning)}")


def show_why(told: dict[str, Any]) -> None:
    """Print why documents are found or not."""
    out = _out()
    for row in told["found"]:
        out.print(escape(row["ref"]), style="bold")
        out.print(escape(f"  {row['said']}"))
        if row["hint"]:
            out.print(escape(f"  {row['hint']}"), style="yellow")
        for leg in (row.get("trace") or {}).get("legs", ()):
            out.print(f"  {_traced(leg)}", style="magenta")
        if "passages" in row:
            seen = ", ".join(row.get("grant", ())) or "the owner only"
            denied = f", but not {', '.join(row['deny'])}" if row.get("deny") else ""
            shown = f", seen by {seen}{denied}" if "grant" in row else ""
            out.print(escape(f"  {row['title']}: {row['passages']} passages{shown}"), style="dim")


def _traced(leg: dict[str, Any]) -> str:
    if not leg["used"]:
        return f"{leg['leg']}: took no part"
    if leg["score"] is None:
        return f"{leg['leg']}: does not find it"
    rank = f"its best passage has rank {leg['rank']:,}" if leg["rank"] else "behind the first 10,000 passages"
    return f"{leg['leg']}: {rank}, score {leg['score']:.4f}"


def show_ledger(rows: list[dict[str, Any]]) -> None:
    """Print rows of the ledger."""
    if not rows:
        _out().print("No document fits.")
        return
    table = Table("document", "stage", "reason, and what to do", "when", box=None, header_style="dim")
    for row in rows:
        said = " ".join(filter(None, (row["reason"], row["advice"])))
        table.add_row(escape(row["ref"]), row["stage"], escape(said), row["at"][:16].replace("T", " "))
    _out().print(table)


def show_retry(told: dict[str, Any]) -> None:
    """Print what is tried again."""
    when = "now" if told["started"] else "with the next sync: one is running"
    _out().print(f"{told['documents']:,} documents are tried again {when}.")


def show_doctor(told: dict[str, Any]) -> None:
    """Print what the doctor found and did."""
    out, found = _out(), told["found"]
    for problem in (*found["catalogue"], *filter(None, [found["index"]])):
        out.print(escape(problem), style="red")
    out.print(
        f"{told['documents']:,} {'document' if told['documents'] == 1 else 'documents'}; {found['missing']} passages missing in the index, "
        f"{found['orphaned']} left over, {found['pending']} waiting to be written."
    )
    if found["outdated"]:
        out.print(
            f"{found['outdated']:,} documents have other access, people or places in the index.", style="red"
        )
    if found["lost"]:
        out.print(f"{found['lost']:,} documents were read once and are not there.", style="red")
    for name in found["removing"]:
        out.print(escape(f"The removal of {name} was interrupted."), style="red")
    for done in told["done"]:
        out.print(done, style="green")
    if found["catalogue"]:
        out.print(
            "Where `mneme doctor --repair` does not help, restore a backup; where there is none, end the service and run `mneme salvage`.",
            style="yellow",
        )
    elif not told["well"]:
        out.print("Run `mneme doctor --repair`.", style="yellow")
    elif not told["done"]:
        out.print("All is well.", style="green")
