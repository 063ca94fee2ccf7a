"""The two ways to simulate in lanes, on a GPU; the CPU's lanes answer what it does not."""

from __future__ import annotations

import numpy as np

from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.courses import Courses, Deterministic, Random
from bioxen.server.engines.kinetic.integrate import Tolerances
from bioxen.server.engines.kinetic.lanes.gpu import ensembles
from bioxen.server.engines.kinetic.lanes.gpu.device import device
from bioxen.server.engines.kinetic.lanes.gpu.drivers import Kind
from bioxen.server.engines.kinetic.lanes.gpu.machines import DeviceFailure, Machine
from bioxen.server.engines.kinetic.lanes.ode.integrate import STATUS
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.ssa import stochastic as ssa
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.ssa import Stochastic


def on_gpu(
    program: LaneProgram, times: Matrix, how: Tolerances | Stochastic
) -> tuple[Deterministic | Random | None, dict[str, Setting]]:
    """Return what simulates members on this machine's GPU and its settings, or `None` and why not.

    Raises:
        Uncovered: not even the lanes run the model so.
    """
    try:
        machine = device()
        driver: Deterministic | Random
        if isinstance(how, Stochastic):
            driver = GpuRandom(program, times, how, machine)
        else:
            driver = GpuDeterministic(program, times, how, machine)
    except DeviceFailure as failure:
        return None, {"integrator": "lanes", "gpu": f"not used: {failure}"}
    except _NotHere as refusal:
        return None, {"integrator": "lanes", "gpu": f"not used: {refusal.args[0]}"}
    return driver, {"integrator": "gpu", "device": machine.name}


class _NotHere(Exception):  # noqa: N818 - an outcome: the CPU's lanes answer
    """The lanes run the model, a GPU does not."""


class GpuDeterministic(Deterministic):
    """Integration by the method of the lanes; a member that a thread gives up is the CPU's."""

    def __init__(self, program: LaneProgram, times: Matrix, tolerances: Tolerances, machine: Machine) -> None:
        """Take the study.

        Raises:
            _NotHere: a GPU does not run the model.
        """
        super().__init__(program, times, tolerances)
        _check(program, self._method)
        self._machine = machine

    def run(self, states: Matrix, parameters: Matrix, first: int) -> Courses:
        """Integrate members."""
        tolerances = self._tolerances
        try:
            found = ensembles.integrate(
                self._machine,
                self._program,
                states,
                parameters,
                self._times,
                rtol=tolerances.relative,
                atol=tolerances.absolute,
                method=self._method,
            )
        except DeviceFailure as failure:
            return _labelled(super().run(states, parameters, first), failure)
        courses = Courses(found.values, None, [f"gpu {self._method}"] * len(states), {})
        failed = np.flatnonzero(found.status)
        if failed.size:
            again = super().run(states[failed], parameters[failed], first)
            found.values[failed] = again.values
            for place, row in enumerate(failed.tolist()):
                words = STATUS[int(found.status[row])]
                courses.ways[row] = f"{again.ways[place]}, GPU stopped: {words}"
            courses.stopped.update({int(failed[place]): words for place, words in again.stopped.items()})
        return courses


class GpuRandom(Random):
    """The direct method, with the random numbers that a member has in lanes."""

    def __init__(self, program: LaneProgram, times: Matrix, how: Stochastic, machine: Machine) -> None:
        """Take the study.

        Raises:
            Uncovered: not even the lanes run the model event by event.
            _NotHere: a GPU does not run the model.
        """
        self._machine: Machine | None = None
        super().__init__(program, times, how)
        _check(program, "direct")
        self._machine = machine

    def run(self, states: Matrix, parameters: Matrix, first: int) -> Courses:
        """Simulate members, the first of which has the index `first` in the whole study.

        Raises:
            ValidationError: a member does not start with whole numbers of molecules.
        """
        if self._machine is None:  # while the lanes make sure that they run the model
            return super().run(states, parameters, first)
        self._check_whole(states, first)
        try:
            found = ensembles.simulate(
                self._machine,
                self._program,
                states,
                parameters,
                self._times,
                seed=self._how.seed,
                first_member=first,
            )
        except DeviceFailure as failure:
            return _labelled(super().run(states, parameters, first), failure)
        stopped = {row: ssa.STATUS[int(found.status[row])] for row in np.flatnonzero(found.status).tolist()}
        return Courses(found.values, None, ["gpu direct method"] * len(states), stopped)


def _check(program: LaneProgram, kind: Kind) -> None:
    try:
        ensembles.check(program, kind)
    except Uncovered as refusal:
        raise _NotHere(f"the model has {refusal.construct}") from refusal


def _labelled(courses: Courses, failure: DeviceFailure) -> Courses:
    courses.ways[:] = [f"{way}, GPU failed: {failure}" for way in courses.ways]
    return courses
