"""Members of many blocks in one launch: a block alone would leave a GPU idle."""

from __future__ import annotations

from collections.abc import Callable

from bioxen.server.engines.kinetic.laned import Laned
from bioxen.server.engines.kinetic.runner import Matrix

Run = Callable[[Matrix, int], Laned]


class Ahead:
    """The members of a part, run many at a time and handed out block by block, in rising order."""

    def __init__(self, run: Run, table: Matrix, first: int, size: int) -> None:
        """Take what runs members, their values, the first one's index, and how many are run at once."""
        self._run, self._table, self._first, self._size = run, table, first, size
        self._begin = self._end = first
        self._done = Laned(table[:0, None])

    def covers(self, first: int, count: int) -> bool:
        """Whether these members are among the part's."""
        return self._first <= first and first + count <= self._first + len(self._table)

    def block(self, first: int, count: int) -> Laned:
        """Return these members."""
        if first < self._begin or first + count > self._end:
            row = first - self._first
            rows = self._table[row : row + max(self._size // count, 1) * count]
            self._done = self._run(rows, first)
            self._begin, self._end = first, first + len(rows)
        at = first - self._begin
        done = self._done
        stopped = {row - at: words for row, words in done.stopped.items() if at <= row < at + count}
        return Laned(done.values[at : at + count], done.ways[at : at + count], stopped)
