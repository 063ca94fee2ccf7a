"""What is left of an objective without sets of reactions: the machinery of every deletion study.

A set is solved once however many deletions stop just that, and only if it matters: where the optimum uses
none of its reactions, it stays possible and stays the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.metabolic import Certificate, MetabolicStatus
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.families import solve_variants
from bioxen.server.engines.metabolic.kernel.batch import stopped
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.solver import Optimum

Blocked = tuple[int, ...]
"""The columns of reactions that are stopped together, in ascending order."""
STATUS: tuple[MetabolicStatus, ...] = ("optimal", "infeasible", "unbounded", "numeric")
"""What the numbers of a status stand for."""
OPTIMAL, INFEASIBLE = 0, 1
CHUNK = 4096
"""Sets that are solved in one go: what they need is bounded, whatever their number."""


class Left(NamedTuple):
    """What is left without each of several sets, in their order."""

    values: Vector
    """The best objective; NaN where there is none."""
    status: NDArray[np.int8]
    """Places in `STATUS`."""
    carried: NDArray[np.bool_]
    """Sets × reactions: which reactions carry flux in the optimum; empty unless asked for."""


@dataclass(eq=False)
class Knockouts:
    """A problem with an optimum, from which reactions are taken.

    Args:
        program: the model.
        problem: what is asked of it.
        best: its optimum with every reaction.
    """

    program: Program
    problem: Problem
    best: Optimum

    def __post_init__(self) -> None:
        self.certificate: Certificate = self.best.certificate
        """The one that holds for every optimum so far."""
        self._used = self.best.x != 0.0
        self._solvers = {self.best.solver}

    @property
    def objective(self) -> float:
        """The best objective with every reaction."""
        return self.problem.objective_value(self.best.value)

    @property
    def settings(self) -> dict[str, Setting]:
        """The setting that names what solved."""
        return {"solver": ", ".join(sorted(self._solvers))}

    def solve(self, sets: Sequence[Blocked], *, carried: bool = False) -> Left:
        """Return what is left without each of `sets`, one at a time.

        Args:
            sets: reactions that are stopped together.
            carried: whether to say which reactions carry flux.
        """
        number = {blocked: place for place, blocked in enumerate(dict.fromkeys(sets))}
        values = np.full(len(number), self.objective)
        status = np.zeros(len(number), dtype=np.int8)
        seen = np.tile(self._used, (len(number) if carried else 0, 1))
        matter = [one for one in number.items() if self._used[list(one[0])].any()]
        for begin in range(0, len(matter), CHUNK):
            progress.tell(begin, len(matter), "deletions")
            chunk = matter[begin : begin + CHUNK]
            at = [place for _, place in chunk]
            bounds = self.problem.lower, self.problem.upper
            changes = stopped([blocked for blocked, _ in chunk])
            study = solve_variants(self.program.fluxes, bounds, self.problem.cost, changes, carried=carried)
            self.certificate = worst([self.certificate, study.certificate])
            self._solvers |= study.solvers
            values[at] = (-study.values if self.problem.direction == "max" else study.values) + 0.0
            status[at] = [STATUS.index(word) for word in study.status]
            if carried:
                seen[at] = study.carried
        places = [number[blocked] for blocked in sets]
        return Left(values[places], status[places], seen[places] if carried else seen)
