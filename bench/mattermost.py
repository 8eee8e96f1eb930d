"""A large Mattermost by its API: what a first sync asks for and holds, one where nothing changed, and one after a post was edited.

    python -m bench.mattermost [POSTS]

The server is that of the tests, in a process of its own: a post in five begins a thread with one answer; 200 channels, one in four private; 2,000 people.
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
from connectors.social.mattermost_api import MattermostApi
from memory.domain import Access
from tests.connectors.mattermost_server import TOKEN, FakeMattermost, mattermost

CHANNELS, PEOPLE = 200, 2_000


def main() -> None:
    """Print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("posts", nargs="?", type=int, default=50_000)
    given = ask.parse_args()
    here, there = multiprocessing.get_context("spawn").Pipe()
    serving = multiprocessing.get_context("spawn").Process(target=serve, args=(there, given.posts))
    serving.start()
    location, versions = here.recv(), dict[str, str]()
    with tempfile.TemporaryDirectory() as place:
        secrets = (("token", SecretStr(TOKEN)),)
        config = SourceConfig(
            "chat", location, Access(frozenset({"public"})), secrets=secrets, state=Path(place)
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for what in ("first sync", "nothing changed", "one post edited"):
            here.send(what)
            here.recv()
            began = time.perf_counter()
            with closing(MattermostApi(config)) as made:
                found = {
                    each.ref.key: each.version for each in made.changes(None) if isinstance(each, Upserted)
                }
            took = time.perf_counter() - began
            here.send("requests")
            changed = sum(versions.get(key) != version for key, version in found.items())
            print(
                f"{what}: {given.posts:,} posts in {len(found):,} conversations, {took:.1f} s, {given.posts / took:,.0f} posts/s, "
                f"{here.recv():,} requests; {changed:,} to fetch",
                flush=True,
            )
            versions = found
        print(
            f"  {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:,.0f} MB more at most"
        )
    here.send("end")
    serving.join()


def serve(talking: Connection, posts: int) -> None:
    """The server: does what it is told, one word at a time."""
    with mattermost() as server:
        fill(server, posts)
        talking.send(server.location)
        while (word := talking.recv()) != "end":
            if word == "requests":
                talking.send(len(server.requests))
                continue
            if word == "one post edited":
                server.edit(
                    next(each for each in server.posts if server.posts[each]["root_id"]), "Another text."
                )
            server.requests.clear()
            talking.send("done")


def fill(server: FakeMattermost, posts: int) -> None:
    team = server.team("sales")
    people = [server.user(f"u{number}") for number in range(PEOPLE)]
    channels = [
        server.channel(team, f"c{number}", *people[number::50], kind="P" if number % 4 == 0 else "O")
        for number in range(CHANNELS)
    ]
    root = ""
    for number in range(posts):
        channel = channels[number // 2 % CHANNELS]
        root = server.post(
            channel, f"Text {number}.", people[number % PEOPLE], root if number % 10 == 1 else ""
        )


if __name__ == "__main__":
    main()
