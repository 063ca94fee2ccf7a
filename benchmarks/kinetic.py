"""Time ensembles of kinetic models beside libRoadRunner: interleaved, one core each, errors with each figure.

Run: `python benchmarks/kinetic.py [ode] [ssa] [steady]`. Times are CPU seconds of this process; each figure
is the median of rounds in which the rivals take turns. Errors are against libRoadRunner at a relative
tolerance of 1e-12, as shares of each variable's largest value.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core each, before numpy starts its threads

import antimony
import llvmlite
import numba
import numpy as np
import roadrunner
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.ode.integrate import choose_method, integrate
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.stochastic import stochastic
from bioxen.server.engines.kinetic.lanes.steady.control import control
from bioxen.server.engines.kinetic.lanes.steady.steady import steady_states

Floats = NDArray[np.float64]
ROUNDS = 5
MEMBERS = 2000
SPREAD = 0.1
RTOL, ATOL = 1e-6, 1e-12
DATA = Path(os.environ.get("BIOXEN_SHARED_DATA", Path(__file__).parents[1] / "shared" / "data"))

GENE = """model expression
-> M; km; M -> ; gm*M; -> P; kp*M; P -> ; gp*P;
km = 0.5; gm = 0.1; kp = 2; gp = 0.05; M = 0; P = 0; end"""
REPRESSILATOR = """model repressilator
-> m1; a0 + a/(1 + (p3/K)^n); -> m2; a0 + a/(1 + (p1/K)^n); -> m3; a0 + a/(1 + (p2/K)^n);
m1 -> ; km*m1; m2 -> ; km*m2; m3 -> ; km*m3; -> p1; kt*m1; -> p2; kt*m2; -> p3; kt*m3;
p1 -> ; kp*p1; p2 -> ; kp*p2; p3 -> ; kp*p3;
a0 = 0.03; a = 30; K = 40; n = 2; km = 0.35; kt = 7; kp = 0.07; m1 = 10; m2 = 0; m3 = 0;
p1 = 20; p2 = 0; p3 = 0; end"""


@dataclass
class Pair:
    """One model in both."""

    program: LaneProgram
    runner: Any
    build_seconds: float


def pair_of(sbml: str) -> Pair:
    """Return both, warm; the time that the lanes' code took."""
    begin = time.process_time()
    program = build(sbml)
    _ = program.rates, program.prepared("rates", "jacobian"), program.triggers
    seconds = time.process_time() - begin
    return Pair(program, roadrunner.RoadRunner(sbml), seconds)


def sbml_of(text: str) -> str:
    """Return Antimony as SBML."""
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise ValueError(antimony.getLastError())
    return str(antimony.getSBMLString())


def chain(length: int) -> str:
    """Return a chain of reversible enzymes between two fixed ends."""
    names = ["X0", *(f"S{i}" for i in range(1, length + 1)), "X1"]
    lines = [
        "model chain",
        "const species $X0 = 10, $X1 = 1;",
        *(f"species {name} = 1;" for name in names[1:-1]),
    ]
    for i in range(length + 1):
        a, b = names[i], names[i + 1]
        law = f"v{i}*({a} - {b}/{1.5 + i % 3})/(1 + {a} + {b})"
        lines.append(f"J{i}: {a} -> {b}; {law}; v{i} = {1 + i % 7 * 0.5};")
    return sbml_of("\n".join([*lines, "end"]))


def rivals(
    ours: Callable[[], Any], theirs: Callable[[], Any], members: tuple[int, int]
) -> tuple[float, float]:
    """Return the median CPU seconds a member of each, taking turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for work, count, kept in zip((ours, theirs), members, times, strict=True):
            begin = time.process_time()
            work()
            kept.append((time.process_time() - begin) / count)
    return statistics.median(times[0]), statistics.median(times[1])


def line(name: str, ours: float, theirs: float, note: str) -> None:
    """Print one figure."""
    figures = f"ours {ours * 1e6:10.1f} us  libRoadRunner {theirs * 1e6:11.1f} us  {theirs / ours:8.1f}x"
    print(f"{name:28} {figures}  {note}")


class Courses:
    """Time courses of members that differ in their initial amounts."""

    def __init__(self, sbml: str, times: Floats, members: int) -> None:
        self.pair = pair_of(sbml)
        self.times = times
        program, runner = self.pair.program, self.pair.runner
        states, parameters = program.initial_values({})
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
        self.method = choose_method(program, times, float(times[0]), RTOL, ATOL)

    def ours(self) -> Any:
        """Run all members."""
        return integrate(
            *(self.pair.program, self.states, self.parameters, self.times),
            rtol=RTOL,
            atol=ATOL,
            method=self.method,
        )

    def theirs(self, count: int, rtol: float = RTOL, atol: float = ATOL) -> list[Floats]:
        """Run the first members, the model warm."""
        runner = self.pair.runner
        runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = rtol, atol
        runner.integrator.maximum_num_steps = 1_000_000
        tables = []
        for member in range(count):
            if self.pair.program.event_count:
                runner.resetAll()  # `reset` keeps the parameters that events changed
            else:
                runner.reset()
            runner.model.setFloatingSpeciesAmounts(self._places, self.states[member, self._columns])
            table = runner.simulate(float(self.times[0]), float(self.times[-1]), len(self.times))
            tables.append(np.array(table)[:, 1:])
        return tables

    def errors(self, count: int = 5) -> tuple[float, float]:
        """Return the largest error of each, over the first members."""
        program, run = self.pair.program, self.ours()
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
    ratios = []
    for path in sorted((DATA / "kinetic" / "biomodels").glob("*.xml")):
        reference = DATA / "kinetic" / "ref_copasi" / f"{path.stem}.csv"
        times = np.loadtxt(reference, delimiter=",", skiprows=1, usecols=0)
        work = Courses(path.read_text(), times, MEMBERS)
        work.ours()
        ours, theirs = rivals(work.ours, lambda work=work: work.theirs(20), (MEMBERS, 20))  # type: ignore[misc]
        mine, other = work.errors()
        ratios.append(theirs / ours)
        pays = work.pair.build_seconds / max(theirs - ours, 1e-12)
        cost = f"code {work.pair.build_seconds:.2f} s, pays from {pays:.0f}"
        note = f"{work.method}, errors {mine:.1e} / {other:.1e}, {cost}"
        line(path.stem, ours, theirs, note)
    print(f"median {statistics.median(ratios):.1f}x of {len(ratios)} models, {MEMBERS} members each")


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


def steady() -> None:
    """A chain of 50 species: its steady state, Jacobian and control coefficients."""
    pair = pair_of(chain(50))
    program, runner = pair.program, pair.runner
    members = 100
    states, parameters = (np.repeat(each, members, axis=0) for each in program.initial_values({}))
    spread = np.exp(np.random.default_rng(1).normal(0, 0.05, parameters.shape))
    parameters = parameters * spread
    parameters[0] /= spread[0]

    def seek() -> None:
        runner.reset()
        runner.steadyState()

    found = steady_states(program, states, parameters)
    seek()
    amounts = np.array(runner.model.getFloatingSpeciesAmounts())
    error = float(np.abs(found.states[0] / amounts - 1).max())
    line(
        "steady state",
        *rivals(lambda: steady_states(program, states, parameters), seek, (members, 1)),
        f"apart {error:.1e}",
    )

    def jacobian() -> Floats:
        return evaluate(program.jacobian, 0.0, found.states, parameters, len(program.jacobian_rows))

    full = np.zeros((50, 50))
    full[program.jacobian_rows, program.jacobian_columns] = jacobian()[0]
    error = float(np.abs(full - np.array(runner.getFullJacobian())).max() / np.abs(full).max())
    line("Jacobian", *rivals(jacobian, runner.getFullJacobian, (members, 1)), f"apart {error:.1e}")
    mine = control(program, found.states, parameters).scaled_flux_control[0]
    theirs = np.array(runner.getScaledFluxControlCoefficientMatrix())
    pairs = rivals(
        lambda: control(program, found.states, parameters).scaled_flux_control,
        runner.getScaledFluxControlCoefficientMatrix,
        (members, 1),
    )
    line("flux control coefficients", *pairs, f"apart {float(np.abs(mine - theirs).max()):.1e}")


def main() -> None:
    """Run the parts that are named, or all."""
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    print(
        f"{platform.processor() or platform.machine()}, {WIDTH} lanes, Python {platform.python_version()}, "
        f"libRoadRunner {roadrunner.__version__}, numba {numba.__version__}, llvmlite {llvmlite.__version__}"
    )
    parts = {"ode": ode, "ssa": ssa, "steady": steady}
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
