"""A pool with actors for engines, and what the tests ask of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.workers.base import Task
from bioxen.server.workers.config import WorkerConfig
from bioxen.server.workers.local import LocalPool

ACTORS = str(Path(__file__).parent)
MIB = 1 << 20


def local_pool(*actors: str, **options: Any) -> LocalPool:
    """Return a pool of two workers, with `EchoEngine` beside `actors`."""
    names = tuple(f"actors:{actor}" for actor in ("EchoEngine", *actors))
    config = {"sys_path": (ACTORS,)} | options.pop("config", {})
    return LocalPool(engines=names, config=WorkerConfig(**config), **({"size": 2} | options))


@asynccontextmanager
async def stage(*actors: str, **options: Any) -> AsyncIterator[LocalPool]:
    """Give a started pool; afterwards none of its processes is left."""
    pool = local_pool(*actors, **options)
    async with pool:
        yield pool
        pids = [pool.zygote_pid or 0, *worker_pids(pool)]
    assert not [pid for pid in pids if alive(pid)]


def task(engine: str, say: str = "", *, seconds: float = 0.0, model: str | None = None, **more: Any) -> Task:
    """Return a task for an actor."""
    payload = json.dumps({"say": say, "seconds": seconds}).encode()
    source = None if model is None else ModelSource(model, "sbml", digest_of(model))
    return Task(engine, payload, digest=source.digest if source else None, source=source, **more)


async def ask(pool: LocalPool, engine: str = "echo", say: str = "", **more: Any) -> dict[str, Any]:
    """Return the decoded answer to a task."""
    answer: dict[str, Any] = json.loads(await pool.run(task(engine, say, **more)))
    return answer


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test's scene; one that never ends is a failure."""
    asyncio.run(asyncio.wait_for(scene(), 250))


def alive(pid: int) -> bool:
    """Return whether the process computes, sleeps or hangs: a zombie does none of these."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Return whether `condition` came true in time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Return whether `condition` came true in time, the event loop running meanwhile."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.005)
    return condition()


def worker_pids(pool: LocalPool) -> list[int]:
    """Return the processes of the workers: the children of the pool's one child."""
    assert pool.zygote_pid is not None
    return [child.pid for child in psutil.Process(pool.zygote_pid).children()]


def descriptors() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
