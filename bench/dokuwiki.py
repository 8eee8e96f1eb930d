"""A large DokuWiki: listing with its access rules and changes, memory, and a second listing after one page changed.

    python -m bench.dokuwiki [PAGES]

The folder is written as DokuWiki writes it: a page, and its file of changes; 100 users, 20 groups, 60 rules.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

from connectors.base import SourceConfig, Upserted
from connectors.dokuwiki.connector import DokuWiki
from memory.domain import Access


def main() -> None:
    """Write the wiki, list it, change a page, then a right, and print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("pages", nargs="?", type=int, default=50_000)
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as place:
        wiki = Path(place)
        create(wiki, given.pages)
        config = SourceConfig("wiki", place, Access(frozenset({"group:office"})))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        first = listed(config, "first listing")
        print(
            f"  {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:,.0f} MB more at most"
        )
        (wiki / "data/pages/team1/topic1/page101.txt").write_text("changed")
        second = listed(config, "one page changed")
        print(f"  {differing(first, second)} to fetch")
        with (wiki / "conf/acl.auth.php").open("a") as file:
            file.write("team7:* user3 0\n")
        third = listed(config, "a right taken away")
        print(f"  {differing(second, third)} to state anew")
        connector = DokuWiki(config)
        refs = [each.ref for each in connector.changes(None) if isinstance(each, Upserted)][:5000]
        began = time.perf_counter()
        for ref in refs:
            connector.fetch(ref)
        print(f"{len(refs) / (time.perf_counter() - began):,.0f} pages fetched a second")


def listed(config: SourceConfig, what: str) -> dict[str, str]:
    connector = DokuWiki(config)
    began = time.perf_counter()
    found = {each.ref.key: each.version for each in connector.changes(None) if isinstance(each, Upserted)}
    took = time.perf_counter() - began
    print(f"{what}: {len(found):,} pages, {took:.2f} s, {len(found) / took:,.0f}/s")
    return found


def differing(old: dict[str, str], new: dict[str, str]) -> int:
    return sum(old.get(key) != version for key, version in new.items())


def create(wiki: Path, pages: int) -> None:
    conf = wiki / "conf"
    conf.mkdir()
    (conf / "local.php").write_text("<?php\n$conf['useacl'] = 1;\n$conf['superuser'] = '@admin';\n")
    users = (f"user{n}:hash:User {n}:user{n}@x.example:user,group{n % 20}\n" for n in range(100))
    (conf / "users.auth.php").write_text("".join(users))
    rules = [f"team{n}:* @group{n % 20} 8\nteam{n}:* @ALL 0\n" for n in range(0, 50, 2)]
    (conf / "acl.auth.php").write_text("* @ALL 1\n" + "".join(rules) + "user:%USER%:* %USER% 16\n")
    for number in range(pages):
        name = f"team{number % 50}/topic{number // 100}/page{number}"
        page, changes = wiki / "data/pages" / f"{name}.txt", wiki / "data/meta" / f"{name}.changes"
        for path in (page, changes):
            path.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"====== Page {number} ======\n\nText.\n")
        lines = (
            f"{1_700_000_000 + n}\t192.0.2.1\t{'E' if n else 'C'}\t{name}\tuser{(number + n) % 100}\t\t\t1\n"
            for n in range(5)
        )
        changes.write_text("".join(lines))


if __name__ == "__main__":
    main()
