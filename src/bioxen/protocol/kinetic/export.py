"""Export: the model itself, changed as the request says."""

from __future__ import annotations

from typing import ClassVar, Literal

from bioxen.protocol.kinetic.request import KineticRequest
from bioxen.protocol.model_export import ExportFormat


class ExportRequest(KineticRequest):
    """The model itself, with the parameters and initial conditions of the request written into it."""

    title: ClassVar[str] = "model export (SBML, Antimony, COMBINE archive)"

    process_code: Literal["kinetic_export"] = "kinetic_export"
    format: ExportFormat = "sbml"
