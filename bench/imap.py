"""Mail on a real Dovecot: listing, what it holds in memory, later listings, and the first sync through the whole service.

    python -m bench.imap CORPUS [MESSAGES] [SYNCED]

CORPUS is a folder of mail; its messages are repeated under new Message-IDs. MESSAGES of them are listed, SYNCED of them synced.
No model is loaded: words need none.
"""

import argparse
import gc
import os
import re
import tempfile
import time
from pathlib import Path

import psutil
from pydantic import SecretStr

from api.service import Service
from api.settings import load
from api.sources import NewSource
from api.wiring import open_memory
from bench.mail_sync import synced
from bench.mailbox import originals, renamed
from connectors.base import Checkpoint, SourceConfig, Upserted
from connectors.imap.connector import Imap
from memory.domain import SourceRef
from tests.connectors.dovecot import PASSWORD, WITHOUT_QRESYNC, Dovecot, dovecot


def main() -> None:
    """Fill an account, list it and sync another, and print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("corpus")
    ask.add_argument("messages", nargs="?", type=int, default=20_000)
    ask.add_argument("synced", nargs="?", type=int, default=2_000)
    given = ask.parse_args()
    found = originals(given.corpus)
    with dovecot() as server, dovecot(WITHOUT_QRESYNC, server) as older:
        fill(server, "many", found, range(given.messages))
        print(f"{given.messages:,} messages from {len(found):,} originals")
        cursor = listed(server, "many", None, "first listing")
        cursor = listed(server, "many", cursor, "nothing new")
        for each, what in ((server, "QRESYNC"), (older, "no QRESYNC")):
            with server.client("many") as box:
                box.folder.set("INBOX")
                box.delete(box.uids("ALL")[500:510])
                for number in range(10):
                    box.append(renamed(found[number], f"{what[:2]}{number}"), "INBOX")
            cursor = listed(each, "many", cursor, f"10 new, 10 gone, {what}")
        fill(server, "few", found, range(given.synced))
        sync(server, found)


def fill(server: Dovecot, user: str, found: list[bytes], numbers: range) -> None:
    """Put messages into somebody's inbox as a Maildir holds them."""
    owner = (server.place / "users").stat()
    mail = server.mail_of(user)
    for folder in (mail.parent, mail, mail / "cur", mail / "new", mail / "tmp"):
        folder.mkdir()
        os.chown(folder, owner.st_uid, owner.st_gid)
    for number in numbers:
        path = mail / "cur" / f"{number:07}.bench:2,"
        path.write_bytes(renamed(found[number % len(found)], str(number)))
        os.chown(path, owner.st_uid, owner.st_gid)


def listed(server: Dovecot, user: str, cursor: str | None, what: str) -> str:
    """List what changed and fetch it where it is little; print how long that took, and what came over the wire."""
    config = SourceConfig(
        "mail",
        f"imap://127.0.0.1:{server.port}",
        options=(("user", user),),
        secrets=(("password", SecretStr(PASSWORD)),),
    )
    connector = Imap(config)
    gc.collect()
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    count, last = 0, None
    fetched: list[SourceRef] = []
    for last in connector.changes(cursor):
        count += 1
        if isinstance(last, Upserted) and len(fetched) < 1000:
            fetched.append(last.ref)
    took = time.perf_counter() - began
    assert isinstance(last, Checkpoint)
    count -= 1
    held = psutil.Process().memory_info().rss - before
    print(
        f"{what}: {count:,} changes, {took:.2f} s, {count / took:,.0f}/s,"
        f" cursor {len(last.cursor) / 1e6:.2f} MB, {held / 1e6:,.0f} MB more held"
    )
    connector.close()
    time.sleep(0.2)  # it writes its log behind
    received = re.findall(rf"imap\({user}\).* out=(\d+)", (server.place / "log").read_text())
    print(f"  {int(received[-1]) / 1e6:,.2f} MB received")
    began = time.perf_counter()
    for ref in fetched:
        connector.fetch(ref)
    if fetched:
        print(f"  {len(fetched) / (time.perf_counter() - began):,.0f} messages fetched a second")
    connector.close()
    return last.cursor


def sync(server: Dovecot, found: list[bytes]) -> None:
    """Sync an account twice in a memory of its own."""
    with tempfile.TemporaryDirectory() as home:
        service = Service(open_memory(load(home=Path(home), embedding={"model": "hash"}), "bench"))
        try:
            service.add_source(
                NewSource(
                    kind="imap",
                    location=f"imap://127.0.0.1:{server.port}",
                    name="mail",
                    grant=["public"],
                    options={"user": "few"},
                    secrets={"password": SecretStr(PASSWORD)},
                )
            )
            synced(service, "first sync")
            with server.client("few") as box:
                for number in range(10):
                    box.append(renamed(found[number], f"new{number}"), "INBOX")
            synced(service, "10 new")
        finally:
            service.close()


if __name__ == "__main__":
    main()
