"""Ensembles in lanes beside a loop over libRoadRunner: integration, and chance."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import roadrunner
from benchmarks.kinetic.models import GENE, REPRESSILATOR, sbml_of
from benchmarks.kinetic.turns import DATA, Floats, line, pair_of, rivals

from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.ode.integrate import choose_method, integrate
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.lanes.ssa.stochastic import stochastic

MEMBERS = 2000
SPREAD = 0.1
RTOL, ATOL = 1e-6, 1e-12


class Courses:
    """Time courses of members that differ in their initial amounts."""

    def __init__(self, sbml: str, times: Floats, members: int) -> None:
        begin = time.process_time()
        program = build(sbml)
        self.times, self.method = times, choose_method(program, times, float(times[0]), RTOL, ATOL)
        states, parameters = program.initial_values({})
        integrate(program, states, parameters, times, rtol=RTOL, atol=ATOL, method=self.method)
        self.first_use = time.process_time() - begin
        """CPU seconds from the text to the first member's numbers."""
        self.program = program
        self.runner: Any = roadrunner.RoadRunner(sbml)
        runner = self.runner
        floating = list(runner.model.getFloatingSpeciesIds())
        self._ids = [name for name in program.states if name in floating]
        self._places = [floating.index(name) for name in self._ids]
        self._columns = [program.states.index(name) for name in self._ids]
        factor = np.ones((members, len(program.states)))
        random = np.random.default_rng(1)
        factor[:, self._columns] = np.exp(random.normal(0, SPREAD, (members, len(self._ids))))
        self.states, self.parameters = states * factor, np.repeat(parameters, members, axis=0)
        self.names = [f"[{name}]" for name in self._ids]
        runner.timeCourseSelections = ["time", *self.names]
        runner.setIntegrator("cvode")

    def ours(self) -> Any:
        """Run all members."""
        return integrate(
            *(self.program, self.states, self.parameters, self.times),
            rtol=RTOL,
            atol=ATOL,
            method=self.method,
        )

    def theirs(self, count: int, rtol: float = RTOL, atol: float = ATOL) -> list[Floats]:
        """Run the first members, the model warm."""
        runner = self.runner
        runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = rtol, atol
        runner.integrator.maximum_num_steps = 1_000_000
        tables = []
        for member in range(count):
            if self.program.event_count:
                runner.resetAll()  # `reset` keeps the parameters that events changed
            else:
                runner.reset()
            runner.model.setFloatingSpeciesAmounts(self._places, self.states[member, self._columns])
            table = runner.simulate(float(self.times[0]), float(self.times[-1]), len(self.times))
            tables.append(np.array(table)[:, 1:])
        return tables

    def errors(self, count: int = 5) -> tuple[float, float]:
        """Return the largest error of each, over the first members."""
        program, run = self.program, self.ours()
        address = program.observer(self.names)
        exact, loose = self.theirs(count, 1e-12, 1e-16), self.theirs(count)
        found = []
        for member in range(count):
            values = self.parameters[member : member + 1]
            values = values if run.parameters is None else run.parameters[member]
            found.append(evaluate(address, self.times, run.values[member], values, len(self.names)))
        return _error(found, exact), _error(loose, exact)


def _error(tables: list[Floats], exact: list[Floats]) -> float:
    return max(
        float(np.max(np.abs(table - want) / (np.abs(want).max(axis=0) + 1e-9 * np.abs(want).max())))
        for table, want in zip(tables, exact, strict=True)
    )


def ode() -> None:
    """Ensembles over the BioModels."""
    KineticEngine.warm_up()  # the drivers, which serve every model
    ratios, breaks, firsts = [], [], []
    for path in sorted((DATA / "kinetic" / "biomodels").glob("*.xml")):
        reference = DATA / "kinetic" / "ref_copasi" / f"{path.stem}.csv"
        times = np.loadtxt(reference, delimiter=",", skiprows=1, usecols=0)
        work = Courses(path.read_text(), times, MEMBERS)
        work.ours()
        ours, theirs = rivals(work.ours, lambda work=work: work.theirs(20), (MEMBERS, 20))  # type: ignore[misc]
        mine, other = work.errors()
        ratios.append(theirs / ours)
        breaks.append(work.first_use / max(theirs - ours, 1e-12))
        firsts.append(work.first_use)
        cost = f"first use {work.first_use:.2f} s, pays from {breaks[-1]:.0f} members"
        note = f"{work.method}, errors {mine:.1e} / {other:.1e}, {cost}"
        line(path.stem, ours, theirs, note)
    print(
        f"median {statistics.median(ratios):.1f}x of {len(ratios)} models, {MEMBERS} members each; first use "
        f"{statistics.median(firsts):.2f} s ({min(firsts):.2f} to {max(firsts):.2f}), pays from "
        f"{statistics.median(breaks):.0f} members ({min(breaks):.0f} to {max(breaks):.0f})"
    )


def ssa() -> None:
    """Ensembles of realisations."""
    times = np.linspace(0, 100, 101)
    for name, text, members, few in (
        ("expression", GENE, 4000, 100),
        ("repressilator", REPRESSILATOR, 800, 20),
    ):
        pair = pair_of(sbml_of(text))
        program, runner = pair.program, pair.runner
        states, parameters = (np.repeat(each, members, axis=0) for each in program.initial_values({}))
        runner.setIntegrator("gillespie")
        runner.integrator.variable_step_size = False
        runner.timeCourseSelections = ["time", *program.states]

        def ours(program: LaneProgram = program, y: Floats = states, p: Floats = parameters) -> Any:
            return stochastic(program, y, p, times, seed=1)

        def theirs(count: int, runner: Any = runner) -> Floats:
            ends = []
            for seed in range(count):
                runner.reset()
                runner.integrator.seed = seed + 1
                ends.append(np.array(runner.simulate(0, 100, 101))[-1, 1:])
            return np.array(ends)

        run = ours()
        mine, other = rivals(ours, lambda theirs=theirs, few=few: theirs(few), (members, few))  # type: ignore[misc]
        ends, sample = run.values[:, -1], theirs(few)
        spread = np.sqrt(ends.var(axis=0) * (1 / few + 1 / members))
        apart = np.abs((ends.mean(axis=0) - sample.mean(axis=0)) / spread).max()
        note = f"{run.events.mean():.0f} events, means {apart:.1f} standard errors apart"
        line(f"SSA {name}", mine, other, note)
