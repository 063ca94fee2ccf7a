"""The program of a trajectory and its derivative in one direction: y' = f(y, p) with s' = J s + (df/dp) v.

The direction v = dp/dq is a row of further parameters, whatever q is, so one program serves every derivative
of a model: each has a lane of its own. Its Jacobian is derived symbolically like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.derivative import Derivatives
from bioxen.server.engines.kinetic.lanes.emit import module
from bioxen.server.engines.kinetic.lanes.graph import Node
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.lanes.program import LaneProgram

Floats = NDArray[np.float64]


class _Ready:
    def __init__(self, addresses: dict[str, int]) -> None:
        self.addresses = addresses

    def extended(self, parameters: Floats) -> Floats:
        return parameters


class Tangent:
    """States y, then s; parameters p, then v."""

    event_count = root_count = moment_count = triggers = moments = delays = 0
    event_initially = event_uses_trigger_values = event_persistent = event_delayed = ()
    event_targets: tuple[NDArray[np.int32], ...] = ()
    assign: tuple[int, ...] = ()
    jumps_with_states = False
    foreseen = None

    def __init__(self, program: LaneProgram) -> None:
        """Derive the equations.

        Raises:
            Uncovered: the model has events, or rates that jump or cannot be differentiated.
        """
        if program.event_count:
            raise Uncovered("sensitivities of a model with events, at which they jump too")
        if program.root_count or program.moment_count or program.jumps_unpredictably:
            raise Uncovered("sensitivities of a model whose rates jump, at which they jump too")
        self._system, self._codes = program.system, dict[str, Code]()
        self._time_matters = bool(program.time_rate)
        self.width = program.width
        self.states = (*program.states, *(f"d{name}" for name in program.states))
        self.parameters = (*program.parameters, *(f"d{name}" for name in program.parameters))
        # with s = v = 0 a probe for the better method sees the model itself
        self.default_states = _and_zeros(program.default_states)
        self.default_parameters = _and_zeros(program.default_parameters)
        self.state_scale = np.tile(program.state_scale, 2)
        rates = list(self._system.rates)
        self._nodes = [*rates, *self._along(rates)]

    def observer(self, selections: Sequence[str]) -> int:
        """Return the address of a function that writes `selections`, then the derivative of each.

        Raises:
            Uncovered: there is nothing of that name, or it jumps or cannot be differentiated.
        """
        values = [self._system.selection(name) for name in selections]
        for name, value in zip(selections, values, strict=True):
            if self._system.jumps_in([value]):
                raise Uncovered(f"sensitivities of {name}, which jumps")
        return self._compiled("observe:" + "\n".join(selections), [*values, *self._along(values)])

    def _along(self, roots: list[Node]) -> list[Node]:
        """Return the derivative of each root in the direction."""
        graph = self._system.graph
        kinds = {"state": len(self.states) // 2, "parameter": len(self.parameters) // 2}
        found = [graph.zero] * len(roots)
        for kind, first in kinds.items():
            for row, gradient in enumerate(Derivatives(graph, kind).gradients(roots)):
                terms = [
                    graph.make("mul", slope, graph.input(kind, first + column))
                    for column, slope in gradient.items()
                ]
                found[row] = graph.total([found[row], *terms])
        return found

    @cached_property
    def _entries(self) -> tuple[list[tuple[int, int]], list[Node]]:
        gradients = Derivatives(self._system.graph, "state").gradients(self._nodes)
        places = [(row, column) for row, gradient in enumerate(gradients) for column in sorted(gradient)]
        return places, [gradients[row][column] for row, column in places]

    @property
    def jacobian_rows(self) -> NDArray[np.int32]:
        """Row of each nonzero of the Jacobian."""
        return np.array([row for row, _ in self._entries[0]], np.int32)

    @property
    def jacobian_columns(self) -> NDArray[np.int32]:
        """Column of each nonzero of the Jacobian."""
        return np.array([column for _, column in self._entries[0]], np.int32)

    @property
    def rates(self) -> int:
        """Address of d(states)/dt."""
        return self._compiled("rates", self._nodes)

    @property
    def jacobian(self) -> int:
        """Address of the nonzeros of the Jacobian."""
        return self._compiled("jacobian", self._entries[1])

    @property
    def time_rate(self) -> int:
        """Address of the partial d(rates)/d(time); 0 where the time does not occur."""
        if not self._time_matters:
            return 0
        graph = self._system.graph
        gradients = Derivatives(graph, "time").gradients(self._nodes)
        return self._compiled("time_rate", [gradient.get(0, graph.zero) for gradient in gradients])

    def prepared(self, *functions: str) -> _Ready:
        """Return these functions as they are."""
        return _Ready({name: getattr(self, name) for name in functions})

    def _compiled(self, name: str, nodes: list[Node]) -> int:
        if name not in self._codes:
            self._codes[name] = Code(module(self._system.graph, nodes, self.width), ["f"])
        return self._codes[name].addresses["f"]


def _and_zeros(values: Floats) -> Floats:
    return np.concatenate([values, np.zeros_like(values)])
