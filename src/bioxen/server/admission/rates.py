"""How long computations took here, by kind of work: a moving average, newer ones counting more."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

NEW = 0.2
"""The share of the newest computation in an average."""
REMEMBERED = 4096
"""Averages that are kept; those that were used longest ago go first."""
Key = tuple[str, ...]


class Rates:
    """Averages of seconds for each unit of work."""

    def __init__(self) -> None:
        self._rates: OrderedDict[Key, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rates)

    def get(self, *key: str) -> float | None:
        """Return the average of that kind; `None` where none was seen."""
        return self._rates.get(key)

    def all(self) -> list[tuple[Key, float]]:
        """Return every average, that which was used longest ago first."""
        return list(self._rates.items())

    def restore(self, known: Iterable[tuple[Key, float]]) -> None:
        """Take up averages that were kept."""
        self._rates.update(known)

    def note(self, seconds: float, *key: str) -> None:
        """Take in one computation, in seconds for each unit."""
        known = self._rates.get(key)
        self._rates[key] = seconds if known is None else known + NEW * (seconds - known)
        self._rates.move_to_end(key)
        if len(self._rates) > REMEMBERED:
            self._rates.popitem(last=False)
