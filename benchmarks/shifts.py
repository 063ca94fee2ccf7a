"""MOMA and ROOM after a knock-out, both rivals given the same reference."""

from __future__ import annotations

import math
import warnings
from typing import Any

import cobra
import pandas as pd
from benchmarks.turns import ENGINE, asking, row, timed
from cobra.flux_analysis import moma, room

from bioxen.server.engines.metabolic.program import Program

HURT = (0.05, 0.9)
"""The knock-out leaves growth between these shares."""


def shifts(model: Any, program: Program) -> None:
    """Print the rows of linear MOMA, quadratic MOMA and ROOM."""
    gene = _gene(program)
    wild = asking(program, "metabolic_pfba")().flux_state
    solution = cobra.Solution(0.0, "optimal", pd.Series(wild))
    ask = {"gene_knockouts": [gene], "reference": wild}

    def linear() -> Any:
        with model:
            model.genes.get_by_id(gene).knock_out()
            return moma(model, solution, linear=True)

    small = len(model.reactions) < 200
    row(
        f"linear MOMA, without {gene}",
        linear,
        asking(program, "metabolic_linear_moma", **ask),
        3 if small else 1,
        9,
    )
    _quadratic(model, program, gene, solution, ask)
    _room(model, program, gene, solution, ask)


def _quadratic(model: Any, program: Program, gene: str, solution: Any, ask: dict[str, Any]) -> None:
    """COBRApy copies the model, for it changes the solver to HiGHS with OSQP; the copy is not timed."""
    work = asking(program, "metabolic_moma", **ask)
    with model.copy() as other, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other.genes.get_by_id(gene).knock_out()
        other.solver = cobra.util.solver.choose_solver(other, qp=True)
        slow, theirs = timed(lambda: moma(other, solution, linear=False))
    times = [timed(work) for _ in range(7)]
    fast, ours = sorted(times, key=lambda one: one[0])[3]
    head = f"| quadratic MOMA, without {gene} | {1e3 * slow:.4g} ms | {1e3 * fast:.4g} ms"
    print(f"{head} | {slow / fast:.0f} | 1, 7 |")
    distance = math.sqrt(theirs.objective_value) if theirs.objective_value > 0 else math.nan
    print(
        f"|   (distance) | {distance:.6f}, {theirs.status} | {ours.adjustment.distance:.6f}, {ours.status}, "
        f"gap {ours.certificate.duality_gap:.1e} | | |",
        flush=True,
    )


def _room(model: Any, program: Program, gene: str, solution: Any, ask: dict[str, Any]) -> None:
    """ROOM as a linear relaxation; with switches COBRApy needs minutes even on the core model."""

    def relaxed() -> Any:
        with model:
            model.genes.get_by_id(gene).knock_out()
            return room(model, solution, linear=True)

    row(
        f"ROOM, relaxed, without {gene}",
        relaxed,
        asking(program, "metabolic_room", relaxed=True, **ask),
        1,
        3,
    )
    seconds, found = timed(asking(program, "metabolic_room", **ask))
    said = f"{found.status}, {found.message}"
    print(f"| ROOM with switches, without {gene} | not run | {seconds:.2f} s: {said} | | 1 |", flush=True)


def _gene(program: Program) -> str:
    """Return a gene whose knock-out hurts without killing, the median of these by growth."""
    study = ENGINE.run(ENGINE.parse({"process_code": "metabolic_single_gene_deletion"}), program)
    assert study.deletions is not None and study.optimal_objective is not None
    low, high = (share * study.optimal_objective for share in HURT)
    growing = [(one.growth, one.ids[0]) for one in study.deletions if one.growth is not None]
    hurt = sorted(one for one in growing if low < one[0] < high)
    return hurt[len(hurt) // 2][1]
