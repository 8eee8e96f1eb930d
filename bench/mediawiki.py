"""A real MediaWiki: listing, what it holds in memory, later syncs, pages fetched a second, and the same pages from a dump.

    python -m bench.mediawiki [PAGES]

The pages are made up here, written as a dump and imported (that takes longest). Nothing is parsed and no model loaded.
"""

import argparse
import bz2
import gc
import random
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil

from connectors.base import Checkpoint, Connector, Deleted, SourceConfig, Upserted
from connectors.mediawiki import MediaWiki
from connectors.mediawiki_dump import MediaWikiDump
from memory.domain import SourceRef
from tests.connectors.mediawiki import Wiki, mediawiki
from tests.connectors.wiki_dumps import Paged, dump

WORDS = ("beech", "oak", "notice", "period", "supplier", "invoice", "warranty", "clause", "hall", "board")
VERSIONS = 5
WRITERS = ("Jane Doe", "Bob", "Ann Lee", "Carl Berg", "Eve Holm", "192.0.2.7")
FETCHED = 200


def main() -> None:
    """Fill a wiki, list it, change it and list again; then read its dump."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("pages", nargs="?", type=int, default=5_000)
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "made.xml")
        with path.open("w", encoding="utf-8") as file:
            file.writelines(dump(made(given.pages)))
        print(f"{given.pages:,} pages of {VERSIONS} versions, {path.stat().st_size / 1e6:,.1f} MB as a dump")
        dumped(path, "dump, first listing")
        packed = path.with_suffix(".xml.bz2")
        packed.write_bytes(bz2.compress(path.read_bytes()))
        dumped(packed, f"dump, bz2 of {packed.stat().st_size / 1e6:,.1f} MB")
        with mediawiki(Path(place, "wiki")) as wiki:
            began = time.perf_counter()
            wiki.php("maintenance/importDump.php", "--no-updates", str(path))
            print(f"imported in {time.perf_counter() - began:,.0f} s")
            asked(wiki)


def made(count: int) -> Iterator[Paged]:
    """Pages of some hundred words, each with a history."""
    choose = random.Random(1)
    for number in range(1, count + 1):
        versions = []
        for _ in range(VERSIONS):
            parts = [f"== Part {part} ==\n{' '.join(choose.choices(WORDS, k=80))}." for part in range(3)]
            versions.append((choose.choice(WRITERS), "\n\n".join(parts)))
        yield Paged(number, f"Page {number}", tuple(versions), number * VERSIONS)


def asked(wiki: Wiki) -> None:
    """The connector on the wiki: whole, unchanged, and with a few changes."""
    connector = MediaWiki(SourceConfig("wiki", wiki.url))
    with closing(connector):
        cursor, refs = listed(connector, None, "wiki, first listing", wiki)
        began = time.perf_counter()
        for ref in refs[:FETCHED]:
            connector.fetch(ref)
        print(f"  {FETCHED / (time.perf_counter() - began):,.1f} pages fetched a second")
        cursor, _ = listed(connector, cursor, "wiki, nothing new", wiki)
        for number in range(1, 11):
            wiki.write(f"Page {number}", "Other words.")
            wiki.delete(f"Page {number + 10}")
            wiki.move(f"Page {number + 20}", f"Moved {number}")
        cursor, refs = listed(connector, cursor, "wiki, 10 edited, 10 deleted, 10 moved", wiki)
        before = requests(wiki)
        for ref in refs:
            connector.fetch(ref)
        print(f"  {requests(wiki) - before} requests to fetch {len(refs)} pages")


def dumped(path: Path, what: str) -> None:
    """A dump read twice."""
    with closing(MediaWikiDump(SourceConfig("wiki", str(path)))) as connector:
        cursor, _ = listed(connector, None, what)
        listed(connector, cursor, "dump, nothing new")


def listed(
    connector: Connector, cursor: str | None, what: str, wiki: Wiki | None = None
) -> tuple[str, list[SourceRef]]:
    """List what changed; print how long that took, and how much more memory was held at most."""
    gc.collect()
    process = psutil.Process()
    before = most = process.memory_info().rss
    began, sent = time.perf_counter(), requests(wiki)
    refs, gone, last = [], 0, None
    for last in connector.changes(cursor):
        if isinstance(last, Upserted):
            refs.append(last.ref)
            if len(refs) % 500 == 0:
                most = max(most, process.memory_info().rss)
        gone += isinstance(last, Deleted)
    took = time.perf_counter() - began
    assert isinstance(last, Checkpoint)
    most = max(most, process.memory_info().rss)
    count = len(refs) + gone
    print(
        f"{what}: {len(refs):,} told, {gone:,} gone, {took:.2f} s, {count / took:,.0f}/s, {(most - before) / 1e6:,.1f} MB more held,"
        f" cursor of {len(last.cursor):,} bytes" + (f", {requests(wiki) - sent} requests" if wiki else "")
    )
    return last.cursor, refs


def requests(wiki: Wiki | None) -> int:
    """What the wiki was asked so far."""
    return (
        len(re.findall(r"(?:GET|POST) /api\.php", (wiki.place / "log").read_text(errors="replace")))
        if wiki
        else 0
    )


if __name__ == "__main__":
    main()
