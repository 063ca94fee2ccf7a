"""Which results are exact: every field that tells of something unproven or unfinished counts."""

from __future__ import annotations

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
    Essentiality,
    FbaRequest,
    MetabolicResult,
    Outcome,
)
from bioxen.protocol.provenance import Provenance
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
