"""Functions for a run, in which what depends on parameters alone is computed before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bioxen.server.engines.kinetic.lanes import arrays
from bioxen.server.engines.kinetic.lanes.emit import module
from bioxen.server.engines.kinetic.lanes.graph import Node
from bioxen.server.engines.kinetic.lanes.hoist import Hoister
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.system import Matrix, System


class Hoisted:
    """Functions that take longer rows of parameters, from `extended`.

    The model's own parameters come first. Nothing is derived from a parameter that an event may change, so
    derived ones stay right through a run.
    """

    def __init__(self, system: System, functions: Mapping[str, Sequence[Node]]) -> None:
        """Take the expressions of each function by name."""
        self._own = len(system.parameters)
        changing = {
            target - len(system.states)
            for reset in system.resets
            for target in reset.targets
            if target >= len(system.states)
        }
        self.graph = system.graph
        hoister = Hoister(system.graph, self._own, changing)
        self.nodes = {name: hoister.rewrite(roots) for name, roots in functions.items()}
        """Expressions of each function."""
        self._derived = hoister.derived
        self.parameter_count = self._own + len(self._derived)
        """Parameters of the model and derived ones."""

    def extended(self, parameters: Matrix) -> Matrix:
        """Return [members][parameter_count] for [members][parameters]."""
        members = parameters.shape[0]
        table = np.empty((members, self.parameter_count))
        table[:, : self._own] = parameters
        columns = arrays.evaluate(self.graph, self._derived, list(parameters.T))
        for index, column in enumerate(columns, start=self._own):
            table[:, index] = column
        return table


class Prepared(Hoisted):
    """Faster forms of some functions of a program, compiled for lanes; its own take the longer rows too."""

    def __init__(self, system: System, width: int, functions: Mapping[str, Sequence[Node]]) -> None:
        """Take the expressions of each function by name."""
        super().__init__(system, functions)
        nodes = self.nodes.items()
        self._codes = {name: Code(module(self.graph, roots, width), ["f"]) for name, roots in nodes}
        self.addresses = {name: code.addresses["f"] for name, code in self._codes.items()}
        """Address of each function."""
