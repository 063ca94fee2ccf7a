"""Local sensitivities by central differences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import Sensitivity, SensitivityRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import Change, changes_of, check_varied, ordered
from bioxen.server.engines.kinetic.integrate import REMEDY, IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.outputs import selections_of, units_for, written
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix

_NOTHING = 1e-290
"""Values of parameters up to this are 0: a share of one may be no number of its own."""


def sensitivity(request: SensitivityRequest, program: Program) -> Answer:
    """Return d(output at `time_end`)/d(parameter) for every output and every parameter asked."""
    study = _Study(request, program)
    try:
        base = study.base()
        rows = study.rows(base)
    except IntegrationFailure as failure:
        return failed(f"An integration did not reach its end: {failure}. {REMEDY}", failure.settings)
    return Answer(
        message=f"{len(rows)} sensitivities at time {request.time_end:g} by central differences.",
        settings=study.settings | {"relative_step": request.relative_step},
        final_state=dict(zip(study.selections, written(base), strict=True)),
        output_units=units_for(study.selections, program.facts),
        sensitivities=rows,
    )


class _Study:
    """The simulations of one request: the base point, and two for each parameter."""

    def __init__(self, request: SensitivityRequest, program: Program) -> None:
        facts = program.facts
        self._request = request
        self._program = program
        self.selections = selections_of(request.outputs, facts)
        self._changes = changes_of(request, facts)
        asked = request.sensitivity_parameters
        self._parameters = list(dict.fromkeys(facts.free_parameters if asked is None else asked))
        check_varied(self._parameters, "sensitivity_parameters", facts)
        if not self._parameters:
            raise ValidationError(
                "There is nothing to vary: the model has no free global parameter.",
                details={"place": "sensitivity_parameters", "remedy": "Name parameters or compartments."},
            )
        runner = program.prepare(self._changes)
        self._values = {name: runner.get(name) for name in self._parameters}
        self.settings: dict[str, Setting] = {}

    def base(self) -> Matrix:
        """Return the outputs at the base point."""
        return self._at_end([])

    def rows(self, base: Matrix) -> list[Sensitivity]:
        """Return every sensitivity, parameter by parameter."""
        return [row for name in self._parameters for row in self._of(name, base)]

    def _of(self, parameter: str, base: Matrix) -> list[Sensitivity]:
        value = self._values[parameter]
        step = self._request.relative_step * (abs(value) if abs(value) > _NOTHING else 1.0)
        above, below = value + step, value - step
        native = self._program.facts.native(parameter)
        difference = self._at_end([Change(native, above)]) - self._at_end([Change(native, below)])
        slopes = difference / (above - below)
        return [
            Sensitivity(output=output, parameter=parameter, unscaled=slope, scaled=_scaled(slope, value, y))
            for output, slope, y in zip(self.selections, slopes.tolist(), base.tolist(), strict=True)
        ]

    def _at_end(self, varied: Sequence[Change]) -> Matrix:
        request = self._request
        names = {change.symbol for change in varied}
        kept = [change for change in self._changes if change.symbol not in names]
        changes = ordered([*varied, *kept], self._program.facts)
        tolerances = Tolerances(request.relative_tolerance, request.absolute_tolerance)
        course = integrate(
            self._program, changes, (request.time_start, request.time_end, 2), self.selections, tolerances
        )
        self.settings = course.settings
        end = course.table[-1, 1:]
        broken = [name for name, value in zip(self.selections, end, strict=True) if not math.isfinite(value)]
        if broken:
            raise IntegrationFailure(f"{', '.join(broken)} ended as no finite number", course.settings)
        return end


def _scaled(slope: float, value: float, output: float) -> float | None:
    return None if output == 0 else slope * value / output
