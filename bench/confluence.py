"""A large Confluence: listing with who may see what, memory, and what a second listing costs after one page, then one right, changed.

    python -m bench.confluence [PAGES] [--cloud | --export]

The wiki is that of the tests, in a process of its own: 50 spaces, pages in trees five deep, every tenth restricted to a group, a comment for every fifth and a
file for every tenth. It gives 100 entries at a time, as the real one does for what is asked of it here. With `--export` the same as a file.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import SecretStr

from connectors.base import SourceConfig, Upserted
from connectors.confluence.connector import Confluence
from connectors.confluence.export import ConfluenceExport
from memory.domain import Access
from tests.connectors import confluence_export as export
from tests.connectors.confluence import TOKEN, FakeConfluence, Item, confluence


def main() -> None:
    """Print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("pages", nargs="?", type=int, default=50_000)
    ask.add_argument("--cloud", action="store_true")
    ask.add_argument("--export", action="store_true")
    given = ask.parse_args()
    if given.export:
        from_file(given.pages)
    else:
        from_server(given.pages, given.cloud)


def from_server(pages: int, cloud: bool) -> None:
    """List a wiki, again unchanged, and again after one page, then one right, changed."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    serving = multiprocessing.get_context("spawn").Process(target=serve, args=(there, pages, cloud))
    serving.start()
    secrets = (("token", SecretStr(TOKEN)),)
    config = SourceConfig("wiki", here.recv(), Access(frozenset({"group:office"})), secrets=secrets)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    versions: dict[str, str] = {}
    for what in ("first listing", "nothing changed", "one page changed", "one right taken away"):
        here.send(what)
        here.recv()
        found = listed(config)
        here.send("requests")
        changed = [key for key, version in found[0].items() if versions.get(key) != version]
        print(
            f"{what}: {len(found[0]):,} documents, {found[1]:.1f} s, {len(found[0]) / found[1]:,.0f}/s, "
            f"{here.recv()} requests; {len(changed):,} to fetch",
            flush=True,
        )
        versions = found[0]
    print(f"  {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:,.0f} MB more at most")
    fetching(config, [key for key in versions if key.startswith("page/")][:200])
    here.send("end")
    serving.join()


def from_file(pages: int) -> None:
    """List an export, again unchanged, and again as the next one with one page changed."""
    wiki = FakeConfluence()
    written = fill(wiki, pages)
    with tempfile.TemporaryDirectory() as place:
        path = export.write(wiki, Path(place, "export.zip"))
        config = SourceConfig(
            "wiki", str(path), Access(frozenset({"group:office"})), state=Path(place, "state")
        )
        before, versions = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, dict[str, str]()
        for what in ("first listing", "nothing changed", "one page changed"):
            if what == "one page changed":
                wiki.write(written[7], "<p>Changed.</p>")
                export.write(wiki, path)
            began = time.perf_counter()
            with closing(ConfluenceExport(config)) as made:
                found = {
                    each.ref.key: each.version for each in made.changes(None) if isinstance(each, Upserted)
                }
            took = time.perf_counter() - began
            changed = sum(versions.get(key) != version for key, version in found.items())
            print(
                f"{what}: {len(found):,} documents, {took:.1f} s, {len(found) / took:,.0f}/s; {changed:,} to fetch",
                flush=True,
            )
            versions = found
        print(
            f"  {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:,.0f} MB more at most"
        )


def listed(config: SourceConfig) -> tuple[dict[str, str], float]:
    began = time.perf_counter()
    with closing(Confluence(config)) as made:
        found = {each.ref.key: each.version for each in made.changes(None) if isinstance(each, Upserted)}
    return found, time.perf_counter() - began


def fetching(config: SourceConfig, keys: list[str]) -> None:
    with closing(Confluence(config)) as made:
        refs = {each.ref.key: each.ref for each in made.changes(None) if isinstance(each, Upserted)}
        began = time.perf_counter()
        for key in keys:
            made.fetch(refs[key])
        print(f"{len(keys) / (time.perf_counter() - began):,.0f} pages fetched a second")


def serve(talking: Connection, pages: int, cloud: bool) -> None:
    """The wiki: does what it is told, one word at a time."""
    with confluence(cloud=cloud) as wiki:
        written = fill(wiki, pages)
        talking.send(wiki.location)
        while (word := talking.recv()) != "end":
            if word == "requests":
                talking.send(len(wiki.requests))
                continue
            if word == "one page changed":
                wiki.write(written[7], "<p>Changed.</p>")
            if word == "one right taken away":
                written[9].groups.append("board")
            wiki.requests.clear()
            talking.send("done")


def fill(wiki: FakeConfluence, pages: int) -> list[Item]:
    wiki.groups["board"] = ["u1"]
    written: list[Item] = []
    for number in range(pages):
        space = f"TEAM{number % 50}"
        wiki.spaces.setdefault(space, ["group:staff"])
        parent = written[number - 50].id if number % 250 >= 50 else ""
        page = wiki.add(f"Page {number}", f"<p>Text {number}.</p>", space=space, parent=parent)
        if number % 10 == 0:
            page.groups.append("board" if number % 20 else "staff")
            wiki.add(f"{number}.txt", b"text", kind="attachment", space=space, parent=page.id)
        if number % 5 == 0:
            wiki.add("", "<p>Indeed.</p>", kind="comment", space=space, parent=page.id)
        written.append(page)
    return written


if __name__ == "__main__":
    main()
