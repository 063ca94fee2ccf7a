"""Which results are exact: every field that tells of something unproven or unfinished counts."""

from __future__ import annotations

import ast
import inspect
import typing
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import (
    Branch,
    EnsembleRequest,
    Estimation,
    GlobalSensitivity,
    KineticBatchRequest,
    KineticResult,
    KineticVariant,
    Members,
    PetabFit,
    SobolRequest,
    Summary,
    TimeCourseRequest,
)
from bioxen.protocol.metabolic import (
    BatchColumns,
    Deletion,
    DeletionMatrix,
    DeletionPairs,
    DynamicFba,
    Essentiality,
    FbaRequest,
    MetabolicResult,
    Outcome,
)
from bioxen.protocol.provenance import Provenance
from bioxen.server.engines import exactness
from bioxen.server.engines.exactness import is_exact

M = TypeVar("M", bound=BaseModel)
PROVENANCE = Provenance(
    model_id=None, model_digest="", engine="metabolic", engine_version="", bioxen_version=""
)


def some(kind: type[M], **fields: Any) -> M:
    """Return a message that has these fields alone."""
    return kind.model_construct(**fields)


def found(status: Any = "optimal", **parts: Any) -> MetabolicResult:
    return MetabolicResult(
        process_code="metabolic_fba",
        status=status,
        message="",
        optimal_objective=None,
        objective={},
        objective_direction="max",
        model_key="",
        provenance=PROVENANCE,
        **parts,
    )


def ran(status: Any = "completed", **parts: Any) -> KineticResult:
    return KineticResult(
        process_code="kinetic_ode", status=status, message="", program_key="", provenance=PROVENANCE, **parts
    )


def deletions(*status: Any) -> list[Deletion]:
    return [Deletion(ids=["a"], growth=None, status=one) for one in status]


def matrix(*unsolved: list[str]) -> DeletionMatrix:
    return DeletionMatrix(ids_a=[], ids_b=[], growth=None, packed=None, infeasible=0, unsolved=list(unsolved))


def pairs(status: Any) -> DeletionPairs:
    none: list[float | None] = [None]
    return DeletionPairs(
        ids_a=["a"],
        ids_b=["b"],
        growth=none,
        growth_a=none,
        growth_b=none,
        status=[status],
    )


def batch(status: Any, inner: Any) -> BatchColumns:
    results = [Outcome(status=inner, message="", optimal_objective=None)]
    return BatchColumns(status=[status], objective=[None], results=results)


def essential(*undecided: str) -> Essentiality:
    return Essentiality(ids=[], threshold=0.01, limit=0.1, undecided=list(undecided))


@pytest.mark.parametrize(
    ("result", "exact"),
    [
        (found(), True),
        (found("infeasible"), True),
        (found("unbounded"), True),
        (found("feasible"), False),
        (found("numeric"), False),
        (found(deletions=deletions("optimal", "infeasible")), True),
        (found(deletions=deletions("optimal", "numeric")), False),
        (found(deletion_matrix=matrix()), True),
        (found(deletion_matrix=matrix(["a", "b"])), False),
        (found(deletion_pairs=pairs("optimal")), True),
        (found(deletion_pairs=pairs("numeric")), False),
        (found(essentiality=essential()), True),
        (found(essentiality=essential("a")), False),
        (found(batch=batch("optimal", "optimal")), True),
        (found(batch=batch("numeric", "optimal")), False),
        (found(batch=batch("optimal", "feasible")), False),
        (found(dynamics=some(DynamicFba, ended="infeasible")), True),
        (found(dynamics=some(DynamicFba, ended="a new word")), False),
    ],
)
def test_metabolic_results(result: MetabolicResult, exact: bool) -> None:
    assert is_exact(FbaRequest(), result) is exact


COURSE = TimeCourseRequest()
ENSEMBLE = EnsembleRequest(members=2, method="ssa")
BATCH = KineticBatchRequest(variants=[KineticVariant(), KineticVariant()])
SOBOL = parse(
    SobolRequest,
    {
        "process_code": "kinetic_sobol",
        "factors": {"a": {"lower": 0.0, "upper": 1.0}, "b": {"lower": 0.0, "upper": 1.0}},
    },
)


def members(*status: Any, failures: dict[str, list[int]] | None = None) -> Members:
    return Members(
        first=0,
        varied={},
        status=list(status),
        failures=failures or {},
        methods={},
        outputs=[],
        times=[],
        feature_names=[],
    )


def summary(count: int) -> Summary:
    return some(Summary, members=count)


def branch(*ended: str) -> Branch:
    return some(Branch, ended=ended)


@pytest.mark.parametrize(
    ("request_", "result", "exact"),
    [
        (COURSE, ran(), True),
        (COURSE, ran("failed"), False),
        (ENSEMBLE, ran(members=members("completed", "completed")), True),
        (ENSEMBLE, ran(members=members("completed", "failed", failures={"stiff": [1]})), False),
        (BATCH, ran(members=members("completed", "completed")), True),
        (BATCH, ran(members=members("completed", "failed", failures={"stiff": [1]})), False),
        (ENSEMBLE, ran(summary=summary(2)), True),
        (ENSEMBLE, ran(summary=summary(1)), False),
        (ENSEMBLE, ran(), False),
        (SOBOL, ran(global_sensitivity=GlobalSensitivity(members=8, failed=0)), True),
        (SOBOL, ran(global_sensitivity=GlobalSensitivity(members=8, failed=1)), False),
        (COURSE, ran(branch=branch("range", "closed")), True),
        (COURSE, ran(branch=branch("range", "stuck")), False),
        (COURSE, ran(branch=branch("points", "range")), False),
        (COURSE, ran(branch=branch("range", "a new word")), False),
        (COURSE, ran(estimation=some(Estimation, start_costs=[1.0])), True),
        (COURSE, ran(estimation=some(Estimation, start_costs=[1.0, None])), False),
        (COURSE, ran(petab=some(PetabFit, start_log_likelihoods=None)), True),
        (COURSE, ran(petab=some(PetabFit, start_log_likelihoods=[None])), False),
    ],
)
def test_kinetic_results(request_: Any, result: KineticResult, exact: bool) -> None:
    assert is_exact(request_, result) is exact


def test_a_result_of_an_unknown_kind_is_not_kept() -> None:
    assert not is_exact(FbaRequest(), Outcome(status="optimal", message="", optimal_objective=1.0))


JUDGED = {
    "MetabolicResult": "status deletions deletion_matrix deletion_pairs essentiality dynamics batch",
    "Outcome": "status deletions deletion_matrix deletion_pairs essentiality dynamics",
    "Deletion": "status",
    "DeletionMatrix": "unsolved",
    "DeletionPairs": "status",
    "Essentiality": "undecided",
    "DynamicFba": "ended",
    "BatchColumns": "status results",
    "KineticResult": "status estimation members summary global_sensitivity branch petab",
    "Estimation": "start_costs",
    "Members": "status failures outcomes",
    "VariantOutcome": "status branch",  # its status stands among those of the members too
    "Summary": "members",
    "GlobalSensitivity": "failed",
    "Branch": "ended",
    "PetabFit": "start_log_likelihoods",
}
"""Fields that tell whether something is unproven or unfinished, or that hold such fields."""
OUTCOME = """message optimal_objective flux_state flux_ranges shadow_prices reduced_costs uniqueness
    adjustment envelope phase_plane robustness media blocked samples gap_fills certificate"""
FACTS = {
    "MetabolicResult": f"""{OUTCOME} vm_id computation_type computation_service execution_result process_code
        objective objective_direction model_key provenance""",
    "Outcome": OUTCOME,
    "FluxRange": "minimum maximum",
    "Deletion": "ids growth",
    "DeletionMatrix": "ids_a ids_b growth packed infeasible",
    "DeletionPairs": "ids_a ids_b growth growth_a growth_b",
    "Essentiality": "ids threshold limit",
    "Uniqueness": "unique degrees_of_freedom undetermined",
    "Adjustment": "measure distance reference changed",
    "Envelope": """carbon_sources fluxes flux_minimum flux_maximum carbon_yield_minimum carbon_yield_maximum
        mass_yield_minimum mass_yield_maximum""",
    "PhasePlane": "x y x_fluxes y_fluxes objective slope_x slope_y phase",
    "Robustness": "reaction fluxes objective",
    "Medium": "components total_uptake uptake",
    # Samples that are fewer than asked for are `feasible`; whether the chains agree is a fact about the rest.
    "FluxSamples": "samples chains dimension probabilities converged min_ess max_r_hat fluxes values",
    "FluxDistribution": "mean sd quantiles ess r_hat",
    "GapFill": "reactions objective",
    "DynamicFba": "time biomass concentrations growth_rate",
    "Certificate": "residual bound_violation duality_gap kkt_residual",
    "BatchColumns": "objective fluxes",
    "Provenance": "model_id model_digest engine engine_version bioxen_version settings seed",
    "KineticResult": """vm_id computation_type computation_service execution_result process_code message
        time_vector species_trajectories final_state output_units steady_state sensitivities event_firings
        audit control oscillations exported program_key provenance""",
    "SteadyState": "residual eigenvalues stable",
    "Eigenvalue": "real imaginary",
    "Sensitivity": "output parameter unscaled scaled",
    "Estimation": "parameters sum_of_squares residuals experiments profiles",
    "Estimate": "value standard_error at_bound",
    "ExperimentFit": "name times simulated residuals",
    "Profile": "lower upper values sum_of_squares threshold",
    "EventFirings": "time triggered event",
    "Members": """first varied methods outputs times feature_names features values steady control moments
        histograms""",
    "NumberArray": "shape numbers base64 reference",
    "ArrayReference": "digest size path",
    "SteadyMembers": "residual stable settled rightmost_real rightmost_imaginary",
    "ControlMembers": "reactions species fluxes flux_control concentration_control",
    "VariantOutcome": "message final_state steady_state sensitivities control oscillations",
    "Moments": "members mean squares buckets",
    "Buckets": "lowest highest packed",
    "Audit": "members largest_in_tolerances largest_relative refused",
    "Summary": """mean standard_deviation quantiles accuracy outputs probabilities quantile_method histograms
        steady control""",
    "Histogram": "output feature edges counts below above missing",
    "SteadySummary": "stable unstable undecided settled",
    "ControlSummary": "reactions species fluxes flux_control concentration_control",
    "Statistics": "mean standard_deviation quantiles accuracy",
    "GlobalSensitivity": "members sobol sobol_pairs morris",
    "SobolIndex": "output feature factor first_order first_order_confidence total total_confidence",
    "SobolPair": "output feature factors second_order second_order_confidence",
    "MorrisEffect": "output feature factor mu mu_star sigma mu_star_confidence",
    "ControlAnalysis": """reactions species fluxes levels elasticities scaled_elasticities
        concentration_control scaled_concentration_control flux_control scaled_flux_control parameters
        parameter_elasticities flux_responses concentration_responses summation_error connectivity_error""",
    "Branch": """parameter parameter_values states stable rightmost_real rightmost_imaginary start
        special_points""",
    "SpecialPoint": "kind after_point parameter state period",
    "Oscillation": """output kind period period_deviation amplitude minimum maximum phase damping cycles""",
    "PetabFit": """log_likelihood chi_squared measurements parameters observable condition time measured
        simulated""",
    "ExportedModel": "format file_name media_type text archive",
}
"""The other fields: with the same request they are the same, whoever computes."""


def messages_in(kind: Any, found: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the messages that a type is made of, with their fields."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind.__name__ not in found:
            found[kind.__name__] = set(kind.model_fields)
            for field in kind.model_fields.values():
                messages_in(field.annotation, found)
    else:
        for argument in typing.get_args(kind):
            messages_in(argument, found)
    return found


def test_every_field_of_every_result_was_looked_at() -> None:
    """A new field that tells of something unproven is to be read in `exactness`, and listed in `JUDGED`."""
    fields = messages_in(KineticResult, messages_in(MetabolicResult, {}))
    listed = {name: {*FACTS[name].split(), *JUDGED.get(name, "").split()} for name in FACTS}
    assert listed == fields


def test_no_field_is_both_and_the_judged_ones_are_read() -> None:
    assert all(not set(words.split()) & set(FACTS[name].split()) for name, words in JUDGED.items())
    read = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(exactness)))
        if isinstance(node, ast.Attribute)
    }
    assert {field for words in JUDGED.values() for field in words.split()} <= read
