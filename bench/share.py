"""Shares on real servers: listing, what that holds in memory, a second listing, and what one changed file costs.

    python -m bench.share [FILES] [KIND...]

FILES small files lie in folders of 100 each; kinds are smb, smb+permissions, sftp, sftp+permissions, sftp+getfacl, webdav and s3.
No model is loaded and nothing is parsed: the figures are the connector's own. Processor seconds are this process's alone (with the wire that
counts bytes, and for S3 with the server).
"""

import argparse
import gc
import os
import time

import psutil

from connectors.base import Upserted
from connectors.share.connector import Share
from memory.domain import SourceRef
from tests.connectors.shares import Shared, shared

KINDS = ("smb", "smb+permissions", "sftp", "sftp+permissions", "sftp+getfacl", "webdav", "s3")
IN_FOLDER = 100
FETCHED = 500


def main() -> None:
    """Fill a server of each kind, list it twice, change one file, and print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("files", nargs="?", type=int, default=10_000)
    ask.add_argument("kinds", nargs="*", default=KINDS)
    given = ask.parse_args()
    for kind in given.kinds:
        name, _, more = kind.partition("+")
        with shared(name) as server:
            for number in range(given.files):
                server.put(key(number), f"Note {number}")
            options = {"permissions": "server"} if more else {}
            if more and name == "sftp" and os.geteuid() == 0:
                options["user"] = "root"  # the other account may run nothing there
            if more == "getfacl":
                options["acl"] = "getfacl"
            measure(kind, server, Share(server.config(**options)))


def key(number: int) -> str:
    """Where a file lies."""
    return f"{number // IN_FOLDER:03}/{number:06}.txt"


def measure(kind: str, server: Shared, connector: Share) -> None:
    """List twice, change one file and list again; fetch what changed, and some more."""
    listed(connector, server, f"{kind}: first listing")
    before = listed(connector, server, f"{kind}: second listing")
    server.put(key(0), "changed")
    after = listed(connector, server, f"{kind}: one file changed")
    changed = [ref for ref, version in after.items() if before.get(ref) != version]
    began = time.perf_counter()
    for ref in [*changed, *list(after)[:FETCHED]]:
        connector.fetch(ref)
    took = time.perf_counter() - began
    print(f"  {len(changed)} to be fetched; {(len(changed) + FETCHED) / took:,.0f} files fetched a second")
    connector.close()


def listed(connector: Share, server: Shared, what: str) -> dict[SourceRef, str]:
    """Each document with its version; prints how long that took, and what a walk held beyond the list of them."""
    gc.collect()
    process = psutil.Process()
    held, sent, most = process.memory_info().rss, server.wire.sent, 0
    began, worked, count = time.perf_counter(), time.process_time(), 0
    for _ in connector.changes(None):
        count += 1
        if count % 1000 == 0:
            most = max(most, process.memory_info().rss - held)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    print(
        f"{what}: {count - 1:,} files, {took:.1f} s ({worked:.1f} s of a processor), {(count - 1) / took:,.0f}/s,"
        f" {(server.wire.sent - sent) / 1e6:.1f} MB received, at most {most / 1e6:.0f} MB more held",
        flush=True,
    )
    return {each.ref: each.version for each in connector.changes(None) if isinstance(each, Upserted)}


if __name__ == "__main__":
    main()
