"""Searches side by side: each asks for numbers at its own points; all that wait are answered in one block.

An optimiser asks for one thing after the other; what many of them ask for at the same time can be computed at
once. Each search runs in a thread of its own, and sleeps while numbers are computed. A block is computed when
every search waits, so which points it has follows from the searches and not from the threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines import progress

Matrix = NDArray[np.float64]
Ask = Callable[[Matrix], Matrix]
"""Points × axes → a row of numbers for each point."""
T = TypeVar("T")
AT_ONCE = 16
"""Searches that run at the same time: enough to fill the lanes."""


def side_by_side(tasks: Sequence[Callable[[Ask], T]], answer: Ask, phase: str) -> list[T]:
    """Return the results of `tasks`, in their order.

    Args:
        tasks: each is given a function to ask with.
        answer: what answers a block of points; it is called in this thread alone.
        phase: what the tasks are, as progress is told.

    Raises:
        Exception: what a task or `answer` raised.
    """
    if len(tasks) == 1:
        return [tasks[0](answer)]
    events: SimpleQueue[_Asked | None] = SimpleQueue()

    def asking(task: Callable[[Ask], T], index: int) -> T:
        try:
            return task(lambda points: _Asked(index, points).answered(events))
        finally:
            events.put(None)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="search") as threads:
        results = [threads.submit(asking, task, index) for index, task in enumerate(tasks)]
        _serve(len(tasks), events, answer, phase)
    return [result.result() for result in results]


class _Asked:
    """Points that a search waits for."""

    def __init__(self, index: int, points: Matrix) -> None:
        self.index, self.points = index, points
        self.answer: Future[Matrix] = Future()

    def answered(self, events: SimpleQueue[_Asked | None]) -> Matrix:
        """Wait for the answer and return it."""
        events.put(self)
        return self.answer.result()


def _serve(total: int, events: SimpleQueue[_Asked | None], answer: Ask, phase: str) -> None:
    """Answer until every search has ended; those that wait for a thread begin when another one ends."""
    waiting: list[_Asked] = []
    tasks = total
    while tasks:
        progress.tell(total - tasks, total, phase)
        event = events.get()
        if event is None:
            tasks -= 1
        else:
            waiting.append(event)
        if waiting and len(waiting) == min(tasks, AT_ONCE):
            _answer(sorted(waiting, key=lambda asked: asked.index), answer)
            waiting = []


def _answer(waiting: Sequence[_Asked], answer: Ask) -> None:
    try:
        found = answer(np.concatenate([asked.points for asked in waiting]))
    except BaseException as error:  # every search ends with it, and then the caller does
        for asked in waiting:
            asked.answer.set_exception(error)
        return
    first = 0
    for asked in waiting:
        asked.answer.set_result(found[first : first + len(asked.points)])
        first += len(asked.points)
