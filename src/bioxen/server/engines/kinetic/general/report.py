"""The table that a simulation fills while it goes on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bioxen.server.engines.kinetic.general.equations import Equations
from bioxen.server.engines.kinetic.general.history import Dense
from bioxen.server.engines.kinetic.general.system import System


class Report:
    """Values of the selections at the asked times, in libRoadRunner's terms."""

    def __init__(self, equations: Equations, times: Sequence[float], selections: Sequence[str]) -> None:
        self._times = times
        self._readers = [equations.reader(name) for name in selections]
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
