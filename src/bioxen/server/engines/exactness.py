"""Which results may be given again to whoever asks the same: those that every later computation would equal.

Anything that stopped short is left out, also where it would stop short again: it is computed anew, under the
limits of that day. What counts as whole is listed, so a new word in a result is not kept. A new field has to
be judged here, or listed as a fact in the test, which fails until then.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from bioxen.protocol.kinetic import KineticResult, MembersRequest
from bioxen.protocol.metabolic import MetabolicResult, Outcome

PROVEN = frozenset({"optimal", "infeasible", "unbounded"})
"""Outcomes of a program with a proof. `feasible` has a gap left, `numeric` has nothing."""
REACHED = frozenset({"range", "negative", "closed"})
"""Ends of a branch that are its own: after `points`, `unbounded` or `stuck` it goes on."""
CULTURED = frozenset({"time_end", "infeasible"})
"""Ends of a batch culture that are its own."""


def is_exact(request: BaseModel, result: BaseModel) -> bool:
    """Return whether `result` is the whole answer to `request`; false for results of an unknown kind."""
    if isinstance(result, MetabolicResult):
        return _is_proven(result) and (
            result.batch is None
            or (
                _all_proven(result.batch.status)
                and all(_is_proven(one) for one in result.batch.results or ())
            )
        )
    if isinstance(result, KineticResult):
        return result.status == "completed" and _members_completed(request, result) and _reached(result)
    return False


def _is_proven(outcome: Outcome) -> bool:
    return (
        outcome.status in PROVEN
        and _all_proven(one.status for one in outcome.deletions or ())
        and not (outcome.deletion_matrix and outcome.deletion_matrix.unsolved)
        and _all_proven(outcome.deletion_pairs.status if outcome.deletion_pairs else ())
        and not (outcome.essentiality and outcome.essentiality.undecided)
        and (outcome.dynamics is None or outcome.dynamics.ended in CULTURED)
    )


def _all_proven(status: Iterable[str]) -> bool:
    return all(one in PROVEN for one in status)


def _members_completed(request: BaseModel, result: KineticResult) -> bool:
    """Return whether every member of a study has numbers."""
    if not isinstance(request, MembersRequest):
        return True
    if result.members is not None:
        return not result.members.failures and all(one == "completed" for one in result.members.status)
    if result.summary is not None:
        return result.summary.members == len(request.members_of_part)
    return result.global_sensitivity is not None and not result.global_sensitivity.failed


def _reached(result: KineticResult) -> bool:
    """Return whether a search came to its end, from everywhere it began."""
    starts = result.estimation.start_costs if result.estimation else []
    fits = result.petab.start_log_likelihoods if result.petab else None
    outcomes = (result.members.outcomes if result.members else None) or []
    branches = [result.branch, *(one.branch for one in outcomes)]
    ends = [end for branch in branches if branch for end in branch.ended]
    return None not in [*starts, *(fits or ())] and REACHED.issuperset(ends)
