"""The matrices of metabolic control analysis at a steady state, after Reder.

With the state x = x₀ + Uc, where U spans the directions that conserved moieties leave free, a change of the
reaction rates by δ moves the steady state by Γδ with Γ = −U(UᵀJU)⁻¹UᵀN. The rest follows: the flux control
coefficients are 1 + EΓ with the elasticities E = ∂v/∂x, and a parameter acts by what it does to the rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import ControlAnalysis
from bioxen.server.engines.kinetic.outputs import written
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix, Runner
from bioxen.server.engines.kinetic.statespace import StateSpace
from bioxen.server.engines.kinetic.steady_state import Root, volume_of

_SINGULAR = 1e12
"""Condition of the scaled reduced Jacobian from which the steady state counts as degenerate."""
_NO_FLUX = 1e-12
"""Share of the largest flux below which a flux is zero and has no scaled coefficients."""
_BALANCED = 1e-10
"""Share of a reaction's turnover below which its net flux is rounding: what goes forth comes back."""
_NOTHING = 1e-20
"""Share of the largest amount below which an amount is the trace of one that died out, and gives no flux."""
_STEP = np.finfo(float).eps ** (1 / 3)


@dataclass(frozen=True, slots=True)
class _Slopes:
    """What one parameter does at the steady state, when nothing else moves."""

    rates: Matrix
    fluxes: Matrix


class Analysis:
    """The matrices at one steady state; amounts inside, natural quantities outside."""

    def __init__(self, runner: Runner, space: StateSpace, program: Program, root: Root) -> None:
        facts = program.facts
        self._runner = runner
        self._space = space
        self._state = root.state
        self._parameters = [name for name in facts.free_parameters if name not in space.names]
        self._volumes = np.array([volume_of(name, runner, facts) for name in space.names])
        self._levels = self._state / self._volumes
        self._reactions = list(facts.reactions)
        species = facts.species
        self._names = [species[name].natural if name in species else name for name in space.names]
        jacobian, self._elasticities = space.linearised(root.state)
        _check_stoichiometry(space, jacobian, self._elasticities, facts.rate_targets)
        self._fluxes = runner.reaction_rates()
        self._net = net(self._fluxes, self._elasticities, self._state)
        self._reduced = space.basis.T @ jacobian @ space.basis

    @property
    def is_degenerate(self) -> bool:
        """Whether the steady state is not isolated, within rounding."""
        if self._reduced.size == 0:
            return False
        rows = np.abs(self._reduced).max(axis=1)
        return bool((rows == 0).any() or np.linalg.cond(self._reduced / rows[:, None]) > _SINGULAR)

    def _response(self, push: Matrix) -> Matrix:
        """Return how the state moves when the rates of change are pushed."""
        basis = self._space.basis
        if basis.shape[1] == 0:
            return np.zeros_like(push)
        moved: Matrix = -basis @ np.linalg.solve(self._reduced, basis.T @ push)
        return moved

    def message(self) -> ControlAnalysis:
        """Return everything."""
        moved = self._moved()
        flux_control, concentration = self._control(moved)
        scaled_flux, scaled_concentration = self._scaled(flux_control, concentration)
        elasticities, levels = self._elasticities * self._volumes, self._levels
        slopes = [self._slopes(name) for name in self._parameters]
        direct = _columns([slope.fluxes for slope in slopes], len(self._reactions))
        shifts = self._response(_columns([slope.rates for slope in slopes], self._state.size))
        return ControlAnalysis(
            reactions=self._reactions,
            species=self._names,
            fluxes=self._fluxes.tolist(),
            levels=levels.tolist(),
            elasticities=_table(elasticities),
            scaled_elasticities=_table(scaled(elasticities, self._net, levels)),
            concentration_control=_table(concentration),
            scaled_concentration_control=_table(scaled_concentration),
            flux_control=_table(flux_control),
            scaled_flux_control=_table(scaled_flux),
            parameters=self._parameters,
            parameter_elasticities=_table(direct),
            flux_responses=_table(direct + self._elasticities @ shifts),
            concentration_responses=_table(shifts / self._volumes[:, None]),
            summation_error=max(_off(scaled_flux.sum(axis=1) - 1), _off(scaled_concentration.sum(axis=1))),
            connectivity_error=self._connectivity(moved, flux_control),
        )

    def coefficients(self) -> tuple[Matrix, Matrix, Matrix]:
        """Return the fluxes, and the scaled flux and concentration control coefficients."""
        return self._fluxes, *self._scaled(*self._control(self._moved()))

    def _moved(self) -> Matrix:
        """Return how the state moves with each reaction's rate."""
        return self._response(self._space.stoichiometry)

    def _control(self, moved: Matrix) -> tuple[Matrix, Matrix]:
        """Return the flux and the concentration control coefficients."""
        flux: Matrix = np.eye(len(self._reactions)) + self._elasticities @ moved
        return flux, moved / self._volumes[:, None]

    def _scaled(self, flux: Matrix, concentration: Matrix) -> tuple[Matrix, Matrix]:
        return scaled(flux, self._net, self._net), scaled(concentration, self._levels, self._net)

    def _connectivity(self, moved: Matrix, flux_control: Matrix) -> float | None:
        """Return how far CᴶEU = 0 and ΓEU = −U are from true, where reactions alone move everything."""
        basis = self._space.basis
        if basis.shape[1] == 0 or not self._space.stoichiometry.any(axis=1).all():
            return None
        effects = self._elasticities @ basis
        # A coefficient of a flux is itself a difference: these are the terms in it.
        cancelled = np.eye(len(self._reactions)) + np.abs(self._elasticities) @ np.abs(moved)
        fluxes = _share(flux_control @ effects, cancelled @ np.abs(effects))
        levels = _share(moved @ effects + basis, np.abs(moved) @ np.abs(effects) + np.abs(basis))
        return max(_off(fluxes), _off(levels))

    def _slopes(self, parameter: str) -> _Slopes:
        value = self._runner.get(parameter)
        step = _STEP * (abs(value) or 1.0)
        ends = []
        for moved in (value + step, value - step):
            self._runner.set(parameter, moved)
            ends.append((self._space.rates(self._state), self._runner.reaction_rates()))
        self._runner.set(parameter, value)
        self._space.write(self._state)
        (rates, fluxes), (rates_below, fluxes_below) = ends
        return _Slopes((rates - rates_below) / (2 * step), (fluxes - fluxes_below) / (2 * step))


def _check_stoichiometry(
    space: StateSpace, jacobian: Matrix, elasticities: Matrix, rate_targets: frozenset[str]
) -> None:
    """Make sure that the stoichiometry alone turns rates into changes (no conversion factors, say)."""
    expected = space.stoichiometry @ elasticities
    rows = [index for index, name in enumerate(space.names) if name not in rate_targets]
    size = np.abs(jacobian).max(initial=0.0)
    if rows and _off((expected - jacobian)[rows]) > 1e-5 * size:
        raise ValidationError(
            "More than the stoichiometry turns reaction rates into changes: conversion factors, or "
            "stoichiometries that vary.",
            details={"place": "process_code", "remedy": "Use kinetic_sensitivity for this model."},
        )


def net(fluxes: Matrix, elasticities: Matrix, amounts: Matrix) -> Matrix:
    """Return the fluxes, exactly zero where directions balance within rounding, or nothing is left.

    Args:
        fluxes: … × reactions.
        elasticities: … × reactions × states, unscaled; times the amounts they are the size of what flows.
        amounts: … × states.
    """
    turnover = np.abs(elasticities * amounts[..., None, :]).max(axis=-1, initial=0.0)
    largest = np.abs(amounts).max(axis=-1, initial=0.0)[..., None]
    nothing = _NOTHING * largest * np.abs(elasticities).max(axis=-1, initial=0.0)
    return np.where(np.abs(fluxes) <= np.maximum(_BALANCED * turnover, nothing), 0.0, fluxes)


def scaled(matrices: Matrix, rows: Matrix, columns: Matrix) -> Matrix:
    """Return d ln/d ln for derivatives, … × rows × columns; NaN in rows that are zero within rounding."""
    zero = np.abs(rows) <= _NO_FLUX * np.abs(rows).max(axis=-1, initial=0.0, keepdims=True)
    over = np.where(zero, np.nan, rows)
    found: Matrix = matrices * columns[..., None, :] / over[..., :, None]
    return found


def _columns(parts: list[Matrix], height: int) -> Matrix:
    return np.array(parts).T if parts else np.zeros((height, 0))


def _share(errors: Matrix, terms: Matrix) -> Matrix:
    """Return errors as shares of the largest of the terms that cancel in their row."""
    largest = terms.max(axis=1, keepdims=True)
    found: Matrix = errors / np.where(largest > 0, largest, 1.0)
    return found


def _table(matrix: Matrix) -> list[list[float | None]]:
    return [written(row) for row in matrix]


def _off(errors: Matrix) -> float:
    known = np.abs(errors[np.isfinite(errors)])
    return float(known.max(initial=0.0))
