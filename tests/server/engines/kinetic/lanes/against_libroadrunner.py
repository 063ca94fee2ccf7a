"""Values and rates of a lane program beside libRoadRunner's, without an integrator."""

from __future__ import annotations

import numpy as np
from tests.server.engines.kinetic.lanes.native_calls import Floats, call
from tests.server.engines.kinetic.models import source_of

from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.loader import load
from bioxen.server.engines.kinetic.noise import Noise
from bioxen.server.engines.kinetic.runner import Runner

_NOISE = Noise()


class Pair:
    """One model in both engines."""

    def __init__(self, text: str) -> None:
        self.loaded = load(source_of(text, "sbml"))
        self.program: LaneProgram = build(self.loaded.sbml)
        self.runner = Runner(self.loaded.sbml, _NOISE)

    def observe(self, states: Floats, parameters: Floats) -> Floats:
        return self._call(self.program.observe, states, parameters, len(self.program.selections))

    def rates(self, states: Floats, parameters: Floats) -> Floats:
        return self._call(self.program.rates, states, parameters, len(self.program.states))

    def runner_parameters(self) -> set[str]:
        """Return the global parameters that can be set in both."""
        facts = self.loaded.facts
        return set(facts.parameters) - facts.assignment_targets - facts.rate_targets

    def set(self, names: tuple[str, ...], values: Floats) -> None:
        for name, value in zip(names, values, strict=True):
            if "." not in name:
                self.runner.set(name, float(value))

    def check_values(self, states: Floats, parameters: Floats) -> None:
        """Assert that everything that is reported is the same."""
        names = self.program.selections
        want = np.array([self.runner.get(name) for name in names])
        got = self.observe(states, parameters)
        size = np.abs(np.append(states, 1.0)).max()
        wrong = [(*row,) for row in zip(names, got, want, strict=True) if not _same(*row[1:], size)]
        assert not wrong

    def check_rates(self, states: Floats, parameters: Floats) -> None:
        """Assert that every rate of change is the same."""
        rates = dict(zip(self.program.states, self.rates(states, parameters), strict=True))
        reactions = len(self.program.reactions)
        fluxes = self._call(self.program.fluxes, states, parameters, reactions)
        size = np.abs(np.append(fluxes, 0.0)).max()
        pairs = zip(self.runner.state_ids(), self.runner.rates(), strict=True)
        wrong = [
            (name, rates.get(name, 0.0), want)
            for name, want in pairs
            if not _same(rates.get(name, 0.0), want, size)
        ]
        assert not wrong

    def _call(self, address: int, states: Floats, parameters: Floats, count: int) -> Floats:
        row: Floats = call(address, self.program.width, 0.0, states, parameters, count)[0]
        return row


def _same(got: float, want: float, size: float) -> bool:
    """Whether two numbers agree; `size` is what they may be small differences of."""
    if np.isnan(got) or np.isnan(want):
        return bool(np.isnan(got) and np.isnan(want))
    return bool(got == want or abs(got - want) <= 1e-9 * abs(want) + 1e-13 * size)
