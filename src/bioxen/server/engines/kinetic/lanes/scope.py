"""What each symbol of a model means as an expression, given what its free quantities are.

The same rules hold at the start and later; only the free quantities differ. Later they are states and
parameters. At the start they are given numbers, or what initial assignments make of them.

Species are kept as amounts. Their symbols mean concentrations unless the model says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bioxen.server.engines.kinetic.lanes.content import Content, Reference, Species
from bioxen.server.engines.kinetic.lanes.draws import Draw, draw_of
from bioxen.server.engines.kinetic.lanes.formula import Formulas
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered


def local(reaction: str, parameter: str) -> str:
    """Return the name of a reaction's own parameter."""
    return f"{reaction}.{parameter}"


class Scope:
    """Expressions of every symbol, each made once."""

    def __init__(self, content: Content, graph: Graph, free: Callable[[str], Node | None]) -> None:
        """Take what gives a free quantity by name (a species as an amount), `None` for a plain number."""
        self.graph = graph
        self._content = content
        self._free = free
        self._formulas = Formulas(graph, content.functions)
        self._made: dict[tuple[str, str], Node] = {}
        self._open: set[tuple[str, str]] = set()
        self._drawn: Callable[[Draw], Node] | None = None
        self._touching: dict[str, list[tuple[str, Reference]]] = {name: [] for name in content.species}
        for reaction_name, reaction in content.reactions.items():
            for reference in reaction.references:
                self._touching[reference.species].append((reaction_name, reference))

    def symbol(self, name: str) -> Node:
        """Return the value of an identifier as formulas mean it."""
        content = self._content
        if name in content.assigned:
            return self._once("rule", name, lambda: self.formula(content.assigned[name]))
        if name in content.species:
            species = content.species[name]
            return self.amount(name) if self._is_amount(species) else self.concentration(name)
        if name in content.reactions:
            return self.flux(name)
        if name in content.references:
            free = self._free(name)
            return self.graph.constant(content.references[name]) if free is None else free
        if name in content.parameters or name in content.compartments:
            return self.free(name)
        raise Uncovered(f"the identifier {name} in a formula")

    def formula(self, tree: object) -> Node:
        """Return a formula of the model as a number."""
        return self._formulas.number(tree, self)

    def truth(self, tree: object) -> Node:
        """Return a formula of the model as a truth value."""
        return self._formulas.truth(tree, self)

    @contextmanager
    def drawing(self, drawn: Callable[[Draw], Node] | None) -> Iterator[None]:
        """Let `drawn` give the numbers that the formulas read here draw; those they name draw none."""
        before, self._drawn = self._drawn, drawn
        try:
            yield
        finally:
            self._drawn = before

    def draw(self, distribution: str, arguments: list[Node]) -> Node:
        """Return a number drawn at random, where a formula is evaluated at single moments alone."""
        if self._drawn is None:
            raise Uncovered("a random draw outside of initial assignments, event assignments and delays")
        return self._drawn(draw_of(self.graph, distribution, arguments))

    def amount(self, name: str) -> Node:
        """Return the amount of a species."""
        species = self._content.species[name]
        if name not in self._content.assigned:
            return self.free(name)
        value = self.symbol(name)
        return value if self._is_amount(species) else self.graph.make("mul", value, self.volume(name))

    def concentration(self, name: str) -> Node:
        """Return the concentration of a species."""
        species = self._content.species[name]
        if name in self._content.assigned and not self._is_amount(species):
            return self.symbol(name)
        return self.graph.make("div", self.amount(name), self.volume(name))

    def volume(self, species: str) -> Node:
        """Return the size of the compartment of a species; 1 where it has no dimensions."""
        compartment = self._content.species[species].compartment
        if compartment in self._content.pointlike:
            return self.graph.one
        return self.symbol(compartment)

    def flux(self, reaction: str) -> Node:
        """Return the rate of a reaction: extent per time."""
        return self._once("flux", reaction, lambda: self._flux(reaction))

    def stoichiometry(self, reference: Reference) -> Node:
        """Return how much of its species a reaction makes; negative where it consumes."""
        if reference.formula is not None:
            value = self.formula(reference.formula)
        elif reference.name is not None:
            value = self.symbol(reference.name)
        else:
            value = self.graph.constant(reference.value)
        return value if reference.sign > 0 else self.graph.make("neg", value)

    def change(self, name: str) -> Node:
        """Return the rate of change of a free quantity (a species as an amount)."""
        return self._once("change", name, lambda: self._change(name))

    def rate_of(self, name: str) -> Node:
        """Return the rate of change of a symbol, as formulas mean it."""
        content = self._content
        if name in content.assigned or name in content.reactions:
            raise Uncovered(f"rateOf of {name}, which a rule or a law computes")
        if name not in content.species or self._is_amount(content.species[name]):
            return self.change(name)
        graph = self.graph
        thinning = graph.make("mul", self.concentration(name), self._growth(name))
        return graph.make("div", graph.make("sub", self.change(name), thinning), self.volume(name))

    def free(self, name: str) -> Node:
        """Return a free quantity by name; of a species its amount."""
        return self._once("free", name, lambda: self._free(name))

    def _is_amount(self, species: Species) -> bool:
        return species.counts_substance or species.compartment in self._content.pointlike

    def _flux(self, name: str) -> Node:
        reaction = self._content.reactions[name]
        if reaction.law is None:
            raise Uncovered(f"the reaction {name} without a kinetic law")
        bound = {parameter: self.free(local(name, parameter)) for parameter in reaction.local}
        return self._formulas.number(reaction.law, self, bound)

    def _change(self, name: str) -> Node:
        content, graph = self._content, self.graph
        species = content.species.get(name)
        if name in content.rates:
            rate = self.formula(content.rates[name])
            if species is None or self._is_amount(species):
                return rate
            growth = graph.make("mul", self.concentration(name), self._growth(name))
            return graph.make("add", graph.make("mul", rate, self.volume(name)), growth)
        if species is None or not species.by_reactions:
            return graph.zero
        return self._by_reactions(name, species)

    def _by_reactions(self, name: str, species: Species) -> Node:
        graph = self.graph
        total = graph.total(
            graph.make("mul", self.stoichiometry(reference), self.flux(reaction_name))
            for reaction_name, reference in self._touching[name]
        )
        if species.conversion is None or total == graph.zero:
            return total
        return graph.make("mul", total, self.symbol(species.conversion))

    def _growth(self, species: str) -> Node:
        """Return the rate of change of the compartment's size."""
        compartment = self._content.species[species].compartment
        if compartment in self._content.pointlike:
            return self.graph.zero
        if compartment in self._content.assigned:
            raise Uncovered(f"the rate of {species} in a compartment whose size a rule computes")
        return self.change(compartment)

    def _once(self, kind: str, name: str, make: Callable[[], Node | None]) -> Node:
        key = (kind, name)
        if key not in self._made:
            with self._guarded(key), self.drawing(None):
                node = make()
            if node is None:
                raise Uncovered(f"the identifier {name} in a formula")
            self._made[key] = node
        return self._made[key]

    @contextmanager
    def _guarded(self, key: tuple[str, str]) -> Iterator[None]:
        if key in self._open:
            raise Uncovered(f"the circular definition of {key[1]}")
        self._open.add(key)
        try:
            yield
        finally:
            self._open.discard(key)
