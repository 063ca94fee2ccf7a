"""A model as a network of single events: reactions, clocks, events, draws; or what speaks against it."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.lanes import arrays
from bioxen.server.engines.kinetic.lanes.graph import Node
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.ssa.flow import Flow
from bioxen.server.engines.kinetic.lanes.ssa.given import Floats, Numbers, Occasions, Reactions
from bioxen.server.engines.kinetic.lanes.ssa.occasions import Compiled
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered


class Network:
    """What the drivers need of one program; the code lives as long as this does."""

    def __init__(self, program: LaneProgram) -> None:
        """Compile it.

        Raises:
            InvalidModelError: the model is no such network; every hurdle is named.
        """
        system = program.system
        self._program, self._system = program, system
        self.ready = program.prepared("fluxes")
        rate_rules = program.rate_rules
        self.clocks = [index for index, name in enumerate(program.states) if name in rate_rules]
        """States that rate rules move."""
        self._coefficients = _coefficients(program)
        self._refuse(self._hurdles())

    def refuse_leaps(self) -> None:
        """Make sure that there is nothing but reactions, since leaps would pass over the rest.

        Raises:
            InvalidModelError: there is more; it takes the exact method.
        """
        found = [
            ("events", bool(self._system.resets)),
            ("rate rules", bool(self.clocks)),
            ("rates that depend on the time", bool(self._flow.crossings)),
        ]
        self._refuse([name for name, there in found if there])

    def _hurdles(self) -> list[str]:
        system, graph = self._system, self._system.graph
        rates = {index: system.rates[index] for index in self.clocks}
        try:
            self._flow = flow = Flow(graph, rates, [*system.fluxes, *(one.trigger for one in system.resets)])
        except Uncovered as refusal:
            return [refusal.construct]
        found = [
            f"a rate rule of {system.states[index]} whose rate changes between two firings"
            for index in self.clocks
            if flow.drifts(rates[index])
        ]
        found += [
            f"a rate of reaction {name} that changes between two firings"
            for name, node in zip(system.reactions, system.fluxes, strict=True)
            if flow.drifts(node)
        ]
        changed = {target - len(system.states) for one in system.resets for target in one.targets}
        for node in graph.reachable([node for _, _, node in self._coefficients]):
            kind, arguments = graph.operations[node], graph.arguments[node]
            if kind in {"time", "state"} or (kind == "parameter" and arguments[0] in changed):
                return [*found, "stoichiometries that change"]
        return found

    def reactions(self, parameters: Floats) -> Reactions:
        """Return the changes by each reaction, for members with these parameters.

        Raises:
            InvalidModelError: a change is no whole number, or differs between members.
        """
        system, entries = self._system, self._coefficients
        matrix = np.zeros((len(system.states), len(system.reactions)))
        values = arrays.evaluate(system.graph, [node for _, _, node in entries], list(parameters.T))
        for (row, column, _), value in zip(entries, values, strict=True):
            if value.size == 0:
                continue
            if not (value == value.flat[0]).all():
                self._refuse(["stoichiometries that differ between members"])
            matrix[row, column] += value.flat[0]
        if not (matrix == np.round(matrix)).all():
            self._refuse(["stoichiometries that are no whole numbers"])
        return Reactions(len(system.reactions), *_columns(matrix), *_columns(matrix.T))

    @staticmethod
    def _refuse(hurdles: list[str]) -> None:
        if hurdles:
            raise InvalidModelError(
                f"Single events cannot be simulated for this model: it has {', '.join(hurdles)}.",
                details={"place": "process_code", "hurdles": hurdles, "remedy": "Use kinetic_ode."},
            )

    @property
    def whole(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which states are numbers of molecules."""
        whole = np.ones(len(self._program.states), np.bool_)
        whole[self.clocks] = False
        return whole

    @cached_property
    def _compiled(self) -> Compiled:
        return Compiled(
            self._program, self._flow, self.clocks, self.whole, parameters=self.ready.parameter_count
        )

    @property
    def occasions(self) -> Occasions:
        """What happens besides reactions."""
        return self._compiled.occasions


@lru_cache(maxsize=16)
def network_of(program: LaneProgram) -> Network:
    """Return the network of a program, made once.

    Raises:
        InvalidModelError: it is none.
    """
    return Network(program)


def _coefficients(program: LaneProgram) -> list[tuple[int, int, Node]]:
    """Return (state, reaction, how much one firing makes of it), of the substance that the state counts."""
    system = program.system
    content, scope, graph = system.content, system.scope, system.graph
    rows = {name: index for index, name in enumerate(system.states)}
    columns = {name: index for index, name in enumerate(system.reactions)}
    entries = []
    for name, reaction in content.reactions.items():
        for reference in reaction.references:
            species = content.species[reference.species]
            if reference.species not in rows or not species.by_reactions or name not in columns:
                continue
            value = scope.stoichiometry(reference)
            if species.conversion is not None:
                value = graph.make("mul", value, scope.symbol(species.conversion))
            entries.append((rows[reference.species], columns[name], value))
    return entries


def _columns(matrix: Floats) -> tuple[Numbers, Numbers, Floats]:
    """Return each column's entries: where they begin, their rows, their values."""
    reaction, state = np.nonzero(matrix.T)
    pointers = np.searchsorted(reaction, np.arange(matrix.shape[1] + 1)).astype(np.int32)
    return pointers, state.astype(np.int32), np.ascontiguousarray(matrix.T[reaction, state])
