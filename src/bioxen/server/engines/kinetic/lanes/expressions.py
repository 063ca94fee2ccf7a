"""The expressions behind a program's functions: rates, fluxes, and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.derivative import Derivatives
from bioxen.server.engines.kinetic.lanes.graph import Node
from bioxen.server.engines.kinetic.lanes.system import System

Indices = NDArray[np.int32]


class Pattern(NamedTuple):
    """The nonzero derivatives of some expressions, ordered by row, then by column."""

    rows: Indices
    """Of what each is the derivative."""
    columns: Indices
    """With respect to what."""
    nodes: list[Node]


class Expressions:
    """Those of one model; derivatives are made when first asked for."""

    def __init__(self, system: System) -> None:
        self._system = system

    def of(self, function: str) -> list[Node]:
        """Return what `rates`, `fluxes`, `jacobian` or `time_rate` write."""
        system = self._system
        if function == "time_rate":
            gradients = Derivatives(system.graph, "time").gradients(system.rates)
            return [gradient.get(0, system.graph.zero) for gradient in gradients]
        if function == "jacobian":
            return self.jacobian.nodes
        return {"rates": system.rates, "fluxes": system.fluxes}[function]

    @cached_property
    def jacobian(self) -> Pattern:
        """d(rates)/d(states)."""
        return self._pattern("state", self._system.rates)

    @cached_property
    def parameter_jacobian(self) -> Pattern:
        """d(rates)/d(parameters)."""
        return self._pattern("parameter", self._system.rates)

    @cached_property
    def flux_jacobian(self) -> Pattern:
        """d(fluxes)/d(states)."""
        return self._pattern("state", self._system.fluxes)

    @cached_property
    def flux_parameter_jacobian(self) -> Pattern:
        """d(fluxes)/d(parameters)."""
        return self._pattern("parameter", self._system.fluxes)

    def _pattern(self, kind: str, roots: Sequence[Node]) -> Pattern:
        gradients = Derivatives(self._system.graph, kind).gradients(roots)
        entries = [(row, column) for row, gradient in enumerate(gradients) for column in sorted(gradient)]
        nodes = [gradients[row][column] for row, column in entries]
        rows, columns = np.array(entries, dtype=np.int32).reshape(-1, 2).T
        return Pattern(rows, columns, nodes)
