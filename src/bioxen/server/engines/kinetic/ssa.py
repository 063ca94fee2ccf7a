"""Stochastic simulation: one exact trajectory by Gillespie's direct method, a function of the seed alone.

libRoadRunner runs plain networks of reactions. The lanes run the others, and do at exact times what else
happens in them: events, clocks, draws, rates that jump with the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bioxen.errors import InvalidModelError, ValidationError
from bioxen.protocol.kinetic import StochasticRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import Change, changes_of
from bioxen.server.engines.kinetic.outputs import check_size, selections_of, trajectories_of, units_for
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix, Runner, SolverFailure
from bioxen.server.engines.studies.terms import DIRECT_METHOD

WHOLE = 1e-9
"""How far a number of molecules may be from a whole one, relative to itself."""


@dataclass(frozen=True, slots=True)
class Stochastic:
    """Stochastic members: member i of the whole study is a function of the seed and of i."""

    seed: int
    epsilon: float | None = None
    """Of tau-leaping; `None` for the direct method, which is exact."""


class Unsampled(Exception):  # noqa: N818 - an outcome, never seen outside this engine
    """There is no trajectory; the text says why."""

    def __init__(self, words: str, settings: dict[str, Setting]) -> None:
        super().__init__(words)
        self.settings = settings


def ssa(request: StochasticRequest, program: Program) -> Answer:
    """Return one realisation of the reactions as discrete events, reported on an even grid.

    Raises:
        InvalidModelError: the method would be unsound on this model.
        ValidationError: the start is not a whole number of molecules.
    """
    refuse_unsound(program)
    selections = selections_of(request.outputs, program.facts)
    check_size(request.time_points, len(selections))
    grid = (request.time_start, request.time_end, request.time_points)
    changes = changes_of(request, program.facts)
    run = _in_lanes if needs_lanes(program) else realise
    try:
        with progress.one_run():
            table, settings = run(program, changes, grid, selections, request.seed)
    except Unsampled as failure:
        return failed(str(failure), failure.settings, request.seed)
    trajectories = trajectories_of(table, selections)
    return Answer(
        message=f"One exact trajectory to time {request.time_end:g}, seed {request.seed}.",
        settings=settings,
        seed=request.seed,
        time_vector=table[:, 0].tolist(),
        trajectories=trajectories,
        final_state=dict(zip(selections, trajectories.last(), strict=True)),
        output_units=units_for(selections, program.facts),
    )


def realise(
    program: Program,
    changes: Sequence[Change],
    grid: tuple[float, float, int],
    selections: Sequence[str],
    seed: int,
) -> tuple[Matrix, dict[str, Setting]]:
    """Return one trajectory, the time in the first column, and the settings; for a model that is sound.

    Raises:
        Unsampled: the simulation stopped, or what it gave is no sample of the model.
        ValidationError: the start is not a whole number of molecules.
    """
    watched = [*program.facts.soundness.counted, *program.facts.soundness.unproved]
    runner = program.prepare(changes)
    _check_whole(runner, program)
    settings: dict[str, Setting] = {
        "method": "direct",
        "kisao": DIRECT_METHOD,
        **runner.use_direct_method(seed),
    }
    negative = _first_negative(runner.reaction_rates(), program.facts.reactions)
    if negative is not None:  # the method would run backwards in time, for ever
        raise Unsampled(_negative_rate(negative), settings)
    try:
        table = runner.grid(*grid, [*selections, *watched])
    except SolverFailure as failure:
        program.forget()
        raise Unsampled(f"The simulation stopped: {failure}.", settings) from failure
    negative = _first_negative(table[:, 1 + len(selections) :], watched)
    if negative is not None:
        raise Unsampled(_negative_words(negative, program), settings)
    return table[:, : 1 + len(selections)], settings


def refuse_unsound(program: Program) -> None:
    """Make sure that the direct method is sound on the model.

    Raises:
        InvalidModelError: it is not; every hurdle is named.
    """
    hurdles = program.facts.soundness.hurdles or (_hurdles_in_lanes(program) if needs_lanes(program) else ())
    if hurdles:
        raise InvalidModelError(
            f"The direct method is unsound on this model: {'; '.join(hurdles[:5])}.",
            details={
                "place": "process_code",
                "hurdles": list(hurdles[:50]),
                "remedy": "Split a reversible law into two irreversible reactions (a law that cannot turn "
                "negative may be declared irreversible, '=>' in Antimony); for the rest use kinetic_ode.",
            },
        )


def needs_lanes(program: Program) -> bool:
    """Whether libRoadRunner's direct method would not be exact on the model, or does not run it."""
    return bool(program.facts.soundness.beyond_reactions or program.facts.beyond_roadrunner)


def _hurdles_in_lanes(program: Program) -> tuple[str, ...]:
    """Return why the lanes do not simulate the model either."""
    from bioxen.server.engines.kinetic.lanes.ssa.network import network_of  # late: needs a compiler
    from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

    try:
        network_of(program.lanes(singly=True))
    except Uncovered as refusal:
        return (f"it has {refusal.construct}",)
    except InvalidModelError as refusal:
        return tuple(f"it has {hurdle}" for hurdle in refusal.details["hurdles"])
    return ()


def _in_lanes(
    program: Program,
    changes: Sequence[Change],
    grid: tuple[float, float, int],
    selections: Sequence[str],
    seed: int,
) -> tuple[Matrix, dict[str, Setting]]:
    """Return the trajectory that is member 0 of every study with this seed."""
    from bioxen.server.engines.kinetic.laned import Lanes  # late: needs a compiler
    from bioxen.server.engines.kinetic.members import Study

    how = Stochastic(seed)
    found = Lanes(Study(program, (), grid, selections, how, list(changes))).run(np.empty((1, 0)), 0)
    settings: dict[str, Setting] = {
        "method": "direct",
        "kisao": DIRECT_METHOD,
        "integrator": "lanes",
        "seed": seed,
    }
    if 0 in found.stopped:
        raise Unsampled(f"The trajectory stopped: {found.stopped[0]}.", settings)
    return np.column_stack([np.linspace(*grid), found.values[0]]), settings


def _check_whole(runner: Runner, program: Program) -> None:
    for name in program.facts.soundness.counted:
        amount = runner.get(name)
        if amount < 0 or abs(amount - round(amount)) > WHOLE * max(1.0, amount):
            raise not_whole(name, amount)


def not_whole(name: str, amount: float) -> ValidationError:
    """Return the error that says of a species that it starts with no whole number of molecules."""
    return ValidationError(
        f"{name} starts with {amount:g}, which is no number of molecules.",
        details={
            "place": f"initial_conditions.{name}",
            "remedy": "Give amounts as whole numbers of molecules, and rate constants to match.",
        },
    )


def _first_negative(table: Matrix, watched: Sequence[str]) -> str | None:
    columns = np.flatnonzero(~(np.atleast_2d(table) >= 0).all(axis=0))
    return watched[int(columns[0])] if columns.size else None


def _negative_words(name: str, program: Program) -> str:
    if name in program.facts.soundness.unproved:
        return _negative_rate(name)
    return (
        f"{name} fell below zero molecules, so the trajectory is no sample of the model. "
        "A reaction fires without its reactant: make its rate 0 where the reactant is 0."
    )


def _negative_rate(name: str) -> str:
    return (
        f"The propensity of {name} is negative or no number, so the trajectory is no sample of the model. "
        "Check the parameters, and write a net rate as two reactions."
    )
