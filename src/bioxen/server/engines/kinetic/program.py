"""A warm model: compiled once, brought back to the same state before every request.

What a change means is defined once: the answer is that of the same model with the new values written into its
text. So a changed parameter moves every initial value that an initial assignment derives from it, a changed
compartment keeps declared concentrations, and a value that is given wins over its initial assignment.

Three roads lead there, from fast to slow:

1. Nothing depends on what is changed: set the current values.
2. Initial assignments depend on a changed parameter: evaluate them again and set what they give.
3. A compartment changes, or something that itself has an initial assignment, or a species others derive from,
   or what an event looks at that may fire at the start: write the values into the SBML and compile that
   variant, which stays warm too.

Delayed events leave traces in libRoadRunner that no reset removes: a model that has them is compiled anew for
every simulation.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.facts import Facts
from bioxen.server.engines.kinetic.general import Equations
from bioxen.server.engines.kinetic.initial import with_changes
from bioxen.server.engines.kinetic.loader import Loaded
from bioxen.server.engines.kinetic.noise import Noise
from bioxen.server.engines.kinetic.runner import Runner
from bioxen.server.engines.kinetic.switching import Switches

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.lanes.program import LaneProgram

WARM_VARIANTS = 8
_GAPS = 256
"""Ways to change a model of which it is remembered how close the time's switches are."""
_Variant = tuple[tuple[str, float], ...]


class Program:
    """The compiled model of one source."""

    def __init__(self, loaded: Loaded, noise: Noise, *, digest: str, model_id: str | None) -> None:
        """Compile the model for libRoadRunner or, where that does not run it, for the general solver.

        Raises:
            InvalidModelError: the solver refuses it.
        """
        self.facts: Facts = loaded.facts
        self.digest = digest
        self.model_id = model_id
        self.plain = loaded.plain
        self._sbml = loaded.sbml
        self._noise = noise
        self._runners: OrderedDict[_Variant, Runner] = OrderedDict()
        self._lanes: dict[bool, LaneProgram] = {}
        self._refusals: dict[bool, str] = {}
        self._equations: Equations | None = None
        self._gaps: OrderedDict[tuple[_Variant, float, float], float] = OrderedDict()
        if loaded.facts.beyond_roadrunner:
            self.equations()
        else:
            self._runner(())

    def prepare(self, changes: Sequence[Change] = ()) -> Runner:
        """Return a runner at time 0 in the state that `changes` give, with no trace of earlier requests.

        Raises:
            InvalidModelError: the model has constructs that libRoadRunner does not run.
        """
        self._require_roadrunner()
        if not changes:
            return self._clean(())
        changes = self._native(changes)
        deep = self._deep(changes)
        runner = self._clean(tuple((change.selection, change.value) for change in deep))
        direct = [change for change in changes if change.symbol not in self.facts.compartments]
        for change in direct:
            runner.set(change.selection, change.value)
        self._derive(runner, changes)
        return runner

    def equations(self, changes: Sequence[Change] = ()) -> Equations:
        """Return the model's equations for the general solver, with `changes` written into its text.

        Raises:
            InvalidModelError: it has a construct that the general solver does not run either.
        """
        if not changes:
            if self._equations is None:
                self._equations = Equations(self._sbml)
            return self._equations
        return Equations(with_changes(self._sbml, self._native(changes)))

    @cached_property
    def switches(self) -> Switches:
        """What the time alone switches in the model."""
        return Switches(self._sbml)  # none where the text does not name the time

    def shortest_switch(self, changes: Sequence[Change], start: float, end: float) -> float:
        """Return the shortest time between two switches by the time alone; infinity where there are no two.

        It is 0 where events set what decides them: that is known only as they happen.

        Raises:
            InvalidModelError: libRoadRunner does not run the model.
            TooManySwitches: they are too many to stop at.
        """
        if not self.switches:
            return math.inf
        if self.switches.changes_with_events:
            return 0.0
        deciding = tuple((one.selection, one.value) for one in changes if self._decides(one.symbol))
        key = (deciding, start, end)
        if key not in self._gaps:
            self._gaps[key] = self._shortest_switch(changes, start, end)
            if len(self._gaps) > _GAPS:
                self._gaps.popitem(last=False)
        self._gaps.move_to_end(key)
        return self._gaps[key]

    def _decides(self, symbol: str) -> bool:
        """Whether a change of a symbol may change when the time switches something."""
        inputs = self.switches.inputs
        native = self.facts.native(symbol)
        return symbol in self.facts.compartments or native in inputs or bool(self.facts.fed_by([native]))

    def _shortest_switch(self, changes: Sequence[Change], start: float, end: float) -> float:
        species, names = self.facts.species, self.switches.inputs
        values: dict[str, float] = {}
        if names:
            runner = self.prepare(changes)
            values = {name: runner.get(species[name].natural if name in species else name) for name in names}
        return self.switches.shortest(values.__getitem__, start, end)

    def _native(self, changes: Sequence[Change]) -> list[Change]:
        return [Change(self.facts.native(change.selection), change.value) for change in changes]

    def _require_roadrunner(self) -> None:
        beyond = self.facts.beyond_roadrunner
        if beyond:
            raise InvalidModelError(
                f"The model has {', '.join(beyond)}, which this process does not run.",
                details={
                    "place": "process_code",
                    "construct": beyond[0],
                    "remedy": "A time course (kinetic_ode) of this model runs.",
                },
            )

    def lanes(self, *, singly: bool = False) -> LaneProgram:
        """Return the model for many members side by side, made when it is first asked for.

        Args:
            singly: to simulate it event by event; else to integrate it.

        Raises:
            Uncovered: the lanes do not run the model; what it is stays remembered.
        """
        from bioxen.server.engines.kinetic.lanes.build import build  # late: few requests need a compiler
        from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

        if self.facts.beyond_roadrunner and not singly:  # then nothing could audit them
            raise Uncovered(self.facts.beyond_roadrunner[0])
        if singly in self._refusals:
            raise Uncovered(self._refusals[singly])
        if singly not in self._lanes:
            try:
                self._lanes[singly] = build(self._sbml, singly=singly)
            except Uncovered as refusal:
                self._refusals[singly] = refusal.construct
                raise
        return self._lanes[singly]

    def forget(self) -> None:
        """Throw every compiled instance away: after a failure, none of them is trusted."""
        self._runners.clear()

    def _deep(self, changes: Sequence[Change]) -> list[Change]:
        """Return the changes that must be written into the SBML: none, or all that anything derives from."""
        if not any(self._is_deep(change) for change in changes):
            return []
        facts = self.facts
        derived = set(facts.initial_targets) | set(facts.compartments)
        derived |= facts.event_inputs
        return [change for change in changes if change.symbol in derived or facts.fed_by([change.symbol])]

    def _is_deep(self, change: Change) -> bool:
        facts, symbol = self.facts, change.symbol
        if symbol in facts.compartments or symbol in facts.initial_targets or symbol in facts.event_inputs:
            return True
        fed = facts.fed_by([symbol])
        if not fed:
            return False
        is_parameter = symbol in facts.parameters or symbol in facts.local_parameters.values()
        is_plain_parameter = is_parameter and symbol not in facts.rate_targets
        return not is_plain_parameter or not fed <= (set(facts.species) | set(facts.parameters))

    def _derive(self, runner: Runner, changes: Sequence[Change]) -> None:
        """Evaluate the initial assignments that depend on `changes`, except those the changes replace."""
        changed = {change.symbol for change in changes}
        fed = self.facts.fed_by(changed) - changed - self.facts.assignment_targets
        if not fed or self._deep(changes):
            return
        values = {name: runner.get(f"init({name})") for name in self.facts.initial_targets if name in fed}
        for name, value in values.items():
            runner.set(name, value)

    def _clean(self, variant: _Variant) -> Runner:
        """Return a runner at the start; a new one where resets leave traces."""
        if self.facts.keeps_history:
            return self._compile(variant)
        runner = self._runner(variant)
        runner.reset()
        return runner

    def _runner(self, variant: _Variant) -> Runner:
        runner = self._runners.get(variant)
        if runner is None:
            runner = self._runners[variant] = self._compile(variant)
            self._drop_oldest()
        self._runners.move_to_end(variant)
        return runner

    def _compile(self, variant: _Variant) -> Runner:
        sbml = with_changes(self._sbml, [Change(*pair) for pair in variant]) if variant else self._sbml
        return Runner(sbml, self._noise, self.facts.local_parameters)

    def _drop_oldest(self) -> None:
        while len(self._runners) > WARM_VARIANTS + 1:
            oldest = next(variant for variant in self._runners if variant)
            del self._runners[oldest]
