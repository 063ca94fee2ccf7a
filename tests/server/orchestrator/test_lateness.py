"""An orchestrator that is busy itself: a replica is not called unhealthy for that, and who asks is told."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from tests.server.orchestrator.test_callers import call, compute
from tests.server.orchestrator.test_orchestrator import (
    ONE,
    REPORT,
    FakeCaller,
    ask,
    at_once,
    good,
    orchestrator,
)
from tests.wire import answers, says_nothing, wire

from bioxen.errors import OverloadError
from bioxen.protocol.metabolic import FbaRequest
from bioxen.protocol.services import HealthReport, WorkerHealth
from bioxen.server.orchestrator import lateness
from bioxen.server.orchestrator import wire as wires
from bioxen.server.orchestrator.callers import HinderedError, NoAnswerError
from bioxen.server.orchestrator.http_caller import HttpCaller
from bioxen.server.orchestrator.lateness import Lateness
from bioxen.server.orchestrator.orchestrator import ComputationOrchestrator
from bioxen.server.orchestrator.replicas import PATIENCE


async def be_busy(seconds: float, each: float = 0.3) -> None:
    """Hold up the loop again and again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(each)
        await asyncio.sleep(0)


class Clockwork(asyncio.SelectorEventLoop):
    """A loop whose time passes only when it is told to: no load of the machine makes it late."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    async def pass_by(self, seconds: float, each: float) -> None:
        """Be busy for `each` seconds again and again, and look at the timers in between."""
        for _ in range(round(seconds / each)):
            self.now += each
            for _ in range(3):  # timers that are due run in the round after
                await asyncio.sleep(0)


def by_clockwork(scene: Callable[[Clockwork], Coroutine[Any, Any, object]]) -> None:
    loop = Clockwork()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(scene(loop))


@pytest.mark.parametrize(("busy", "late"), [(0.001, False), (0.01, False), (0.3, True)])
def test_a_loop_knows_whether_it_was_late(busy: float, late: bool) -> None:
    async def scene(loop: Clockwork) -> None:
        with Lateness().watched() as was_late:
            await loop.pass_by(0.6, busy)
            assert was_late() is late

    by_clockwork(scene)


def test_a_real_loop_that_was_held_up_knows_it() -> None:
    async def main() -> None:
        with Lateness().watched() as was_late:
            await be_busy(0.6)
            assert was_late()

    asyncio.run(main())


def test_it_looks_at_the_clock_only_while_somebody_waits() -> None:
    async def scene(loop: Clockwork) -> None:
        watch = Lateness()
        with watch.watched(), watch.watched() as was_late:
            pass
        assert watch._timer is not None and watch._timer.cancelled()
        await loop.pass_by(0.25, 0.25)  # nobody looks: this is no lateness of the next one
        with watch.watched() as was_late:
            await loop.pass_by(0.2, 0.01)
            assert not was_late()

    by_clockwork(scene)


@contextlib.contextmanager
def deaf() -> Iterator[str]:
    """Give the URL of somebody who accepts no connection, but whose machine refuses none."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def beside(work: Callable[[HttpCaller], Any], seconds: float, each: float = 0.3) -> Any:
    """Return what a caller gives whose loop is busy with other things meanwhile."""

    async def both(caller: HttpCaller) -> Any:
        busy = asyncio.create_task(be_busy(seconds, each))
        try:
            return await work(caller)
        finally:
            busy.cancel()

    return call(both)


def test_a_connection_that_a_busy_loop_missed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "CONNECT_PATIENCE", 0.5)
    with wire(answers(b"{}")) as server:
        found = beside(lambda caller: caller.compute("static", server.url, FbaRequest(), 60.0), 1.0, 0.6)
    assert found == b"{}"
    assert len(server.requests) == 1


def test_a_loop_that_stays_busy_says_that_it_was_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "CONNECT_PATIENCE", 0.25)
    with wire(answers(b"{}")) as server, pytest.raises(HinderedError):
        beside(lambda caller: caller.compute("static", server.url, FbaRequest(), 60.0), 10.0)
    with wire(says_nothing) as server, pytest.raises(HinderedError):
        beside(lambda caller: caller.health(server.url, 0.5), 10.0)


def test_one_who_accepts_nothing_is_still_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "CONNECT_PATIENCE", 0.25)
    monkeypatch.setattr(lateness, "MOSTLY", 1.0)  # no load of the machine holds up this loop
    with deaf() as url, pytest.raises(NoAnswerError, match="ConnectionTimeoutError"):
        compute(url)


def test_without_files_for_a_connection_nobody_else_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none_left(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", none_left)
    with wire(answers(b"{}")) as server, pytest.raises(HinderedError, match="Too many open files"):
        compute(server.url)


def hindered(_: str) -> bytes:
    raise HinderedError("late")


def test_whoever_asks_a_busy_orchestrator_comes_back_later_and_the_replica_stays_as_it_was() -> None:
    asked = orchestrator(good)
    ask(asked)
    asked._caller = FakeCaller({ONE: hindered})
    for _ in range(PATIENCE):
        asyncio.run(asked.probe())
        with pytest.raises(OverloadError) as refused:
            ask(asked)
        assert refused.value.details["retry_after"] == 1
    (replica,) = asked.replicas()
    assert (replica.state, replica.failed, replica.in_flight) == ("healthy", 0, 0)


class Roomy(FakeCaller):
    """One worker, and a queue of two."""

    async def health(self, url: str, patience: float) -> HealthReport:
        workers = WorkerHealth(size=1, ready=1, busy=0, queued=0, queue_limit=2, replaced=0, completed=0)
        return REPORT.model_copy(update={"workers": workers})


def test_what_a_replica_cannot_take_is_not_sent_to_it() -> None:
    async def flood() -> list[object]:
        caller = Roomy({ONE: good})
        asked = ComputationOrchestrator([("static", ONE)], caller)
        await asked.probe()
        found = await at_once(asked, caller, 10, 6)
        assert asked.replicas()[0].answered == 6
        return found

    refused = [one for one in asyncio.run(flood()) if not isinstance(one, bytes)]
    assert len(refused) == 4
    assert all(isinstance(one, OverloadError) for one in refused)


def test_a_mistake_in_a_probe_does_not_end_the_watch() -> None:
    def odd(_: str) -> bytes:
        raise KeyError("status")

    asked = orchestrator(odd)
    for _ in range(PATIENCE):
        asyncio.run(asked.probe())
    (replica,) = asked.replicas()
    assert replica.state == "unhealthy" and "KeyError" in (replica.reason or "")
