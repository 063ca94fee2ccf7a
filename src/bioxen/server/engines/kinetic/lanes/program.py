"""A model ready to run in lanes: names, numbers, and the addresses of its functions.

Every function is `void f(const double *time, const double *states, const double *parameters, double *out)`.
All four are rows of `width` doubles, one for each lane, at any alignment; `out` overlaps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bioxen.server.engines.kinetic.lanes.emit import module
from bioxen.server.engines.kinetic.lanes.expressions import Expressions, Indices
from bioxen.server.engines.kinetic.lanes.foreseen import Foreseen
from bioxen.server.engines.kinetic.lanes.graph import Node
from bioxen.server.engines.kinetic.lanes.initial import InitialValues
from bioxen.server.engines.kinetic.lanes.moments import Moments, moments
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.prepared import Prepared
from bioxen.server.engines.kinetic.lanes.random.streams import Seeds
from bioxen.server.engines.kinetic.lanes.system import Matrix, System

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.lanes.ode.tangent import Tangent


class LaneProgram:
    """One model. Functions are compiled when their address is first asked for, and live as long as this."""

    def __init__(self, system: System, width: int) -> None:
        """Take the equations and the number of lanes.

        Raises:
            Uncovered: an initial value cannot be computed, or a value is missing.
        """
        self.width = width
        self._system = system
        self._codes: dict[str, Code] = {}
        self._prepared: dict[tuple[str, ...], Prepared] = {}
        self._expressions, self._initial = Expressions(system), InitialValues(system)
        self.states = system.states
        self.parameters = system.parameters
        self.reactions = system.reactions
        self.selections = system.selections()
        self.event_count = len(system.resets)
        self.root_count = self.event_count + len(system.jumps)
        self.event_initially = tuple(reset.initially for reset in system.resets)
        """Whether each trigger counts as true before the start."""
        self.event_uses_trigger_values = tuple(reset.uses_trigger_values for reset in system.resets)
        """Whether new values are computed when the trigger fires, before other events of that moment."""
        self.event_persistent = tuple(reset.persistent for reset in system.resets)
        """Whether each event is carried out even if its trigger turns false before."""
        self.event_delayed = tuple(reset.delay is not None for reset in system.resets)
        """Whether time passes from each trigger to its assignments; see `delays`."""
        self.event_targets = tuple(np.array(reset.targets, dtype=np.int32) for reset in system.resets)
        """Which states, then parameters, each event sets; see `assign`."""
        self.stoichiometry = system.stoichiometry()
        """States × reactions; `None` where it is not constant."""
        states, parameters = self.initial_values({})
        self.default_states: Matrix = states[0]
        self.default_parameters: Matrix = parameters[0]
        self._initial.check(self.default_states, self.default_parameters)
        self.state_scale = self._initial.scale()
        """Size of each species' compartment, 1 for what is no species: the unit of an absolute tolerance."""

    @property
    def system(self) -> System:
        """The equations."""
        return self._system

    @property
    def rate_rules(self) -> frozenset[str]:
        """The states that rate rules move, not reactions."""
        return frozenset(self._system.content.rates)

    @property
    def integral_stoichiometry(self) -> bool:
        """Whether reactions change states by whole numbers."""
        matrix = self.stoichiometry
        return matrix is not None and bool((matrix == np.round(matrix)).all())

    @cached_property
    def rates(self) -> int:
        """Address of d(states)/dt."""
        return self._compile("rates", self._expressions.of("rates"))

    @cached_property
    def fluxes(self) -> int:
        """Address of the rates of the reactions."""
        return self._compile("fluxes", self._expressions.of("fluxes"))

    @cached_property
    def jacobian(self) -> int:
        """Address of the nonzero d(rates)/d(states), ordered as `jacobian_rows` and `jacobian_columns`."""
        return self._compile("jacobian", self._expressions.of("jacobian"))

    @cached_property
    def parameter_jacobian(self) -> int:
        """Address of the nonzero d(rates)/d(parameters), ordered as `parameter_jacobian_rows` and so on."""
        return self._compile("parameter_jacobian", self._expressions.parameter_jacobian.nodes)

    @cached_property
    def time_rate(self) -> int:
        """Address of the partial d(rates)/d(time); 0 where the time does not occur."""
        nodes = self._expressions.of("time_rate")
        return self._compile("time_rate", nodes) if set(nodes) - {self._system.graph.zero} else 0

    @cached_property
    def triggers(self) -> int:
        """Address of the events' triggers (1 or 0), then what jumps in the rates; 0 where there are none."""
        system = self._system
        if self.root_count == 0:
            return 0
        return self._compile("triggers", [*(reset.trigger for reset in system.resets), *system.jumps])

    @cached_property
    def delays(self) -> int:
        """Address of each event's delay, 0 of one without; 0 where no event has one."""
        delays = [reset.delay for reset in self._system.resets]
        if all(delay is None for delay in delays):
            return 0
        zero = self._system.graph.zero
        return self._compile("delays", [zero if delay is None else delay for delay in delays])

    @cached_property
    def moments(self) -> int:
        """Address of the next times at which something jumps whatever the state; 0 where there are none."""
        nodes = self._moments.times
        return self._compile("moments", nodes) if nodes else 0

    @property
    def moment_count(self) -> int:
        """How many numbers `moments` writes."""
        return len(self._moments.times)

    @property
    def jumps_unpredictably(self) -> bool:
        """Whether something jumps with the time alone, at times that `moments` does not know."""
        return self._moments.unpredicted or self.foreseen is not None

    @property
    def jumps_unforeseen(self) -> bool:
        """Whether something jumps with the time alone, at times that nothing finds before."""
        return self._moments.unpredicted

    @cached_property
    def foreseen(self) -> Foreseen | None:
        """What finds the times at which the time alone switches, where no formula gives them."""
        conditions = self._moments.searched
        return None if conditions is None else Foreseen(conditions)

    @property
    def jumps_with_states(self) -> bool:
        """Whether something jumps when a state decides so."""
        return self._moments.with_states

    @cached_property
    def _moments(self) -> Moments:
        return moments(self._system)

    @cached_property
    def assign(self) -> tuple[int, ...]:
        """Address, for each event, of what it sets its targets to."""
        resets = enumerate(self._system.resets)
        values = [(index, [reset.values[target] for target in reset.targets]) for index, reset in resets]
        return tuple(self._compile(f"assign{index}", nodes) for index, nodes in values)

    @cached_property
    def observe(self) -> int:
        """Address of everything in `selections`."""
        return self.observer(self.selections)

    def observer(self, selections: Sequence[str]) -> int:
        """Return the address of a function that writes `selections`, also `time` and `S'`, a rate of change.

        Raises:
            Uncovered: there is nothing of that name.
        """
        nodes = [self._system.selection(name) for name in selections]
        return self._compile("observe:" + "\n".join(selections), nodes)

    @property
    def jacobian_rows(self) -> Indices:
        """Row of each nonzero of the Jacobian; they are ordered by row, then by column."""
        return self._expressions.jacobian.rows

    @property
    def jacobian_columns(self) -> Indices:
        """Column of each nonzero of the Jacobian."""
        return self._expressions.jacobian.columns

    @property
    def parameter_jacobian_rows(self) -> Indices:
        """State of each nonzero d(rates)/d(parameters)."""
        return self._expressions.parameter_jacobian.rows

    @property
    def parameter_jacobian_columns(self) -> Indices:
        """Parameter of each nonzero d(rates)/d(parameters)."""
        return self._expressions.parameter_jacobian.columns

    @cached_property
    def flux_jacobian(self) -> tuple[int, Indices, Indices]:
        """Address of the nonzero d(fluxes)/d(states), their reactions and their states."""
        rows, columns, nodes = self._expressions.flux_jacobian
        return self._compile("flux_jacobian", nodes), rows, columns

    @cached_property
    def flux_parameter_jacobian(self) -> tuple[int, Indices, Indices]:
        """Address of the nonzero d(fluxes)/d(parameters), their reactions and their parameters."""
        rows, columns, nodes = self._expressions.flux_parameter_jacobian
        return self._compile("flux_parameter_jacobian", nodes), rows, columns

    def prepared(self, *functions: str) -> Prepared:
        """Return faster forms of `rates`, `fluxes`, `jacobian` or `time_rate`; see `Prepared`."""
        if functions not in self._prepared:
            self._prepared[functions] = Prepared(self._system, self.width, self.expressions(*functions))
        return self._prepared[functions]

    def expressions(self, *functions: str) -> dict[str, list[Node]]:
        """Return what `rates`, `fluxes`, `jacobian` or `time_rate` write."""
        return {name: self._expressions.of(name) for name in functions}

    def initial_values(
        self, overrides: Mapping[str, ArrayLike], *, members: int = 1, seed: Seeds = 0, first_member: int = 0
    ) -> tuple[Matrix, Matrix]:
        """Return states and parameters at the start, members × states and members × parameters.

        Args:
            overrides: values given instead of the model's own, one for each member or one for all, by `S`
                (amount), `[S]` (concentration), parameter, compartment or `reaction.parameter`.
            members: how many rows there are where initial values are drawn at random; one row serves all
                members where nothing differs.
            seed: of the whole ensemble, or one for each member; see `streams`.
            first_member: the index of the first row in the whole ensemble.

        Raises:
            Uncovered: a rule computes one of them, or there is none of that name.
        """
        return self._initial.of(overrides, members, seed, first_member)

    def initial_slopes(self, given: Mapping[str, float], names: Sequence[str]) -> tuple[Matrix, Matrix]:
        """Return derivatives of the values at the start, names × states and names × parameters.

        Args:
            given: values given instead of the model's own, as `overrides` of `initial_values`.
            names: those of `given` that the derivatives are with respect to.

        Raises:
            Uncovered: as `initial_values`, or an initial value is random or cannot be differentiated.
        """
        return self._initial.slopes(given, names)

    @cached_property
    def tangent(self) -> Tangent:
        """The program of the states and how they answer to a change of what the model starts from.

        Raises:
            Uncovered: the model has events, or rates that jump or cannot be differentiated.
        """
        from bioxen.server.engines.kinetic.lanes.ode.tangent import Tangent  # late: few ask for it

        return Tangent(self)

    def _compile(self, key: str, nodes: Sequence[Node]) -> int:
        if key not in self._codes:
            ir = module(self._system.graph, nodes, self.width)
            self._codes[key] = Code(ir, ["f"])
        return self._codes[key].addresses["f"]
