"""Serving the pages and the API on loopback."""

import gc
import json
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from api.lean import import_haystack
from api.lock import forget_token, keep_token
from api.logs import configure
from api.settings import Settings
from memory.errors import InvalidSettings, MnemeError

if TYPE_CHECKING:
    from api.wiring import Memory

log = logging.getLogger("mneme")

BACKLOG = 2048  # connections that wait to be accepted, as uvicorn has it


def serve(settings: Settings, port: int | None, *, as_json: bool) -> None:
    """Serve until the process is told to end.

    :param port: instead of the one in the settings; 0 takes a free one.
    :raises MemoryInUse: where another process owns the memory.
    :raises InvalidSettings: where the address is taken.
    """
    configure(settings.log, settings.log_format)
    import_haystack()
    end_traces = _begin_traces(settings.traces)
    from api.wiring import open_memory

    listener = _listen(settings.serve.host, settings.serve.port if port is None else port)
    host = _reached(settings.serve.host)
    address = f"http://{host}:{listener.getsockname()[1]}"
    try:
        memory = open_memory(settings, "mneme serve")
    except BaseException:
        listener.close()
        raise
    memory.load_model()  # by another process, while this one imports the rest and gets ready by words
    import uvicorn

    from api.app import create_app
    from api.service import Service

    service = Service(memory)

    def opened() -> Service:
        _ = service.searcher  # ready by words before the first request is taken
        threading.Thread(target=_settle, args=(memory,), name="settle", daemon=True).start()
        service.schedule.start()
        # From here on a caller is heard; bound only, the socket would refuse whoever is quick enough to read the line.
        listener.listen(BACKLOG)
        keep_token(settings.home, service.owner.token)
        memory.lock.announce({"doing": "mneme serve", "address": address})
        said = json.dumps({"address": address}) if as_json else f"Mneme is at {address} (Ctrl-C ends it)"
        sys.stdout.write(said + "\n")
        sys.stdout.flush()
        return service

    config = uvicorn.Config(
        create_app(opened),
        log_config=None,  # ours takes its lines in
        log_level="warning",
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    signal.signal(signal.SIGTERM, lambda *_: setattr(server, "should_exit", True))
    try:
        server.run(sockets=[listener])
    finally:
        forget_token(settings.home)
        end_traces()


def _begin_traces(endpoint: str) -> Callable[[], None]:
    if not endpoint:
        return lambda: None
    from api.traces import begin

    return begin(endpoint)


def _reached(host: str) -> str:
    """The host by which this machine's commands reach the service."""
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - these are all addresses
    return f"[{host}]" if ":" in host else host


def _settle(memory: "Memory") -> None:
    """Finish what was interrupted, let go of events whose time is over, and read what searches show beforehand."""
    try:
        memory.finish_interrupted()
        memory.catalogue.events.expire()
        memory.catalogue.audit.expire()
        memory.catalogue.cards.warm()
    except MnemeError as error:  # the memory may have been closed meanwhile; a search reads what it needs
        log.warning("settling ended early: %s", error)
    # What is there now stays: the collector need not walk through every document again in the midst of a search.
    gc.collect()
    gc.freeze()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; else every answer waits 40 ms for an
    # acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InvalidSettings(
            f"Port {port} of {host} cannot be used: {error.strerror}.",
            hint="Another program listens there; give another with --port.",
        ) from error
    return listener
