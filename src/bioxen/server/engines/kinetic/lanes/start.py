"""Values at the start: what the model declares or derives, and what is given instead.

The meaning is that of the same model with the given values written into its text: what is given wins over an
initial assignment, everything that derives from it follows, and a changed compartment keeps declared
concentrations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bioxen.server.engines.kinetic.changes import bare
from bioxen.server.engines.kinetic.lanes import arrays
from bioxen.server.engines.kinetic.lanes.arrays import Array
from bioxen.server.engines.kinetic.lanes.content import Content
from bioxen.server.engines.kinetic.lanes.draws import Draw
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.random.streams import Seeds, streams
from bioxen.server.engines.kinetic.lanes.scope import Scope
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered


class Start:
    """Initial values as expressions; parameter i of `graph` is the value given for `given[i]`."""

    def __init__(self, content: Content, given: Sequence[str]) -> None:
        """Take the selections that are given: `S`, `[S]`, a parameter, a compartment, `reaction.parameter`.

        Raises:
            Uncovered: one of them cannot be given a value, or is given twice.
        """
        self.graph = Graph()
        self.draws: list[Draw] = []
        """What initial assignments draw at random; parameter len(given) + i of `graph` is draw i."""
        self._content = content
        self._given: Mapping[str, tuple[str, int]] = {bare(name): (name, i) for i, name in enumerate(given)}
        if len(self._given) < len(given):
            raise Uncovered("a species that is given as an amount and as a concentration")
        self._locals = {
            f"{reaction_name}.{name}": value
            for reaction_name, reaction in content.reactions.items()
            for name, value in reaction.local.items()
        }
        for name in self._given:
            self._check(name)
        self.scope = Scope(content, self.graph, self.value)

    def _check(self, name: str) -> None:
        content = self._content
        known = {**content.species, **content.parameters, **content.compartments, **content.references}
        if name in content.assigned or (name not in known and name not in self._locals):
            raise Uncovered(f"a given value for {name}")
        if self._given[name][0] != name and name not in content.species:
            raise Uncovered(f"a concentration of {name}")

    def value(self, name: str) -> Node:
        """Return the initial value of a free quantity; of a species its amount."""
        if name in self._given:
            selection, index = self._given[name]
            value = self.graph.input("parameter", index)
            return value if selection == name else self._times_volume(value, name)
        content = self._content
        if name in content.initial:
            with self.scope.drawing(self._drawn):
                value = self.scope.formula(content.initial[name])
            is_concentration = name in content.species and not self._is_amount(name)
            return self._times_volume(value, name) if is_concentration else value
        if name in content.species:
            return self._declared(name)
        values = (content.parameters, content.compartments, content.references, self._locals)
        return self.graph.constant(next(table[name] for table in values if name in table))

    def drawn(self, given: Sequence[Array], members: int, seed: Seeds, first_member: int) -> list[Array]:
        """Return what each draw gives each member, a function of its stream and the draw."""
        if not self.draws:
            return []
        from bioxen.server.engines.kinetic.lanes.random.draws import draw_for_members  # late: a driver

        drawing = streams(seed, first_member, members)
        found: list[Array] = []
        for index, draw in enumerate(self.draws):
            columns = arrays.evaluate(self.graph, draw.arguments, [*given, *found])
            rows = np.array([np.broadcast_to(column, (members,)) for column in columns], dtype=np.float64).T
            found.append(draw_for_members(draw.code, np.ascontiguousarray(rows), index, drawing))
        return found

    def _drawn(self, draw: Draw) -> Node:
        self.draws.append(draw)
        return self.graph.input("parameter", len(self._given) + len(self.draws) - 1)

    def _declared(self, name: str) -> Node:
        species = self._content.species[name]
        if species.amount is None and species.concentration is not None:
            return self._times_volume(self.graph.constant(species.concentration), name)
        return self.graph.constant(species.amount or 0.0)  # none is declared: libRoadRunner's 0

    def _is_amount(self, name: str) -> bool:
        species = self._content.species[name]
        return species.counts_substance or species.compartment in self._content.pointlike

    def _times_volume(self, value: Node, species: str) -> Node:
        return self.graph.make("mul", value, self.scope.volume(species))
