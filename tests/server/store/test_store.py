"""Writes that wait together: one that fails undoes itself alone, and a failed disk is told to all."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import OperationalError
from tests.server.stores import store_at

from bioxen.errors import ResourceExhaustionError
from bioxen.server.store.owners import add_owner
from bioxen.server.store.store import Store
from bioxen.server.store.tables import owners


def add_or_fail(connection: Connection, number: int) -> int:
    add_owner(connection, f"o{number:03}")
    if number % 10 == 3:
        raise ValueError(f"no {number}")
    return number


def names(store: Store) -> list[str]:
    def query(connection: Connection) -> list[str]:
        return list(connection.execute(select(owners.c.owner_id).order_by(owners.c.owner_id)).scalars())

    return store.read_now(query)


async def all_waiting(store: Store, writes: Sequence[Coroutine[Any, Any, object]]) -> list[object]:
    """Return what comes of changes that all wait before the first of them is written."""
    go_on = threading.Event()
    store._writer.submit(go_on.wait, 60)
    tasks = [asyncio.create_task(write) for write in writes]
    await asyncio.sleep(0)  # each has been handed in
    go_on.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_a_failing_write_undoes_itself_alone_and_few_commits_serve_many(tmp_path: Path) -> None:
    async def main() -> None:
        store = store_at(tmp_path).open()
        commits: list[Connection] = []
        event.listen(store._engine, "commit", commits.append)
        outcomes = await all_waiting(store, [store.write(add_or_fail, number) for number in range(200)])
        for number, outcome in enumerate(outcomes):
            if number % 10 == 3:
                assert isinstance(outcome, ValueError) and str(outcome) == f"no {number}"
            else:
                assert outcome == number
        assert names(store) == [f"o{number:03}" for number in range(200) if number % 10 != 3]
        assert len(commits) < 100
        store.close()

    asyncio.run(main())


def test_what_could_not_be_made_durable_is_told_to_everyone_and_is_not_there(tmp_path: Path) -> None:
    async def main() -> None:
        store = store_at(tmp_path).open()

        def full(connection: Connection) -> None:
            raise OperationalError("insert", {}, Exception("database or disk is full"))

        writes = [store.write(add_owner, "one"), store.write(full), store.write(add_owner, "two")]
        outcomes = await all_waiting(store, writes)
        assert [type(outcome) for outcome in outcomes] == [OperationalError] * 3
        assert names(store) == []
        await store.write(add_owner, "later")
        assert names(store) == ["later"]
        store.close()

    asyncio.run(main())


def test_a_disk_that_fills_up_within_a_change_is_told_as_that(tmp_path: Path) -> None:
    """SQLite itself then ends the transaction, and with it the savepoint that the change was made in."""

    def grow(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # no more than there are
        for number in range(10_000):
            add_owner(connection, f"o{number}")

    def allow(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000000")

    async def main() -> None:
        store = Store.at(tmp_path).open()
        with pytest.raises(ResourceExhaustionError, match="no room"):
            await store.write(grow)
        await store.write(allow)
        await store.write(add_owner, "later")
        assert names(store) == ["later"]
        store.close()

    asyncio.run(main())


def test_a_write_that_is_given_up_is_still_made(tmp_path: Path) -> None:
    async def main() -> None:
        store = store_at(tmp_path).open()
        task = asyncio.create_task(store.write(add_owner, "one"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        store.close()
        again = store_at(tmp_path).open()
        assert names(again) == ["one"]
        again.close()

    asyncio.run(main())


def test_a_long_read_holds_up_no_write_and_sees_one_moment(tmp_path: Path) -> None:
    store = store_at(tmp_path).open()
    store.write_now(add_owner, "one")
    begun, written = threading.Event(), threading.Event()

    def twice(connection: Connection) -> list[int]:
        counts = []
        for _ in range(2):
            counts.append(len(connection.execute(select(owners)).all()))
            begun.set()
            assert written.wait(10)
        return counts

    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(store.read_now, twice)
        assert begun.wait(10)
        store.write_now(add_owner, "two")  # it would wait for 30 s, and fail, if readers took the lock
        written.set()
        assert reading.result() == [1, 1]
    assert names(store) == ["one", "two"]
    store.close()


def test_a_store_that_is_made_is_nobody_elses(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "store"
    store = Store.at(folder).open()
    store.close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    given = tmp_path / "given"
    given.mkdir(mode=0o750)
    Store.at(given).open().close()
    assert stat.S_IMODE(given.stat().st_mode) == 0o750  # whoever made it knows whom it is for
