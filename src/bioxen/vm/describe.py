"""One line for a person, with units, for each computed result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bioxen.protocol.kinetic import (
    ControlAnalysis,
    GlobalSensitivity,
    KineticResult,
    MorrisEffect,
    SobolIndex,
)
from bioxen.protocol.metabolic import (
    Adjustment,
    Deletion,
    DeletionMatrix,
    DeletionPairs,
    DynamicFba,
    Envelope,
    Essentiality,
    FluxSamples,
    GapFill,
    Medium,
    MetabolicResult,
    PhasePlane,
)
from bioxen.protocol.provenance import Provenance

SHOWN = 3
"""Values named in a line; the result itself has them all."""
LETHAL = 0.01
"""A deletion counts as lethal where less than this share of the undisturbed objective is left."""


def metabolic_line(result: MetabolicResult, biomass: str | None = None) -> str:
    """Return what a metabolic result says.

    Args:
        result: the service's result.
        biomass: the chassis' objective, a reaction whose flux is a growth rate, 1/h.
    """
    model = _model(result.provenance, result.model_key)
    if result.status != "optimal":
        return f"{_sentence(result.message)} Objective {_terms(result.objective)} on {model}."
    if any(getattr(result, field) is not None for field in WITHOUT_OPTIMUM):
        return f"{_detail(result)} on {model}"
    best = f"{_objective(result, biomass)} (optimal; objective {_terms(result.objective)}) on {model}"
    return f"{_culture(result.dynamics)} on {model}" if result.dynamics else f"{_detail(result)}{best}"


def kinetic_line(result: KineticResult) -> str:
    """Return what a kinetic result says."""
    model = _model(result.provenance, result.program_key)
    if result.status != "completed":
        return f"failed: {result.message} on {model}"
    seed = "" if result.provenance.seed is None else f" (seed {result.provenance.seed})"
    return f"{_kinetic_outcome(result)}{seed} on {model}"


def _kinetic_outcome(result: KineticResult) -> str:
    if result.estimation is not None:
        fitted = {
            name: f"{_number(one.value)}{_error(one.standard_error)}"
            for name, one in result.estimation.parameters.items()
        }
        return f"fitted {_few(fitted)}; sum of squares {_number(result.estimation.sum_of_squares)}"
    if result.exported is not None:
        return f"the model as {result.exported.file_name}"
    if (told := _toolbox(result)) is not None:
        return told
    if result.sensitivities is not None:
        ranked = sorted(result.sensitivities, key=lambda one: -abs(one.scaled or 0.0))
        scaled = {f"dln({one.output})/dln({one.parameter})": _number(one.scaled) for one in ranked}
        return f"largest scaled sensitivities: {_few(scaled)}"
    if result.steady_state is not None:
        stable = {True: "stable", False: "unstable", None: "of undecided stability"}[
            result.steady_state.stable
        ]
        return f"steady state ({stable}): {_state(result)}"
    unit = (result.output_units or {}).get("time", "model time units")
    end = f"t = {_number(result.time_vector[-1])} {unit}" if result.time_vector else "the end"
    return f"at {end}: {_state(result)}"


def _toolbox(result: KineticResult) -> str | None:
    """Return what the analyses beyond a single simulation say, or `None` for another result."""
    if result.branch is not None or result.members is not None or result.summary is not None:
        return _sentence(result.message).rstrip(".")
    if result.control is not None:
        return _controls(result.control)
    if result.global_sensitivity is not None:
        return _global(result.global_sensitivity)
    if result.petab is not None:
        return f"log-likelihood {result.petab.log_likelihood:.8g} of {result.petab.measurements} measurements"
    if result.oscillations is None:
        return None
    told = {row.output: f"{row.kind}{_period(row.period)}" for row in result.oscillations}
    return _few(told)


def _period(value: float | None) -> str:
    return "" if value is None else f" with period {_number(value)}"


def _controls(found: ControlAnalysis) -> str:
    flux = found.reactions[-1]
    control = dict(zip(found.reactions, found.scaled_flux_control[-1], strict=True))
    ranked = sorted(control, key=lambda name: -abs(control[name] or 0.0))
    return f"control over the flux {flux}: {_few({name: _number(control[name]) for name in ranked})}"


def _global(found: GlobalSensitivity) -> str:
    if found.sobol is not None:
        ranked = sorted(found.sobol, key=lambda one: -(one.total or 0.0))
        return f"largest total Sobol indices: {_few({_of(one): _number(one.total) for one in ranked})}"
    effects = sorted(found.morris or [], key=lambda one: -(one.mu_star or 0.0))
    return f"largest mean absolute effects: {_few({_of(one): _number(one.mu_star) for one in effects})}"


def _of(one: SobolIndex | MorrisEffect) -> str:
    return f"{one.factor} on {one.feature} {one.output}"


def _state(result: KineticResult) -> str:
    units = result.output_units or {}
    final = result.final_state or {}
    return _few({name: f"{_number(value)}{_unit(units.get(name))}" for name, value in final.items()})


def _detail(result: MetabolicResult) -> str:
    """Return what an analysis found beside the optimum."""
    for field, tell in _DETAILS.items():
        part = getattr(result, field)
        if part is not None:
            return tell(part, result)
    return ""


def _deletions(rows: list[Deletion], result: MetabolicResult) -> str:
    left = LETHAL * abs(result.optimal_objective or 0.0)
    lethal = sum(one.growth is None or abs(one.growth) < left for one in rows)
    return f"{lethal} of {len(rows)} deletions leave less than {LETHAL:.0%} of "


def _matrix(matrix: DeletionMatrix, _: MetabolicResult) -> str:
    size = f"{len(matrix.ids_a)}×{len(matrix.ids_b)}"
    return f"double deletions {size}, {matrix.infeasible} pairs infeasible; without any, "


def _pairs(pairs: DeletionPairs, _: MetabolicResult) -> str:
    return f"{len(pairs.ids_a)} pairs of deletions that are told apart; without any, "


def _essentials(found: Essentiality, _: MetabolicResult) -> str:
    return f"{len(found.ids)} essential (less than {found.threshold:.0%} left); "


def _adjusted(found: Adjustment, _: MetabolicResult) -> str:
    return f"{found.measure.replace('_', ' ')} distance {_number(found.distance)} from the reference; "


def _envelope(found: Envelope, _: MetabolicResult) -> str:
    return f"envelope over {', '.join(found.fluxes)}, {len(found.flux_maximum)} points; best "


def _plane(found: PhasePlane, _: MetabolicResult) -> str:
    phases = {number for row in found.phase for number in row if number is not None}
    return f"{len(phases)} phases over {found.x} and {found.y}; best "


def _media(found: list[Medium], _: MetabolicResult) -> str:
    first = found[0]
    return (
        f"{len(found)} minimal medium with {first.components} nutrients, "
        f"{_number(first.total_uptake)} mmol/gDW/h in total; "
    )


def _samples(found: FluxSamples, _: MetabolicResult) -> str:
    trust = f"least effective sample size {_number(found.min_ess)}, greatest R-hat {_number(found.max_r_hat)}"
    return f"{found.samples} flux samples in {found.dimension} dimensions ({trust})"


def _filled(found: list[GapFill], _: MetabolicResult) -> str:
    return f"filled by {', '.join(found[0].reactions) or 'nothing'}; "


_DETAILS: dict[str, Callable[[Any, MetabolicResult], str]] = {
    "flux_ranges": lambda found, _: f"flux ranges of {len(found)} reactions; ",
    "essentiality": _essentials,
    "deletions": _deletions,
    "deletion_matrix": _matrix,
    "deletion_pairs": _pairs,
    "adjustment": _adjusted,
    "envelope": _envelope,
    "phase_plane": _plane,
    "robustness": lambda found, _: f"{len(found.fluxes)} fluxes of {found.reaction}; best ",
    "media": _media,
    "blocked": lambda found, _: f"{len(found)} blocked reactions",
    "samples": _samples,
    "gap_fills": _filled,
}
"""Part of a result → what it says, the most telling first."""
WITHOUT_OPTIMUM = ("blocked", "samples")
"""Parts that hold whatever the objective is."""


def _sentence(text: str) -> str:
    return text.strip().rstrip(".") + "."


def _culture(run: DynamicFba) -> str:
    why = "" if run.ended == "time_end" else ", where FBA became infeasible"
    grown = f"{_number(run.biomass[0])} to {_number(run.biomass[-1])} gDW/L"
    return f"biomass from {grown} in {_number(run.time[-1])} h{why}"


def _objective(result: MetabolicResult, biomass: str | None) -> str:
    value = _number(result.optimal_objective)
    if len(result.objective) == 1:
        ((name, coefficient),) = result.objective.items()
        if coefficient == 1 and (name == biomass or _names_growth(name)):
            return f"growth rate {value} 1/h"
        if coefficient == 1:
            return f"flux {name} {value} mmol/gDW/h"
    return f"objective value {value}"


def _names_growth(reaction: str) -> bool:
    return any(word in reaction.casefold() for word in ("biomass", "growth"))


def _terms(objective: Mapping[str, float]) -> str:
    if not objective:
        return "none"
    terms = {name: name if factor == 1 else f"{factor:g} {name}" for name, factor in objective.items()}
    rest = len(terms) - SHOWN
    return " + ".join(list(terms.values())[:SHOWN]) + (f" + {rest} more" if rest > 0 else "")


def _few(values: Mapping[str, str]) -> str:
    shown = [f"{name} = {value}" for name, value in list(values.items())[:SHOWN]]
    rest = len(values) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _model(provenance: Provenance, digest: str) -> str:
    return provenance.model_id or f"the given model {digest[:12]}"


def _number(value: Any) -> str:
    return "undefined" if value is None else f"{value:.4g}"


def _unit(unit: str | None) -> str:
    if unit == "item":  # SBML's word
        return " molecules"
    return " model units" if unit is None else f" {unit}" if unit not in ("", "1", "dimensionless") else ""


def _error(value: float | None) -> str:
    return "" if value is None else f" ± {_number(value)}"
