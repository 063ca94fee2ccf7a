"""Work stops when its client hangs up, and for no other reason is it told as that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import Request, Response

from bioxen.server.api import gone
from bioxen.server.api.gone import CLIENT_CLOSED_REQUEST, unless_gone


class Line:
    """A client's connection, and work that waits for ever and notes how it ends."""

    def __init__(self) -> None:
        self.cut = asyncio.Event()
        self.watched = asyncio.Event()
        self.stopped = False

    def request(self) -> Request:
        """Return a request whose client hangs up when `cut` is set."""
        return Request({"type": "http"}, self._receive)

    async def _receive(self) -> dict[str, Any]:
        self.watched.set()
        await self.cut.wait()
        return {"type": "http.disconnect"}

    async def work(self) -> Response:
        """Wait until it is cancelled."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.stopped = True
        raise AssertionError


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch every connection from the start."""
    monkeypatch.setattr(gone, "BLINK", 0.0)


def test_a_client_that_hangs_up_stops_the_work() -> None:
    async def ask() -> None:
        line = Line()
        answering = asyncio.create_task(unless_gone(line.request(), line.work()))
        await line.watched.wait()
        line.cut.set()
        assert (await answering).status_code == CLIENT_CLOSED_REQUEST
        assert line.stopped
        assert not answering.cancelling()

    asyncio.run(ask())


@pytest.mark.parametrize("hangs_up", [False, True])
def test_who_is_cancelled_from_outside_stays_cancelled(hangs_up: bool) -> None:
    async def ask() -> None:
        line = Line()
        answering = asyncio.create_task(unless_gone(line.request(), line.work()))
        await line.watched.wait()
        if hangs_up:
            line.cut.set()
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering
        assert line.stopped

    asyncio.run(ask())


def test_an_answer_and_a_fault_pass_and_nobody_watches_on() -> None:
    async def ask() -> None:
        line, answer = Line(), Response()

        async def answered() -> Response:
            await line.watched.wait()
            return answer

        async def failed() -> Response:
            raise ValueError("what it says")

        assert await unless_gone(line.request(), answered()) is answer
        with pytest.raises(ValueError, match="what it says"):
            await unless_gone(line.request(), failed())
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(ask())
