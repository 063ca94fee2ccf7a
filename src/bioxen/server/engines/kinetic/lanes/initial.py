"""Numbers at the start: of states and parameters, whatever is given instead of the model's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from bioxen.server.engines.kinetic.lanes import arrays
from bioxen.server.engines.kinetic.lanes.derivative import Derivatives
from bioxen.server.engines.kinetic.lanes.graph import Node
from bioxen.server.engines.kinetic.lanes.random.streams import Seeds
from bioxen.server.engines.kinetic.lanes.start import Start
from bioxen.server.engines.kinetic.lanes.system import Matrix, System
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered


class InitialValues:
    """Those of one model; the expressions for what is given are made once for each set of names."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._starts: dict[tuple[str, ...], tuple[Start, list[Node]]] = {}

    def of(
        self, overrides: Mapping[str, ArrayLike], members: int, seed: Seeds, first_member: int
    ) -> tuple[Matrix, Matrix]:
        """Return states and parameters; see `LaneProgram.initial_values`."""
        names = tuple(overrides)
        start, nodes = self._start(names)
        given = [np.asarray(overrides[name], dtype=np.float64) for name in names]
        given += start.drawn(given, members, seed, first_member)
        (count_of_rows,) = np.broadcast_shapes((1,), *(array.shape for array in given))
        table = np.empty((count_of_rows, len(nodes)))
        for index, column in enumerate(arrays.evaluate(start.graph, nodes, given)):
            table[:, index] = column
        count = len(self._system.states)
        return np.ascontiguousarray(table[:, :count]), np.ascontiguousarray(table[:, count:])

    def slopes(self, given: Mapping[str, float], names: Sequence[str]) -> tuple[Matrix, Matrix]:
        """Return derivatives of states and parameters; see `LaneProgram.initial_slopes`."""
        start, nodes = self._start(tuple(given))
        if start.draws:
            raise Uncovered("sensitivities beside initial values that are drawn at random")
        gradients = Derivatives(start.graph, "parameter").gradients(nodes)
        places = {name: index for index, name in enumerate(given)}
        values = [np.array(value) for value in given.values()]
        table = np.empty((len(names), len(nodes)))
        for row, name in enumerate(names):
            entries = [gradient.get(places[name], start.graph.zero) for gradient in gradients]
            table[row] = [float(value) for value in arrays.evaluate(start.graph, entries, values)]
        count = len(self._system.states)
        return np.ascontiguousarray(table[:, :count]), np.ascontiguousarray(table[:, count:])

    def scale(self) -> Matrix:
        """Return the size of each species' compartment, 1 for what is no species."""
        start = self._start(())[0]
        states, content = self._system.states, self._system.content
        species = [name for name in states if name in content.species]
        volumes = arrays.evaluate(start.graph, [start.scope.volume(name) for name in species], [])
        scale = dict(zip(species, map(float, volumes), strict=True))
        sizes = np.array([scale.get(name, 1.0) for name in states])
        return np.where(np.isfinite(sizes) & (sizes > 0), sizes, 1.0)

    def check(self, states: Matrix, parameters: Matrix) -> None:
        """Refuse a model that computes with a value it does not give.

        Args:
            states: the model's own.
            parameters: the model's own.

        Raises:
            Uncovered: it does.
        """
        system = self._system
        changed = [node for reset in system.resets for node in (reset.trigger, *reset.values)]
        changed += [reset.delay for reset in system.resets if reset.delay is not None]
        used = set(system.graph.reachable([*system.rates, *system.fluxes, *changed]))
        for kind, names, values in (
            ("state", system.states, states),
            ("parameter", system.parameters, parameters),
        ):
            for index in np.flatnonzero(np.isnan(values)):
                if system.graph.input(kind, int(index)) in used:
                    raise Uncovered(f"{names[index]} without a value")

    def _start(self, names: tuple[str, ...]) -> tuple[Start, list[Node]]:
        if names not in self._starts:
            start = Start(self._system.content, names)
            nodes = [start.scope.free(name) for name in (*self._system.states, *self._system.parameters)]
            self._starts[names] = (start, nodes)
        return self._starts[names]
