"""The conditions on the time in a model of any kind, read from its text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import libsbml
import numpy as np

from bioxen.server.engines.kinetic.general.matching import determined
from bioxen.server.engines.kinetic.general.reading import laws, rules, stoichiometry_formulas
from bioxen.server.engines.kinetic.lanes.formula import Bound, Formulas, Symbols
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.switching.conditions import Conditions
from bioxen.server.engines.kinetic.switching.isolate import Floats, switching_times

_REMEMBERED = 64
_TIME = "http://www.sbml.org/sbml/symbols/time"


class Switches:
    """What the time alone switches in one model: in its rates, and in the trigger of each event.

    Conditions on what an event sets count too, and hold until that is set anew.
    """

    def __init__(self, sbml: str) -> None:
        """Read the text, which the loader has checked; nothing of libSBML stays."""
        self._groups: list[Conditions] = []
        self._places: list[int] = []
        self._size = 0
        self.inputs: tuple[str, ...] = ()
        """The identifiers whose values decide when something switches."""
        self.changes_with_events = False
        """Whether events set what decides when something switches."""
        if _TIME in sbml:
            self._read(_Names(libsbml.readSBMLFromString(sbml).getModel()))
        self._known: OrderedDict[tuple[Any, ...], list[Floats]] = OrderedDict()

    def _read(self, names: _Names) -> None:
        groups = [Conditions(names.graph, roots) for roots in names.roots()]
        self._groups = [group for group in groups if group.may_pulse]
        self._places = sorted({index for group in self._groups for index in group.parameters})
        self._size = len(names.inputs)
        self.inputs = tuple(names.inputs[index] for index in self._places)
        self.changes_with_events = bool(names.set_by_events.intersection(self.inputs))

    def __bool__(self) -> bool:
        """Whether there may be more than one switch of one thing."""
        return bool(self._groups)

    def times(self, value: Callable[[str], float], start: float, end: float) -> list[float]:
        """Return times that enclose each switch, in order; `value` gives those of the `inputs`.

        Raises:
            TooManySwitches: they are too many to stop at.
        """
        found = self._found(value, start, end)
        together = np.unique(np.concatenate([np.empty(0), *(each.ravel() for each in found)]))
        return [float(time) for time in together]

    def shortest(self, value: Callable[[str], float], start: float, end: float) -> float:
        """Return the shortest time between two switches of the rates or of one trigger; else infinity.

        Raises:
            TooManySwitches: as `times`.
        """
        gaps = (each[1:, 0] - each[:-1, 1] for each in self._found(value, start, end))
        return float(min((gap.min() for gap in gaps if gap.size), default=np.inf))

    def _found(self, value: Callable[[str], float], start: float, end: float) -> list[Floats]:
        values = tuple(float(value(name)) for name in self.inputs)
        key = (np.array(values).tobytes(), start, end)
        if key not in self._known:
            parameters = np.full(self._size, np.nan)
            parameters[self._places] = values
            self._known[key] = [switching_times(group, parameters, start, end) for group in self._groups]
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


class _Names:
    """Expressions of a model's identifiers: those that nothing moves are parameters, most others anything."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.graph = Graph()
        functions = {
            item.getId(): item.getMath() for item in model.getListOfFunctionDefinitions() if item.isSetMath()
        }
        self._formulas = _Lenient(self.graph, functions, self.unknown)
        self._assigned = {rule.getVariable(): rule.getMath() for rule in rules(model, "isAssignment")}
        self._laws = dict(laws(model))
        self.set_by_events = {
            item.getVariable()
            for event in model.getListOfEvents()
            for item in event.getListOfEventAssignments()
        }
        self.inputs = list(_fixed(model, self._assigned))
        self._nodes = {name: self.graph.input("parameter", index) for index, name in enumerate(self.inputs)}
        self._open: set[str] = set()
        self._count = 0

    def roots(self) -> Iterator[list[Node]]:
        """Yield the formulas of all rates together, then each event's trigger."""
        model = self._model
        formulas = [law for law in self._laws.values() if law is not None]
        formulas += [rule.getMath() for kind in ("isRate", "isAlgebraic") for rule in rules(model, kind)]
        formulas += [math for _, math in stoichiometry_formulas(model)]
        rates = [self._formulas.number(math, self) for math in formulas]
        yield [*rates, *self._formulas.delayed]
        for event in model.getListOfEvents():
            if event.isSetTrigger() and event.getTrigger().isSetMath():
                yield [self._formulas.truth(event.getTrigger().getMath(), self)]

    def symbol(self, name: str) -> Node:
        """Return what an identifier means in formulas."""
        if name not in self._nodes:
            formula = self._assigned.get(name) or self._laws.get(name)
            if formula is None or name in self._open:
                self._nodes[name] = self.unknown()
            else:
                self._open.add(name)
                self._nodes[name] = self._formulas.number(formula, self)
        return self._nodes[name]

    def rate_of(self, name: str) -> Node:
        """Return a rate of change, of which nothing is known."""
        del name
        return self.unknown()

    def draw(self, distribution: str, arguments: list[Node]) -> Node:
        """Return a number drawn at random, of which nothing is known."""
        del distribution, arguments
        return self.unknown()

    def unknown(self) -> Node:
        """Return a number that more than the time may move."""
        self._count += 1
        return self.graph.input("state", self._count)


class _Lenient(Formulas):
    """Formulas in which what the lanes do not compute is any number."""

    def __init__(self, graph: Graph, functions: dict[str, Any], unknown: Callable[[], Node]) -> None:
        super().__init__(graph, functions)
        self._unknown = unknown
        self.delayed: list[Node] = []
        """What delays look back at."""

    def _read(self, tree: Any, symbols: Symbols, bound: Bound) -> Node:
        if tree.getType() == libsbml.AST_FUNCTION_DELAY:
            self.delayed.append(self.number(tree.getChild(0), symbols, bound))
            return self._unknown()
        try:
            return super()._read(tree, symbols, bound)
        except (Uncovered, RecursionError):  # where brackets nest too deeply, what is innermost is unknown
            return self._unknown()


def _fixed(model: Any, assigned: dict[str, Any]) -> Iterator[str]:
    """Yield the identifiers that no rule and no reaction moves; a species only where its volume stays."""
    moved = {*assigned, *determined(model), *(rule.getVariable() for rule in rules(model, "isRate"))}
    still = set[str]()
    for item in (*model.getListOfParameters(), *model.getListOfCompartments()):
        if item.getId() not in moved:
            still.add(item.getId())
            yield item.getId()
    touched = {
        reference.getSpecies()
        for reaction in model.getListOfReactions()
        for reference in (*reaction.getListOfReactants(), *reaction.getListOfProducts())
    }
    for item in model.getListOfSpecies():
        free = item.getBoundaryCondition() or item.getConstant() or item.getId() not in touched
        if free and item.getId() not in moved and item.getCompartment() in still:
            yield item.getId()
