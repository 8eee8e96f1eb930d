"""A mailbox of 100,000 messages: listing, what it holds in memory, and a second listing after 10 new mails.

    python -m bench.mailbox CORPUS [MESSAGES]

CORPUS is a folder of mail; its messages are repeated under new Message-IDs.
"""

import re
import resource
import sys
import tempfile
import time
from pathlib import Path

from connectors.base import SourceConfig, Upserted
from connectors.mailbox import Mailbox

_ID = re.compile(rb"^message-id:\s*<?([^<>\s]+)>?", re.IGNORECASE | re.MULTILINE)


def main() -> None:
    """Build the mailbox in a temporary folder, list it twice, and print the figures."""
    corpus, wanted = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "all.mbox")
        found = originals(corpus)
        write(path, found, range(wanted))
        print(f"{wanted:,} messages, {path.stat().st_size / 1e6:,.0f} MB, from {len(found):,} originals")
        del found[200:]
        source = Mailbox(SourceConfig("mail", str(path)))
        before, took = _listed(source)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"listing: {len(before):,} messages, {took:.1f} s, {len(before) / took:,.0f}/s, peak RSS {peak:,.0f} MB"
        )
        write(path, found, range(wanted, wanted + 10))
        after, took = _listed(source)
        fetched = [key for key, version in after.items() if before.get(key) != version]
        began = time.perf_counter()
        for each in fetched:
            source.fetch(each)
        print(
            f"10 appended: {took:.1f} s, {len(fetched)} to fetch, {time.perf_counter() - began:.3f} s to fetch them"
        )


def originals(corpus: str) -> list[bytes]:
    """Every message of a folder of mail."""
    source = Mailbox(SourceConfig("mail", corpus))
    return [source.fetch(each.ref).read() for each in source.changes(None) if isinstance(each, Upserted)]


def renamed(message: bytes, name: str) -> bytes:
    """The message under a Message-ID of its own."""
    return _ID.sub(b"Message-ID: <%s@bench.example>" % name.encode(), message, count=1)


def write(path: Path, found: list[bytes], numbers: range) -> None:
    """Append messages under new Message-IDs, named by their numbers."""
    with path.open("ab") as file:
        for number in numbers:
            text = renamed(found[number % len(found)], str(number))
            quoted = re.sub(rb"^(>*From )", rb">\1", text.replace(b"\r\n", b"\n"), flags=re.MULTILINE)
            file.write(b"From bench Mon Jan  1 00:00:00 2024\n" + quoted.rstrip(b"\n") + b"\n\n")


def _listed(source: Mailbox) -> tuple[dict[object, str], float]:
    began = time.perf_counter()
    found = {each.ref: each.version for each in source.changes(None) if isinstance(each, Upserted)}
    return found, time.perf_counter() - began


if __name__ == "__main__":
    main()
