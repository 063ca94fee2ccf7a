"""The one door to many simulations of one model: whatever runs members comes through here.

Members run one after the other on libRoadRunner. Each is what the same request would be alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bioxen.errors import BioXenException
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.changes import Change, bare, ordered
from bioxen.server.engines.kinetic.integrate import IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.ssa import Unsampled, realise, refuse_unsound
from bioxen.server.engines.studies.designs import member_seed

Grid = tuple[float, float, int]
"""Start, end and number of points."""


@dataclass(frozen=True, slots=True)
class Stochastic:
    """Exact stochastic members: member i of the whole study is a function of the seed and of i."""

    seed: int


@dataclass(slots=True)
class MembersRun:
    """The outcome."""

    times: Matrix
    values: Matrix
    """Members × points × selections; NaN where a member failed."""
    completed: NDArray[np.bool_]
    failures: dict[str, list[int]] = field(default_factory=dict)
    """What the solver said → the members, by their index in the whole study."""
    methods: dict[str, int] = field(default_factory=dict)
    """Way of simulating → how many members it answered."""
    settings: dict[str, Setting] = field(default_factory=dict)
    """Those in force for every member."""


def run_members(
    program: Program,
    names: Sequence[str],
    table: Matrix,
    grid: Grid,
    selections: Sequence[str],
    how: Tolerances | Stochastic,
    *,
    fixed: Sequence[Change] = (),
    first: int = 0,
) -> MembersRun:
    """Simulate many members of one model.

    Args:
        program: the model.
        names: what differs between members: parameters, compartments, `S` or `[S]`.
        table: members × names, the value of each in each member.
        grid: the points reported.
        selections: what is reported.
        how: the integrator's tolerances, or stochastic simulation.
        fixed: changes that hold in every member, unless `names` has the same.
        first: index of the first of these members in the whole study.

    Raises:
        InvalidModelError: stochastic simulation would be unsound on this model.
        ValidationError: a stochastic member does not start with whole numbers of molecules.
    """
    if isinstance(how, Stochastic):
        refuse_unsound(program)
    start, end, points = grid
    run = MembersRun(
        times=np.linspace(start, end, points),
        values=np.full((len(table), points, len(selections)), np.nan),
        completed=np.zeros(len(table), dtype=bool),
    )
    names = [program.facts.native(name) for name in names]
    own = {bare(name) for name in names}
    kept = [change for change in fixed if change.symbol not in own]
    for number, row in enumerate(table.tolist()):
        changes = ordered([*kept, *map(Change, names, row)], program.facts)
        try:
            found, method, settings = _one(program, changes, grid, selections, how, first + number)
        except (IntegrationFailure, Unsampled) as failure:
            run.failures.setdefault(str(failure), []).append(first + number)
            continue
        except BioXenException as error:
            error.details["member"] = first + number
            raise
        run.values[number] = found
        run.completed[number] = True
        run.methods[method] = run.methods.get(method, 0) + 1
        run.settings = run.settings or settings
    return run


def _one(
    program: Program,
    changes: list[Change],
    grid: Grid,
    selections: Sequence[str],
    how: Tolerances | Stochastic,
    member: int,
) -> tuple[Matrix, str, dict[str, Setting]]:
    if isinstance(how, Stochastic):
        table, settings = realise(program, changes, grid, selections, member_seed(how.seed, member))
        return table[:, 1:], "libRoadRunner direct method", _common(settings)
    course = integrate(program, changes, grid, selections, how)
    return course.table[:, 1:], f"libRoadRunner {course.settings['method']}", _common(course.settings)


def _common(settings: dict[str, Setting]) -> dict[str, Setting]:
    """Return the settings that do not tell one member from another."""
    own = {"seed", "stiff", "maximum_num_steps", "maximum_time_step"}
    own |= {"method", "solver", "algorithm", "kisao", "first_failure", "failed_rungs", "solver_words"}
    return {name: value for name, value in settings.items() if name not in own}
