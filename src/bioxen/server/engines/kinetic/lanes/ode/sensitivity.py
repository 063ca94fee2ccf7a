"""Forward sensitivities: how a trajectory answers to small changes of parameters and initial values.

The states are joined by their derivatives s = dy/dp, with s' = J s + df/dp. The joint system is derived
symbolically like any other, its Jacobian too, so the same drivers integrate it with the same error control.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bioxen.errors import InvalidModelError, ValidationError
from bioxen.server.engines.kinetic.lanes.derivative import Derivatives
from bioxen.server.engines.kinetic.lanes.emit import module
from bioxen.server.engines.kinetic.lanes.graph import Node
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.ode.integrate import Trajectories, integrate
from bioxen.server.engines.kinetic.lanes.program import LaneProgram

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sensitivities:
    """Trajectories with their derivatives."""

    trajectories: Trajectories
    """Of the states alone."""
    values: Floats
    """[members][points][parameters asked][states]: d(state)/d(parameter)."""


def sensitivities(
    program: LaneProgram,
    states: ArrayLike,
    parameters: ArrayLike,
    times: ArrayLike,
    names: Sequence[str],
    *,
    rtol: float = 1e-6,
    atol: float = 1e-12,
    method: Literal["tsit5", "rodas5p", "auto"] = "auto",
    max_steps: int = 100_000,
    start: float | None = None,
    initial: ArrayLike | None = None,
) -> Sensitivities:
    """Integrate each member with its derivatives with respect to `names`.

    Args:
        program: the model, without events and without jumps.
        states: [members][states]
        parameters: [members][parameters]
        times: when to report.
        names: parameters, or states: then the derivatives are those with respect to the initial value.
        rtol: relative tolerance.
        atol: absolute tolerance; of a derivative, over the parameter's size.
        method: as of `integrate`.
        max_steps: as of `integrate`.
        start: as of `integrate`.
        initial: [members][names][states], derivatives of the initial state where it depends on the parameters
            itself; zero where not given, and one for a state of `names`.

    Raises:
        InvalidModelError: the model has events or jumps, at which derivatives jump too.
        ValidationError: there is nothing of that name.
    """
    joint = _Joint(program, tuple(names))
    y, p = np.asarray(states, np.float64), np.ascontiguousarray(parameters, np.float64)
    count = len(program.states)
    begin = np.zeros((len(y), len(names), count)) if initial is None else np.array(initial, np.float64)
    if initial is None:
        for index, name in enumerate(names):
            if name in program.states:
                begin[:, index, program.states.index(name)] = 1.0
    together = np.hstack([y, begin.reshape(len(y), -1)])
    run = integrate(
        joint, together, p, times, rtol=rtol, atol=atol, method=method, max_steps=max_steps, start=start
    )
    values = run.values[:, :, count:].reshape(*run.values.shape[:2], len(names), count)
    own = Trajectories(
        run.values[:, :, :count], None, run.status, run.steps, run.rejected, run.method, run.retried
    )
    return Sensitivities(own, values)


class _Ready:
    def __init__(self, addresses: dict[str, int]) -> None:
        self.addresses = addresses

    def extended(self, parameters: Floats) -> Floats:
        return parameters


class _Joint:
    """The program of the states and their derivatives."""

    event_count = root_count = moment_count = triggers = moments = delays = 0
    event_initially = event_uses_trigger_values = event_persistent = event_delayed = ()
    event_targets: tuple[NDArray[np.int32], ...] = ()
    assign: tuple[int, ...] = ()
    jumps_with_states = False
    foreseen = None

    def __init__(self, program: LaneProgram, names: tuple[str, ...]) -> None:
        if program.root_count or program.moment_count or program.jumps_unpredictably:
            raise InvalidModelError(
                "The model has events or jumps, at which sensitivities jump too.",
                details={"place": "process_code", "remedy": "Use local sensitivities by differences."},
            )
        known = (*program.parameters, *program.states)
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValidationError(
                f"The model has no parameter or state {unknown[0]}.",
                details={"place": "names", "near_matches": list(known[:20]), "remedy": "Name a parameter."},
            )
        self._program, self._names = program, names
        self._system = program.system
        self._codes: dict[str, Code] = {}
        self.width, self.parameters = program.width, program.parameters
        self.states = (*program.states, *(f"d{state}/d{name}" for name in names for state in program.states))
        self.default_parameters = program.default_parameters
        self.default_states = np.concatenate(
            [program.default_states, np.zeros(len(names) * len(program.states))]
        )
        sizes = [self._size(name) for name in names]
        scale = program.state_scale
        self.state_scale = np.concatenate([scale, *(scale / size for size in sizes)])

    def _size(self, name: str) -> float:
        program = self._program
        if name in program.parameters:
            value = abs(float(program.default_parameters[program.parameters.index(name)]))
        else:
            value = abs(float(program.default_states[program.states.index(name)]))
        return value if np.isfinite(value) and value > 0 else 1.0

    @cached_property
    def _nodes(self) -> list[Node]:
        graph, rates = self._system.graph, list(self._system.rates)
        count = len(rates)
        by_state = Derivatives(graph, "state").gradients(rates)
        by_parameter = Derivatives(graph, "parameter").gradients(rates)
        nodes = list(rates)
        for index, name in enumerate(self._names):
            first = count * (index + 1)
            at = self.parameters.index(name) if name in self.parameters else -1
            for row in range(count):
                terms = [by_parameter[row][at]] if at in by_parameter[row] else []
                terms += [
                    graph.make("mul", slope, graph.input("state", first + column))
                    for column, slope in by_state[row].items()
                ]
                nodes.append(graph.total(terms))
        return nodes

    @cached_property
    def _entries(self) -> tuple[list[tuple[int, int]], list[Node]]:
        gradients = Derivatives(self._system.graph, "state").gradients(self._nodes)
        places = [(row, column) for row, gradient in enumerate(gradients) for column in sorted(gradient)]
        return places, [gradients[row][column] for row, column in places]

    @property
    def jacobian_rows(self) -> NDArray[np.int32]:
        return np.array([row for row, _ in self._entries[0]], np.int32)

    @property
    def jacobian_columns(self) -> NDArray[np.int32]:
        return np.array([column for _, column in self._entries[0]], np.int32)

    @property
    def rates(self) -> int:
        return self._compiled("rates", self._nodes)

    @property
    def jacobian(self) -> int:
        return self._compiled("jacobian", self._entries[1])

    @property
    def time_rate(self) -> int:
        if not self._program.time_rate:
            return 0
        graph = self._system.graph
        gradients = Derivatives(graph, "time").gradients(self._nodes)
        return self._compiled("time_rate", [gradient.get(0, graph.zero) for gradient in gradients])

    def prepared(self, *functions: str) -> _Ready:
        return _Ready({name: getattr(self, name) for name in functions})

    def _compiled(self, name: str, nodes: list[Node]) -> int:
        if name not in self._codes:
            self._codes[name] = Code(module(self._system.graph, nodes, self.width), ["f"])
        return self._codes[name].addresses["f"]
