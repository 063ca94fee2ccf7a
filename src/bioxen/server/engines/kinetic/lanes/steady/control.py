"""Metabolic control analysis at steady states: elasticities and control coefficients, analytically.

C. Reder, J. Theor. Biol. 135 (1988) 175: with the stoichiometry N, its independent rows N_R, the link
matrix L and the elasticities E = dv/dS, concentrations answer to a change of the rates with
-L (N_R E L)^-1 N_R, and fluxes with I + E times that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.lanes.steady.moieties import moieties

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Control:
    """Coefficients of an ensemble. Scaled ones have no unit; they are NaN or infinite over zero."""

    fluxes: Floats
    """[members][reactions]"""
    elasticities: Floats
    """[members][reactions][states]: d(flux)/d(amount)."""
    concentration_control: Floats
    """[members][states][reactions]: d(amount)/d(rate of a reaction)."""
    flux_control: Floats
    """[members][reactions][reactions]: d(flux)/d(rate of a reaction)."""
    states: Floats
    """[members][states]"""

    @property
    def scaled_elasticities(self) -> Floats:
        """[members][reactions][states]: d(ln flux)/d(ln amount)."""
        return _scaled(self.elasticities, self.fluxes, self.states)

    @property
    def scaled_concentration_control(self) -> Floats:
        """[members][states][reactions]: d(ln amount)/d(ln rate)."""
        return _scaled(self.concentration_control, self.states, self.fluxes)

    @property
    def scaled_flux_control(self) -> Floats:
        """[members][reactions][reactions]: d(ln flux)/d(ln rate)."""
        return _scaled(self.flux_control, self.fluxes, self.fluxes)


def control(program: LaneProgram, states: Floats, parameters: Floats) -> Control:
    """Return the coefficients at steady states.

    Args:
        program: the model; reactions with constant stoichiometries alone move its states.
        states: [members][states], steady.
        parameters: [members][parameters]

    Raises:
        InvalidModelError: a stoichiometry changes, or a rate rule moves a state.
    """
    matrix = program.stoichiometry
    if matrix is None or program.rate_rules:
        raise InvalidModelError(
            "Control coefficients are those of reactions, and here something else moves a state: "
            + (
                "a stoichiometry changes."
                if matrix is None
                else f"{sorted(program.rate_rules)[0]} has a rate rule."
            ),
            details={"place": "process_code", "remedy": "Write rate rules as reactions."},
        )
    space = moieties(program)
    fluxes = evaluate(program.fluxes, 0.0, states, parameters, len(program.reactions))
    elasticities = _dense(
        program.flux_jacobian, states, parameters, (len(program.reactions), len(program.states))
    )
    independent = matrix[space.free]
    reduced = independent @ elasticities @ space.link
    answers = np.full((len(states), space.free.size, len(program.reactions)), np.nan)
    for member, each in enumerate(reduced):
        if np.isfinite(each).all() and np.linalg.matrix_rank(each) == len(each):
            answers[member] = np.linalg.solve(each, independent)
    concentrations = -space.link @ answers
    return Control(
        fluxes=fluxes,
        elasticities=elasticities,
        concentration_control=concentrations,
        flux_control=np.eye(len(program.reactions)) + elasticities @ concentrations,
        states=states,
    )


def parameter_elasticities(program: LaneProgram, states: Floats, parameters: Floats) -> Floats:
    """Return [members][reactions][parameters]: d(flux)/d(parameter); times coefficients, responses."""
    size = (len(program.reactions), len(program.parameters))
    return _dense(program.flux_parameter_jacobian, states, parameters, size)


def _dense(
    function: tuple[int, NDArray[np.int32], NDArray[np.int32]],
    states: Floats,
    parameters: Floats,
    size: tuple[int, int],
) -> Floats:
    address, rows, columns = function
    table = np.zeros((len(states), *size))
    table[:, rows, columns] = evaluate(address, 0.0, states, parameters, len(rows))
    return table


def _scaled(table: Floats, over: Floats, by: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = table * by[:, None, :] / over[:, :, None]
    return result
