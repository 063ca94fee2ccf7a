"""Steady states of members side by side, one in each lane of the CPU's vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bioxen.server.engines.kinetic.control import DEGENERATE, NEUTRAL, UNSTABLE
from bioxen.server.engines.kinetic.laned import starts
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.lanes.steady import control as mca
from bioxen.server.engines.kinetic.lanes.steady.steady import SteadyStates, steady_states
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.members import Study
from bioxen.server.engines.kinetic.reder import net, scaled
from bioxen.server.engines.kinetic.rest import COEFFICIENTS, WITHIN, Settled
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.steady_state import is_neutral

_NUMBERS_AT_ONCE = 2_000_000
"""Numbers of all members' Jacobians that are in memory at once."""


@dataclass(slots=True)
class LanedRest:
    """What the lanes gave for some members; NaN where there is nothing."""

    values: Matrix
    """Members × selections."""
    series: dict[str, Matrix]
    stopped: dict[int, str]
    """Row → why libRoadRunner has to look."""
    failed: dict[int, str]
    """Row → why its steady state has no control coefficients."""


class RestingLanes:
    """A study of steady states on one model, ready to run any of its members."""

    def __init__(self, study: Study, how: Settled, order: tuple[list[str], list[str]]) -> None:
        """Compile what the study needs.

        Args:
            study: what the members have in common.
            how: what is asked of each.
            order: the names of states and reactions, in the order of the coefficients.

        Raises:
            Uncovered: the lanes do not run the model, or not with these changes or selections.
        """
        self._program, self._study, self._how = study.program.lanes(), study, how
        _refuse(self._program, how, order)
        self._observer = self._program.observer(study.selections)
        self._states = [self._program.states.index(name) for name in order[0]]
        self._reactions = [self._program.reactions.index(name) for name in order[1]]
        self._volumes = _volumes(study, self._program)
        self._volume_observer = self._program.observer([name for _, name in self._volumes])
        starts(self._program, study, np.ones((1, len(study.names))), 0)

    def run(self, table: Matrix) -> LanedRest:
        """Find the steady states of members; `table` is members × names."""
        per_member = len(self._program.states) ** 2 + self._how.control * len(self._program.reactions) ** 2
        size = max(self._program.width, _NUMBERS_AT_ONCE // max(per_member, 1))
        parts = [self._some(table[begin : begin + size]) for begin in range(0, len(table), size)]
        found = LanedRest(
            values=np.concatenate([part.values for part in parts]),
            series={name: np.concatenate([part.series[name] for part in parts]) for name in parts[0].series},
            stopped={},
            failed={},
        )
        for number, part in enumerate(parts):
            found.stopped |= {number * size + row: words for row, words in part.stopped.items()}
            found.failed |= {number * size + row: words for row, words in part.failed.items()}
        return found

    def _some(self, table: Matrix) -> LanedRest:
        program = self._program
        states, parameters = starts(program, self._study, table, 0)  # nothing is drawn at random
        found = steady_states(
            program,
            states,
            parameters,
            approach="integration",
            rtol=WITHIN["relative_tolerance"],
            atol=WITHIN["absolute_tolerance"],
        )
        values = evaluate(self._observer, 0.0, found.states, parameters, len(self._study.selections))
        whole = np.isfinite(values).all(axis=1)
        stopped = dict.fromkeys(np.flatnonzero(~whole).tolist(), "not finite")
        stopped |= dict.fromkeys(np.flatnonzero(found.status).tolist(), "no steady state found")
        rest = LanedRest(values, self._described(found, parameters), stopped, {})
        if self._how.control:
            self._controlled(rest, found, parameters)
        return rest

    def _described(self, found: SteadyStates, parameters: Matrix) -> dict[str, Matrix]:
        """Return how still each member is, in natural quantities, and how stable."""
        program = self._program
        rates = evaluate(program.rates, 0.0, found.states, parameters, len(program.states))
        sizes = evaluate(self._volume_observer, 0.0, found.states, parameters, len(self._volumes))
        for column, (state, _) in enumerate(self._volumes):
            rates[:, state] /= sizes[:, column]
        first = found.eigenvalues[:, 0] if found.eigenvalues.shape[1] else np.full(len(rates), np.nan + 0j)
        none = found.eigenvalues.shape[1] == 0
        return {
            "residual": np.abs(rates).max(axis=1, initial=0.0),
            "stable": np.where(found.stable < 0, np.nan, found.stable.astype(float)),
            "settled": np.isfinite(found.settled_at).astype(float),
            "rightmost_real": first.real,
            "rightmost_imaginary": np.full(len(rates), np.nan) if none else first.imag,
        }

    def _controlled(self, rest: LanedRest, found: SteadyStates, parameters: Matrix) -> None:
        every = mca.control(self._program, found.states, parameters)
        fluxes = every.fluxes[:, self._reactions]
        states, reactions = np.array(self._states), np.array(self._reactions)
        flux_control = every.flux_control[:, reactions[:, None], reactions[None, :]]
        concentration = every.concentration_control[:, states[:, None], reactions[None, :]]
        moved = net(fluxes, every.elasticities[:, reactions], found.states)
        tables = (
            fluxes,
            scaled(flux_control, moved, moved),
            scaled(concentration, found.states[:, states], moved),
        )
        rest.series |= dict(zip(COEFFICIENTS, tables, strict=True))
        for row in np.flatnonzero(found.status == 0).tolist():
            if not np.isfinite(every.concentration_control[row]).all():
                rest.failed[row] = DEGENERATE
            elif found.stable[row] == 0:
                rest.failed[row] = UNSTABLE
            elif _is_neutral(found, row):
                rest.failed[row] = NEUTRAL


def _is_neutral(found: SteadyStates, row: int) -> bool:
    eigenvalues = found.eigenvalues[row]
    return len(eigenvalues) > 0 and found.stable[row] < 0 and is_neutral(None, complex(eigenvalues[0]))


def _refuse(program: LaneProgram, how: Settled, order: tuple[list[str], list[str]]) -> None:
    """Leave to libRoadRunner what `lanes.steady` does not know."""
    if program.event_count or program.time_rate or program.moment_count or program.jumps_unpredictably:
        raise Uncovered("the steady state of a model with events or rates that depend on the time")
    if how.control and (program.stoichiometry is None or program.rate_rules):
        raise Uncovered("control coefficients beside rate rules, or with stoichiometries that change")
    if not set(order[0]) <= set(program.states) or not set(order[1]) <= set(program.reactions):
        raise Uncovered("a model whose states are not libRoadRunner's")


def _volumes(study: Study, program: LaneProgram) -> list[tuple[int, str]]:
    """Return the states that are concentrations in formulas, and their compartments."""
    species = study.program.facts.species
    return [
        (index, species[name].compartment)
        for index, name in enumerate(program.states)
        if name in species and not species[name].substance_only
    ]
