"""The one door to many simulations of one model: whatever runs members comes through here.

Members run side by side in lanes where a study brings them, else one after the other on libRoadRunner. What
a member is follows from the study and the member's index. Integrations in lanes are audited: libRoadRunner
runs a few members of each block again, more exactly, and answers the block where the lanes are too far off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bioxen.errors import BioXenException
from bioxen.protocol.kinetic import Audit
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress, tally
from bioxen.server.engines.kinetic.audit import Difference, difference, verdict
from bioxen.server.engines.kinetic.changes import Change, ordered
from bioxen.server.engines.kinetic.integrate import IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.rest import Settled
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.ssa import Stochastic, Unsampled, realise
from bioxen.server.engines.studies.designs import member_seed

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.laned import Laned, Lanes

Grid = tuple[float, float, int]
"""Start, end and number of points."""


@dataclass(frozen=True, slots=True)
class Study:
    """What all members have in common."""

    program: Program
    names: Sequence[str]
    """What differs between members: parameters, compartments, `S` or `[S]`."""
    grid: Grid
    """The points reported."""
    selections: Sequence[str]
    """What is reported."""
    how: Tolerances | Stochastic | Settled
    fixed: Sequence[Change] = ()
    """Changes that hold in every member, none of them of `names`."""
    ends_only: bool = False
    """Whether the first and the last point are enough: nobody looks at the others."""

    @property
    def times(self) -> Matrix:
        """The points that are wanted."""
        return self.wanted(np.linspace(*self.grid))

    def wanted(self, rows: Matrix) -> Matrix:
        """Return those of the rows, one a point of the grid, that are wanted."""
        return rows[[0, -1]] if self.ends_only else rows

    seed: int = 0
    """Of what members that are integrated draw at random."""
    seeds: Sequence[int] | None = None
    """Each member's own seed, by its index, with which it is what it would be alone; absent where a member
    follows from the seed of all and its index."""

    def seed_of(self, member: int) -> int:
        """Return the seed with which libRoadRunner runs a member."""
        if self.seeds is not None:
            return self.seeds[member]
        return member_seed(self.how.seed if isinstance(self.how, Stochastic) else self.seed, member)

    def changes(self, row: Sequence[float]) -> list[Change]:
        """Return what the member with these values changes in the model."""
        return ordered([*self.fixed, *map(Change, self.names, row)], self.program.facts)


@dataclass(frozen=True, slots=True)
class Sample:
    """The members of a block that its audit looks at, whether or not they are among those that are run."""

    members: Sequence[int]
    table: Matrix
    """Their values of what varies."""


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
    audit: Audit | None = None
    series: dict[str, Matrix] = field(default_factory=dict)
    """What else is known of each member, by its name: members × anything; NaN where a member failed."""

    def note(self, row: int, values: Matrix, way: str) -> None:
        """Take the numbers of a member."""
        self.values[row] = values
        self.completed[row] = True
        self.methods[way] = self.methods.get(way, 0) + 1


def run_members(
    study: Study, table: Matrix, first: int = 0, lanes: Lanes | None = None, sample: Sample | None = None
) -> MembersRun:
    """Simulate many members of one model.

    Args:
        study: what they have in common. Stochastic simulation must be sound on its model.
        table: members × names, the value of each in each member.
        first: index of the first of these members in the whole study.
        lanes: of the same study; absent for libRoadRunner.
        sample: which members are audited; needed with lanes that integrate.

    Raises:
        ValidationError: a stochastic member does not start with whole numbers of molecules.
    """
    times = study.times
    run = MembersRun(
        times=times,
        values=np.full((len(table), len(times), len(study.selections)), np.nan),
        completed=np.zeros(len(table), dtype=bool),
    )
    if lanes is None:
        _one_by_one(run, study, table, first, range(len(table)), "")
    else:
        _side_by_side(run, study, table, first, lanes, sample)
    return run


def _side_by_side(
    run: MembersRun, study: Study, table: Matrix, first: int, lanes: Lanes, sample: Sample | None
) -> None:
    with progress.one_run():
        laned = lanes.run(table, first)
    run.settings = dict(lanes.settings)
    if isinstance(study.how, Stochastic) and study.how.epsilon is not None:
        run.settings |= {"epsilon": study.how.epsilon, "exact": False}
    if isinstance(study.how, Tolerances):
        run.settings["relative_tolerance"] = study.how.relative
        run.settings["absolute_tolerance"] = study.how.absolute
        if sample is not None and not _passes(run, study, first, laned, lanes, sample):
            tally.count("lanes", "failed the audit", len(table))
            _one_by_one(run, study, table, first, range(len(table)), ", lanes failed the audit")
            return
    answered = np.array([row not in laned.stopped for row in range(len(table))])
    run.completed = answered
    run.values = laned.values if answered.all() else np.where(answered[:, None, None], laned.values, np.nan)
    run.methods = dict(Counter(way for row, way in enumerate(laned.ways) if row not in laned.stopped))
    for row, words in sorted(laned.stopped.items()):
        if isinstance(study.how, Stochastic):  # another try would leave out the members that end so
            run.failures.setdefault(f"The trajectory in lanes stopped: {words}.", []).append(first + row)
        else:
            tally.count("lanes", "a lane stopped")
            _one_by_one(run, study, table, first, [row], f", lane stopped: {words}")


def _passes(run: MembersRun, study: Study, first: int, laned: Laned, lanes: Lanes, sample: Sample) -> bool:
    """Audit the block; note what was found for those of its members that are run here."""
    assert isinstance(study.how, Tolerances)  # noqa: S101 - the caller asks only then
    here = range(first, first + len(laned.values))
    found: list[tuple[int, Difference | None]] = []
    for member, row in zip(sample.members, sample.table, strict=True):
        one, at = (laned, member - first) if member in here else (lanes.run(row[None, :], member), 0)
        if at in one.stopped:
            continue  # libRoadRunner answers it anyway
        changes = study.changes(row.tolist())
        off = difference(
            *(study.program, changes, study.grid, study.selections, study.how, one.values[at]),
            study.wanted,
        )
        found.append((member, off))
    passes = all(off is not None and off.acceptable for _, off in found)
    mine = [off for member, off in found if member in here]
    run.audit = verdict(mine, len(here), refused=not passes)
    return passes


def _one_by_one(
    run: MembersRun, study: Study, table: Matrix, first: int, rows: Sequence[int], label: str
) -> None:
    """Run these rows on libRoadRunner; `label` tells why, where lanes were to run them."""
    for done, row in enumerate(rows):
        progress.tell(done, len(rows), "members")
        changes = study.changes(table[row].tolist())
        try:
            found, way, settings = _one(study, changes, first + row)
        except (IntegrationFailure, Unsampled) as failure:
            run.failures.setdefault(str(failure), []).append(first + row)
            continue
        except BioXenException as error:
            error.details["member"] = first + row
            raise
        run.note(row, found, way + label)
        run.settings = run.settings or settings


def _one(study: Study, changes: list[Change], member: int) -> tuple[Matrix, str, dict[str, Setting]]:
    how = study.how
    if isinstance(how, Stochastic):
        seed = study.seed_of(member)
        table, settings = realise(study.program, changes, study.grid, study.selections, seed)
        return study.wanted(table[:, 1:]), "libRoadRunner direct method", _common(settings)
    assert isinstance(how, Tolerances)  # noqa: S101 - steady states are `resting`'s
    seed = study.seed_of(member)
    course = integrate(study.program, changes, study.grid, study.selections, how, seed=seed)
    way = f"{course.settings['solver']} {course.settings['method']}"
    return study.wanted(course.table[:, 1:]), way, _common(course.settings)


def _common(settings: dict[str, Setting]) -> dict[str, Setting]:
    """Return the settings that do not tell one member from another."""
    own = {"seed", "stiff", "maximum_num_steps", "maximum_time_step"}
    own |= {"method", "solver", "algorithm", "kisao", "first_failure", "failed_rungs", "solver_words"}
    return {name: value for name, value in settings.items() if name not in own}
