"""A wire to a server that can be cut: a real socket in between."""

import socket
import threading
from contextlib import suppress


class Wire:
    """Hands every byte on, until it is cut.

    :param port: where the server listens on this machine.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._left: int | None = None
        self.sent = 0
        """Bytes that came from the server."""
        self.asked = 0
        """Pieces that came from who connected: one for each command."""
        self.made = 0
        """How often somebody connected."""
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, size: int) -> None:
        """Cut what is connected when the server has sent so many more bytes; whoever connects then is let through."""
        self._left = size

    def close(self) -> None:
        """Cut what is connected, and refuse whoever connects."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._cut()

    def _cut(self) -> None:
        ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                asking = self._listening.accept()[0]
                self.made += 1
                try:
                    answering = socket.create_connection(("127.0.0.1", self._to))
                except OSError:  # there is no server now, and there may be one again
                    asking.close()
                    continue
                for end in (asking, answering):  # what is handed on must not wait for more
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ends += [asking, answering]
                threading.Thread(target=self._hand_on, args=(asking, answering, False), daemon=True).start()
                threading.Thread(target=self._hand_on, args=(answering, asking, True), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, of_server: bool) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                if of_server and self._left is not None:
                    data, over = data[: self._left], len(data) >= self._left
                    self._left -= len(data)
                    if over:
                        self._left = None
                        target.sendall(data)
                        self._cut()
                        return
                self.sent += len(data) * of_server
                self.asked += not of_server
                target.sendall(data)
        self._end(source, target)

    def _end(self, *ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
