"""A site on a real Apache: listing, memory, and what later listings ask for.

    python -m bench.site [PAGES]

Pages have 2,000 characters and ten links. First there is no sitemap, then one that tells when each page changed.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

from connectors.base import SourceConfig, Upserted
from connectors.site.connector import Site
from tests.connectors.apache import PAGES, Apache, apache

TEXT = "Beech and oak are sold by the board, and delivered within ten days of the order. " * 25


def main() -> None:
    """Write the site, list it again and again, and print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("pages", nargs="?", type=int, default=5_000)
    given = ask.parse_args()
    with apache(PAGES) as server, tempfile.TemporaryDirectory() as place:
        create(server, given.pages)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        listed(server, Path(place), "by links, first", given.pages)
        print(
            f"  {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:,.0f} MB more at most"
        )
        listed(server, Path(place), "by links, nothing changed", given.pages)
        sitemap(server, given.pages, "2026-03-01")
        listed(server, Path(place), "by a sitemap, first", given.pages)
        listed(server, Path(place), "by a sitemap, nothing changed", given.pages)
        write(server, 7, given.pages, "changed")
        sitemap(server, given.pages, "2026-03-01", changed=7)
        listed(server, Path(place), "by a sitemap, one page changed", given.pages)


def listed(server: Apache, state: Path, what: str, pages: int) -> None:
    networks = (("networks", "127.0.0.1"), ("pages", str(2 * pages)), ("depth", "1000"))
    location = f"http://127.0.0.1:{server.port}/0.html"
    site = Site(SourceConfig("site", location, options=networks, state=state))
    asked, began = sent(server), time.perf_counter()
    found = sum(isinstance(each, Upserted) for each in site.changes(None))
    took = time.perf_counter() - began
    site.close()
    asked = sent(server) - asked
    print(f"{what}: {found:,} pages, {took:.2f} s, {found / took:,.0f}/s, {asked:,} requests", flush=True)


def sent(server: Apache) -> int:
    """Requests that the server has noted."""
    log = server.place / "requests"
    with log.open("rb") as lines:
        return sum(1 for _ in lines)


def create(server: Apache, pages: int) -> None:
    for number in range(pages):
        write(server, number, pages, "as it was")


def write(server: Apache, number: int, pages: int, how: str) -> None:
    links = "".join(f'<a href="{(number * 10 + n) % pages}.html">{n}</a>' for n in range(10))
    text = f"<html><head><title>Page {number}</title></head><body><p>{how}. {TEXT}</p>{links}</body></html>"
    (server.files / f"{number}.html").write_text(text)


def sitemap(server: Apache, pages: int, date: str, changed: int | None = None) -> None:
    origin = f"http://127.0.0.1:{server.port}"
    entries = "".join(
        f"<url><loc>{origin}/{n}.html</loc><lastmod>{date}{'T12:00Z' if n == changed else ''}</lastmod></url>"
        for n in range(pages)
    )
    (server.files / "sitemap.xml").write_text(f"<urlset>{entries}</urlset>")


if __name__ == "__main__":
    main()
