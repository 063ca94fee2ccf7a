"""The kernel against HiGHS, judged by certificates: same optimum, same refusals, same bits."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import cobra
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.server.engines.metabolic.bench import ENGINE, encoded, packaged, program, run
from tests.shared_data import shared

from bioxen.server.bytecode.scan import admit
from bioxen.server.engines.metabolic import solver
from bioxen.server.engines.metabolic.families import solve_variants
from bioxen.server.engines.metabolic.kernel import state
from bioxen.server.engines.metabolic.kernel.batch import changes_of
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.proof import proves
from bioxen.server.engines.metabolic.solver import (
    KERNEL,
    LinearProgram,
    NoOptimum,
    Optimum,
    Outcome,
    linear_program,
)

Variant = tuple[Vector, Vector, Vector]


@cache
def salmonella() -> Program:
    """COBRApy's own salmonella model, whose SBML libSBML refuses for a chemical formula."""
    model = cobra.io.read_sbml_model(str(packaged("salmonella")))
    return ENGINE.compile(admit(cobra.io.to_json(model)))


@cache
def yeast() -> Program:
    """iMM904, whose bounds of 999,999 leave few digits for everything else."""
    return ENGINE.compile(admit(shared("gem", "iMM904.json").read_text(encoding="utf-8")))


def compiled(name: str) -> Program:
    return {"salmonella": salmonella, "iMM904": yeast}.get(name, lambda: program(name))()


def base_problem(compiled: Program) -> Problem:
    return build_problem(ENGINE.parse({"process_code": "metabolic_fba"}), compiled.network)


def random_variant(network: object, number: int) -> Variant:
    """Return knock-outs, a medium, an objective, a direction, or several of them."""
    rng = np.random.default_rng(number)
    lower, upper, cost = network.lower.copy(), network.upper.copy(), -network.objective  # type: ignore[attr-defined]
    if number % 2:
        stopped = rng.choice(len(lower), rng.integers(1, 4))
        lower[stopped] = upper[stopped] = 0.0
    if number % 3 == 0:
        opened = rng.choice(network.exchanges, 5)  # type: ignore[attr-defined]
        lower[opened] = np.minimum(-rng.uniform(0, 20, 5), upper[opened])
    if number % 5 == 0:
        cost = np.zeros(len(lower))
        cost[rng.choice(len(lower), 3)] = rng.normal(size=3)
    if number % 7 == 0:
        cost = -cost
    if number % 11 == 0:
        tight = rng.choice(len(lower), 10)
        upper[tight] = np.maximum(lower[tight], np.minimum(upper[tight], rng.uniform(0, 5, 10)))
    return lower, upper, cost


def same(kernel: Outcome, highs: Outcome) -> bool:
    """Return whether two proven outcomes agree as far as their own proofs say that they must."""
    if isinstance(kernel, NoOptimum) or isinstance(highs, NoOptimum):
        numeric = isinstance(highs, NoOptimum) and highs.status == "numeric"
        return kernel == highs or (numeric and isinstance(kernel, Optimum))
    gap = (kernel.certificate.duality_gap or 0.0) + (highs.certificate.duality_gap or 0.0)
    return abs(kernel.value - highs.value) <= 1e-9 * max(1.0, abs(highs.value)) + gap + 1e-8 * (gap > 0)


@pytest.mark.parametrize(
    ("name", "count"), [("textbook", 3000), ("iJO1366", 250), ("salmonella", 250), ("iMM904", 150)]
)
def test_random_perturbations(name: str, count: int) -> None:
    network, programs = compiled(name).network, compiled(name).fluxes
    programs = replace(programs, fallbacks=Counter())
    refused = 0
    for number in range(1, count + 1):
        lower, upper, cost = random_variant(network, number)
        outcome, opinion = programs.solve(lower, upper, cost), programs.solve_by_highs(lower, upper, cost)
        assert same(outcome, opinion), (number, outcome, opinion)
        refused += isinstance(outcome, NoOptimum)
        if isinstance(outcome, Optimum):
            assert proves(outcome.certificate, outcome.x, outcome.value)
            assert np.abs(network.stoichiometry @ outcome.x).max() == pytest.approx(
                outcome.certificate.residual, abs=1e-9
            )
    print(f"{name}: {count} programs, {refused} without an optimum, fallbacks {dict(programs.fallbacks)}")
    assert programs.fallbacks.total() - refused <= 0.005 * count, programs.fallbacks


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6))
def test_random_networks(seed: int) -> None:
    """Small integers make ties and degenerate vertices everywhere, which is where simplex methods cycle."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(2, 9), rng.integers(4, 16)
    entries = rng.integers(-2, 3, (rows, columns)) * (rng.random((rows, columns)) < 0.5)
    matrix = sparse.csc_array(entries.astype(float))
    lower, upper = -rng.integers(0, 4, columns).astype(float), rng.integers(0, 4, columns).astype(float)
    cost = rng.integers(-2, 3, columns).astype(float)
    programs = linear_program(matrix, lower, upper, cost)
    for _ in range(8):
        low = np.where(rng.random(columns) < 0.3, rng.integers(-4, 2, columns), lower).astype(float)
        high = np.maximum(low, np.where(rng.random(columns) < 0.3, rng.integers(-1, 5, columns), upper))
        low[rng.random(columns) < 0.1], high[rng.random(columns) < 0.1] = -np.inf, np.inf
        costs = rng.integers(-2, 3, columns).astype(float) if rng.random() < 0.5 else cost
        assert same(programs.solve(low, high, costs), programs.solve_by_highs(low, high, costs))
    assert set(programs.fallbacks) <= {"infeasible", "unbounded"}


def test_a_cycling_example_ends() -> None:
    """Beale's example, on which the textbook rules of the simplex method cycle for ever."""
    rows = [
        [0.25, -8, -1, 9, 1, 0, 0, 0],
        [0.5, -12, -0.5, 3, 0, 1, 0, 0],
        [0, 0, 1, 0, 0, 0, 1, -1],
    ]
    lower, upper = np.zeros(8), np.full(8, np.inf)
    lower[7] = upper[7] = 1.0
    cost = np.array([-0.75, 20, -0.5, 6, 0, 0, 0, 0])
    programs = linear_program(sparse.csc_array(np.array(rows)), lower, upper, np.zeros(8))
    outcome = programs.solve(lower, upper, cost)
    assert isinstance(outcome, Optimum) and outcome.solver == KERNEL
    assert outcome.value == pytest.approx(-1.25)


def test_refusals_are_highs_own() -> None:
    programs, network = program("textbook").fluxes, program("textbook").network
    forced = network.lower.copy()
    forced[network.reaction_index["ATPM"]] = 500.0
    cost = -network.objective
    assert programs.solve(forced, network.upper, cost) == NoOptimum("infeasible")
    free_lower, free_upper = np.full(95, -np.inf), np.full(95, np.inf)
    assert programs.solve(free_lower, free_upper, cost) == NoOptimum("unbounded")
    crossed = network.upper + 1.0
    assert programs.solve(crossed, network.upper, cost) == NoOptimum("infeasible")


def test_too_many_pivots_are_left_to_highs(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = program("textbook")
    programs = replace(compiled.fluxes, fallbacks=Counter())
    x, cost = compiled.network, -compiled.network.objective
    unproven = (state.OPTIMAL, (0.0, 0.0, 0.0, float("nan"), 1.0))
    for said, word in (((state.PIVOTS, unproven[1]), "pivot limit"), (unproven, "unproven")):
        monkeypatch.setattr(solver, "optimise", lambda *_, said=said: said)
        outcome = programs.solve(x.lower, x.upper, cost)
        assert isinstance(outcome, Optimum) and outcome.solver == solver.HIGHS
        assert programs.fallbacks[word] == 1


def test_what_solved_is_in_the_provenance() -> None:
    assert run("textbook").provenance.settings["solver"] == KERNEL
    lethal = run("textbook", "metabolic_single_gene_deletion").provenance.settings["solver"]
    assert lethal == f"{solver.HIGHS}, {KERNEL}"


REQUESTS: list[dict[str, Any]] = [
    {"process_code": code, "constraints": {name: [-1.0 * number, 1000.0]}, "gene_knockouts": genes}
    for code in ("metabolic_fba", "metabolic_pfba")
    for number, name in enumerate(["EX_o2_e", "EX_glc__D_e", "EX_nh4_e", "EX_pi_e", "EX_h2o_e"])
    for genes in (["b1779"], ["b0116"], ["b3956", "b1241"], [], ["b2779"])
]
SCRIPT = """
import hashlib, json, sys
from tests.server.engines.metabolic.bench import run, encoded
for request in json.load(sys.stdin):
    print(hashlib.sha256(encoded(run(sys.argv[1], **request)).encode()).hexdigest())
"""


def elsewhere(name: str, requests: list[dict[str, Any]]) -> subprocess.Popen[str]:
    """Start a process that answers the requests in this order and prints a digest of each answer."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(requests))
    process.stdin.close()
    return process


@pytest.mark.parametrize("name", ["textbook", "iJO1366"])
def test_fifty_requests_give_the_same_bits_in_any_order_and_process(name: str) -> None:
    assert len(REQUESTS) == 50
    orders = [random.Random(seed).sample(range(50), 50) for seed in (1, 2, 3)]
    others = [elsewhere(name, [REQUESTS[number] for number in order]) for order in orders[1:]]
    digests = [hashlib.sha256(encoded(run(name, **one)).encode()).hexdigest() for one in REQUESTS]
    assert len(set(digests)) > 25
    for number in orders[0]:
        answer = encoded(run(name, **REQUESTS[number]))
        assert hashlib.sha256(answer.encode()).hexdigest() == digests[number]
    for order, other in zip(orders[1:], others, strict=True):
        assert other.stdout is not None
        with other:
            assert other.stdout.read().split() == [digests[number] for number in order]
        assert other.returncode == 0


def test_essential_genes() -> None:
    for name, essential in (("textbook", 7), ("iJO1366", 208)):
        result = run(name, "metabolic_single_gene_deletion")
        assert result.deletions is not None and result.optimal_objective is not None
        limit = 0.01 * result.optimal_objective
        assert sum((row.growth or 0.0) < limit for row in result.deletions) == essential


def test_objectives_of_many_variants() -> None:
    compiled = program("textbook")
    problem, exchanges = base_problem(compiled), compiled.network.exchanges
    rng = np.random.default_rng(3)
    variants = [
        [(int(column), -float(rng.uniform(0, 15)), 1000.0) for column in rng.choice(exchanges, 3)]
        for _ in range(300)
    ]
    changes = changes_of(variants)
    study = solve_variants(compiled.fluxes, (problem.lower, problem.upper), problem.cost, changes)
    for number, value in enumerate(-study.values):
        bounds = changes.apply(number, problem.lower, problem.upper)
        outcome = compiled.fluxes.solve_by_highs(*bounds, problem.cost)
        expected = -outcome.value if isinstance(outcome, Optimum) else np.nan
        assert value == pytest.approx(expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("fraction", [1.0, 0.9])
def test_ranges_are_those_of_highs(fraction: float) -> None:
    compiled = program("iJO1366")
    names = list(np.random.default_rng(1).choice(compiled.network.reactions, 60, replace=False))
    fields = {"reactions": names, "fraction_of_optimum": fraction}
    found = run("iJO1366", "metabolic_fva", **fields).flux_ranges
    base = replace(compiled.fluxes.base, tableau=None)
    slow = replace(compiled, fluxes=LinearProgram(compiled.fluxes.matrix, compiled.fluxes.reduction, base))
    expected = run(slow, "metabolic_fva", **fields).flux_ranges
    assert found is not None and expected is not None
    for name in names:
        assert found[name].minimum == pytest.approx(expected[name].minimum, abs=1e-5), name
        assert found[name].maximum == pytest.approx(expected[name].maximum, abs=1e-5), name
