"""Derivatives of outputs by central differences on libRoadRunner."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import SensitivityRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.changes import Change, changes_of, check_varied, ordered
from bioxen.server.engines.kinetic.integrate import IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.outputs import selections_of
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix

_NOTHING = 1e-290
"""Values of parameters up to this are 0: a share of one may be no number of its own."""


class Differences:
    """The simulations of one request: the base point, and two for each parameter."""

    def __init__(self, request: SensitivityRequest, program: Program) -> None:
        """Look at what is asked.

        Raises:
            UnknownIdentifierError: the model has no such output or parameter.
            ValidationError: there is nothing to vary, or a rule computes it.
        """
        facts = program.facts
        self._program = program
        self._span = (request.time_start, request.time_end, 2)
        self.tolerances = Tolerances(request.relative_tolerance, request.absolute_tolerance)
        self.selections = selections_of(request.outputs, facts)
        self.changes = changes_of(request, facts)
        asked = request.sensitivity_parameters
        self.parameters = list(dict.fromkeys(facts.free_parameters if asked is None else asked))
        check_varied(self.parameters, "sensitivity_parameters", facts)
        if not self.parameters:
            raise ValidationError(
                "There is nothing to vary: the model has no free global parameter.",
                details={"place": "sensitivity_parameters", "remedy": "Name parameters or compartments."},
            )
        runner = program.prepare(self.changes)
        self.values = {name: runner.get(name) for name in self.parameters}
        self.settings: dict[str, Setting] = {}

    def base(self) -> Matrix:
        """Return the outputs at the base point.

        Raises:
            IntegrationFailure: there are none.
        """
        return self._at_end([])

    def step(self, parameter: str, share: float) -> float:
        """Return the half-width of the difference: a share of the parameter's value, or 1 where it is 0."""
        value = abs(self.values[parameter])
        return share * (value if value > _NOTHING else 1.0)

    def slopes(self, parameter: str, share: float) -> Matrix:
        """Return d(outputs)/d(parameter).

        Raises:
            IntegrationFailure: the model does not run on both sides.
        """
        value, step = self.values[parameter], self.step(parameter, share)
        above, below = value + step, value - step
        native = self._program.facts.native(parameter)
        difference = self._at_end([Change(native, above)]) - self._at_end([Change(native, below)])
        return difference / (above - below)

    def _at_end(self, varied: Sequence[Change]) -> Matrix:
        names = {change.symbol for change in varied}
        kept = [change for change in self.changes if change.symbol not in names]
        changes = ordered([*varied, *kept], self._program.facts)
        course = integrate(self._program, changes, self._span, self.selections, self.tolerances)
        self.settings = course.settings
        end = course.table[-1, 1:]
        broken = [name for name, value in zip(self.selections, end, strict=True) if not math.isfinite(value)]
        if broken:
            raise IntegrationFailure(f"{', '.join(broken)} ended as no finite number", course.settings)
        return end
