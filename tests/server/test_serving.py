"""How an application is served: on a quick loop, with small answers sent at once."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from typing import Any

import pytest
import uvicorn
import uvloop
from fastapi import FastAPI

from bioxen.server import serving
from bioxen.server.connections import Connection


def test_small_answers_go_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel may hold back a body until the head is acknowledged, each takes 40 ms more."""
    without_delay: list[int] = []
    servers: list[uvicorn.Server] = []

    class Watched(Connection):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            ours = transport.get_extra_info("socket")
            without_delay.append(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    class Server(uvicorn.Server):
        def __init__(self, config: uvicorn.Config) -> None:
            super().__init__(config)
            servers.append(self)

    monkeypatch.setattr(serving, "raise_file_limit", lambda: None)  # this process is the tests'
    monkeypatch.setattr(serving, "Connection", Watched)
    monkeypatch.setattr(uvicorn, "Server", Server)
    app = FastAPI()

    @app.get("/loop")
    async def loop() -> bool:
        return isinstance(asyncio.get_running_loop(), uvloop.Loop)

    with serving.bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
        served = threading.Thread(target=serving.serve, args=(app, listener))
        served.start()
        try:
            host, port = listener.getsockname()
            client = http.client.HTTPConnection(host, port, timeout=60)
            client.request("GET", "/loop")
            assert client.getresponse().read() == b"true"
            client.close()
        finally:
            servers[0].should_exit = True
            served.join()
    assert without_delay
    assert all(without_delay)
