"""The gate: who waits, who is refused, and that whoever leaves frees the place."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from bioxen.errors import OverloadError
from bioxen.server.sharing.gate import Gate
from bioxen.server.sharing.owners import current, working_for


class Room:
    """Computations that end when they are told to."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.begun: list[str] = []
        self.may_end: dict[str, asyncio.Event] = {}

    async def visit(self, name: str, owner: str | None) -> None:
        self.may_end[name] = asyncio.Event()
        with working_for(owner):
            async with self.gate.turn():
                self.begun.append(name)
                await self.may_end[name].wait()

    async def send(self, name: str, owner: str | None) -> asyncio.Task[None]:
        task = asyncio.create_task(self.visit(name, owner))
        await asyncio.sleep(0)
        return task

    async def end(self, name: str) -> None:
        self.may_end[name].set()
        for _ in range(4):
            await asyncio.sleep(0)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


def test_owners_take_turns_and_whoever_works_for_nobody_passes() -> None:
    async def main() -> None:
        room = Room(Gate(1))
        tasks = [await room.send(f"a{number}", "ada") for number in range(4)]
        tasks += [await room.send("b", "bob"), await room.send("job", None)]
        assert room.begun == ["a0", "job"]
        assert room.gate.waiting == 4
        for name in ("a0", "a1", "b", "a2"):
            await room.end(name)
        assert room.begun == ["a0", "job", "a1", "b", "a2", "a3"]
        await room.end("a3")
        await room.end("job")
        await asyncio.gather(*tasks)
        assert current() is None

    run(main())


def test_who_hangs_up_leaves_the_line_and_the_place() -> None:
    async def main() -> None:
        room = Room(Gate(1))
        first, second, _ = [await room.send(name, "ada") for name in ("first", "second", "third")]
        second.cancel()
        with suppress(asyncio.CancelledError):
            await second
        assert room.gate.waiting == 1
        first.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert room.begun == ["first", "third"]

    run(main())


def test_who_hangs_up_just_when_the_turn_comes_gives_it_back() -> None:
    async def main() -> None:
        room = Room(Gate(1))
        first, second, _ = [await room.send(name, "ada") for name in ("first", "second", "third")]
        room.gate.widen(2)
        second.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert room.begun == ["first", "third"]
        assert not first.done()

    run(main())


def test_a_full_line_refuses_its_owner_alone_and_says_when_to_come_back() -> None:
    async def main() -> None:
        room = Room(Gate(1, per_owner=2))
        for name in ("a0", "a1", "a2"):
            await room.send(name, "ada")
        with pytest.raises(OverloadError, match="owner ada") as refused:
            await room.visit("a3", "ada")
        assert refused.value.details["retry_after"] > 0
        await room.send("b", "bob")
        assert room.gate.waiting == 3

    run(main())


def test_whose_turn_does_not_come_is_refused_and_leaves() -> None:
    async def main() -> None:
        room = Room(Gate(1, patience=0.05))
        await room.send("first", "ada")
        with pytest.raises(OverloadError, match=r"waited 0\.05 s"):
            await room.visit("second", "ada")
        assert room.gate.waiting == 0
        await room.end("first")
        await room.send("third", "ada")
        assert room.begun == ["first", "third"]

    run(main())


def test_a_failing_computation_gives_its_place_back() -> None:
    async def fails(gate: Gate) -> None:
        async with gate.turn():
            raise OverloadError("full")

    async def main() -> None:
        gate = Gate(1)
        with working_for("ada"):
            for _ in range(3):
                with pytest.raises(OverloadError, match="full"):
                    await fails(gate)

    run(main())


def test_an_unknown_width_lets_everyone_pass() -> None:
    async def main() -> None:
        room = Room(Gate())
        for number in range(50):
            await room.send(str(number), "ada")
        assert len(room.begun) == 50

    run(main())
