"""Local sensitivities: by central differences, or by the forward sensitivity equations."""

from __future__ import annotations

from bioxen.protocol.kinetic import Sensitivity, SensitivityRequest
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.differences import Differences
from bioxen.server.engines.kinetic.forward import Forward, forward
from bioxen.server.engines.kinetic.integrate import REMEDY, IntegrationFailure
from bioxen.server.engines.kinetic.outputs import units_for, written
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix


def sensitivity(request: SensitivityRequest, program: Program) -> Answer:
    """Return d(output at `time_end`)/d(parameter) for every output and every parameter asked.

    Raises:
        InvalidModelError: the forward equations are asked for, and the model has none.
    """
    study = Differences(request, program)
    found = forward(request, study, program) if request.method == "forward" else Forward()
    try:
        base = study.base()
        rows = _rows(request, study, found, base)
    except IntegrationFailure as failure:
        return failed(f"An integration did not reach its end: {failure}. {REMEDY}", failure.settings)
    return Answer(
        message=f"{len(rows)} sensitivities at time {request.time_end:g} by {_ways(study, found)}.",
        settings=study.settings | {"relative_step": request.relative_step} | found.settings,
        final_state=dict(zip(study.selections, written(base), strict=True)),
        output_units=units_for(study.selections, program.facts),
        sensitivities=rows,
        audit=found.audit,
    )


def _rows(request: SensitivityRequest, study: Differences, found: Forward, base: Matrix) -> list[Sensitivity]:
    """Return every sensitivity, parameter by parameter."""
    rows: list[Sensitivity] = []
    for number, (name, value) in enumerate(study.values.items()):
        progress.tell(number, len(study.values), "parameters")
        slopes = found.slopes[name] if name in found.slopes else study.slopes(name, request.relative_step)
        rows += [
            Sensitivity(output=output, parameter=name, unscaled=slope, scaled=_scaled(slope, value, y))
            for output, slope, y in zip(study.selections, slopes.tolist(), base.tolist(), strict=True)
        ]
    return rows


def _ways(study: Differences, found: Forward) -> str:
    count, total = len(found.slopes), len(study.values)
    if count in (0, total):
        return "forward sensitivity equations" if count else "central differences"
    return f"forward sensitivity equations, those of {total - count} parameters by central differences"


def _scaled(slope: float, value: float, output: float) -> float | None:
    return None if output == 0 else slope * value / output
