"""A server for tests that speaks HTTP by hand, so that it can also break it off in any way."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Deed = Callable[[socket.socket], bool]
"""Answers one request on a connection; returns whether it stays open."""


def answers(content: bytes, status: str = "200 OK", headers: str = "") -> Deed:
    """Answer, and keep the connection."""

    def deed(connection: socket.socket) -> bool:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
        connection.sendall(head.encode() + content)
        return True

    return deed


def hangs_up(_: socket.socket) -> bool:
    """End the connection without a word."""
    return False


def stops_halfway(connection: socket.socket) -> bool:
    """Announce more than comes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    return False


def says_nothing(connection: socket.socket) -> bool:
    """Wait until the other side has lost its patience."""
    connection.settimeout(10)
    connection.recv(1)
    return False


@dataclass
class Wire:
    """A listening server; the deeds are done in turn, the last one for ever."""

    url: str
    deeds: list[Deed]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        with connection, contextlib.suppress(OSError):
            while request := _read(connection):
                self.requests.append(request)
                deed = self.deeds[0] if len(self.deeds) == 1 else self.deeds.pop(0)
                if not deed(connection):
                    return


@contextlib.contextmanager
def wire(*deeds: Deed) -> Iterator[Wire]:
    """Run a server for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Wire(f"http://127.0.0.1:{listener.getsockname()[1]}", list(deeds))

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=served.serve, args=[connection], daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield served
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def closed_port() -> int:
    """Return a port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _read(connection: socket.socket) -> bytes:
    """Return one request, head and body; nothing at the connection's end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(1 << 16)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    ]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body
