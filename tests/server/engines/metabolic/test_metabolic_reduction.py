"""The reduced problem is the same problem: same solutions, same bounds, same costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.linalg import null_space
from scipy.optimize import linprog
from tests.server.engines.metabolic.bench import program

from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.reduction import reduce
from bioxen.server.engines.metabolic.solver import NoOptimum, linear_program

ENTRIES = st.sampled_from([0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 2.0, -0.5, 3.0])


@st.composite
def matrices(draw: st.DrawFn) -> sparse.csc_array:
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    values = draw(st.lists(ENTRIES, min_size=rows * columns, max_size=rows * columns))
    return sparse.csc_array(np.array(values).reshape(rows, columns))


def rank(matrix: sparse.csc_array) -> int:
    return int(np.linalg.matrix_rank(matrix.toarray())) if min(matrix.shape) else 0


@settings(max_examples=300, deadline=None)
@given(matrices())
def test_no_solution_is_lost_or_invented(matrix: sparse.csc_array) -> None:
    reduction = reduce(matrix)
    free = reduction.matrix.shape[1]
    assert free - rank(reduction.matrix) == matrix.shape[1] - rank(matrix)
    expansion = np.zeros((matrix.shape[1], free))
    for x, z in enumerate(reduction.root):
        if z >= 0:
            expansion[x, z] = reduction.factor[x]
    if free:
        solutions = expansion @ null_space(reduction.matrix.toarray())
        assert np.abs(matrix @ solutions).max(initial=0.0) < 1e-9


@settings(max_examples=150, deadline=None)
@given(matrices(), st.data())
def test_the_optimum_is_that_of_brute_force(matrix: sparse.csc_array, data: st.DataObject) -> None:
    count = matrix.shape[1]
    limits = st.integers(-4, 4)
    pairs = [sorted((data.draw(limits), data.draw(limits))) for _ in range(count)]
    lower, upper = np.array(pairs, dtype=float).T.copy()
    cost = np.array([float(data.draw(st.integers(-2, 2))) for _ in range(count)])
    outcome = linear_program(matrix, lower, upper, cost).solve(lower, upper, cost)
    expected = _by_scipy(matrix, lower, upper, cost)
    if isinstance(outcome, NoOptimum):
        assert (outcome.status, expected) == ("infeasible", None)
    else:
        assert expected is not None and outcome.value == pytest.approx(expected, abs=1e-6)
        assert np.abs(matrix @ outcome.x).max() <= 1e-8


def _by_scipy(matrix: sparse.csc_array, lower: Vector, upper: Vector, cost: Vector) -> float | None:
    bounds = list(zip(lower.tolist(), upper.tolist(), strict=True))
    answer = linprog(cost, A_eq=matrix.toarray(), b_eq=np.zeros(matrix.shape[0]), bounds=bounds)
    return float(answer.fun) if answer.status == 0 and answer.fun is not None else None


def test_a_genome_scale_model_shrinks_by_half() -> None:
    reduced = reduce(program("iJO1366").network.stoichiometry)
    assert reduced.matrix.shape[0] < 700 and reduced.matrix.shape[1] < 1500
    assert np.abs(reduced.factor).max() <= 1.0
