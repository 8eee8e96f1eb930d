"""Something that stands where a Qdrant server would: its REST answers, out of qdrant-client's local mode, over a real socket.

No Qdrant server can be installed where these tests run. What a search finds is that of the local mode; what is true of a server here is only how
its client meets one that breaks off in the midst, refuses, and comes back with everything it had acknowledged.
"""

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient, models

Answer = Callable[[QdrantClient, str, dict[str, Any]], Any]


def _read(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


def _upsert(held: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    return held.upsert(name, _read(list[models.PointStruct], body["points"]))


def _vectors(held: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    return held.update_vectors(name, _read(list[models.PointVectors], body["points"]))


def _payload(held: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    return held.set_payload(name, body["payload"], points=_read(models.Filter, body["filter"]))


def _delete(held: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    return held.delete(name, models.PointIdsList(points=body["points"]))


def _query(held: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    return held.query_batch_points(name, _read(list[models.QueryRequest], body["searches"]))


def _count(held: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    return held.count(name, _read(models.Filter | None, body.get("filter")), exact=True)


def _retrieve(held: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    return held.retrieve(
        name,
        body["ids"],
        with_payload=body.get("with_payload", True),
        with_vectors=body.get("with_vector", False),
    )


def _scroll(held: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    points, following = held.scroll(
        name, limit=body["limit"], offset=body.get("offset"), with_payload=False, with_vectors=False
    )
    return {"points": points, "next_page_offset": following}


def _create(held: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    return held.create_collection(
        name,
        vectors_config=_read(dict[str, models.VectorParams], body["vectors"]),
        sparse_vectors_config=_read(dict[str, models.SparseVectorParams], body["sparse_vectors"]),
        metadata=body["metadata"],
    )


_ANSWERS: dict[str, Answer] = {
    "GET ": lambda held, name, _: held.get_collection(name),
    "GET exists": lambda held, name, _: {"exists": held.collection_exists(name)},
    "PUT ": _create,
    "PUT index": lambda *_: {"operation_id": 0, "status": "completed"},  # the local mode needs none
    "PUT points": _upsert,
    "PUT points/vectors": _vectors,
    "POST points": _retrieve,
    "POST points/payload": _payload,
    "POST points/delete": _delete,
    "POST points/query/batch": _query,
    "POST points/count": _count,
    "POST points/scroll": _scroll,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: ClassVar["StandIn"]

    def setup(self) -> None:
        """Remember the connection, so that it can be cut."""
        super().setup()
        self.stand_in.connections.add(self.connection)

    def finish(self) -> None:
        """Forget it."""
        self.stand_in.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            return  # it was cut

    def _answer(self) -> None:
        size = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(size) or b"{}")
        if self.stand_in.in_front is not None:
            self._send(self.stand_in.in_front, b"no answer from http://qdrant.internal:6333")
            return
        path = self.path.partition("?")[0].strip("/")
        _, name, *rest = path.split("/")
        with self.stand_in.lock:
            answer = _ANSWERS[f"{self.command} {'/'.join(rest)}"](self.stand_in.held, name, body)
        self._send(200, json.dumps({"result": _plain(answer), "status": "ok", "time": 0.0}).encode())

    def _send(self, status: int, written: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    do_GET = do_PUT = do_POST = _answer  # noqa: N815 - so the library calls them

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {
            key: _plain(each) for key, each in value.items() if each is not None or key == "next_page_offset"
        }
    return value


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: Any) -> None:
        """Connections that were cut are what this is for."""


class StandIn:
    """Answers at one address, from `start` to `stop`, again and again, with what it holds.

    `in_front` is a status that something in front of it answers with instead, if any.
    """

    def __init__(self) -> None:
        self.held = QdrantClient(":memory:")
        self.lock = threading.Lock()
        self.in_front: int | None = None
        self.connections: set[socket.socket] = set()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Answer."""
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse, and cut every connection in the midst."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended
