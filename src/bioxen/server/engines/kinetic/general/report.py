"""The table that a simulation fills while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bioxen.server.engines.kinetic.general.equations import Equations
from bioxen.server.engines.kinetic.general.history import Dense
from bioxen.server.engines.kinetic.general.system import System


class Report:
    """Values of the selections at the asked times, in libRoadRunner's terms."""

    def __init__(self, equations: Equations, times: Sequence[float], selections: Sequence[str]) -> None:
        self._times = times
        self._readers = [_reader(name, equations) for name in selections]
        self.table = np.full((len(times), 1 + len(selections)), np.nan)
        self._done = 0

    def between(self, start: float, end: float, system: System, dense: Dense) -> None:
        """Fill the rows before `end`; at `end` itself an event may still change the values."""
        while self._done < len(self._times) and start <= self._times[self._done] < end:
            time = self._times[self._done]
            system.compute(time, dense(time))
            self._fill(time, system)

    def upto(self, time: float, system: System) -> None:
        """Fill the rows up to `time` from the values as they are."""
        while self._done < len(self._times) and self._times[self._done] <= time:
            self._fill(self._times[self._done], system)

    def _fill(self, time: float, system: System) -> None:
        row = self.table[self._done]
        row[0] = time
        row[1:] = [read(system.values) for read in self._readers]
        self._done += 1


def _reader(selection: str, equations: Equations) -> Callable[[list[float]], float]:
    subject = selection.removesuffix("'")
    if subject != selection:
        return _rate_reader(subject, equations)
    if selection.startswith("["):
        amount, volume = equations.concentration(selection[1:-1])
        return lambda values: values[amount] / values[volume] if values[volume] else np.nan
    if selection in equations.species:
        slot = equations.amount_slot(selection)
        return lambda values: float(values[slot])
    slot = equations.slot(selection)
    return lambda values: float(values[slot])


def _rate_reader(name: str, equations: Equations) -> Callable[[list[float]], float]:
    """Read the rate of change; of a species, that of its amount."""
    slot = equations.amount_rate_slot(name)
    if slot is not None:
        return lambda values: float(values[slot])
    rate, symbol, volume, growth = equations.concentration_rate_slots(name)
    return lambda values: values[rate] * values[volume] + values[symbol] * values[growth]
